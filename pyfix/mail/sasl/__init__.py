"""SASL as smtpd and the mailbox readers use it: the client of an auth service, pyfix's own or Dovecot's."""
