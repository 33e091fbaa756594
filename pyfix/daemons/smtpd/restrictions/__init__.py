"""The restriction language: who may connect, relay, send and receive.

    parse.py      words of smtpd_*_restrictions -> Restriction values
    evaluate.py   the order of stages and lists, what an outcome means; pure
    progress.py   the rules of a process, and how far an evaluation has come
    recipient.py  relay permission and the recipient tables
    access.py     what the right-hand side of an access table says
    questions.py  what an evaluation asks, and what it answers

An evaluation is a generator: it yields a question (look this up, resolve that), gets the answer sent in, and
returns a Decision. So it never touches a table or a socket, and a test plays the world with a dictionary.

Built: permit reject defer permit_mynetworks permit_sasl_authenticated (nobody is, until SASL comes)
permit_auth_destination reject_unauth_destination defer_unauth_destination reject_unlisted_recipient warn_if_reject
check_client_access check_helo_access check_sender_access check_recipient_access and a bare type:table. Any other
word is a configuration error that answers 451.
See: access(5), SMTPD_ACCESS_README.
"""
