"""Whatever stands in main.cf, the list of approved tables can be made of it, and a name is a table or refused."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyfix.mail.config import ConfigError
from pyfix.mail.maps.approved import approved_tables
from pyfix.mail.maps.leaves import is_pattern, leaves, may_wait, unproxied

PIECES = ["proxy:", "pipemap:", "unionmap:", "debug:", "hash:/a", "tcp:x:1", "static:{", "{", "}", ",", " ", ":", "é"]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join)


@given(TEXTS)
def test_only_what_the_text_names_is_approved(text: str) -> None:
    """Each as it stands there, behind proxy:; nothing is raised."""
    for table in approved_tables(text, "proxy_read_maps"):
        assert f"proxy:{table}" in text
        assert unproxied(table) == table


@given(TEXTS)
def test_name_is_made_of_tables_or_refused(text: str) -> None:
    """In words; what is known of it is known of its tables."""
    try:
        found = list(leaves(text))
    except ConfigError as error:
        assert str(error)
        return
    assert found
    assert isinstance(is_pattern(text), bool)
    assert may_wait(text) or all(kind for kind, _ in found)
