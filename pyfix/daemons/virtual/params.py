"""Parameters of virtual."""

from __future__ import annotations

from pyfix.mail.config import ListOf
from pyfix.mail.delivery import DeliveryParameters
from pyfix.mail.mailbox import MailboxParameters
from pyfix.mail.mailbox.filter import FilterParameters
from pyfix.mail.mailbox.lock import VirtualLockParameters
from pyfix.mail.mailbox.params import VirtualMailboxParameters
from pyfix.mail.mailbox.quota.params import QuotaParameters, WarningParameters
from pyfix.mail.message.params import MessageParameters
from pyfix.mail.queue.params import QueueParameters


class VirtualParameters(
    FilterParameters,
    QuotaParameters,
    WarningParameters,
    VirtualMailboxParameters,
    DeliveryParameters,
    VirtualLockParameters,
    MailboxParameters,
    MessageParameters,
    QueueParameters,
):
    """Read by virtual."""

    virtual_delivery_status_filter = ListOf(
        "$default_delivery_status_filter", "default_delivery_status_filter of this program."
    )
