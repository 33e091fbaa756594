"""Domains that two address classes claim, and addresses that a catch-all takes from their mailboxes.

See: ADDRESS_CLASS_README, VIRTUAL_README.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations
from typing import Final

from pyfix.commands.check.entries import entries_of
from pyfix.commands.findings import Finding, Severity
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.maps import MatchList, TableError

_CLASS_LISTS: Final = ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains", "relay_domains")
_REDIRECTIONS: Final = ("virtual_alias_maps", "canonical_maps", "recipient_canonical_maps")


def check_classes(config: Config) -> Iterator[Finding]:
    """Yield what is wrong with the domains of this mail system."""
    lists, errors = _open_lists(config)
    yield from (Finding(Severity.WARNING, "", text) for text in errors)
    words = {name: _literal_domains(config, name) for name in lists}
    claims = {name: _claim(lists[name]) for name in lists}
    pairs = [
        pair
        for pair in combinations(lists, 2)
        if set(pair) != {"mydestination", "relay_domains"} or config.is_set("relay_domains")
    ]
    for domain, first, second in find_overlaps(pairs, words, claims):
        place = config.place(second) or config.place(first) or config.main_cf
        text = f"do not list domain {domain} in BOTH {first} and {second}"
        yield Finding(Severity.WARNING, place, text, f"take it out of {first} or {second}")
    yield from _catch_alls(config, claims)


def find_overlaps(
    pairs: Iterable[tuple[str, str]], words: Mapping[str, set[str]], claims: Mapping[str, Callable[[str], bool]]
) -> Iterator[tuple[str, str, str]]:
    """Yield every domain that two address classes claim: its mail would go to the wrong one. Pure."""
    for first, second in pairs:
        for domain in sorted(words[first] | words[second]):
            if claims[first](domain) and claims[second](domain):
                yield domain, first, second


def find_swallowed(redirections: Mapping[str, str], mailboxes: Iterable[str]) -> Mapping[str, list[str]]:
    """Return the mailboxes that get no mail since an entry for their whole domain stands for them, by that entry.

    One that leads a domain to itself takes nothing. Pure.
    """
    catch_alls = {key for key, value in redirections.items() if key.startswith("@") and value.strip() != key}
    found: dict[str, list[str]] = {}
    for mailbox in mailboxes:
        key = mailbox[mailbox.rfind("@") :].lower()
        if key in catch_alls and mailbox != key and mailbox.lower() not in redirections:
            found.setdefault(key, []).append(mailbox)
    return found


def _catch_alls(config: Config, claims: Mapping[str, Callable[[str], bool]]) -> Iterator[Finding]:
    for parameter in _REDIRECTIONS:
        redirections = {key.lower(): value for key, value in entries_of(config, parameter)}
        if not any(key.startswith("@") for key in redirections):
            continue
        place = config.place(parameter) or config.main_cf
        mailboxes = (key.lower() for key, _ in entries_of(config, "virtual_mailbox_maps"))
        for key, swallowed in find_swallowed(redirections, mailboxes).items():
            more = f" and {len(swallowed) - 1} more" if len(swallowed) > 1 else ""
            text = f"{parameter}: {key} takes the mail of {swallowed[0]}{more}, which virtual_mailbox_maps has"
            yield Finding(Severity.WARNING, place, text, f"add an entry for each: {swallowed[0]} {swallowed[0]}")
        for key, value in redirections.items():
            domain = key[1:]
            if key.startswith("@") and value.strip() != key and claims.get("mydestination", _nothing)(domain):
                text = f"{parameter}: {key} takes the mail of all Unix users, since mydestination has {domain}"
                yield Finding(Severity.WARNING, place, text, f"take {domain} out of mydestination, or {key} out")


def _nothing(domain: str) -> bool:
    return False


def _open_lists(config: Config) -> tuple[dict[str, MatchList], list[str]]:
    lists: dict[str, MatchList] = {}
    errors: list[str] = []
    for name in _CLASS_LISTS:
        if name == "virtual_alias_domains" and not config.is_set(name):
            continue  # its default names tables of addresses, not of domains
        try:
            lists[name] = MatchList(config.expand(config.get(name) or ""), name, config, parents=False)
        except ConfigError as error:
            errors.append(str(error))
    return lists, errors


def _claim(domains: MatchList) -> Callable[[str], bool]:
    def claims(domain: str) -> bool:
        try:
            return domains.matches(domain)
        except TableError:
            return False  # check_tables has named the table

    return claims


def _literal_domains(config: Config, name: str) -> set[str]:
    text = config.expand(config.get(name) or "")
    return {word.lower() for word in re.split(r"[\s,]+", text) if word and ":" not in word and word[0] not in "/!."}
