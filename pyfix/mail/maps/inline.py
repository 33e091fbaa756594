"""inline_table(5): a table that is written in main.cf itself.

    inline:{key=value, { key = value with, commas and blanks }}

For a handful of entries. Entries are separated by commas and white space; one that holds some stands in braces. Rules
of regexp_table(5), pcre_table(5) and cidr_table(5) can be written likewise: regexp:{{/pattern/ result}, ...}.

Failures: wrong syntax is a mistake in main.cf, which keeps the process from starting.

Example:

    transport_maps = inline:{example.com=smtp:[10.1.2.3],
        { example.org = error: this domain has closed }}

See: lookup_tables(5), texthash_table(5), postconf(5)
"""

from __future__ import annotations

from pyfix.mail.config import ConfigError
from pyfix.mail.config.values import ValueRefused, words
from pyfix.mail.maps.source import LogicalLine


def parse(spec: str, name: str, fold: bool) -> dict[str, str]:
    """Return the content of an inline table; of a key that comes again the last value counts. Raises ConfigError."""
    need = 'need "inline:{name=value...}"'
    content: dict[str, str] = {}
    for word in brace_words(spec, name, need):
        key, equals, value = unbrace(word).partition("=")
        if not equals:
            raise ConfigError(f"missing '=' after attribute name: \"{spec}\"; {need}")
        key = key.strip()
        if not key:
            raise ConfigError(f'missing attribute name: "{spec}"; {need}')
        content[key.casefold() if fold else key] = value.strip()
    if not content:
        raise ConfigError(f'empty table: "{spec}"; {need}')
    return content


def rule_lines(spec: str, name: str) -> list[LogicalLine]:
    """Return the rules of a pattern table in braces, numbered from 1."""
    need = f'need "{spec.partition(":")[0]}:{{{{rule}}, ...}}"'
    found = []
    for number, word in enumerate(brace_words(spec, name, need), 1):
        if not word.startswith("{"):
            raise ConfigError(f'bad syntax: "{spec}"; {need}')
        text = unbrace(word)
        if text:
            found.append(LogicalLine(text, number))
    return found


def brace_words(spec: str, name: str, need: str) -> list[str]:
    """Return the words between the braces that name consists of; raises ConfigError. Braces of words are balanced."""
    if not name.startswith("{") or _closing(name) != len(name) - 1:
        raise ConfigError(f'bad syntax: "{spec}"; {need}')
    try:
        found = words(name[1:-1].strip(), spec)
        for word in found:
            unbrace(word)
    except (ValueRefused, UnbalancedBraces) as refused:
        raise ConfigError(f'bad syntax: "{spec}": {refused}; {need}') from None
    return found


class UnbalancedBraces(ValueError):
    """A text begins with a brace and does not end with its fellow; str() is the message."""


def unbrace(word: str) -> str:
    """Return the word without the braces around it and the white space inside them; raises UnbalancedBraces."""
    if not word.startswith("{"):
        return word
    end = _closing(word)
    if end < 0:
        raise UnbalancedBraces(f"missing '}}' in \"{word}\"")
    if end < len(word) - 1:
        raise UnbalancedBraces(f"syntax error after '}}' in \"{word}\"")
    return word[1:-1].strip()


def _closing(text: str) -> int:
    """Return the index of the brace that closes the first one, -1 when none does."""
    depth = 0
    for index, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return index
    return -1
