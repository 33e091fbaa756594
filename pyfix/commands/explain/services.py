"""The configuration that each service of master.cf has, and where its settings stand."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pyfix.commands.explain.facts import Setting
from pyfix.mail.config import Config, mastercf
from pyfix.mail.config.mastercf import ServiceEntry, ServiceType
from pyfix.mail.config.unused import references
from pyfix.mail.maps.traced import OnLookup


class Services:
    """master.cf, and main.cf as its services see it."""

    def __init__(self, config: Config, entries: Sequence[ServiceEntry], on_lookup: OnLookup) -> None:
        self.config = config
        self._entries = entries
        self._on_lookup = on_lookup
        self._made: list[Config] = []

    @property
    def path(self) -> str:
        """The path of master.cf, for messages."""
        return os.path.join(self.config.directory, "master.cf")

    def warnings(self) -> list[str]:
        """Return what was to be told about the tables that have been opened and asked."""
        return [text for config in self._made for text in config.warnings]

    @classmethod
    def load(cls, config: Config, on_lookup: OnLookup) -> Services:
        """Read master.cf; raises ConfigError."""
        return cls(config, mastercf.read(os.path.join(config.directory, "master.cf")), on_lookup)

    def find(self, name: str) -> Service:
        """Return the service that other processes reach by this name."""
        for entry in self._entries:
            if entry.name == name and entry.type is ServiceType.UNIX:
                return self._service(entry)
        return Service(None, self._configure(None))

    def find_public(self, program: str, name: str = "") -> Service | None:
        """Return the first service of a program that clients reach over the network; by its name, if one is given."""
        for entry in self._entries:
            is_public = entry.type in (ServiceType.INET, ServiceType.PASS)
            if is_public and entry.program == program and name in ("", entry.name):
                return self._service(entry)
        return None

    def _service(self, entry: ServiceEntry) -> Service:
        return Service(entry, self._configure(entry))

    def _configure(self, entry: ServiceEntry | None) -> Config:
        if entry is None:
            config = self.config.overridden(())
        else:
            config = self.config.overridden(entry.overrides, entry.name, entry.program)
        config.warnings.clear()  # those of main.cf have been told
        config.on_lookup = self._on_lookup
        config.asks_proxymap = False
        self._made.append(config)
        return config


class Service:
    """One service and its configuration; without an entry, what main.cf says for all."""

    def __init__(self, entry: ServiceEntry | None, config: Config) -> None:
        self.entry = entry
        self.config = config

    def setting(self, name: str) -> Setting:
        """Return a parameter as it stands, and where."""
        text = self.config.get(name) or ""
        if not self.config.is_set(name) and "?" in text:
            text = self.config.expand(text)
        return Setting(name, text, self._place(name))

    def settings(self, *names: str) -> list[Setting]:
        """Return parameters, each with all settings that its value refers to, however far."""
        found: dict[str, Setting] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop(0)
            if name not in found and (name in names or self.config.is_set(name)):
                found[name] = self.setting(name)
                waiting = [*sorted(references(self.config.get(name) or "")), *waiting]
        return list(found.values())

    def _place(self, name: str) -> str:
        place = self.config.place(name)
        return f"{self.entry.place}, option -o" if self.entry and place.startswith("-o ") else place
