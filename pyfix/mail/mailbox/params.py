"""Parameters of mailboxes that local and virtual share."""

from __future__ import annotations

from pyfix.mail.config import Boolean, ConfigError, ParameterSet


class MailboxParameters(ParameterSet):
    """Who may own a mailbox."""

    strict_mailbox_ownership = Boolean("yes", "Defer mail for a mailbox file that its recipient does not own.")


def check_limit(name: str, limit: int, message_limit: int) -> None:
    """Raise ConfigError when a mailbox could not hold one message that the mail system accepts."""
    if limit and not message_limit:
        raise ConfigError(f"configuration error: {name} is limited but message_size_limit is unlimited")
    if limit and limit < message_limit:
        raise ConfigError(f"configuration error: {name} is smaller than message_size_limit")
