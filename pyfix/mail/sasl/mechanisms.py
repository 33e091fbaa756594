"""Which of the mechanisms that are offered a configuration wants: smtpd_sasl_security_options and its like."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from pyfix.proto.dovecot_auth import Mechanism

_UNWANTED: Final = {
    "noplaintext": "plaintext",
    "noactive": "active",
    "nodictionary": "dictionary",
    "noanonymous": "anonymous",
}
_NEEDED: Final = {"mutual_auth": "mutual-auth", "forward_secrecy": "forward-secrecy"}


@dataclass(frozen=True, slots=True)
class SecurityOptions:
    """Properties that a mechanism must have, and those it must not have."""

    needed: frozenset[str] = frozenset()
    unwanted: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, words: Iterable[str]) -> Self:
        """Take the words of a parameter, in any case; raises ValueError that names the one that is unknown."""
        folded = [word.lower() for word in words]
        for word in folded:
            if word not in _UNWANTED and word not in _NEEDED:
                raise ValueError(f'unknown security option "{word}": need one of {", ".join((*_UNWANTED, *_NEEDED))}')
        return cls(
            frozenset(_NEEDED[word] for word in folded if word in _NEEDED),
            frozenset(_UNWANTED[word] for word in folded if word in _UNWANTED),
        )

    def allow(self, mechanism: Mechanism) -> bool:
        """True when a mechanism may be used, and is meant for clients at all."""
        has = frozenset(word.lower() for word in mechanism.properties)
        return has >= self.needed and not has & self.unwanted and "private" not in has
