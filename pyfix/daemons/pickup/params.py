"""Parameters of pickup."""

from __future__ import annotations

from pyfix.mail.config import CoreParameters, ListOf, String
from pyfix.mail.message.params import FromParameters, MessageParameters
from pyfix.mail.queue.params import QueueParameters


class PickupParameters(FromParameters, MessageParameters, QueueParameters, CoreParameters):
    """Who may submit, and how that mail is completed."""

    authorized_submit_users = String("static:anyone", "Login names that may submit mail with sendmail.")
    authorized_flush_users = String("static:anyone", "Login names that may have the queue tried now.")
    smtputf8_autodetect_classes = ListOf(
        "sendmail, verify", "Mail that gets SMTPUTF8 treatment by what it contains: sendmail, verify or all."
    )
