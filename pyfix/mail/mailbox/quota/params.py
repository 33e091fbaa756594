"""Parameters of quotas: those of the VDA patch for Postfix, by its names, with the older spellings of some."""

from __future__ import annotations

from pyfix.mail.config import Boolean, ListOf, ParameterSet, Seconds, String
from pyfix.mail.mailbox.params import VirtualMailboxParameters
from pyfix.mail.message.params import MessageParameters


class ScopeParameters(ParameterSet):
    """What of a mailbox counts: for whoever adds or removes mail."""

    virtual_trash_count = Boolean("no", "Count what is in the trash, and messages with the flag T.")
    virtual_trash_name = String(".Trash", "The folder that is the trash.", low=1)
    virtual_mailbox_limit_inbox = Boolean("no", "Count the inbox only, each time anew, without maildirsize.")


class SwitchParameters(ParameterSet):
    """What puts quotas in force."""

    virtual_mailbox_limit_maps = String("", "Tables with the quota of each recipient, in bytes: quotas are in force.")
    virtual_create_maildirsize = Boolean(
        "${virtual_mailbox_limit_maps?{yes}:{no}}", "An older name of virtual_maildir_extended."
    )
    virtual_mailbox_extended = Boolean("$virtual_create_maildirsize", "An older name of virtual_maildir_extended.")
    virtual_maildir_extended = Boolean(
        "$virtual_mailbox_extended", "Keep maildirsize, and the size of each message in its name; no: count each time."
    )


class QuotaParameters(SwitchParameters, ScopeParameters, VirtualMailboxParameters, MessageParameters):
    """How much mail a mailbox of virtual_mailbox_domains may hold."""

    virtual_mailbox_limit_override = Boolean("no", "Allow quotas that are smaller than message_size_limit.")
    virtual_overquota_bounce = Boolean("no", "Return mail for a full mailbox at once; no: try again later.")
    virtual_maildir_limit_message = String(
        "Sorry, the user's maildir has overdrawn his diskspace quota, please try again later.",
        "What the sender is told of a full mailbox.",
        low=1,
    )
    virtual_maildir_limit_message_maps = String("", "Tables with such texts, by recipient.")


class WarningParameters(ParameterSet):
    """What the owner of a mailbox is told as it fills."""

    virtual_quota_warning_percents = ListOf("", "When a mailbox gets so full, in percent, its owner gets a warning.")
    virtual_quota_warning_file = String("", "A file with headers and text of the warning, instead of our own.")


class RoomParameters(SwitchParameters):
    """How smtpd knows of full mailboxes."""

    quota_status_service_name = String("quota-status", "The service that knows whether a mailbox is full.", low=1)
    smtpd_overquota_timeout = Seconds("2s", "How long its answer may take; then mail is taken.", low=1)


class RoomRestrictionParameters(SwitchParameters):
    """Whether smtpd asks."""

    smtpd_reject_overquota_recipient = Boolean("yes", "Refuse mail at RCPT TO that a mailbox has no room for.")
