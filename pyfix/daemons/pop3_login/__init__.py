"""pop3-login(8): talk POP3 to clients until they have logged in.

    pop3 inet n - n - - pop3-login
    pop3s inet n - n - - pop3-login
        -o pop3_tls_wrappermode=yes

Strangers talk to this process, which has no rights, sees no mailbox and no password file, and may be chrooted: STLS,
USER and PASS, APOP where auth offers it, AUTH with all mechanisms that auth offers. auth(8) says who may log in. The
session then goes on in pop3d(8): it gets the client's connection itself; of an encrypted session it gets one end of
another, and this process goes on to encrypt and decrypt.

Passwords in the clear are taken on encrypted connections, and on those that do not leave the machine (the client's
address is the server's), unless "disable_plaintext_auth = no". Nobody logs in without TLS when
"pop3_tls_security_level = encrypt".

The log has Dovecot's lines, under Dovecot's name (mailbox_syslog_name): a line for each login, and one for each
connection that ended without, which tells why, whose name was tried and from where. fail2ban's filter "dovecot" finds
the failed logins. A client that hangs up before it is told that its password was wrong is in the log all the same.

    Login: user=<alice>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9,
        mpid=721, TLS, session=<Wr1kz0>
    Disconnected: Connection closed (auth failed, 1 attempts in 2 secs):
        user=<bob>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, ...

Limits: pop3_login_timeout for a login; three commands that do not exist; lines of 1,024 bytes, 12,288 in AUTH. Delays
and bans after wrong passwords are auth's.

Failures: auth or pop3d that can't be reached, or certificates that can't be used: -ERR [SYS/TEMP] or no STLS, and a
line in the log that says what to do.

Standards: RFC 1939, 2449, 2595, 3206, 5034, 6856 (all messages are sent as they are, with UTF8 or without).

See: pop3d(8), auth(8), postconf(5)

Inside:

    connection.py   the bytes of one client: performs what proto/pop3/authorization.py decides
    login.py        one login: the exchange with auth, then with pop3d
    pump.py         an encrypted session after its login
    summary.py      lines for the log; pure
"""
