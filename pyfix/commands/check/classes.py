"""Domains that two address classes claim, and addresses that a catch-all takes from their mailboxes.

See: ADDRESS_CLASS_README, VIRTUAL_README.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Final

from pyfix.mail.config import Config, ConfigError
from pyfix.mail.maps import MatchList, TableError

_CLASS_LISTS: Final = ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains", "relay_domains")


def overlapping_classes(config: Config) -> Iterator[str]:
    """Name every domain that two address classes claim (ADDRESS_CLASS_README): mail would go to the wrong one."""
    lists: dict[str, MatchList] = {}
    for name in _CLASS_LISTS:
        if name == "virtual_alias_domains" and not config.is_set(name):
            continue  # its default names tables of addresses, not of domains
        try:
            lists[name] = MatchList(config.expand(config.get(name) or ""), name, config, parents=False)
        except ConfigError as error:
            yield str(error)
    words = {name: _literal_domains(config, name) for name in lists}
    for first, second in combinations(lists, 2):
        if {first, second} == {"mydestination", "relay_domains"} and not config.is_set("relay_domains"):
            continue
        for domain in sorted(words[first] | words[second]):
            try:
                both = lists[first].matches(domain) and lists[second].matches(domain)
            except TableError:
                continue  # check_tables has named the table
            if both:
                yield f"do not list domain {domain} in BOTH {first} and {second}"


def _literal_domains(config: Config, name: str) -> set[str]:
    text = config.expand(config.get(name) or "")
    return {word.lower() for word in re.split(r"[\s,]+", text) if word and ":" not in word and word[0] not in "/!."}
