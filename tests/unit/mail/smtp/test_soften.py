"""Replies under soft_bounce."""

from __future__ import annotations

import pytest

from pyfix.mail.smtp.replies import soften


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("550 5.1.1 <a@b>: unknown", "450 4.1.1 <a@b>: unknown"),
        ("500 5.5.2 Error", "400 4.5.2 Error"),
        ("502 not implemented", "402 not implemented"),
        ("250 2.0.0 Ok", "250 2.0.0 Ok"),
        ("550-5.7.1 one\r\n550 5.7.1 two", "450-4.7.1 one\r\n450 4.7.1 two"),
        ("5", "4"),
    ],
)
def test_only_refusals_for_good_change(reply: str, expected: str) -> None:
    """Code and enhanced status, on every line."""
    assert soften(reply) == expected
