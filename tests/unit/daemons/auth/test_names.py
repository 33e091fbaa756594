"""Names of logins."""

from __future__ import annotations

import pytest

from pyfix.daemons.auth.names import BadFormat, NameRules, show


@pytest.mark.parametrize(
    ("realm", "form", "login", "name"),
    [
        ("", "%Lu", "Alice@X.Test", "alice@x.test"), ("x.test", "%Lu", "Alice", "alice@x.test"),
        ("x.test", "%Lu", "a@b", "a@b"), ("", "%u", "Alice@X.Test", "Alice@X.Test"), ("", "%Ln", "Al@X", "al"),
        ("", "%n@%Ld", "Al@X", "Al@x"), ("", "%Lu", "ÄB", "äb"),
        ("", "%Ln", "a@b@c", "a@b"), ("", "%Lu", "%u%d", "%u%d"),
        ("", "mail.%n", "al", "mail.al"),
    ],
)  # fmt: skip
def test_names(realm: str, form: str, login: str, name: str) -> None:
    """Realm first, then the format."""
    assert NameRules(realm, form).normalise(login) == name


@pytest.mark.parametrize("form", ["%x", "%", "%LLu", "a%"])
def test_format_that_is_none(form: str) -> None:
    """Told when it is read."""
    with pytest.raises(BadFormat):
        NameRules("", form)


def test_shown_name_is_one_word() -> None:
    """Nobody writes log lines by logging in."""
    assert show("a,192.0.2.1): unknown user\n>") == "a?192.0.2.1???unknown?user??"
    assert show("süß+x@y.test") == "süß+x@y.test"
    assert len(show("x" * 1000)) == 120
