"""match_list(5): lists of hosts, networks and domains.

    mynetworks = pattern, pattern, ...

`mynetworks`, `mydestination`, relay_domains, virtual_mailbox_domains and their like are lists of patterns. The first
that fits decides.

    name             the name itself; in relay_domains and others that parent_domain_matches_subdomains names also
                     what is below it
    .domain          what is below the domain
    192.0.2.0/24     a network, in lists of clients; IPv6 in brackets: [2001:db8::]/32
    type:table       what is a key of the table; its value does not matter
    /file/name       the patterns in the file
    !pattern         any of these with ! says no

Failures: a pattern of a network that is wrong makes the list unusable: whoever needs it gets a temporary error, so that
neither everybody nor nobody is trusted by mistake. A block whose host part is not zero is such a mistake.

Example: all of a network but one host

    mynetworks = 127.0.0.0/8, !192.0.2.66, 192.0.2.0/24, [::1]/128

See: lookup_tables(5), cidr_table(5), postconf(5)

Inside: a file is read once; has_changed() tells. Consecutive patterns without tables are put into sets when the list is
made, so a match costs a few set lookups. The order is that of Postfix's match_list.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Final

from pyfix.mail.address.valid import parse_hostaddr
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.config.values import ValueRefused, words
from pyfix.mail.maps.address_lookup import lookup_domain
from pyfix.mail.maps.maps import Maps, split_specs
from pyfix.mail.maps.network import BadNetwork, parse_network
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.plain_patterns import PlainPatterns, is_network
from pyfix.mail.maps.registry import open_table
from pyfix.mail.maps.remembered import remembered
from pyfix.mail.maps.source import logical_lines
from pyfix.mail.maps.table import Ask, FileStamp, TableError
from pyfix.mail.maps.traced import traced

_NESTING_LIMIT: Final = 20


class Kind(Enum):
    """What the names of a list are."""

    STRING = "string"
    """Equal or not: mydestination, virtual_alias_domains, virtual_mailbox_domains."""
    DOMAIN = "domain"
    """Equal, or below: relay_domains, fast_flush_domains."""
    HOST = "host"
    """A name as in DOMAIN, or an address in a network: mynetworks, debug_peer_list."""
    ADDRESS = "address"
    """An address in a network."""


STRING: Final = Kind.STRING
DOMAIN: Final = Kind.DOMAIN
HOST: Final = Kind.HOST
ADDRESS: Final = Kind.ADDRESS


class _Lookup:
    """One type:table pattern."""

    def __init__(self, verdict: bool, maps: Maps, kind: Kind, parents: bool) -> None:
        self.verdict = verdict
        self._maps = maps
        self._kind = kind
        self._parents = parents

    def holds(self, name: str, address: str) -> bool:
        if name and self._kind is not Kind.ADDRESS and self._holds_name(name):
            return True
        return bool(address) and self._kind in (Kind.HOST, Kind.ADDRESS) and self._has(address)

    def _holds_name(self, name: str) -> bool:
        if self._kind is Kind.STRING:
            return self._has(name)
        return lookup_domain(self._maps, name, parents=self._parents) is not None

    def _has(self, key: str) -> bool:
        return self._maps.lookup(key) is not None


class _Broken:
    """A pattern that cannot be used."""

    def __init__(self, problem: str) -> None:
        self.problem = problem


class MatchList:
    """One list; `matches` asks it."""

    def __init__(
        self,
        value: str | list[str],
        parameter: str,
        config: Config,
        kind: Kind = Kind.DOMAIN,
        *,
        parents: bool | None = None,
    ) -> None:
        """Parse the list.

        parents: whether `example.com` holds its subdomains; None asks parent_domain_matches_subdomains. Raises
        ConfigError for tables that there are not and for bad syntax.
        """
        self.parameter = parameter
        self._config = config
        self._kind = kind
        self._parents = _matches_parents(parameter, config) if parents is None else parents
        self._steps: list[PlainPatterns | _Lookup | _Broken] = []
        self._maps: list[Maps] = []
        self._stamps: list[FileStamp] = []
        self._missing: list[str] = []
        for word, verdict in self._patterns(split_specs(value, parameter, config), True, 0):
            self._add(word, verdict)
        self._single = self._steps[0] if len(self._steps) == 1 and isinstance(self._steps[0], PlainPatterns) else None

    @property
    def is_empty(self) -> bool:
        """True when there is no pattern at all."""
        return not self._steps

    @property
    def blocking(self) -> bool:
        """True when some table asks a peer over the network."""
        return any(maps.blocking for maps in self._maps)

    def lend(self, ask: Ask) -> None:
        """Let other threads ask, too: see Table.lend."""
        for maps in self._maps:
            maps.lend(ask)

    def has_changed(self) -> bool:
        """True when a file or table of the list has changed."""
        return (
            any(stamp.has_changed() for stamp in self._stamps)
            or any(maps.has_changed() for maps in self._maps)
            or any(_exists(path) for path in self._missing)
        )

    def matches(self, name: str, address: str = "") -> bool:
        """True when the list holds the name or the address; raises TableError."""
        if not self._steps:
            return False
        if self._kind is Kind.ADDRESS and not address:
            name, address = "", name
        name = name.casefold()
        packed = parse_hostaddr(address) if address and self._kind in (Kind.HOST, Kind.ADDRESS) else None
        single = self._single
        if single is not None:
            if packed is None and not single.below:
                return name in single.exact and single.verdict
            return single.holds(name, packed) and single.verdict
        for step in self._steps:
            if isinstance(step, PlainPatterns):
                if step.holds(name, packed):
                    return step.verdict
            elif isinstance(step, _Lookup):
                if step.holds(name, address):
                    return step.verdict
            else:
                raise TableError(step.problem)
        return False

    def _patterns(self, patterns: list[str], verdict: bool, depth: int) -> Iterator[tuple[str, bool]]:
        """Yield (pattern, verdict) with files replaced by what they list."""
        for pattern in patterns:
            bare = pattern.lstrip("!")
            agreed = verdict is ((len(pattern) - len(bare)) % 2 == 0)
            if bare.startswith("/"):
                yield from self._patterns(self._read(bare, depth), agreed, depth + 1)
            elif bare:
                yield bare, agreed
            else:
                raise self._config.refuse(self.parameter, f"{self.parameter}: no pattern after '!'")

    def _read(self, path: str, depth: int) -> list[str]:
        """Return the words of a file; one that cannot be read makes the list unusable from here on."""
        if depth >= _NESTING_LIMIT:
            raise self._config.refuse(
                self.parameter, f"{self.parameter}: {path}: files nest deeper than {_NESTING_LIMIT}"
            )
        try:
            with open(path, "rb") as file:
                self._stamps.append(FileStamp.of(path, file.fileno()))
                lines = list(logical_lines(file, path, self._config.warnings.append))
        except OSError as error:
            self._missing.append(path)
            self._add_broken(f"open file {path}: {error.strerror}")
            return []
        try:
            return [word for line in lines for word in words(line.text, path)]
        except ValueRefused as refused:
            raise self._config.refuse(self.parameter, f"{path}: {refused}") from None

    def _add(self, word: str, verdict: bool) -> None:
        if ":" in word and not word.startswith("["):
            self._add_table(word, verdict)
        elif self._kind in (Kind.HOST, Kind.ADDRESS) and is_network(word):
            try:
                self._names(verdict).add_network(parse_network(word))
            except BadNetwork as problem:
                self._add_broken(str(problem))
        else:
            self._add_name(word.casefold(), verdict)

    def _add_name(self, name: str, verdict: bool) -> None:
        names = self._names(verdict)
        names.exact.add(name)
        if self._kind is Kind.STRING:
            return
        if self._parents:
            names.below.add(name)
        elif name.startswith("."):
            names.below.add(name[1:])

    def _add_table(self, spec: str, verdict: bool) -> None:
        try:
            table = traced(remembered(open_table(spec, Opening.of_process(self._config))), self.parameter, self._config)
        except ConfigError as error:
            raise self._config.refuse(self.parameter, f"{self.parameter}: {error}") from None
        maps = Maps(self.parameter, [table])
        self._maps.append(maps)
        self._steps.append(_Lookup(verdict, maps, self._kind, self._parents))

    def _add_broken(self, problem: str) -> None:
        text = f"{self.parameter}: {problem}"
        self._config.warnings.append(text)
        self._steps.append(_Broken(text))

    def _names(self, verdict: bool) -> PlainPatterns:
        """Return the set to add to: the last one, if its verdict is the same."""
        last = self._steps[-1] if self._steps else None
        if isinstance(last, PlainPatterns) and last.verdict is verdict:
            return last
        fresh = PlainPatterns(verdict)
        self._steps.append(fresh)
        return fresh


def _matches_parents(parameter: str, config: Config) -> bool:
    text = config.expand(config.get("parent_domain_matches_subdomains") or "")
    return parameter in split_specs(text, "parent_domain_matches_subdomains", config)


def _exists(path: str) -> bool:
    try:
        open(path, "rb").close()
    except OSError:
        return False
    return True
