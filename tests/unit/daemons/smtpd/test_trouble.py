"""The class of a refusal by its reply, where no session shows it: sessions/smtp/test_trouble.py has the others."""

from __future__ import annotations

import pytest

from pyfix.daemons.smtpd.trouble import trouble_of_command, trouble_of_message
from pyfix.mail.notices.trouble import Trouble
from pyfix.mail.smtp import replies


@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        (replies.VRFY_DISABLED, Trouble.POLICY),
        (replies.NEED_HELO, Trouble.POLICY),
        (replies.ETRN_NEED_HELO, Trouble.POLICY),
        (replies.access_denied("x[1.2.3.4]"), Trouble.POLICY),
        (replies.NO_STORAGE, Trouble.RESOURCE),
        (replies.WRITE_ERROR, Trouble.RESOURCE),
        (replies.BDAT_DISABLED, Trouble.PROTOCOL),
        (replies.DSN_DISABLED, Trouble.PROTOCOL),
        (replies.chunk_discarded(3), Trouble.NONE),
        (replies.etrn_refused("x.test"), Trouble.NONE),
    ],
)
def test_command(reply: str, trouble: Trouble) -> None:
    """As with Postfix."""
    assert trouble_of_command(reply) is trouble


@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        (replies.MESSAGE_TOO_BIG, Trouble.BOUNCE),
        ("554 5.4.0 Error: too many hops", Trouble.BOUNCE),
        (replies.WRITE_ERROR, Trouble.RESOURCE),
        (replies.NO_STORAGE, Trouble.RESOURCE),
        ("451 4.3.0 Error: internal protocol error", Trouble.SOFTWARE),
        ("451 4.6.0 Alias expansion error", Trouble.SOFTWARE),
        ("501 5.1.3 Bad recipient address syntax", Trouble.SOFTWARE),
    ],
)
def test_message(reply: str, trouble: Trouble) -> None:
    """What cleanup refuses and smtpd had accepted is our fault, with three exceptions."""
    assert trouble_of_message(reply) is trouble
