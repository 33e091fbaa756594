"""pass_attrs and user_attrs of Dovecot's LDAP files: which fields the attributes of an entry are. Pure.

uid=user, userPassword=password, =mail=maildir:/mail/%{ldap:uid}, homeDirectory=home
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_ATTRIBUTE: Final = re.compile(r"%\{ldap:([A-Za-z0-9.;-]+)(?::([^}]*))?\}")
_NAME: Final = re.compile(r"[A-Za-z0-9.;-]+")


@dataclass(frozen=True, slots=True)
class LdapField:
    """One field: a text with the values of attributes."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class LdapFields:
    """All of a setting."""

    fields: tuple[LdapField, ...]

    @property
    def attributes(self) -> tuple[str, ...]:
        """What a search asks for."""
        found = (match[1] for field in self.fields for match in _ATTRIBUTE.finditer(field.text))
        return tuple(dict.fromkeys(found)) or ("1.1",)

    def read(self, entry: Mapping[str, Sequence[bytes]]) -> dict[str, str | None]:
        """Return the fields of an entry; one that is an attribute which is not there is none."""
        values = {name.casefold(): _text(found[0]) for name, found in entry.items() if found}
        return {field.name: text for field in self.fields if (text := _fill(field.text, values)) is not None}


def _fill(text: str, values: Mapping[str, str]) -> str | None:
    whole = _ATTRIBUTE.fullmatch(text)
    if whole is not None and whole[2] is None:
        return values.get(whole[1].casefold())
    return _ATTRIBUTE.sub(lambda found: values.get(found[1].casefold(), found[2] or ""), text)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def parse_fields(text: str) -> LdapFields:
    """Return the fields that a setting lists; raises ValueError."""
    return LdapFields(tuple(_field(word) for part in text.split(",") if (word := part.strip())))


def _field(word: str) -> LdapField:
    attribute, equals, rest = word.partition("=")
    if not attribute:
        name, equals, template = rest.partition("=")
        if not name or not equals:
            raise ValueError(f'need =field=text instead of "{word[:60]}"')
        return LdapField(name, template)
    if not _NAME.fullmatch(attribute):
        raise ValueError(f'need attribute=field instead of "{word[:60]}"')
    name, equals, template = (rest or attribute).partition("=")
    if not equals:
        return LdapField(name, f"%{{ldap:{attribute}}}")
    if "%" in template.replace("%$", ""):
        raise ValueError(f'only %$ is built in "{word[:60]}"; use =field=text with %{{ldap:attribute}}')
    return LdapField(name, template.replace("%$", f"%{{ldap:{attribute}}}"))
