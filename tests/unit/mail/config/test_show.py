"""How parameters are printed."""

from __future__ import annotations

import pytest

from pyfix.mail.config.show import Style, show_value

PLAIN = Style()
FOLDED = Style(fold=True)


@pytest.mark.parametrize(
    ("style", "shown"),
    [(PLAIN, "name = a, b c"), (Style(names=False), "a, b c"), (Style(values=False), "name")],
)
def test_value_is_shown_on_one_line(style: Style, shown: str) -> None:
    """White space inside it is one blank."""
    assert show_value("name", "a,\tb   c", style) == shown


def test_empty_value_ends_with_the_equals_sign() -> None:
    """As Postfix prints it, with nothing behind it."""
    assert show_value("name", "", PLAIN) == "name ="


def test_long_value_is_folded_at_80_columns() -> None:
    """A word longer than that stays whole."""
    words = ["x" * 20] * 5 + ["y" * 100]
    assert show_value("name", " ".join(words), FOLDED).split("\n") == [
        "name = " + " ".join(words[:3]), "    " + " ".join(words[3:5]), "    " + words[5],
    ]  # fmt: skip
