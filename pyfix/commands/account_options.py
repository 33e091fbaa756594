"""Options and types of values of the commands for accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from typing import Any, Final, TypeVar

import click

from pyfix.mail.accounts import Quota, Service, Standing, parse_size, today
from pyfix.mail.accounts.dates import check_span, parse_typed_day

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
NEVER: Final = "never"


def size(text: str) -> int:
    """Return the bytes of 500M, 1G, a number of bytes, or none."""
    return _convert(parse_size, text)


def day(text: str) -> date | str:
    """Return the day that 2027-01-31, 1y, 3m or 10d means, or NEVER."""
    return _convert(lambda given: parse_typed_day(given, today()), text) or NEVER


def span(text: str) -> str:
    """Return 1y, 3m, 10d, or empty for never."""
    return _convert(check_span, text)


def _convert(convert: Callable[[str], T], text: str) -> T:
    try:
        return convert(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


LIMIT: Final = click.IntRange(0, 2**31 - 1)
json_option: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
stdin_option: Final = click.option(
    "--password-stdin", "from_stdin", is_flag=True, help="The password is the first line of standard input."
)


def active_option(function: F) -> F:
    """Add --active and --inactive."""
    return click.option("--active/--inactive", "active", default=None, help="Whether it is in use.")(function)


def expires_option(function: F) -> F:
    """Add --expires."""
    text = "The last day: YYYY-MM-DD, a time such as 1y, 3m or 10d from now on, or never."
    return click.option("--expires", type=day, metavar="DATE", help=text)(function)


def standing_options(function: F) -> F:
    """Add --active, --inactive, --expires, --disable and --enable."""
    names = click.Choice([service.value for service in Service])
    what = "smtpd (sending), smtp (receiving), pop3, imap; webmail and netdisk for programs that share the database"
    options = (
        click.option("--disable", type=names, metavar="SERVICE", multiple=True, help=f"Switch off {what}."),
        click.option("--enable", type=names, metavar="SERVICE", multiple=True, help="Switch on again."),
        expires_option,
        active_option,
    )
    for option in options:
        function = option(function)
    return function


def changed_standing(
    standing: Standing,
    active: bool | None,
    expires: date | str | None,
    disable: Iterable[str] = (),
    enable: Iterable[str] = (),
) -> Standing:
    """Return a standing with what the options say."""
    if active is not None:
        standing = replace(standing, active=active)
    if expires is not None:
        standing = replace(standing, expires=expires if isinstance(expires, date) else None)
    disabled = (standing.disabled | {Service(name) for name in disable}) - {Service(name) for name in enable}
    return replace(standing, disabled=disabled)


def quota_of(size: int | None, default: Quota) -> Quota:
    """Return the quota that an option says."""
    return default if size is None else Quota(size)
