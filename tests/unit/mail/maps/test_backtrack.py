"""Patterns that could hang a server are told from those that cannot."""

from __future__ import annotations

import re

import pytest

from pyfix.mail.maps.backtrack import is_exponential

HARMFUL = (
    r"^(a+)+$",
    r"^(a*)*$",
    r"(a|ab|a.)*c",
    r"(a.?)*b",
    r"(foo|foofoo)*x",
    r"([a-z]+)*@",
    r"^(\w+\s?)*$",
    r"(.*,)*x",
    r"((a+)b?)*c",
    r"(a{0,20}){0,40}b",
    r"(x+x+)+y",
    r"(?:(?:a|b)+)+c",
    r"(\d+|[0-9]x)*y",
)
HARMLESS = (
    r"^([^.]+\.)*example\.com$",
    r"^([a-z0-9]+(-[a-z0-9]+)*\.)+example\.com$",
    r"^(.*)@(.*)$",
    r"(foo|bar|baz)*",
    r"(foo|far)+",
    r"(com|co-op)*x",
    r"((a|b)(c|d))*e",
    r"^(\d{1,3}\.){3}\d{1,3}$",
    r"(ab?)*c",
    r"^[^@]+@[^@]+$",
    r"(a+){2,3}",
    r"^owner-(.*)@lists\.(example|test)\.org$",
    r"",
)


@pytest.mark.parametrize("pattern", HARMFUL)
def test_ambiguous_repetition_is_found(pattern: str) -> None:
    """A repetition that can share out one text in many ways is called exponential."""
    assert is_exponential(pattern, re.IGNORECASE)


@pytest.mark.parametrize("pattern", HARMLESS)
def test_ordinary_pattern_is_accepted(pattern: str) -> None:
    """What people write in tables is not refused."""
    assert not is_exponential(pattern, re.IGNORECASE)
