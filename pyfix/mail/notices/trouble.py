"""The classes of trouble that a session can have. Pure.

notify_classes names them. Its other classes, 2bounce and delay, are no trouble of a session, but of a message.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Flag, auto


class Trouble(Flag):
    """What went wrong in a session so far."""

    NONE = 0
    BOUNCE = auto()
    """Mail was refused that would otherwise have been returned: an unknown user, too large, going round."""
    DATA = auto()
    """A table had no answer."""
    POLICY = auto()
    """Somebody wanted what the configuration forbids."""
    PROTOCOL = auto()
    """The other end does not speak the protocol as it should."""
    RESOURCE = auto()
    """No room, or no way to write."""
    SOFTWARE = auto()
    """A fault of the program or of its configuration."""


def select_trouble(classes: Iterable[str]) -> Trouble:
    """Return the trouble that these words of notify_classes ask for."""
    wanted = Trouble.NONE
    for name in classes:
        wanted |= Trouble.__members__.get(name.upper(), Trouble.NONE)
    return wanted
