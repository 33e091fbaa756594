"""The accounts, where main.cf uses them: can they be read, by whom, and does mail for them lead anywhere?"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pyfix.commands.findings import Finding, Severity
from pyfix.mail.accounts import AccountsError, AccountsParameters, Alias, Domain, Mailbox, open_store
from pyfix.mail.config import Config, ConfigError

_USE: Final = re.compile(r"(?:^|[\s,:{])accounts:\w")
_MOST_SHOWN: Final = 10
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is."""

    path: str
    """Of the embedded file; empty for a server."""
    mode: int
    domains: frozenset[str]
    mailboxes: tuple[Mailbox, ...]
    aliases: tuple[Alias, ...]
    lost: tuple[str, ...] = ()
    """Accounts whose passwords are not in the file of secrets."""


def check_accounts(config: Config) -> Iterator[Finding]:
    """Yield what is wrong with the accounts, if a parameter names a table of them."""
    place = next((config.place(name) for name in config.set_names() if _USE.search(config.get(name) or "")), "")
    if not place:
        return
    try:
        facts = _gather(config)
    except (AccountsError, ConfigError) as error:
        yield Finding(Severity.WARNING, place, str(error))
        return
    yield from judge_accounts(facts)


def _gather(config: Config) -> Facts:
    """Return the facts; raises AccountsUnavailable, ConfigError."""
    kind, _, path = config.read(AccountsParameters).accounts_database.partition(":")
    store = open_store(config)
    try:
        return Facts(
            path if kind == "sqlite" else "",
            os.stat(path).st_mode if kind == "sqlite" else 0,
            frozenset(map(_name, store.domains.all())),
            tuple(store.mailboxes.all()),
            tuple(store.aliases.all()),
            tuple(store.database.lost_secrets()),
        )
    finally:
        store.close()


def _name(domain: Domain) -> str:
    return domain.name


def judge_accounts(facts: Facts) -> Iterator[Finding]:
    """Yield what is wrong. Pure."""
    if facts.mode & _OTHERS:
        yield Finding(
            Severity.WARNING, "", f"{facts.path}: not for its owner alone",
            f"chmod 600 {facts.path}",
        )  # fmt: skip
    yield from _limited(_without_password(facts))
    yield from _limited(_without_domain(facts))
    yield from _limited(_lead_nowhere(facts))
    yield from _limited(_without_postmaster(facts))


def _limited(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the first findings of a kind, and how many more there are."""
    found = list(findings)
    yield from found[:_MOST_SHOWN]
    if len(found) > _MOST_SHOWN:
        yield Finding(found[0].severity, "", f"{len(found) - _MOST_SHOWN} more accounts of which the same is true")


def _without_password(facts: Facts) -> Iterator[Finding]:
    """Yield accounts that have lost what only the other file has: one of the two comes from another backup."""
    for name in facts.lost:
        text = f"{name}: its password is not in {facts.path}.secrets, which belongs to {facts.path}: nobody can log in"
        yield Finding(
            Severity.ERROR, "", text, f"restore both files from one backup, or set it: pyfix user passwd {name}"
        )


def _without_domain(facts: Facts) -> Iterator[Finding]:
    for word, name, domain in (
        *(("mailbox", mailbox.address, mailbox.domain) for mailbox in facts.mailboxes),
        *(("alias", alias.address, alias.domain) for alias in facts.aliases),
    ):
        if domain not in facts.domains:
            text = f"{word} {name}: there is no domain {domain}, so that it gets no mail"
            yield Finding(Severity.WARNING, "", text, f"pyfix domain add {domain}")


def _lead_nowhere(facts: Facts) -> Iterator[Finding]:
    """Yield aliases with a target in a domain of ours where nobody has that name."""
    known = _receivers(facts)
    for alias in facts.aliases:
        for target in alias.targets:
            folded = target.casefold()
            domain = folded.rpartition("@")[2]
            if domain in facts.domains and not {folded, f"@{domain}"} & known and not folded.startswith("@"):
                text = (
                    f"alias {alias.address}: its target {target} is neither mailbox nor alias; mail for it is returned"
                )
                yield Finding(Severity.WARNING, "", text, f"pyfix alias set {alias.address} --remove {target}")


def _without_postmaster(facts: Facts) -> Iterator[Finding]:
    """Yield domains where the address that every domain must have (RFC 5321 section 4.5.1) is nobody's."""
    known = _receivers(facts)
    for domain in sorted(facts.domains):
        name = f"postmaster@{domain}"
        if not {name, f"@{domain}"} & known:
            yield Finding(Severity.NOTE, "", f"domain {domain}: {name} is nobody's", f"pyfix alias add {name} ADDRESS")


def _receivers(facts: Facts) -> set[str]:
    return {mailbox.address for mailbox in facts.mailboxes} | {alias.address for alias in facts.aliases}
