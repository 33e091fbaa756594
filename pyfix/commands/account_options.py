"""Options and types of values of the commands for accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from typing import Any, Final, TypeVar

import click

from pyfix.mail.accounts import Quota, Service, Standing, parse_size, today
from pyfix.mail.accounts.dates import check_span, parse_typed_day

F = TypeVar("F", bound=Callable[..., Any])
NEVER: Final = "never"


class SizeType(click.ParamType[int]):
    """500M, 1G, a number of bytes, or none."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return parse_size(value) if isinstance(value, str) else int(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class DayType(click.ParamType[Any]):
    """2027-01-31, 1y, 3m, 10d, or never; the value is a day, or NEVER."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date | str:
        try:
            return parse_typed_day(value, today()) or NEVER if isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)


class SpanType(click.ParamType[str]):
    """1y, 3m, 10d, or never."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return check_span(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


SIZE: Final = SizeType()
DAY: Final = DayType()
SPAN: Final = SpanType()
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
    return click.option("--expires", type=DAY, metavar="DATE", help=text)(function)


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
