"""Defaults of old that a low compatibility_level keeps, and what is logged when one of them matters.

Pure. A default is of old when its parameter is not set and the level is lower than the release that changed it. The
process that makes use of one says so, in Postfix's words, so that nobody is surprised once the level is raised.
See: compatibility_level in postconf(5), COMPATIBILITY_README.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pyfix.mail.config.config import Config

Level = tuple[int, ...]

FIRST_LEVEL: Final[Level] = (1, 0, 0)
"""Below this, services are in a chroot by default, too."""
_CHANGED: Final[Mapping[str, Level]] = {
    "append_dot_mydomain": FIRST_LEVEL,
    "smtpd_relay_restrictions": FIRST_LEVEL,
    "smtputf8_enable": FIRST_LEVEL,
    "mynetworks_style": (2, 0, 0),
    "relay_domains": (2, 0, 0),
    "smtpd_relay_before_recipient_restrictions": (3, 6, 0),
    "smtpd_tls_fingerprint_digest": (3, 6, 0),
}
"""The parameters whose default depends on the level, and the level from which on it is the new one."""
_INSTEAD: Final[Mapping[str, str]] = {"mynetworks_style": "mynetworks"}
"""What makes a default meaningless when it is set."""
LAST_LEVEL: Final = "3.6"


def old_defaults(config: Config, level: Level) -> frozenset[str]:
    """Return the parameters that have a default of old."""
    return frozenset(
        name
        for name, changed in _CHANGED.items()
        if level < changed and not config.is_set(name) and not config.is_set(_INSTEAD.get(name, name))
    )


def kept(setting: str, purpose: str) -> str:
    """Return the words for the log about a default of old that has made a difference."""
    return f"using backwards-compatible default setting {setting} to {purpose}"


def tell_old_defaults(names: Iterable[str]) -> list[str]:
    """Return what the administrator is told about defaults of old, nothing when there are none."""
    listed = ", ".join(sorted(names))
    if not listed:
        return []
    return [
        f"using backwards-compatible default settings: {listed}",
        f'to disable backwards compatibility use "postconf compatibility_level={LAST_LEVEL}" and "pyfix reload"',
    ]
