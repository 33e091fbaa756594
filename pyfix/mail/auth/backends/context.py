"""What every back end is opened with."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from pyfix.mail.auth.params import BackendParameters
from pyfix.mail.auth.places import Places
from pyfix.mail.config import Config, ConfigError

_LONGEST_LOGIN: Final = 1024


@dataclass(frozen=True)
class Context:
    """The configuration, and what back ends share."""

    config: Config
    parameter: str = "auth_backends"
    """Which one names the back end, for messages."""
    told: set[str] = field(default_factory=set)
    """What was complained of already."""

    @cached_property
    def places(self) -> Places:
        """Where deliveries go; raises ConfigError."""
        return Places(self.config)

    @cached_property
    def timeout_s(self) -> float:
        """How long a back end may take."""
        return self.config.read(BackendParameters).auth_backend_timeout

    @property
    def queue_directory(self) -> str:
        """What relative paths of sockets begin at."""
        return self.config.read(BackendParameters).queue_directory

    def refuse(self, reason: str) -> ConfigError:
        """Return the error about the name of a back end."""
        return self.config.refuse(self.parameter, f"{self.parameter}: {reason}")

    def complain_once(self, text: str) -> None:
        """Log a warning that would otherwise come with every login."""
        if text not in self.told:
            self.told.add(text)
            self.config.complain(text)


def is_askable(login: str) -> bool:
    """Return whether a login can be anybody's: text without NUL and other control characters."""
    return bool(login) and login.isprintable() and len(login) <= _LONGEST_LOGIN
