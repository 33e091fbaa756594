"""Lists of what is kept of an environment."""

import pytest

from pyfix.base.environment import choose
from pyfix.mail.config.values import words

OWN = {"TZ": "UTC", "LANG": "de_DE.UTF-8", "SECRET": "x"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("TZ, LANG=C", {"TZ": "UTC", "LANG": "C"}),
        ("TZ LANG", {"TZ": "UTC", "LANG": "de_DE.UTF-8"}),
        ("NONE EMPTY=", {"EMPTY": ""}),
        ("{ MOTD=a word, or two }, TZ", {"MOTD": "a word, or two", "TZ": "UTC"}),
        ("{TZ} {A={b}}", {"TZ": "UTC", "A": "{b}"}),
        ("", {}),
    ],
)
def test_only_what_is_named_is_kept(text: str, kept: dict[str, str]) -> None:
    """Names with the value that they have, name=value with that one, and braces around blanks and commas."""
    assert choose(words(text, "import_environment"), OWN) == kept
