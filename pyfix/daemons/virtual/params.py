"""Parameters of virtual."""

from __future__ import annotations

from pyfix.mail.address.params import AddressParameters
from pyfix.mail.config import Integer, ListOf, String
from pyfix.mail.delivery import DeliveryParameters
from pyfix.mail.mailbox import LockParameters, MailboxParameters
from pyfix.mail.message.params import MessageParameters
from pyfix.mail.queue.params import QueueParameters


class VirtualParameters(
    AddressParameters, DeliveryParameters, LockParameters, MailboxParameters, MessageParameters, QueueParameters
):
    """Read by virtual."""

    virtual_mailbox_base = String("", "Prefix of every mailbox location that virtual_mailbox_maps gives.")
    virtual_minimum_uid = Integer("100", "Lowest user id that virtual_uid_maps may give.", low=1)
    virtual_uid_maps = String("", "Tables with the user id of each recipient's mailbox.")
    virtual_gid_maps = String("", "Tables with the group id of each recipient's mailbox.")
    virtual_mailbox_lock = ListOf("fcntl, dotlock", "How an mbox is locked: flock, fcntl, dotlock.")
    virtual_mailbox_limit = Integer("51200000", "Largest mbox, or message file in a Maildir; 0: no limit.", low=0)
