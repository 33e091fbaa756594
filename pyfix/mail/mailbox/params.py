"""Parameters of mailboxes: where they are, and what local and virtual share."""

from __future__ import annotations

from typing import Final

from pyfix.mail.address.params import AddressParameters
from pyfix.mail.config import Boolean, ConfigError, Integer, ParameterSet, Raw, String

HARMLESS: Final = "1234567890!@%-_=+:,./abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Characters that an address may bring into commands and paths."""


class MailboxParameters(ParameterSet):
    """Who may own a mailbox."""

    strict_mailbox_ownership = Boolean("yes", "Defer mail for a mailbox file that its recipient does not own.")


class LocalMailboxParameters(AddressParameters):
    """Where the mail of local users goes and how much of it, and that of names that are nobody's."""

    fallback_transport = String("", "Transport for names that are neither alias nor user.")
    fallback_transport_maps = String("", "Tables of such transports, by name.")
    forward_expansion_filter = String(HARMLESS, "Characters from $name in forward_path.")
    forward_path = Raw(
        "$home/.forward${recipient_delimiter}${extension}, $home/.forward", "Where a user's .forward may be."
    )
    home_mailbox = String("", "Mailbox in the home directory; with a / at its end, a Maildir.")
    luser_relay = Raw("", "Address for names that are neither alias nor user.")
    mail_spool_directory = String("/var/mail", "Directory of mailboxes; with a / at its end, of Maildirs.", low=1)
    mailbox_command = Raw("", "Command that delivers to mailboxes.")
    mailbox_command_maps = String("", "Tables of such commands, by user.")
    mailbox_size_limit = Integer("51200000", "Largest mailbox file, or message in a Maildir; 0: no limit.", low=0)
    mailbox_transport = String("", "Transport that delivers to mailboxes of all local names.")
    mailbox_transport_maps = String("", "Tables of such transports, by name.")


class VirtualMailboxParameters(AddressParameters):
    """Where the mailboxes of virtual_mailbox_domains are, whose, and how large."""

    virtual_mailbox_base = String("", "Prefix of every mailbox location that virtual_mailbox_maps gives.")
    virtual_mailbox_limit = Integer("51200000", "Largest mbox, or message file in a Maildir; 0: no limit.", low=0)
    virtual_maildir_suffix = String("", "What follows the path of every Maildir, such as Maildir/.")
    virtual_minimum_uid = Integer("100", "Lowest user id that virtual_uid_maps may give.", low=1)
    virtual_uid_maps = String("", "Tables with the user id of each recipient's mailbox.")
    virtual_gid_maps = String("", "Tables with the group id of each recipient's mailbox.")


def check_limit(name: str, limit: int, message_limit: int) -> None:
    """Raise ConfigError when a mailbox could not hold one message that the mail system accepts."""
    if limit and not message_limit:
        raise ConfigError(f"configuration error: {name} is limited but message_size_limit is unlimited")
    if limit and limit < message_limit:
        raise ConfigError(f"configuration error: {name} is smaller than message_size_limit")
