"""No pattern and no key can hang a process, and long keys are searched as short ones are."""

from __future__ import annotations

import contextlib
import re
import time
import warnings

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pyfix.mail.maps import TableError
from pyfix.mail.maps.pattern_table import ONE_CALL, SUBJECT_LIMIT, PatternTable, Rule, search_stepwise

ATOMS = st.sampled_from(["a", "b", "-", ".", "[ab]", "[^b]", r"\w", "^", "$", r"\b", "(?=.*a.*b)", r"(?<=a)"])
REPEATS = st.sampled_from(["", "", "*", "+", "?", "*?", "{0,40}", "{3,400}", "{2,}"])


def patterns(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Put groups, alternatives, sequences and back references around what there is."""
    repeated = st.tuples(inner, REPEATS).map(lambda parts: f"(?:{parts[0]}){parts[1]}")
    return st.one_of(
        st.lists(repeated, min_size=1, max_size=5).map("".join),
        st.lists(inner, min_size=2, max_size=4).map("|".join).map(lambda text: f"({text})"),
        inner.map(lambda text: rf"(?:({text})\1)" if "(" not in text else text),
    )


PATTERNS = st.recursive(ATOMS, patterns, max_leaves=12)
HARD = st.tuples(st.lists(PATTERNS, min_size=1, max_size=4), st.sampled_from([".*", "[ab-]*", "(?:a|-|b)*?"])).map(
    lambda parts: parts[1].join([*parts[0], "Z"])
)
"""The last character is in no key: the matcher has to try everything."""
KEYS = st.tuples(st.text("ab-@", min_size=1, max_size=4), st.sampled_from([20, ONE_CALL, SUBJECT_LIMIT])).map(
    lambda parts: parts[0] * (parts[1] // len(parts[0]))
)


def compiled(text: str) -> re.Pattern[str] | None:
    """Return the pattern, None for what is none."""
    with warnings.catch_warnings(), contextlib.suppress(re.error):
        warnings.simplefilter("ignore")
        return re.compile(text, re.IGNORECASE | re.DOTALL | re.ASCII)
    return None


@settings(max_examples=150)
@given(texts=st.lists(HARD, min_size=1, max_size=5), key=KEYS)
def test_lookup_ends_soon_whatever_the_pattern(texts: list[str], key: str) -> None:
    """In a value, in None, or in a TableError."""
    rules = [Rule(pattern, False, "found") for text in texts if (pattern := compiled(text))]
    table = PatternTable("regexp:test", rules, limit_s=0.02)
    begin = time.process_time()
    with contextlib.suppress(TableError):
        assert table.lookup(key) is None
    assert time.process_time() - begin < 1.5


@settings(max_examples=300)
@given(text=PATTERNS, key=st.text("ab-", max_size=30))
def test_long_key_is_searched_as_a_short_one(text: str, key: str) -> None:
    """A search start by start finds what one call finds."""
    pattern = compiled(text)
    assume(pattern is not None)
    assert pattern is not None
    table = PatternTable("regexp:test", [Rule(pattern, False, _shown)], limit_s=0.02)
    try:
        found = table.lookup(key)
    except TableError:
        return  # how long the other one would take nobody knows
    match = search_stepwise(pattern, key)
    assert found == (None if match is None else _shown(match))


def _shown(match: re.Match[str] | None) -> str:
    assert match is not None
    return f"{match.span()} {match.groups()}"
