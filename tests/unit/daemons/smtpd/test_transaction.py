"""What a transaction keeps in memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pyfix.daemons.smtpd.server import Common
from pyfix.daemons.smtpd.transaction import CROWDED_PIECE, GATHER_LIMIT, Transaction


def transaction(crowded: bool) -> Transaction:
    """A transaction of a server whose sessions together hold much, or little."""
    params = SimpleNamespace(message_size_limit=0)
    server: Any = SimpleNamespace(params=params, common=Common(), is_crowded=crowded)
    mail: Any = None
    return Transaction(server, mail, 1.0)


@pytest.mark.parametrize(("crowded", "limit"), [(False, GATHER_LIMIT), (True, CROWDED_PIECE)])
def test_content_goes_to_the_file_early_when_the_server_is_crowded(crowded: bool, limit: int) -> None:
    """A client that stops in mid-message holds no more than the limit that is in force."""
    message = transaction(crowded)
    message.append(b"x" * limit)
    assert not message.must_spool
    message.append(b"x")
    assert message.must_spool
