"""Parameters of mailboxes: where they are, and what local and virtual share."""

from __future__ import annotations

from pyfix.mail.address.params import AddressParameters
from pyfix.mail.config import Boolean, ConfigError, Integer, ParameterSet, String


class MailboxParameters(ParameterSet):
    """Who may own a mailbox."""

    strict_mailbox_ownership = Boolean("yes", "Defer mail for a mailbox file that its recipient does not own.")


class VirtualMailboxParameters(AddressParameters):
    """Where the mailboxes of virtual_mailbox_domains are, and whose."""

    virtual_mailbox_base = String("", "Prefix of every mailbox location that virtual_mailbox_maps gives.")
    virtual_minimum_uid = Integer("100", "Lowest user id that virtual_uid_maps may give.", low=1)
    virtual_uid_maps = String("", "Tables with the user id of each recipient's mailbox.")
    virtual_gid_maps = String("", "Tables with the group id of each recipient's mailbox.")


def check_limit(name: str, limit: int, message_limit: int) -> None:
    """Raise ConfigError when a mailbox could not hold one message that the mail system accepts."""
    if limit and not message_limit:
        raise ConfigError(f"configuration error: {name} is limited but message_size_limit is unlimited")
    if limit and limit < message_limit:
        raise ConfigError(f"configuration error: {name} is smaller than message_size_limit")
