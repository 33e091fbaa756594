"""Which settings of main.cf, and which services, fields and parameters of master.cf, a postconf command line asks for.

Pure. What cannot be meant is a ConfigError in Postfix's words.
See: postconf(1), options -e, -#, -X, -M, -F and -P.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pyfix.mail.config import ConfigError
from pyfix.mail.config.edit_master import ANY, Action, Request
from pyfix.mail.config.lines import BLANKS
from pyfix.mail.config.maincf import split_assignment
from pyfix.mail.config.service_line import FIELDS
from pyfix.mail.config.values import ValueRefused

_ACTIONS: Final = {
    ("M", "e"): Action.REPLACE,
    ("M", "#"): Action.COMMENT,
    ("M", "X"): Action.DELETE,
    ("F", "e"): Action.SET_FIELD,
    ("P", "e"): Action.SET_PARAMETER,
    ("P", "X"): Action.REMOVE_PARAMETER,
}
_SYNTAX: Final = {
    "M": "-Me, -MX or -M# requires service_name/type",
    "F": "-Fe or -FX requires service_name/type/field_name",
    "P": "-Pe or -PX requires service_name/type/parameter",
}
_SHOWN_SYNTAX: Final = {
    "M": "-M option requires service_name[/type]",
    "F": "-F option requires service_name[/type[/field]]",
    "P": "-P option requires service_name[/type[/parameter]]",
}
_PARTS: Final = {"M": 2, "F": 3, "P": 3}


def shown_requests(mode: str, words: Sequence[str]) -> list[Request]:
    """Return what is to be shown, "*" for what is left out; everything without words."""
    return [_shown(mode, word) for word in words or (ANY,)]


def _shown(mode: str, word: str) -> Request:
    """Return one request to show."""
    parts = _split(word)
    if not 0 < len(parts) <= _PARTS[mode]:
        raise ConfigError(_SHOWN_SYNTAX[mode])
    service, kind, item = [*parts, ANY, ANY][:3]
    if mode == "F" and item != ANY:
        _check_field(item)
    return Request(word, service, kind, item)


def edit_requests(mode: str, edit: str, words: Sequence[str]) -> tuple[Action, list[Request]]:
    """Return what is to be changed; edit is e, # or X."""
    action = _ACTIONS.get((mode, edit))
    if action is None:
        raise ConfigError(f"with option -{mode}, do not specify -{edit}")
    return action, [_edited(mode, edit, word) for word in words]


def _edited(mode: str, edit: str, word: str) -> Request:
    """Return one request to change something."""
    _check_word(word, "-Me, -Fe, -Pe, -X, or -# accept", "-X or -# requires names without value", edit)
    pattern, value = _assignment(word) if edit == "e" else (word, "")
    parts = _split(pattern.strip(BLANKS))
    if len(parts) != _PARTS[mode]:
        raise ConfigError(_SYNTAX[mode])
    service, kind, item = [*parts, ""][:3]
    if item == ANY:
        raise ConfigError(f"-{mode}e does not accept wild-card {'field' if mode == 'F' else 'parameter'} name")
    has_blanks = len(value.split()) > 1
    if mode == "F":
        _check_field(item)
        if has_blanks and item != "command":
            raise ConfigError("-Fe does not accept whitespace in non-command field")
    elif mode == "P" and has_blanks:
        raise ConfigError("-Pe does not accept whitespace in parameter value")
    return Request(word, service, kind, item, value)


def main_assignments(words: Sequence[str], warn: Callable[[str], None]) -> dict[str, str]:
    """Return the settings of main.cf to change; the last of a name counts."""
    found: dict[str, str] = {}
    for word in words:
        _check_word(word, "-e, -X, or -# accepts", "", "e")
        name, value = _assignment(word)
        if name in found:
            warn(f"ignoring earlier request: '{name} = {found[name]}'")
        found[name] = value
    return found


def main_names(words: Sequence[str]) -> list[str]:
    """Return the settings of main.cf to remove."""
    for word in words:
        _check_word(word, "-e, -X, or -# accepts", "-X or -# requires parameter names without value", "X")
        if not word.strip(BLANKS):
            raise ConfigError("-X or -# requires non-blank parameter names")
    return [word.strip(BLANKS) for word in words]


def _check_word(word: str, accepts: str, no_value: str, edit: str) -> None:
    """Refuse a word that would break the file, and a value where there is none."""
    if any(character in word for character in "\n\0") or "\r" in word.strip(BLANKS):
        raise ConfigError(f"{accepts} no multi-line input")
    if any("\udc80" <= character <= "\udcff" for character in word):
        raise ConfigError(f"{accepts} UTF-8 text only")
    if word.lstrip(BLANKS).startswith("#"):
        raise ConfigError(f"{accepts} no comment input")
    if edit != "e" and "=" in word:
        raise ConfigError(no_value)


def _assignment(word: str) -> tuple[str, str]:
    """Return what stands before and behind the "="."""
    try:
        return split_assignment(word)
    except ValueRefused as refused:
        raise ConfigError(str(refused).partition("; specify")[0]) from None


def _split(pattern: str) -> list[str]:
    """Return the parts between slashes."""
    return [part for part in pattern.split("/") if part]


def _check_field(name: str) -> None:
    """Refuse what is no column of master.cf."""
    if name not in FIELDS:
        raise ConfigError(f'invalid service attribute name: "{name}"')
