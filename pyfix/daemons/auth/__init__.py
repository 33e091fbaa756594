"""auth(8): say who may log in.

    auth unix - n n - 1 auth

The only process that sees stored passwords. smtpd and pop3-login ask it whether somebody may log in; so may a real
Postfix, Exim or whatever else speaks Dovecot's auth client protocol:

    smtpd_sasl_type = dovecot
    smtpd_sasl_path = /var/spool/pyfix/private/auth

Only root, mail_owner and auth_authorized_users are answered. For a program that runs as somebody else, list its user
there and add a line with a socket that can be reached, such as `auth-exim unix n n n - 1 auth` for public/auth-exim, or
one with a path: `/var/spool/postfix/private/pyfix unix n n n - 1 auth` for a Postfix whose smtpd is chrooted, which has
`smtpd_sasl_path = private/pyfix`.

auth_backends says where logins are looked up, in which order; the first that verifies a password decides. One that
can't be asked makes a login fail for the time being ("454 4.7.0"), unless another one verifies it.

Mechanisms: plain and login work with every back end. cram-md5 needs passwords that are stored as {PLAIN} or {CRAM-MD5},
apop as {PLAIN}, scram-sha-256 and scram-sha-1 as {PLAIN} or under their own name; of several passwords (app passwords)
they use the first that they can. xoauth2 and oauthbearer take tokens of the issuer that auth_oauth2_introspection_url
or auth_oauth2_jwks_url names, for users that a back end knows. anonymous and external are not there.

Failures: a wrong password and an unknown user can't be told apart, neither by the words of the answer nor by its time.
Each failure is answered auth_failure_delay after the request, the next one of the same client or login twice as late,
up to 15 seconds. An address (with IPv6, a network of 64 bits) that has failed auth_failure_limit times is refused at
once for auth_ban_time, right password or not, in the words of a wrong one; the same wrong password again does not
count, nor do the clients in auth_failure_exceptions. A login is never banned, but one that has failed so often can be
tried only once in auth_failure_delay, except from where it succeeded before. A reload forgets all of it, and so does a
change of a file that auth_backends(5) follows.

The reason of a failure is in the log of this process alone. What fail2ban looks for is logged by smtpd and pop3-login;
for other services by this process, in the words of Dovecot's.

Example: tokens of an OpenID server, besides passwords

    auth_mechanisms = plain login oauthbearer xoauth2
    auth_oauth2_jwks_url = https://id.example.com/realms/mail/certs
    auth_oauth2_issuers = https://id.example.com/realms/mail
    auth_oauth2_client_id = mail

See: postconf(5), master(5), smtpd(8)

Inside: one loop; back ends and hashes in threads. penalty.py decides what failures cost; verify.py asks back ends;
exchange.py is one login from AUTH to OK or FAIL; connection.py one client. Two requests of root's own are served
besides: TICKET and USER (pyfix/proto/dovecot_auth).
"""
