"""Parameters of the skeleton that every daemon runs on."""

from __future__ import annotations

from pyfix.mail.config import CoreParameters, Integer, ListOf, Seconds


class ServiceParameters(CoreParameters):
    """What the skeleton itself needs to know."""

    process_client_limit = Integer(
        "12000",
        "The number of clients that one process of a many-clients daemon (smtpd, smtp, qmgr) serves at once, when"
        " master.cf gives no process limit for it.",
        low=1,
    )
    import_environment = ListOf(
        "MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ XAUTHORITY DISPLAY LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME",
        "Environment that the mail system takes over from whoever starts it.",
    )
    daemon_timeout = Seconds("18000s", "How long a process may be stuck in one request before it is killed.", low=1)
