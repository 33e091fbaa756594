"""The expansion of one recipient."""

import pytest

from pyfix.mail.rewrite.expansion import ExpansionError, ExpansionLimits, expand

LIMITS = ExpansionLimits(5, 3, 40)


def lookup_in(table: dict[str, list[str]]):  # type: ignore[no-untyped-def]  # a small closure for the tests below
    return lambda address: table.get(address.lower())


def test_an_address_without_alias_stands_for_itself() -> None:
    """The usual case."""
    assert expand("a@b", lookup_in({}), LIMITS, "table") == ["a@b"]


def test_aliases_are_followed_to_the_end() -> None:
    """First results keep their place, the others follow."""
    table = {"a": ["b", "c"], "b": ["d", "e"], "c": ["f"]}
    assert expand("a", lookup_in(table), LIMITS, "table") == ["d", "f", "e"]


def test_an_address_may_expand_into_itself_and_others() -> None:
    """`user: user, archive` is no loop, whatever the case."""
    assert expand("User", lookup_in({"user": ["user", "archive"]}), LIMITS, "table") == ["user", "archive"]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"a": list("bcdefg")}, "unreasonable table map expansion size for a"),
        ({"a": ["b"], "b": ["c"], "c": ["d"], "d": ["e"]}, "unreasonable table map nesting for a"),
        ({"a": ["x" * 41]}, f"unreasonable table result {'x' * 41}..."),
    ],
)
def test_limits_end_an_expansion(table: dict[str, list[str]], problem: str) -> None:
    """virtual_alias_expansion_limit, _recursion_limit and _address_length_limit, in Postfix's words."""
    with pytest.raises(ExpansionError) as caught:
        expand("a", lookup_in(table), LIMITS, "table")
    assert str(caught.value) == problem


def test_a_loop_of_two_ends_with_the_recursion_limit() -> None:
    """It is a mistake, not an endless loop."""
    with pytest.raises(ExpansionError, match="nesting"):
        expand("a", lookup_in({"a": ["b"], "b": ["a"]}), LIMITS, "table")
