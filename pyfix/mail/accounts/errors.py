"""What can go wrong with accounts. Each text is one line for whoever asked."""

from __future__ import annotations

from pyfix.mail.config.errors import one_line

_LIMIT = 500


class AccountsError(Exception):
    """What was asked for can't be done."""

    def __init__(self, text: str) -> None:
        super().__init__(one_line(text, _LIMIT))


class AccountsUnavailable(AccountsError):
    """The database can't be asked now, or not by this user: temporary for mail."""


class Duplicate(AccountsError):
    """A row with this key is there already."""


class NotFound(AccountsError):
    """There is no such account."""


class Refused(AccountsError):
    """A limit, a rule or the form of a value forbids it."""
