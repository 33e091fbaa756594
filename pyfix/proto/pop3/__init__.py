"""POP3, the server's side, without sockets and files: bytes in, actions out.

    lines.py           input cut into lines of bounded length
    actions.py         what a session wants done; the process does it and reports back
    authorization.py   a session before its login: STLS, USER, PASS, APOP, AUTH
    transaction.py     a session with its mailbox: STAT, LIST, RETR, DELE, QUIT ...
    arguments.py       message numbers and counts in commands
    capabilities.py    CAPA; languages.py LANG
    content.py         a message as it goes over the wire: CRLF, dots, TOP

Each session has one method that takes input, `receive`, and returns actions in the order in which they are to be done.
After an action that takes time it answers nothing until the process has reported how that went, so that commands that a
client sends ahead (PIPELINING) are answered in their order. However the input is cut, the answers are the same.

Texts are those of Dovecot 2.3, which clients and log tools know.
Standards: RFC 1939, 2449 (CAPA), 2595 (STLS), 3206 (response codes), 5034 (AUTH), 6856 (UTF8, LANG).
"""
