"""The `cidr:` table: address blocks tried in order, the first that holds the address gives the result.

    network result      !network result      if [!]network ... endif

A rule that is wrong is skipped with a warning that names file and line. A key that is no IP address is in no block.
See: cidr_table(5).
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
