"""The settings of a table that asks a server or a database: a file of its own, or names with a prefix in main.cf.

    mysql:/etc/postfix/aliases.cf     lines "name = value", in which $ is an ordinary character
    mysql:aliases                     aliases_hosts, aliases_query ... in main.cf, in which $name is replaced

A name that starts with "/" or "." is a file. What nothing asks for in there is a typing error most of the time, and
warned about. Values that are wrong are refused with file and line.
See: mysql_table(5), ldap_table(5), "OBSOLETE MAIN.CF PARAMETERS".
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from pyfix.mail.config import Config, ConfigError, lines, maincf, values
from pyfix.mail.config.errors import one_line
from pyfix.mail.config.host import this_host
from pyfix.mail.config.values import ValueRefused
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.table import FileStamp

T = TypeVar("T")
_NEAR: Final = 0.7


class Settings:
    """Names and values of one table."""

    def __init__(self, source: str, config: Config, prefix: str, stamp: FileStamp | None) -> None:
        """source: the file or prefix, for messages; stamp: of the file, None when all is in main.cf."""
        self.source = source
        self.stamp = stamp
        self.config = config
        """What lists of tables among the settings are opened with: their errors name this source."""
        self._prefix = prefix
        self._known: set[str] = set()

    def is_set(self, name: str) -> bool:
        """Return whether there is such a line."""
        self._known.add(name)
        return self.config.is_set(self._prefix + name)

    def string(self, name: str, default: str = "", low: int | None = None) -> str:
        """Return a text; low: its least length."""
        return self._read(name, default, lambda text, full: values.string(text, full, low, None))

    def integer(self, name: str, default: int, low: int | None = None, high: int | None = None) -> int:
        """Return a whole number."""
        return self._read(name, str(default), lambda text, full: values.integer(text, full, low, high))

    def boolean(self, name: str, default: bool) -> bool:
        """Return yes or no."""
        return self._read(name, "yes" if default else "no", values.boolean)

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """Return one word of a list, in its own spelling."""
        return self._read(name, default, lambda text, full: values.choice(text, full, choices))

    def words(self, name: str, default: str = "") -> list[str]:
        """Return the words between commas and white space."""
        return self._read(name, default, values.words)

    def _read(self, name: str, default: str, convert: Callable[[str, str], T]) -> T:
        full = self._prefix + name
        self._known.add(name)
        text = self.config.evaluate(full, default) if self._prefix else self.config.raw(full, default)
        try:
            return convert(text, full)
        except ValueRefused as refused:
            raise self.refuse(name, str(refused)) from None

    def refuse(self, name: str, reason: str) -> ConfigError:
        """Return the error about a value, with the place where it stands."""
        place = self.config.place(self._prefix + name) or (self.config.main_cf if self._prefix else self.source)
        return ConfigError(f"{place}: {reason}")

    def has_changed(self) -> bool:
        """True when the file has changed; main.cf is read anew at a reload only, as everywhere."""
        return self.stamp is not None and self.stamp.has_changed()

    def warnings(self) -> Iterator[str]:
        """Yield what there is to say about the file and, once all settings have been asked for, about others in it."""
        if self.stamp is not None:
            for text in self.config.warnings:
                yield text if text.startswith(self.source) else f"{self.source}: {text}"
        yield from self._unused()

    def _unused(self) -> Iterator[str]:
        for full in self.config.set_names():
            name = full.removeprefix(self._prefix)
            if full.startswith(self._prefix) and name not in self._known:
                near = difflib.get_close_matches(name, self._known, 1, _NEAR)
                hint = f"; did you mean {self._prefix}{near[0]}?" if near else ""
                value = "..." if "pass" in name else one_line(self.config.get(full) or "")
                yield f"{self.config.place(full)}: unused parameter: {one_line(full)}={value}{hint}"


def read_settings(name: str, opening: Opening) -> Settings:
    """Read what the part of type:name behind the colon leads to; raises OSError, ConfigError."""
    if name.startswith(("/", ".")):
        return _from_file(name, opening)
    if opening.config is None:
        raise ConfigError(f"{name}: settings in main.cf are known to processes with a main.cf only")
    return Settings(name, opening.config, f"{name}_", None)


def _from_file(path: str, opening: Opening) -> Settings:
    with open(path, "rb") as file:
        stamp = FileStamp.of(path, file.fileno())
        data = file.read()
    main = maincf.parse(lines.decode(data, path), path)
    main.warnings.extend(lines.warn_of_crlf(data, path))
    config = Config(main, os.path.dirname(path), opening.config.host if opening.config else this_host())
    if opening.config:
        config.log, config.asks_proxymap = opening.config.log, opening.config.asks_proxymap
    return Settings(path, config, "", stamp)
