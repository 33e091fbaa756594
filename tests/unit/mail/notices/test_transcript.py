"""The text of transcripts against that of Postfix 3.7.

tests/golden/transcripts holds one folder a case: session.json (what was said, and what main.cf had to do with it) and
notice (what Postfix mailed, without what cleanup and the mailbox add; ids and dates masked).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pyfix.mail.notices.transcript import Sender, Transcript, client_transcript, compose_notice, server_transcript
from pyfix.proto.dialogue import Dialogue
from pyfix.proto.smtp_client.actions import Action, Finished, Ready, SendContent
from pyfix.proto.smtp_client.commands import Mail, Rcpt
from pyfix.proto.smtp_client.session import Session, SessionSettings

GOLDEN = Path(__file__).parents[3] / "golden" / "transcripts"


def told_by_server(given: Mapping[str, Any]) -> Transcript:
    """Repeat a dialogue of smtpd's."""
    dialogue = Dialogue()
    for direction, text in given["dialogue"]:
        if direction == "said":
            dialogue.said(text)
        else:
            dialogue.heard(text.encode("latin-1"))
    return server_transcript(given["peer"], dialogue, given.get("reason", ""))


def told_by_client(given: Mapping[str, Any]) -> Transcript:
    """Let the client's session hear what the server said, and answer."""
    lmtp, dialogue = given["protocol"] == "LMTP", Dialogue()
    session = Session(SessionSettings("mail.bench.test", lmtp=lmtp, skip_quit_reply=not lmtp), dialogue)

    def perform(actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Ready():
                    perform(session.begin(Mail("u1@bench.test"), [Rcpt(address) for address in given["recipients"]]))
                case SendContent():
                    perform(session.terminate(then_quit=True))
                case Finished():
                    perform(session.finish(keep=False))

    for piece in given["dialogue"]:
        perform(session.receive(piece.encode("latin-1")))
    return client_transcript(given["protocol"], given["peer"], dialogue)


@pytest.mark.parametrize("case", sorted(GOLDEN.iterdir()), ids=lambda case: case.name)
def test_transcripts_are_those_of_postfix(case: Path) -> None:
    """Header, words, folding, and what is done to what can't be printed."""
    given = json.loads((case / "session.json").read_text())
    transcript = (told_by_server if given["kind"] == "server" else told_by_client)(given)
    sender = Sender(
        "mail.bench.test", "Postfix", given.get("from_format", "standard"), eight_bit=given.get("eight_bit", True)
    )
    notice = compose_notice(transcript, sender, "errors@bench.test", "QUEUEID", 1_800_000_000.0).decode()
    masked = re.sub(r"(?m)(^Date: |QUEUEID; ).*", r"\1DATE", notice)
    assert masked.splitlines() == (case / "notice").read_text().splitlines()


@pytest.mark.parametrize("text", ["x\nBcc: y@z", "x\r\n\r\ny", "\u2028x"])
def test_name_of_a_peer_makes_no_header(text: str) -> None:
    """Whatever the DNS says."""
    for transcript in (server_transcript(text, Dialogue()), client_transcript("SMTP", text, Dialogue())):
        notice = compose_notice(transcript, Sender("h", "m"), text, "ID", 0.0).decode()
        header = notice.partition("\n\n")[0].splitlines()
        assert [line.partition(":")[0] for line in header if line[0] != "\t"] == [
            "Received", "Date", "From", "To", "Subject",
        ]  # fmt: skip


def test_what_a_stranger_says_never_begins_a_line() -> None:
    """Each of its lines stands behind a space."""
    dialogue = Dialogue()
    dialogue.heard(b"x" * 90 + b" From me\r\rSubject: " + b"y" * 90)
    body = server_transcript("peer", dialogue).body
    quoted = body.partition("follows.\n\n")[2].partition("\n\n\n")[0]
    assert len(quoted.splitlines()) > 1
    assert all(line.startswith(" ") for line in quoted.splitlines())
