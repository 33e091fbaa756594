"""Transcripts: what the postmaster is told about sessions that had trouble.

    trouble.py     the classes of notify_classes, as a set of flags
    transcript.py  the text of a notice: pure
    mailer.py      gives a notice to cleanup; on failure it is a warning in the log, and nothing more

smtpd tells of its clients, smtp and lmtp tell of servers. Both keep a Dialogue (proto/dialogue.py) while a session
lasts, collect its trouble, and send a transcript at its end, or when the dialogue has become long, if a class of it is
asked for. The notice comes from the double-bounce address, so that nobody is told when it can't be delivered.

Notices about single messages (bounces, delay warnings) are the bounce daemon's.
See: notify_classes, error_notice_recipient, bounce_notice_recipient.
"""
