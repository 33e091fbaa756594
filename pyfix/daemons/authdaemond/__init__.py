"""authdaemond(8): say who logs in and where the mail is, to whatever asks Courier's authdaemond.

    authdaemond unix n n n - 1 authdaemond

For a Postfix, ExtMail, maildrop or Courier on the same machine that is to use pyfix's passwords: it asks the socket
public/authdaemond of the queue directory, and this process asks auth(8). In smtpd.conf of such a Postfix:

    pwcheck_method: authdaemond
    authdaemond_path: /var/spool/pyfix/public/authdaemond
    mech_list: PLAIN LOGIN

or with the path of a socket elsewhere, as in saslauthd(8); and for ExtMail in webmail.cf

    SYS_AUTH_TYPE = authlib
    SYS_AUTHLIB_SOCKET = /var/spool/pyfix/public/authdaemond

These questions are answered:

    AUTH    of type login: is that the password?
    PRE     where is somebody's mail?

with lines ADDRESS, HOME, MAILDIR, UID, GID and QUOTA, as far as they are known. Other types of AUTH (cram-md5: the
challenge would have to be auth's own), PASSWD and ENUMERATE are answered with FAIL: a password is changed with
pyfix-user(1), and nobody is told who there is.

Rights: begins as root, since only root may ask where mail is, and stays so. Root, mail_owner and
authdaemond_authorized_users are answered: list the user of the web server for ExtMail.

Failures: where auth can't be asked, or can't tell now, the connection ends without an answer, which clients take for a
failure of authdaemond, not for a wrong password. A failed login costs time, see auth(8).

See: authtest(1), auth(8), authmysqlrc(5), smtpd.conf(5), master(5)
"""
