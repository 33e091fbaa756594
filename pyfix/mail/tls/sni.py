"""tls_server_sni_maps: a certificate by the name that the client asks for (RFC 6066 section 3).

    name        as it was asked for
    .parent     a domain above it

A value is the content of chain files: private key, certificate, issuers. Indexes that `postmap -F` has built hold it
themselves; where a table is text, its values name the files, which are read when the process starts. A name without an
entry gets the certificate that everybody gets; one that can't be looked up, or whose chain is broken, breaks the
handshake off.

Tables are asked in the middle of a handshake, on the event loop: those that may have to wait are refused by name.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from pyfix.base.failure import words_for
from pyfix.mail.address.valid import is_valid_hostname
from pyfix.mail.config import Config
from pyfix.mail.maps import Maps, TableError, open_maps
from pyfix.mail.maps.file_values import FileValues, read_files
from pyfix.mail.maps.table import FixedTable, Table, UnavailableTable
from pyfix.mail.tls.chains import BadChain, split_chains
from pyfix.mail.tls.context import TlsProblem, load_chain
from pyfix.mail.tls.native import find_native

PARAMETER: Final = "tls_server_sni_maps"
_LIST: Final = ("texthash", "inline")
"""Types whose values name files, and that can be listed: the files are read ahead."""
_KEPT: Final = 1000
"""Certificates that are kept ready."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a name."""

    name: str
    is_found: bool = False
    is_invalid: bool = False
    problem: str = ""
    """Why the handshake was broken off."""


class SniChains:
    """The tables, and the certificates that have been asked for."""

    def __init__(self, maps: Maps, files: tuple[str, ...]) -> None:
        self._maps = maps
        self.files = files
        """Those that the tables name."""
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._asked: WeakKeyDictionary[ssl.SSLObject, Asked] = WeakKeyDictionary()

    def serve(self, context: ssl.SSLContext) -> None:
        """Have a context ask here for each client."""
        context.sni_callback = self._choose

    def asked(self, session: ssl.SSLObject) -> Asked | None:
        """Return what the client of a session has asked for; None for nothing."""
        return self._asked.get(session)

    def has_changed(self) -> bool:
        """Return whether a table is no longer what was opened."""
        return self._maps.has_changed()

    @property
    def name(self) -> str:
        """The tables, as main.cf has them."""
        return self._maps.name

    def _choose(self, session: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> int | None:
        """The client's first words are there: give the session its certificate, or an alert."""
        if not name:
            return None
        if not is_valid_hostname(name):
            self._asked[session] = Asked(name, is_invalid=True)
            return None
        try:
            found = self._find(name, context)
        except (TableError, TlsProblem) as error:
            self._asked[session] = Asked(name, problem=str(error))
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        self._asked[session] = Asked(name, is_found=found is not None)
        if found is not None:
            session.context = found
        return None

    def _find(self, name: str, rules: ssl.SSLContext) -> ssl.SSLContext | None:
        for key in _keys(name):
            value = self._maps.lookup(key)
            if value is not None:
                return self._context(key, value, rules)
        return None

    def _context(self, key: str, value: str, rules: ssl.SSLContext) -> ssl.SSLContext:
        context = self._contexts.get(value)
        if context is None:
            if len(self._contexts) >= _KEPT:
                self._contexts.clear()
            context = self._contexts[value] = _make(key, value, rules)
        return context


def _keys(name: str) -> Iterator[str]:
    """Yield a name and its parents, the nearest first."""
    yield name
    at = name.find(".")
    while at > 0:
        yield name[at:]
        at = name.find(".", at + 1)


def _make(key: str, value: str, rules: ssl.SSLContext) -> ssl.SSLContext:
    """Return a context with a chain. Protocols stay those that the session began with; ciphers, and whom to trust
    about clients, are those of this one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    native = find_native()
    if native is not None:
        native.share_authorities(context, rules)
    context.set_ciphers(":".join([*(cipher["name"] for cipher in rules.get_ciphers()), "@SECLEVEL=0"]))
    try:
        for chain in split_chains([(f"{PARAMETER}: {key}", value.encode("utf-8", "surrogateescape"))], PARAMETER):
            load_chain(context, chain)
    except BadChain as error:
        raise TlsProblem(str(error)) from None
    return context


def open_sni(value: str, config: Config, warn: Callable[[str], None]) -> SniChains | None:
    """Open the tables, None where there are none; raises ConfigError."""
    opened = open_maps(value, PARAMETER, config)
    if opened.is_empty:
        return None
    if opened.blocking:
        raise config.refuse(
            PARAMETER, f"{PARAMETER} = {value}: a table that may have to wait can't be asked in a handshake;"
            " use an index that postmap -F has built"
        )  # fmt: skip
    files: list[str] = []
    tables: list[Table] = [_with_content(table, files, warn) for table in opened.tables]
    return SniChains(_Watched(opened, tables), tuple(files))


class _Watched(Maps):
    """Tables of content, which change when those do that they were made of."""

    def __init__(self, made_of: Maps, tables: list[Table]) -> None:
        super().__init__(made_of.parameter, tables)
        self._made_of = made_of

    def has_changed(self) -> bool:
        return self._made_of.has_changed()


def _with_content(table: Table, files: list[str], warn: Callable[[str], None]) -> Table:
    if table.name.partition(":")[0] not in _LIST or isinstance(table, UnavailableTable):
        return FileValues(table)
    content: dict[str, str] = {}
    for key, value in table.entries():
        files += value.replace(",", " ").split()
        try:
            content[key] = read_files(value)
        except OSError as error:
            warn(f"{PARAMETER}: {table.name}: {key}: {error.filename}: {words_for(error)}; this entry is left out")
    return FixedTable(table.name, content)
