"""saslauthd(8): say whether a password is right, to whatever asks a saslauthd of Cyrus.

    saslauthd unix n - n - 1 saslauthd

For a Postfix, Exim, Sendmail or Cyrus on the same machine that is to use pyfix's passwords: it asks the socket
public/saslauthd of the queue directory, and this process asks auth(8). In smtpd.conf of such a Postfix:

    pwcheck_method: saslauthd
    saslauthd_path: /var/spool/pyfix/public/saslauthd
    mech_list: PLAIN LOGIN

The socket may be elsewhere, in a directory that mail_owner may write to: where a program looks, or in the queue
directory of a Postfix whose smtpd is chrooted, as Debian's is. Its smtpd.conf has the path as smtpd sees it:

    /run/saslauthd/mux                 unix n - n - 1 saslauthd
    /var/spool/postfix/private/sasl    unix n - n - 1 saslauthd

    saslauthd_path: /private/sasl

A socket at which another server listens is left to it: the mail system does not start.

The login is the name, with the realm behind an @ where it has none; the service is that of the question, with pop for
pop3.

Rights: runs as mail_owner. Root, mail_owner and saslauthd_authorized_users are answered.

Failures: where auth can't be asked, or can't tell now, there is no answer, which clients take for a failure of
saslauthd, not for a wrong password. A failed login costs time, see auth(8).

Different from Postfix: Cyrus' saslauthd takes fields of up to 256 bytes, this one of up to 1024.

See: testsaslauthd(1), auth(8), smtpd.conf(5), master(5)
"""
