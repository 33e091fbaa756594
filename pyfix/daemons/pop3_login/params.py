"""Parameters of pop3-login, by Dovecot's names where it has them."""

from __future__ import annotations

from pyfix.mail.config import Boolean, Seconds, String
from pyfix.mail.pop3 import Pop3Parameters
from pyfix.mail.tls.pop3 import Pop3TlsParameters


class Pop3LoginParameters(Pop3TlsParameters, Pop3Parameters):
    """How clients log in."""

    disable_plaintext_auth = Boolean(
        "yes", "Take passwords in the clear only where the connection is encrypted or does not leave the machine."
    )
    login_greeting = String("POP3 server ready.", "The greeting of the mailbox servers.", low=1)
    pop3_login_timeout = Seconds("180s", "How long a client may take to log in, or to try once more.", low=1)
    pop3d_service_name = String("pop3d", "The service that serves mailboxes to clients that have logged in.", low=1)
