"""The configuration of one process: main.cf, the overrides of its master.cf line, and defaults.

    config = Config.load("/etc/pyfix", overrides=[("smtpd_timeout", "10s")], service="smtp", program="smtpd")
    params = config.read(SmtpdParameters)

A name has the value of the last override, else of main.cf, else its default. A value may refer to any parameter, also
to one that another process declares. Everything is checked when it is read; ConfigError is one line with file, line,
value and remedy. The object holds what was read; a changed file is seen by a new one.
See: postconf(5).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Self, TypeVar

from pyfix.base.log import Log
from pyfix.mail.config import defaults, discover, maincf
from pyfix.mail.config.errors import ConfigError
from pyfix.mail.config.expand import ExpandError, expand
from pyfix.mail.config.host import Host, fixed_host, this_host
from pyfix.mail.config.maincf import MainCf, Setting
from pyfix.mail.config.parameters import ParameterSet, PerTransport
from pyfix.mail.config.params import DEFAULT_CONFIG_DIRECTORY

if TYPE_CHECKING:
    from pyfix.mail.maps.traced import OnLookup

P = TypeVar("P", bound=ParameterSet)
TEST_DIRECTORY: Final = "/etc/pyfix"


class Config:
    """Names and texts; see the module."""

    def __init__(
        self,
        main: MainCf,
        directory: str,
        host: Host,
        overrides: Sequence[tuple[str, str]] = (),
        service: str = "",
        program: str = "",
    ) -> None:
        self.main = main
        self.directory = directory
        self.warnings = list(main.warnings)
        self.service = service
        self.program = program
        self.host = host
        self.log: Log | None = None
        """The log of the process whose configuration this is, once it has one."""
        self.on_lookup: OnLookup | None = None
        """Told of each lookup in the tables that this configuration opens from now on."""
        self.asks_proxymap = True
        """Whether proxy: tables are asked of proxymap, as a rule; False: they are opened here, where no mail system
        need be running."""
        self._overrides = tuple(overrides)
        self._settings = dict(main.settings)
        self._settings.update((name, Setting(value, f"-o {name}={value}")) for name, value in overrides)
        self._computed = defaults.computed(self)
        self._computing: set[str] = set()
        self._declared: dict[str, str] = {}

    @classmethod
    def load(
        cls,
        directory: str | None = None,
        overrides: Sequence[tuple[str, str]] = (),
        service: str = "",
        program: str = "",
    ) -> Self:
        """Read DIRECTORY/main.cf; without a directory that of MAIL_CONFIG or the default."""
        directory = find_directory(directory)
        main = maincf.read(os.path.join(directory, "main.cf"))
        return cls(main, directory, this_host(), overrides, service, program)

    @classmethod
    def from_text(
        cls,
        text: str,
        overrides: Sequence[tuple[str, str]] = (),
        service: str = "",
        program: str = "",
        directory: str = TEST_DIRECTORY,
    ) -> Self:
        """Read a text instead of a file, on a machine that is the same everywhere."""
        main = maincf.parse(text, os.path.join(directory, "main.cf"))
        return cls(main, directory, fixed_host(), overrides, service, program)

    def overridden(self, overrides: Sequence[tuple[str, str]], service: str = "", program: str = "") -> Self:
        """Return the configuration of a service whose master.cf line has these overrides."""
        config = type(self)(self.main, self.directory, self.host, overrides, service, program)
        config.asks_proxymap = self.asks_proxymap
        return config

    def without_proxymap(self) -> Self:
        """Return this configuration for somebody who opens proxy: tables without proxymap."""
        copy = self.amended(())
        copy.asks_proxymap = False
        return copy

    def extended(self, overrides: Sequence[tuple[str, str]], service: str = "", program: str = "") -> Self:
        """Return the configuration of a service with these overrides, which go before what this one has of them."""
        return self.overridden((*self._overrides, *overrides), service, program)

    def amended(self, settings: Sequence[tuple[str, str]]) -> Self:
        """Return this configuration with more settings, which go before main.cf but not before the overrides."""
        return self.overridden((*settings, *self._overrides), self.service, self.program)

    @property
    def main_cf(self) -> str:
        """The path of main.cf, for messages."""
        return os.path.join(self.directory, "main.cf")

    def read(self, parameters: type[P]) -> P:
        """Return the checked values of a set; raises ConfigError for the first that is wrong.

        From then on the defaults of the set are known here, without a search through the house for who declares them.
        """
        self._declared.update(
            (name, item.default) for name, item in parameters.declared.items() if not isinstance(item, PerTransport)
        )
        return parameters.read_from(self)

    def is_set(self, name: str) -> bool:
        """Return whether main.cf or an override sets the name."""
        return name in self._settings

    def set_names(self) -> Iterable[str]:
        """Return the names that main.cf and the overrides set, in their order."""
        return self._settings.keys()

    def get(self, name: str) -> str | None:
        """Return the text in force as it stands, None for a name that is neither set nor known."""
        setting = self._settings.get(name)
        return setting.value if setting else self.default(name)

    def default(self, name: str) -> str | None:
        """Return the default text of a name, None for a name that no part of pyfix knows."""
        if name in self._computed:
            return self._compute(name)
        return self._declared[name] if name in self._declared else discover.default_text(name)

    def expand(self, text: str) -> str:
        """Return text with its references replaced; raises ConfigError."""
        return self._expand(text, "")

    def place(self, name: str) -> str:
        """Return where a name is set, in the words of messages; empty for a default."""
        setting = self._settings.get(name)
        return setting.place if setting else ""

    def evaluate(self, name: str, default: str) -> str:
        """Return the expanded text of a name, the expanded default when it is not set."""
        text = self.raw(name, default)
        return self._expand(text, name) if "$" in text else text

    def raw(self, name: str, default: str) -> str:
        """Return the text of a name as it stands, the default when it is not set."""
        setting = self._settings.get(name)
        if setting:
            return setting.value
        return self._compute(name) if name in self._computed else default

    def refuse(self, name: str, reason: str) -> ConfigError:
        """Return the error about a value, with the place where it was set."""
        place = self.place(name) or self.main_cf
        return ConfigError(f"{place}: {reason}")

    def inform(self, text: str) -> None:
        """Log an event of what this configuration describes; commands have no log, and no use for it."""
        if self.log is not None:
            self.log.info(text)

    def complain(self, text: str) -> None:
        """Log a warning; before there is a log it is kept with the others."""
        if self.log is None:
            self.warnings.append(text)
        else:
            self.log.warning(text)

    def _compute(self, name: str) -> str:
        """Return a computed default; nothing while it is being computed, when two of them refer to each other."""
        if name in self._computing:
            return ""
        self._computing.add(name)
        try:
            return self._computed[name]()
        finally:
            self._computing.discard(name)

    def _expand(self, text: str, name: str) -> str:
        """Expand, and say of an error which value it is in."""
        try:
            return expand(text, self.get)
        except ExpandError as error:
            where = f" in {name}" if name else ""
            raise self.refuse(name, f"{error}{where}; correct the $name expression") from None


def find_directory(directory: str | None) -> str:
    """Return the directory that was asked for, else that of MAIL_CONFIG, else the default.

    From the root: every process goes to the queue directory soon.
    """
    return os.path.abspath(directory or os.environ.get("MAIL_CONFIG") or DEFAULT_CONFIG_DIRECTORY)
