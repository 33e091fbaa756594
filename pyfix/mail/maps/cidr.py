"""cidr_table(5): address blocks; the first that holds an address gives the result.

    network result

cidr:/file/name is for clients and other IP addresses, where a table of networks by name (access(5)) is too coarse.

Format: one rule a line; a line that begins with white space continues the one before.

    network result    the result for addresses in the network: address or address/prefix, IPv4 or IPv6
    !network result   the result for all others
    if network        what follows, up to endif, is for addresses in the network
    if !network       what follows, up to endif, is for all others
    endif             ends the innermost if

The host part of a network must be zero. A key that is no IP address is in no block. Rules may also stand in main.cf:
cidr:{{rule}, {rule}}.

Failures: a rule that is wrong is skipped with a warning that names file and line; the others work.

Example: check_client_access cidr:/etc/pyfix/clients.cidr

    192.0.2.66      REJECT
    192.0.2.0/24    OK
    2001:db8::/32   OK
    if 10.0.0.0/8
    10.1.0.0/16     REJECT
    0.0.0.0/0       OK
    endif

See: access(5), match_list(5), regexp_table(5), postmap(1)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyfix.mail.address.valid import parse_hostaddr
from pyfix.mail.maps.network import BadNetwork, Network, parse_network
from pyfix.mail.maps.source import SPACE, LogicalLine, first_word, shown
from pyfix.mail.maps.table import FileStamp, Table, Warn


@dataclass(slots=True)
class _Rule:
    network: Network
    negated: bool
    result: str | None
    """None for an IF."""
    after: int = 0
    """Of an IF: index of the rule behind its ENDIF."""


class CidrTable(Table):
    """A list of rules."""

    is_pattern = True

    def __init__(self, name: str, rules: list[_Rule], stamp: FileStamp | None = None) -> None:
        super().__init__(name)
        self._rules = rules
        self._stamp = stamp
        self.owner = stamp.owner if stamp else None

    def lookup(self, key: str) -> str | None:
        packed = parse_hostaddr(key)
        if packed is None:
            return None
        family, number = len(packed), int.from_bytes(packed, "big")
        rules = self._rules
        index, end = 0, len(rules)
        while index < end:
            rule = rules[index]
            network = rule.network
            index += 1
            if network.family == family and (number >> network.shift == network.prefix) is not rule.negated:
                if rule.result is not None:
                    return rule.result
            elif rule.result is None:
                index = rule.after
        return None

    def has_changed(self) -> bool:
        return self._stamp is not None and self._stamp.has_changed()


def read_rules(lines: Iterable[LogicalLine], path: str, warn: Warn) -> list[_Rule]:
    """Return the rules of all lines; wrong ones are left out with a warning."""
    rules: list[_Rule] = []
    opened: list[tuple[_Rule, int]] = []
    for line in lines:
        try:
            _statement(line, rules, opened)
        except BadNetwork as problem:
            warn(f"cidr map {path}, line {line.number}: {problem}: skipping this rule")
    for rule, number in opened:
        warn(f"cidr map {path}, line {number}: IF has no matching ENDIF")
        rule.after = len(rules)
    return rules


def _statement(line: LogicalLine, rules: list[_Rule], opened: list[tuple[_Rule, int]]) -> None:
    word = first_word(line.text).lower()
    if word == "endif":
        _end_if(line, rules, opened)
    elif word == "if" or word.startswith("if!"):
        network, negated = _network(line.text[2:].strip(SPACE))
        opened.append((_Rule(network, negated, None), line.number))
        rules.append(opened[-1][0])
    else:
        bare = line.text.lstrip("!" + SPACE)
        marks = line.text[: len(line.text) - len(bare)]
        pattern, result = _split(bare)
        network, negated = _network(marks + pattern)
        if not result:
            raise BadNetwork("no lookup result")
        rules.append(_Rule(network, negated, result))


def _split(text: str) -> tuple[str, str]:
    pattern = first_word(text)
    return pattern, text[len(pattern) :].strip(SPACE)


def _network(text: str) -> tuple[Network, bool]:
    bare = text.lstrip("!" + SPACE)
    if not bare:
        raise BadNetwork("no address pattern")
    negated = text[: len(text) - len(bare)].count("!") % 2 == 1
    return parse_network(shown(bare)), negated


def _end_if(line: LogicalLine, rules: list[_Rule], opened: list[tuple[_Rule, int]]) -> None:
    if not opened:
        raise BadNetwork("ENDIF without IF")
    if line.text[5:].strip(SPACE):
        raise BadNetwork("garbage after ENDIF")
    opened.pop()[0].after = len(rules)
