"""Parameters of local."""

from __future__ import annotations

from typing import Final

from pyfix.mail.address.params import AddressParameters
from pyfix.mail.config import Boolean, Integer, ListOf, Raw, String
from pyfix.mail.delivery import DeliveryParameters
from pyfix.mail.delivery.params import CommandParameters
from pyfix.mail.mailbox import LockParameters, MailboxParameters
from pyfix.mail.message.params import DuplicateParameters, LineParameters, MessageParameters
from pyfix.mail.queue.params import QueueParameters

_HARMLESS: Final = "1234567890!@%-_=+:,./abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class LocalParameters(
    AddressParameters,
    CommandParameters,
    DeliveryParameters,
    DuplicateParameters,
    LineParameters,
    LockParameters,
    MailboxParameters,
    MessageParameters,
    QueueParameters,
):
    """Read by local."""

    allow_mail_to_commands = ListOf("alias, forward", "Where |command may stand: alias, forward, include.")
    allow_mail_to_files = ListOf("alias, forward", "Where /file/name may stand: alias, forward, include.")
    biff = Boolean("yes", "Tell the biff service of new mail in a mailbox file.")
    command_execution_directory = Raw("", "The working directory of commands; empty: the queue directory.")
    command_expansion_filter = Raw(_HARMLESS, "Characters that environment variables of commands may have.")
    default_privs = String("nobody", "Whose rights are used where root's would be.", low=1)
    execution_directory_expansion_filter = Raw(_HARMLESS, "Characters from $name in command_execution_directory.")
    expand_owner_alias = Boolean("no", "Use what owner-list expands to as the sender, not owner-list itself.")
    fallback_transport = String("", "Transport for names that are neither alias nor user.")
    fallback_transport_maps = String("", "Tables of such transports, by name.")
    forward_expansion_filter = Raw(_HARMLESS, "Characters from $name in forward_path.")
    forward_path = Raw(
        "$home/.forward${recipient_delimiter}${extension}, $home/.forward", "Where a user's .forward may be."
    )
    frozen_delivered_to = Boolean("yes", "Keep the first address for Delivered-To: while aliases are expanded.")
    home_mailbox = String("", "Mailbox in the home directory; with a / at its end, a Maildir.")
    local_command_shell = String("", "Shell that runs all commands; empty: /bin/sh where needed.")
    luser_relay = Raw("", "Address for names that are neither alias nor user.")
    mail_spool_directory = String("/var/mail", "Directory of mailboxes; with a / at its end, of Maildirs.", low=1)
    mailbox_command = Raw("", "Command that delivers to mailboxes.")
    mailbox_command_maps = String("", "Tables of such commands, by user.")
    mailbox_delivery_lock = ListOf("fcntl, dotlock", "How a mailbox file is locked: flock, fcntl, dotlock.")
    mailbox_size_limit = Integer("51200000", "Largest mailbox file, or message in a Maildir; 0: no limit.", low=0)
    mailbox_transport = String("", "Transport that delivers to mailboxes of all local names.")
    mailbox_transport_maps = String("", "Tables of such transports, by name.")
    prepend_delivered_header = ListOf(
        "command, file, forward", "Where a Delivered-To: header is written: command, file, forward."
    )
    require_home_directory = Boolean("no", "Defer mail for users whose home directory is missing.")
    reset_owner_alias = Boolean("no", "Forget the owner- alias when expanding an alias that has none.")
