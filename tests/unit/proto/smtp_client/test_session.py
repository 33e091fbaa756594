"""The client session as a dialogue: what the server says, what the client does."""

from typing import Any

import pytest

from pyfix.proto.smtp_client.actions import (
    Accepted,
    Action,
    Closed,
    Finished,
    Idle,
    Lost,
    MessageRefused,
    Ready,
    RecipientRefused,
    Send,
    SendContent,
    SiteRefused,
    Stage,
    Unsendable,
    Violated,
)
from pyfix.proto.smtp_client.commands import Mail, Rcpt
from pyfix.proto.smtp_client.session import Session, SessionSettings

PIPELINING = b"250-h\r\n250 PIPELINING\r\n"
MAIL = Mail("s@x")
TWO = [Rcpt("a@x"), Rcpt("b@x")]


def brief(actions: list[Action]) -> list[Any]:
    """Actions in a form that reads well: bytes for Send, names for the rest."""
    out: list[Any] = []
    for action in actions:
        match action:
            case Send(data):
                out.append(data)
            case Accepted(index, reply):
                out.append(("accepted", index, reply.code))
            case RecipientRefused(index, reply, stage):
                out.append(("rcpt refused", index, reply.code, stage))
            case MessageRefused(reply, stage):
                out.append(("refused", reply.code, stage))
            case Unsendable(index):
                out.append(("unsendable", index))
            case SiteRefused(reply, stage):
                out.append(("site", reply.code, stage))
            case Lost(stage):
                out.append(("lost", stage))
            case Violated(_, stage):
                out.append(("violated", stage))
            case _:
                out.append(type(action))
    return out


def greeted(ehlo: bytes = PIPELINING, **settings: Any) -> Session:
    """A session that is ready."""
    session = Session(SessionSettings("me.test", **settings))
    session.receive(b"220 h ESMTP\r\n")
    assert brief(session.receive(ehlo))[-1] is Ready
    return session


def test_greeting_is_answered_with_ehlo() -> None:
    """And the reply to that makes the session ready."""
    session = Session(SessionSettings("me.test"))
    assert brief(session.receive(b"220 h\r\n")) == [b"EHLO me.test\r\n"]
    assert brief(session.receive(b"250 h\r\n")) == [Ready]
    assert session.stage is Stage.READY


def test_refused_ehlo_falls_back_to_helo() -> None:
    """A server of 1982 is still a server."""
    session = Session(SessionSettings("me.test"))
    session.receive(b"220 h\r\n")
    assert brief(session.receive(b"502 what?\r\n")) == [b"HELO me.test\r\n"]
    assert brief(session.receive(b"250 h\r\n")) == [Ready]


def test_helo_is_used_where_esmtp_is_not_announced() -> None:
    """smtp_always_send_ehlo = no looks at the greeting; smtp_never_send_ehlo = yes does not."""
    for banner, command in ((b"220 h\r\n", b"HELO me\r\n"), (b"220 h ESMTP\r\n", b"EHLO me\r\n")):
        assert brief(Session(SessionSettings("me", always_ehlo=False)).receive(banner)) == [command]
    assert brief(Session(SessionSettings("me", never_ehlo=True)).receive(b"220 h ESMTP\r\n")) == [b"HELO me\r\n"]


@pytest.mark.parametrize("code", [b"421 busy\r\n", b"554 no\r\n", b"354 odd\r\n"])
def test_refused_greeting_ends_the_session(code: bytes) -> None:
    """We say QUIT and go."""
    session = Session(SessionSettings("me"))
    assert brief(session.receive(code)) == [("site", int(code[:3]), Stage.GREETING), b"QUIT\r\n", Closed]


def test_421_to_ehlo_ends_the_session_without_helo() -> None:
    """The server is about to hang up."""
    session = Session(SessionSettings("me"))
    session.receive(b"220 h\r\n")
    assert brief(session.receive(b"421 bye\r\n"))[0] == ("site", 421, Stage.EHLO)


