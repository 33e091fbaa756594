"""How a table is to be opened, and who is told what comes up."""

from __future__ import annotations

from dataclasses import dataclass

from pyfix.mail.config import Config
from pyfix.mail.maps.table import Warn


@dataclass(frozen=True, slots=True)
class Opening:
    """How a table is to be opened."""

    warn: Warn
    """Told what is wrong with the content, while the table is opened."""
    fold: bool = True
    substitution: bool = True
    """Whether results of pattern tables may hold $1."""
    sensitive: bool = False
    """Results decide about commands, files and rights: a server that nobody has authenticated is not asked."""
    direct: bool = False
    """proxy: tables are opened in this process."""
    inform: Warn = lambda text: None
    """Told of lookups, where a table is there to tell of them."""
    later: Warn | None = None
    """Told what goes wrong with lookups; None: `warn`."""
    config: Config | None = None
    """The main.cf in which tables without a file of their own have their settings."""
    utf8: bool = True
    """Text is UTF-8, and what is none is refused; otherwise bytes beyond ASCII are taken as they come."""
    null: bool | None = None
    """Whether keys of an index end in a NUL byte; None: those that do and those that do not are found."""

    @classmethod
    def of_process(
        cls, config: Config, *, fold: bool = True, substitution: bool = True, sensitive: bool = False
    ) -> Opening:
        """Return how a process with this configuration opens its tables."""
        return cls(
            config.warnings.append, fold, substitution and not sensitive, sensitive,
            direct=sensitive or not config.asks_proxymap, inform=config.inform, later=config.complain, config=config,
        )  # fmt: skip

    @property
    def complain(self) -> Warn:
        """Who is told what goes wrong with lookups."""
        return self.later or self.warn
