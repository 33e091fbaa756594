"""Replies as verdicts."""

import pytest

from pyfix.daemons.smtp import verdict
from pyfix.mail.ipc.messages import Dsn
from pyfix.proto.smtp_client.actions import Stage
from pyfix.proto.smtp_client.reply import Reply


def test_refusal_says_who_said_what_to_what() -> None:
    """The Dsn carries the reply for the notice, too."""
    found = verdict.refused(Reply(550, "550-5.1.1 no\n550 5.1.1 really"), Stage.RCPT, "h.test", "h.test[192.0.2.1]")
    assert found == Dsn(
        "5.1.1",
        "host h.test[192.0.2.1] said: 550-5.1.1 no 550 5.1.1 really (in reply to RCPT TO command)",
        "smtp",
        "550-5.1.1 no 550 5.1.1 really",
        "h.test",
    )


@pytest.mark.parametrize(
    ("code", "text", "status", "prefix"),
    [
        (250, "250 odd", "5.5.0", "Protocol error: host "),
        (354, "354 odd", "5.5.0", "host "),
        (99, "099", "5.5.0", "host "),
    ],
)
def test_reply_that_is_no_answer_is_permanent(code: int, text: str, status: str, prefix: str) -> None:
    """As in Postfix."""
    found = verdict.refused(Reply(code, text), Stage.DATA, "h", "h[1]")
    assert found.status == "5.5.0"
    assert found.reason.startswith(prefix)


def test_permanent_greeting_is_skipped_on_demand() -> None:
    """smtp_skip_5xx_greeting: another server may be kinder. It does not hold for EHLO."""
    reply = Reply(554, "554 5.7.1 no")
    for stage, skip, status in (
        (Stage.GREETING, True, "4.7.1"),
        (Stage.GREETING, False, "5.7.1"),
        (Stage.EHLO, True, "5.7.1"),
    ):
        assert verdict.site_refused(reply, stage, "h", "h[1]", skip_5xx_greeting=skip).status == status


def test_socket_has_no_port_in_its_verdict() -> None:
    """LMTP over a Unix-domain socket."""
    assert verdict.not_connected("me", "/s", 0, "No such file").reason == "connect to me[/s]: No such file"
    assert verdict.not_connected("h", "192.0.2.1", 25, "refused").reason == "connect to h[192.0.2.1]:25: refused"
