"""Parameters of local."""

from __future__ import annotations

from pyfix.mail.config import Boolean, ListOf, Raw, String
from pyfix.mail.delivery import DeliveryParameters
from pyfix.mail.delivery.params import CommandParameters
from pyfix.mail.mailbox import MailboxParameters
from pyfix.mail.mailbox.lock import LocalLockParameters
from pyfix.mail.mailbox.params import HARMLESS, LocalMailboxParameters
from pyfix.mail.mailbox.quota.params import ScopeParameters
from pyfix.mail.message.params import DuplicateParameters, LineParameters, MessageParameters
from pyfix.mail.queue.params import QueueParameters


class LocalParameters(
    CommandParameters,
    DeliveryParameters,
    DuplicateParameters,
    LineParameters,
    LocalMailboxParameters,
    LocalLockParameters,
    MailboxParameters,
    MessageParameters,
    QueueParameters,
    ScopeParameters,
):
    """Read by local."""

    allow_mail_to_commands = ListOf("alias, forward", "Where |command may stand: alias, forward, include.")
    allow_mail_to_files = ListOf("alias, forward", "Where /file/name may stand: alias, forward, include.")
    biff = Boolean("yes", "Tell the biff service of new mail in a mailbox file.")
    command_execution_directory = Raw("", "The working directory of commands; empty: the queue directory.")
    command_expansion_filter = String(HARMLESS, "Characters that environment variables of commands may have.")
    default_privs = String("nobody", "Whose rights are used where root's would be.", low=1)
    execution_directory_expansion_filter = String(HARMLESS, "Characters from $name in command_execution_directory.")
    expand_owner_alias = Boolean("no", "Use what owner-list expands to as the sender, not owner-list itself.")
    frozen_delivered_to = Boolean("yes", "Keep the first address for Delivered-To: while aliases are expanded.")
    local_delivery_status_filter = ListOf(
        "$default_delivery_status_filter", "default_delivery_status_filter of this program."
    )
    local_command_shell = String("", "Shell that runs all commands; empty: /bin/sh where needed.")
    prepend_delivered_header = ListOf(
        "command, file, forward", "Where a Delivered-To: header is written: command, file, forward."
    )
    require_home_directory = Boolean("no", "Defer mail for users whose home directory is missing.")
    reset_owner_alias = Boolean("no", "Forget the owner- alias when expanding an alias that has none.")
