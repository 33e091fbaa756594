"""discard(8): say that mail was delivered, and throw it away.

    discard unix - - n - - discard

The next hop is the reason, with or without an RFC 3463 code before it; every recipient of the request is logged as sent
with it.

Rights: it runs as mail_owner, may be chrooted, and reads no content.

See: transport(5), qmgr(8)
"""
