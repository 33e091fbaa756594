"""Files of settings of other programs, once read: values by name, and the line of each for messages. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyfix.mail.config.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and the line at which it begins."""

    value: str
    line: int


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """One file."""

    path: str
    settings: Mapping[str, Setting]

    def get(self, name: str, default: str = "") -> str:
        """Return a value, or the default where there is none."""
        found = self.settings.get(name)
        return default if found is None else found.value

    def place(self, name: str) -> str:
        """Return where a setting stands: the file and, where it is set, the line."""
        found = self.settings.get(name)
        return self.path if found is None else f"{self.path}, line {found.line}"

    def refuse(self, name: str, reason: str) -> ConfigError:
        """Return the error about a setting, or about one that is missing."""
        return ConfigError(f"{self.place(name)}: {reason}")
