"""Query and result templates: what each code stands for, and when there is nothing to ask."""

from __future__ import annotations

import pytest

from pyfix.mail.maps.template import BadTemplate, Template, Templates


def query(text: str, key: str) -> str | None:
    """Return what a query template makes of a key."""
    template = Template.parse(text)
    values = Templates([template]).of_key(key)
    return None if values is None else template.fill(values)


def result(text: str, value: str, key: str, asked: str = "%s") -> str | None:
    """Return what a result template makes of a value that was found for a key."""
    templates = Templates([Template.parse(asked)], Template.parse(text))
    values = templates.of_key(key)
    return None if values is None else templates.result(value, values)


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("[%s]", "user@sub.example.com", "[user@sub.example.com]"),
        ("[%u][%d]", "user@sub.example.com", "[user][sub.example.com]"),
        ("[%S][%U][%D]", "user@sub.example.com", "[user@sub.example.com][user][sub.example.com]"),
        ("[%1][%2][%3]", "user@sub.example.com", "[com][example][sub]"),
        ("100%%", "user", "100%"),
        ("%%s", "user", "%s"),
        ("[%u]", "user", "[user]"),
        ("[%u][%d]", "a@b@c.test", "[a@b][c.test]"),
        ("[%1]", "user@a..b.", "[b]"),
        ("fixed", "user", "fixed"),
    ],
)
def test_query_template_is_filled_with_the_key(text: str, key: str, expected: str) -> None:
    """Each code; the last @ separates the domain."""
    assert query(text, key) == expected


@pytest.mark.parametrize(
    ("text", "key"),
    [("%s", ""), ("%d", "user"), ("%d", "user@"), ("%D", "user"), ("%u", "@domain"), ("%U", "@domain"),
     ("%1", "user"), ("%3", "user@example.com"), ("%u%d", "@d.test")],
)  # fmt: skip
def test_key_without_what_the_query_needs_is_not_asked_for(text: str, key: str) -> None:
    """No domain, no local part, too few labels."""
    assert query(text, key) is None


@pytest.mark.parametrize(
    ("text", "value", "key", "expected"),
    [
        ("smtp:[%s]", "mx.test", "user@d.test", "smtp:[mx.test]"),
        ("%u at %d", "a@b", "user@d.test", "a at b"),
        ("%u", "nobody", "user@d.test", "nobody"),
        ("%s %S %U %D %2", "a@b", "user@d.test", "a@b user@d.test user d.test d"),
        ("%d", "nobody", "user@d.test", None),
        ("%d", "a@", "user@d.test", None),
        ("%u", "@b", "user@d.test", None),
        ("%D", "a@b", "user", None),
        ("%2", "a@b", "user@localhost", None),
        ("%U", "a@b", "@d.test", None),
    ],
)
def test_result_template_mixes_value_and_key(text: str, value: str, key: str, expected: str | None) -> None:
    """A value, or a key, that lacks what the template needs gives nothing."""
    assert result(text, value, key) == expected


def test_values_are_quoted_where_they_are_filled_in_and_nothing_else_is() -> None:
    """The template itself stays as it is."""
    template = Template.parse("'%s' '%%' '%1'")
    values = Templates([template]).of_key("o'neil@d'x")
    assert values is not None
    assert template.fill(values, lambda text: text.replace("'", "''")) == "'o''neil@d''x' '%' 'd''x'"


@pytest.mark.parametrize("text", ["%", "a%", "%x", "%0", "% s", "%%%"])
def test_unknown_code_is_refused(text: str) -> None:
    """When the table is opened."""
    with pytest.raises(BadTemplate, match="is none of"):
        Template.parse(text)
