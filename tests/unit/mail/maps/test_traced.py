"""Tables that tell what they were asked."""

from __future__ import annotations

import pytest

from pyfix.mail.config import Config
from pyfix.mail.maps import MatchList, TableError, open_maps
from pyfix.mail.maps.traced import Lookup, TracedTable


def listening() -> tuple[Config, list[Lookup]]:
    """Return a configuration, and the list of what its tables tell."""
    config, told = Config.from_text("compatibility_level = 3.7\n"), list[Lookup]()
    config.on_lookup = told.append
    return config, told


def test_each_question_and_answer_is_told_in_its_order() -> None:
    """With the parameter and the table, whether something was found or not."""
    config, told = listening()
    maps = open_maps("inline:{a@b=c} static:x", "virtual_alias_maps", config)
    assert maps.lookup("a@b") == "c"
    assert maps.lookup("d") == "x"
    first, second = "inline:{a@b=c}", "static:x"
    assert told == [
        Lookup("virtual_alias_maps", first, "a@b", "c"),
        Lookup("virtual_alias_maps", first, "d", None),
        Lookup("virtual_alias_maps", second, "d", "x"),
    ]


def test_parts_of_an_address_and_lists_are_told_too() -> None:
    """Every key of a search, and a table in a list of domains."""
    config, told = listening()
    assert open_maps("inline:{@d.test=x}", "m", config).lookup_address("u@d.test") is not None
    assert MatchList("inline:{a.test=1}", "relay_domains", config).matches("x.a.test")
    assert [(lookup.key, lookup.value) for lookup in told] == [
        ("u@d.test", None), ("@d.test", "x"), ("x.a.test", None), ("a.test", "1"),
    ]  # fmt: skip


def test_a_table_that_can_not_be_asked_is_told_with_the_reason() -> None:
    """And still raises."""
    config, told = listening()
    with pytest.raises(TableError):
        open_maps("fail:here", "alias_maps", config).lookup("k")
    assert [(lookup.value, bool(lookup.problem)) for lookup in told] == [(None, True)]


def test_what_is_known_of_a_table_stays_known() -> None:
    """Patterns are asked for whole addresses only, and the owner of aliases decides about rights."""
    config, told = listening()
    maps = open_maps("pcre:{{/^@/ x}}", "m", config)
    assert maps.tables[0].is_pattern and maps.tables[0].name == "pcre:{{/^@/ x}}"
    assert maps.lookup_address("u@d.test") is None
    assert [lookup.key for lookup in told] == ["u@d.test"]


def test_nobody_who_listens_costs_nothing() -> None:
    """A process has its tables as they are."""
    (table,) = open_maps("static:x", "m", Config.from_text("")).tables
    assert not isinstance(table, TracedTable)