def test_pipelined_envelope_leaves_in_one_piece() -> None:
    """And the content follows only after 354."""
    session = greeted()
    envelope = b"MAIL FROM:<s@x>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n"
    assert brief(session.begin(MAIL, TWO)) == [envelope]
    assert brief(session.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n")) == []
    assert session.stage is Stage.DATA
    assert brief(session.receive(b"354 go\r\n")) == [SendContent]
    assert brief(session.terminate()) == [b".\r\n"]
    assert brief(session.receive(b"250 queued\r\n")) == [("accepted", None, 250), Finished]
    assert brief(session.finish(keep=True)) == [Idle]
    assert session.is_reusable


def test_without_pipelining_each_command_waits() -> None:
    """One command, one reply."""
    session = greeted(b"250 h\r\n")
    assert brief(session.begin(MAIL, TWO)) == [b"MAIL FROM:<s@x>\r\n"]
    assert brief(session.receive(b"250 ok\r\n")) == [b"RCPT TO:<a@x>\r\n"]
    assert brief(session.receive(b"250 ok\r\n")) == [b"RCPT TO:<b@x>\r\n"]
    assert brief(session.receive(b"250 ok\r\n")) == [b"DATA\r\n"]
    assert brief(session.receive(b"354 go\r\n")) == [SendContent]
    assert brief(session.terminate(then_quit=True)) == [b".\r\n"]
    assert brief(session.receive(b"250 ok\r\n")) == [("accepted", None, 250), Finished]
    assert brief(session.finish(keep=False)) == [b"QUIT\r\n", Closed]


def test_refused_recipient_leaves_the_others() -> None:
    """The message goes to those that were accepted."""
    session = greeted()
    session.begin(MAIL, TWO)
    assert brief(session.receive(b"250 ok\r\n550 no\r\n")) == [("rcpt refused", 0, 550, Stage.RCPT)]
    assert brief(session.receive(b"250 ok\r\n354 go\r\n")) == [SendContent]
    session.terminate()
    assert brief(session.receive(b"250 ok\r\n")) == [("accepted", None, 250), Finished]


def test_refused_sender_ends_the_message_at_once_without_pipelining() -> None:
    """A kept session is reset before it is idle."""
    session = greeted(b"250 h\r\n")
    session.begin(MAIL, TWO)
    assert brief(session.receive(b"550 no\r\n")) == [("refused", 550, Stage.MAIL), Finished]
    assert brief(session.finish(keep=True)) == [b"RSET\r\n"]
    assert not session.is_reusable
    assert brief(session.receive(b"250 ok\r\n")) == [Idle]


def test_replies_after_a_refused_sender_mean_nothing_more() -> None:
    """With PIPELINING they still come; no recipient is reported twice."""
    session = greeted()
    session.begin(MAIL, TWO)
    actions = session.receive(b"550 no\r\n503 first MAIL\r\n503 first MAIL\r\n503 first RCPT\r\n")
    assert brief(actions) == [("refused", 550, Stage.MAIL), Finished]


def test_lone_dot_is_sent_when_data_is_accepted_without_recipients() -> None:
    """RFC 2920 section 3.1: the server waits for content, and there is none."""
    session = greeted()
    session.begin(MAIL, TWO[:1])
    assert brief(session.receive(b"250 ok\r\n550 no\r\n354 go\r\n")) == [
        ("rcpt refused", 0, 550, Stage.RCPT), b".\r\n",
    ]  # fmt: skip
    assert brief(session.receive(b"554 no valid recipients\r\n")) == [Finished]


def test_refused_data_refuses_the_message() -> None:
    """For all recipients that are left."""
    session = greeted()
    session.begin(MAIL, TWO)
    assert brief(session.receive(b"250 ok\r\n550 no\r\n250 ok\r\n451 later\r\n")) == [
        ("rcpt refused", 0, 550, Stage.RCPT), ("refused", 451, Stage.DATA), Finished,
    ]  # fmt: skip


def test_refused_content_needs_no_reset() -> None:
    """The transaction is over after any reply to the dot."""
    session = greeted()
    session.begin(MAIL, TWO)
    session.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    session.terminate()
    assert brief(session.receive(b"552 too big\r\n")) == [("refused", 552, Stage.DOT), Finished]
    assert brief(session.finish(keep=True)) == [Idle]


def test_quit_goes_along_with_the_dot() -> None:
    """With PIPELINING, and the reply to QUIT is not waited for."""
    session = greeted()
    session.begin(MAIL, TWO)
    session.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    assert brief(session.terminate(then_quit=True)) == [b".\r\nQUIT\r\n"]
    assert brief(session.receive(b"250 ok\r\n")) == [("accepted", None, 250), Finished, Closed]
    assert brief(session.finish(keep=False)) == []


def test_quit_reply_is_waited_for_on_demand() -> None:
    """lmtp_skip_quit_response = no."""
    session = greeted(skip_quit_reply=False)
    assert brief(session.quit()) == [b"QUIT\r\n"]
    assert session.stage is Stage.QUIT
    assert brief(session.receive(b"221 bye\r\n")) == [Closed]


def test_lmtp_has_a_reply_for_each_accepted_recipient() -> None:
    """RFC 2033 section 4.2."""
    session = Session(SessionSettings("me", lmtp=True))
    assert brief(session.receive(b"220 h\r\n")) == [b"LHLO me\r\n"]
    session.receive(PIPELINING)
    session.begin(MAIL, [*TWO, Rcpt("c@x")])
    session.receive(b"250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n")
    session.terminate()
    assert brief(session.receive(b"250 ok\r\n")) == [("accepted", 0, 250)]
    assert brief(session.receive(b"450 full\r\n")) == [("rcpt refused", 2, 450, Stage.DOT), Finished]


def test_lost_connection_is_news_while_recipients_are_undecided() -> None:
    """Stage and words tell where it broke."""
    session = greeted()
    session.begin(MAIL, TWO)
    session.receive(b"250 ok\r\n550 no\r\n")
    assert brief(session.lost()) == [("lost", Stage.RCPT), Closed]


def test_lost_connection_is_no_news_when_all_is_decided() -> None:
    """The refusal was the answer."""
    session = greeted()
    session.begin(MAIL, TWO)
    session.receive(b"421 going down\r\n")
    assert brief(session.lost()) == [Finished, Closed]


def test_lost_handshake_is_news() -> None:
    """There is no recipient yet, but a host that does not answer."""
    assert brief(Session(SessionSettings("me")).lost()) == [("lost", Stage.GREETING), Closed]


def test_refusal_before_the_loss_explains_it() -> None:
    """A server may say 552 and hang up in the middle of the content."""
    session = greeted()
    session.begin(MAIL, TWO)
    session.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    assert brief(session.receive(b"552 too big\r\n")) == []
    assert brief(session.lost()) == [("refused", 552, Stage.DOT), Finished, Closed]


def test_acceptance_before_the_loss_is_not_believed() -> None:
    """Nobody can accept what was not sent yet."""
    session = greeted()
    session.begin(MAIL, TWO)
    session.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 thanks\r\n")
    assert brief(session.lost()) == [("lost", Stage.CONTENT), Closed]


def test_early_reply_answers_the_dot() -> None:
    """When the connection lasts, the content is sent to its end."""
    session = greeted()
    session.begin(MAIL, TWO)
    session.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n554 spam\r\n")
    assert brief(session.terminate()) == [b".\r\n", ("refused", 554, Stage.DOT), Finished]


def test_words_on_an_idle_session_end_it() -> None:
    """Usually 421: the next message takes another connection."""
    session = greeted()
    session.begin(MAIL, TWO)
    session.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    session.terminate()
    session.receive(b"250 ok\r\n")
    session.finish(keep=True)
    assert brief(session.receive(b"421 idle too long\r\n")) == [Closed]
    assert brief(session.begin(MAIL, TWO)) == [("lost", Stage.MAIL), Closed]


def test_reply_without_end_is_a_violation() -> None:
    """The count of lines is limited."""
    session = Session(SessionSettings("me", reply_limit=5))
    assert brief(session.receive(b"220-x\r\n" * 6)) == [("violated", Stage.GREETING), Closed]


def test_flood_of_replies_during_the_content_is_a_violation() -> None:
    """They wait for their turn, but not without bound."""
    session = greeted(early_limit=5)
    session.begin(MAIL, TWO)
    session.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    assert brief(session.receive(b"250 ok\r\n" * 8)) == [("violated", Stage.CONTENT), Closed]


def test_probe_asks_for_recipients_only() -> None:
    """Address verification: no DATA, and RSET afterwards."""
    session = greeted()
    assert brief(session.begin(MAIL, TWO, probe=True)) == [b"MAIL FROM:<s@x>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\n"]
    assert brief(session.receive(b"250 ok\r\n250 ok\r\n550 no\r\n")) == [
        ("accepted", 0, 250), ("rcpt refused", 1, 550, Stage.RCPT), Finished,
    ]  # fmt: skip
    assert brief(session.finish(keep=True)) == [b"RSET\r\n"]


@pytest.mark.parametrize("ehlo", [PIPELINING, b"250 h\r\n"])
def test_an_address_with_a_line_end_is_not_sent(ehlo: bytes) -> None:
    """The others are, and keep their numbers."""
    session = greeted(ehlo)
    actions = session.begin(MAIL, [Rcpt("a\r\nDATA\r\n@x"), Rcpt("b@x"), Rcpt("c\0@x"), Rcpt("d\udcff@x"), Rcpt("e@x")])
    for reply in (b"250 ok\r\n", b"550 no\r\n", b"250 ok\r\n", b"354 go\r\n"):
        actions += session.receive(reply)
    sent = b"".join(action.data for action in actions if isinstance(action, Send))
    assert sent == b"MAIL FROM:<s@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<e@x>\r\nDATA\r\n"
    assert brief([action for action in actions if not isinstance(action, Send)]) == [
        ("unsendable", 0), ("unsendable", 2), ("unsendable", 3), ("rcpt refused", 1, 550, Stage.RCPT), SendContent,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("mail", "recipients", "unsendable"),
    [
        (Mail("s\n@x"), TWO, [None]),
        (MAIL, [Rcpt("a\n@x"), Rcpt("b\r@x")], [0, 1]),
        (MAIL, [Rcpt("a@x", orcpt="rfc822\nRSET;a@x")], [0]),
    ],
)
def test_without_anybody_to_send_to_nothing_is_sent(mail: Mail, recipients: list[Rcpt], unsendable: list[Any]) -> None:
    """And the session serves the next message."""
    session = greeted(b"250-h\r\n250-DSN\r\n250 PIPELINING\r\n")
    assert brief(session.begin(mail, recipients)) == [*(("unsendable", index) for index in unsendable), Finished]
    assert brief(session.finish(keep=True)) == [Idle]
    assert brief(session.begin(MAIL, TWO))[0].startswith(b"MAIL FROM:<s@x>\r\nRCPT")
