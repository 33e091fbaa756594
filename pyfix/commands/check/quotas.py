"""Quotas: limits that are none, and those that do not hold because they are small."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyfix.commands.check.entries import entries_of
from pyfix.commands.findings import Finding, Severity
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.mailbox.quota.limits import UnusableLimit, read_limit
from pyfix.mail.mailbox.quota.params import QuotaParameters

_MAPS: Final = "virtual_mailbox_limit_maps"
_OVERRIDE: Final = "virtual_mailbox_limit_override"
_SHOWN: Final = 3
"""Findings of a kind; then their number."""


def check_quotas(config: Config) -> Iterator[Finding]:
    """Yield what is wrong with the limits in tables that can list themselves."""
    try:
        params = config.read(QuotaParameters)
    except ConfigError:
        return  # check_parameters tells of it
    least = 0 if params.virtual_mailbox_limit_override else params.message_size_limit
    bad: list[str] = []
    small: list[str] = []
    for key, value in entries_of(config, _MAPS):
        try:
            limit = read_limit(value)
        except UnusableLimit as error:
            bad.append(f"{key}: {error}: mail for it is deferred")
            continue
        if limit is not None and 0 < limit.size < least:
            small.append(f"{key}: {limit.stored()} is smaller than message_size_limit: virtual_mailbox_limit holds")
    place = config.place(_MAPS) or config.main_cf
    yield from _findings(bad, Severity.ERROR, place, "specify bytes, such as 104857600S")
    yield from _findings(small, Severity.WARNING, place, f"set {_OVERRIDE} = yes if that is meant")


def _findings(found: list[str], severity: Severity, place: str, remedy: str) -> Iterator[Finding]:
    for text in found[:_SHOWN]:
        yield Finding(severity, place, f"{_MAPS}: {text}", remedy)
    if len(found) > _SHOWN:
        yield Finding(severity, place, f"{_MAPS}: {len(found) - _SHOWN} more keys like this", remedy)
