"""TLS of the servers: smtpd and the readers of mailboxes.

    params.py      the parameters, with Postfix's names; settings.py what a server makes of them
    protocols.py, ciphers.py, options.py   their languages; pure
    chains.py      private keys and certificates: PEM in, pairs out; pure
    material.py    the files as they were read last, and as they last were good
    context.py     an ssl context out of settings and files
    native.py      what OpenSSL has and Python's ssl has no word for
    server.py      ServerTls: what a daemon holds; session.py what is known of one encrypted session
    layer.py       TLS between a transport and a protocol, over memory

A server never fails because its keys are bad: it serves without TLS, says so in the log and to clients, and looks
again when the files change.
"""
