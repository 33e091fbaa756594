"""One session with an SMTP or LMTP server: replies in, actions out.

    GREETING -> EHLO -> READY                      (-> HELO -> READY where EHLO is refused)
    GREETING -> LHLO -> READY
    READY, IDLE -> MAIL -> RCPT... -> DATA -> CONTENT -> DOT -> READY
    READY -> IDLE                                  (-> RSET -> IDLE after a refused message)
    any -> QUIT -> CLOSED

STARTTLS and AUTH have their place between EHLO and READY: a stage each in `_ON_REPLY`, entered by `_on_ehlo` instead of
READY.

With PIPELINING the commands from MAIL to DATA leave in one piece and `_awaited` holds what each coming reply
answers; without it, the next command leaves when the reply to the last one is in. Both walk through the same handlers,
so there is one rule for each reply.

Rules for editors:
- No text of others is written before is_one_line has looked at it.
- A recipient is reported once: `_undecided` counts those that are not. Lost and Violated are news only while it is not
  zero or the handshake lasts; otherwise the end of the connection is just Finished and Closed.
- Replies wait in `_pending` while it is the owner's turn (CONTENT, READY), so that the cut of the stream cannot matter.
  What came during CONTENT answers the content. When the connection is lost first, a refusal found there is the
  answer, an acceptance is not believed.
- After DATA was answered 354 though no recipient is left, a lone "." is owed to the server (RFC 2920 section 3.1).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pyfix.proto.dialogue import Dialogue
from pyfix.proto.smtp_client.actions import (
    Accepted,
    Action,
    Closed,
    Complaint,
    Finished,
    Garbled,
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
from pyfix.proto.smtp_client.commands import Mail, Rcpt, is_one_line, mail_command, rcpt_command
from pyfix.proto.smtp_client.features import Features, parse_features
from pyfix.proto.smtp_client.reply import Reply, ReplyParser


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How to greet, and what to bear."""

    helo_name: str
    lmtp: bool = False
    always_ehlo: bool = True
    never_ehlo: bool = False
    skip_quit_reply: bool = True
    discard_keywords: frozenset[str] = frozenset()
    line_limit: int = 2048
    reply_limit: int = 1000
    """Lines in one reply."""
    early_limit: int = 10_000
    """Replies that may wait for our turn: a bound on memory, far beyond what any honest server says out of turn."""


_QUIET_STAGES: Final = frozenset({Stage.READY, Stage.IDLE, Stage.RSET, Stage.QUIT, Stage.CLOSED})
"""Stages without a message or a handshake under way."""
_OWNERS_TURN: Final = frozenset({Stage.CONTENT, Stage.READY})


class Session:
    """The state of one connection; its owner performs the actions and reports back."""

    __slots__ = (
        "_accepted",
        "_awaited",
        "_commands",
        "_dialogue",
        "_greeting_name",
        "_indexes",
        "_mail_refused",
        "_needs_reset",
        "_next_dot",
        "_next_rcpt",
        "_out",
        "_parser",
        "_pending",
        "_probe",
        "_quit_sent",
        "_settings",
        "_undecided",
        "features",
        "stage",
    )

    def __init__(self, settings: SessionSettings, dialogue: Dialogue | None = None) -> None:
        """What is said goes into the dialogue, but for content."""
        self._settings = settings
        self._dialogue = dialogue
        self._parser = ReplyParser(settings.line_limit, settings.reply_limit)
        self._out: list[Action] = []
        self._awaited: deque[Stage] = deque()
        self._pending: deque[Reply] = deque()
        self._commands: list[str] = []
        """The RCPT commands of the message under way."""
        self._indexes: list[int] = []
        """Of their recipients, as the owner counts."""
        self._accepted: list[int] = []
        self._mail_refused = self._needs_reset = self._quit_sent = self._probe = False
        self._undecided = 0
        self._next_rcpt = self._next_dot = 0
        self._greeting_name = ""
        self.features = Features()
        self.stage = Stage.GREETING
        """What is waited for now: chooses the time limit and the words for trouble."""

    @property
    def is_reusable(self) -> bool:
        """True when begin() may be called and the server has said nothing out of turn."""
        return self.stage is Stage.IDLE and not self._parser.has_pending

    # --- what the owner reports -------------------------------------------------------------------------------

    def receive(self, data: bytes) -> list[Action]:
        """Take bytes from the server."""
        if self.stage is Stage.CLOSED:
            return []
        self._pending.extend(self._parser.receive(data))
        return self._proceed()

    def lost(self) -> list[Action]:
        """The connection has ended or the time is up."""
        stage = self.stage
        if stage is not Stage.CLOSED and (unfinished := self._parser.unfinished):
            self._take(unfinished)
        if stage is Stage.CONTENT:
            self._believe_early_refusals()
        if self._undecided or (stage not in _QUIET_STAGES and not self._commands):
            self._undecided = 0
            self._out.append(Lost(stage))
        elif stage not in _QUIET_STAGES:
            self._out.append(Finished())
        self._close()
        return self._flush()

    def begin(
        self, mail: Mail, recipients: Sequence[Rcpt], *, with_size: bool = True, probe: bool = False
    ) -> list[Action]:
        """Send one message's envelope; only after Ready or Idle. A probe stops short of DATA."""
        if self.stage is Stage.CLOSED:
            return [Lost(Stage.MAIL), Closed()]
        self._probe = probe
        self._accepted = []
        self._mail_refused = self._needs_reset = False
        self._undecided = len(recipients)
        self._next_rcpt = self._next_dot = 0
        first = mail_command(mail, self.features, with_size=with_size)
        self._prepare(first, recipients)
        if not self._commands:
            self._end_transaction(needs_reset=False)
        elif not self.features.pipelining:
            self._command(first, Stage.MAIL)
        else:
            self._awaited.extend([Stage.RCPT] * len(self._commands))
            if not probe:
                self._awaited.append(Stage.DATA)
            self._command("".join([first, *self._commands, "" if probe else "DATA\r\n"]), Stage.MAIL)
        return self._proceed()

    def _prepare(self, first: str, recipients: Sequence[Rcpt]) -> None:
        """Word the RCPT commands, and report what can't be worded."""
        self._commands, self._indexes = [], []
        if not is_one_line(first):
            self._undecided = 0
            self._out.append(Unsendable(None))
            return
        for index, rcpt in enumerate(recipients):
            command = rcpt_command(rcpt, self.features)
            if is_one_line(command):
                self._commands.append(command)
                self._indexes.append(index)
            else:
                self._undecided -= 1
                self._out.append(Unsendable(index))

    def terminate(self, *, then_quit: bool = False) -> list[Action]:
        """End the content with "."; with PIPELINING and `then_quit`, QUIT goes along in the same packet."""
        replies = len(self._accepted) if self._settings.lmtp else 1
        self._awaited.extend([Stage.DOT] * (replies - 1))
        if then_quit and self.features.pipelining:
            self._quit_sent = True
            self._command(".\r\nQUIT\r\n", Stage.DOT)
        else:
            self._command(".\r\n", Stage.DOT)
        return self._proceed()

    def finish(self, *, keep: bool) -> list[Action]:
        """After Finished: make the session ready for another message, or leave politely."""
        if self.stage is not Stage.READY:
            return []
        if not keep:
            return self.quit()
        if self._needs_reset:
            self._command("RSET\r\n", Stage.RSET)
        else:
            self._idle()
        return self._proceed()

    def quit(self) -> list[Action]:
        """Leave politely; between messages or where the server refused us."""
        if self.stage is Stage.CLOSED:
            return []
        self._leave()
        return self._proceed()

    # --- replies, one handler a stage -------------------------------------------------------------------------

    def _on_greeting(self, reply: Reply) -> None:
        if reply.kind != 2:
            self._refuse_site(reply)
            return
        words = reply.text[3:].lstrip("- ").split()
        self._greeting_name = words[0] if words else ""
        if self._settings.lmtp:
            self._command(f"LHLO {self._settings.helo_name}\r\n", Stage.LHLO)
        elif self._settings.never_ehlo or not (self._settings.always_ehlo or "ESMTP" in reply.text.upper().split()):
            self._send_helo()
        else:
            self._command(f"EHLO {self._settings.helo_name}\r\n", Stage.EHLO)

    def _on_ehlo(self, reply: Reply) -> None:
        if reply.kind == 2:
            self.features = parse_features(reply.text, self._settings.discard_keywords)
            self._get_ready()
        elif reply.code == 421 or self._settings.lmtp:
            self._refuse_site(reply)
        else:
            self._send_helo()

    def _on_helo(self, reply: Reply) -> None:
        if reply.kind == 2:
            self._get_ready()
        else:
            self._refuse_site(reply)

    def _on_idle(self, reply: Reply) -> None:
        """Nobody asked the server: it is about to close, or out of step."""
        self._close()

    def _on_mail(self, reply: Reply) -> None:
        if reply.kind != 2:
            self._mail_refused = True
            self._refuse_message(reply)
        self._next()

    def _on_rcpt(self, reply: Reply) -> None:
        index = self._indexes[self._next_rcpt]
        self._next_rcpt += 1
        if not self._mail_refused:
            if reply.kind != 2:
                self._undecided -= 1
                self._out.append(RecipientRefused(index, reply, Stage.RCPT))
            elif self._probe:
                self._undecided -= 1
                self._out.append(Accepted(index, reply))
            else:
                self._accepted.append(index)
        self._next()

    def _on_data(self, reply: Reply) -> None:
        if reply.kind != 3:
            if self._accepted:
                self._refuse_message(reply)
            self._end_transaction(needs_reset=True)
        elif self._accepted:
            self.stage = Stage.CONTENT
            self._out.append(SendContent())
        else:
            self._command(".\r\n", Stage.DOT)

    def _on_dot(self, reply: Reply) -> None:
        if self._settings.lmtp and self._accepted:
            self._on_lmtp_dot(reply)
            return
        if self._accepted:
            if reply.kind == 2:
                self._undecided = 0
                self._out.append(Accepted(None, reply))
            else:
                self._refuse_message(reply)
        self._end_transaction(needs_reset=False)

    def _on_lmtp_dot(self, reply: Reply) -> None:
        """One reply per accepted recipient (RFC 2033 section 4.2)."""
        index = self._accepted[self._next_dot]
        self._next_dot += 1
        self._undecided -= 1
        if reply.kind == 2:
            self._out.append(Accepted(index, reply))
        else:
            self._out.append(RecipientRefused(index, reply, Stage.DOT))
        if self._next_dot == len(self._accepted):
            self._end_transaction(needs_reset=False)
        else:
            self._await_next()

    def _on_rset(self, reply: Reply) -> None:
        if reply.kind == 2:
            self._idle()
        else:
            self._leave()

    def _on_quit(self, reply: Reply) -> None:
        self._close()

    def _on_nothing(self, reply: Reply) -> None:
        """The session is over."""

    # --- steps ------------------------------------------------------------------------------------------------

    def _next(self) -> None:
        """Go on after a reply to MAIL or RCPT."""
        if self._awaited:
            self._await_next()
        elif self.features.pipelining or self._mail_refused:
            self._end_transaction(needs_reset=True)
        elif self._next_rcpt < len(self._commands):
            self._command(self._commands[self._next_rcpt], Stage.RCPT)
        elif self._accepted:
            self._command("DATA\r\n", Stage.DATA)
        else:
            self._end_transaction(needs_reset=True)

    def _await_next(self) -> None:
        self.stage = self._awaited.popleft()

    def _command(self, text: str, stage: Stage) -> None:
        self._say(text)
        self.stage = stage

    def _say(self, text: str) -> None:
        self._out.append(Send(text.encode()))
        if self._dialogue is not None:
            for command in text.removesuffix("\r\n").split("\r\n"):
                self._dialogue.said(command)

    def _take(self, reply: Reply) -> None:
        """Note what is unusual about a reply, whatever it answers."""
        if self._dialogue is not None:
            self._dialogue.heard(reply.text.encode())
        if reply.complaint:
            self._out.append(Complaint(reply.complaint))
        if reply.has_garbage:
            self._out.append(Garbled())

    def _leave(self) -> None:
        if not self._quit_sent:
            self._command("QUIT\r\n", Stage.QUIT)
        self._quit_sent = True
        self.stage = Stage.QUIT
        if self._settings.skip_quit_reply:
            self._close()

    def _send_helo(self) -> None:
        self._command(f"HELO {self._settings.helo_name}\r\n", Stage.HELO)

    def _get_ready(self) -> None:
        self.stage = Stage.READY
        self._out.append(Ready(self.features, self._greeting_name))

    def _refuse_site(self, reply: Reply) -> None:
        self._out.append(SiteRefused(reply, self.stage))
        self._say("QUIT\r\n")
        self._close()

    def _refuse_message(self, reply: Reply) -> None:
        self._undecided = 0
        self._out.append(MessageRefused(reply, self.stage))

    def _end_transaction(self, *, needs_reset: bool) -> None:
        """All replies are in; what is next is the owner's choice, see finish()."""
        self._needs_reset = needs_reset
        self._commands, self._indexes = [], []
        self.stage = Stage.READY
        self._out.append(Finished())
        if self._quit_sent:
            self._leave()

    def _idle(self) -> None:
        self._needs_reset = False
        self.stage = Stage.IDLE
        self._out.append(Idle())

    def _believe_early_refusals(self) -> None:
        """The connection broke inside the content: a refusal that had come before tells why."""
        for reply in self._pending:
            if reply.kind not in (4, 5):
                return
            if not self._settings.lmtp:
                self.stage = Stage.DOT
                self._refuse_message(reply)
                return
            self._undecided -= 1
            self._out.append(RecipientRefused(self._accepted[self._next_dot], reply, Stage.DOT))
            self._next_dot += 1
            if self._next_dot == len(self._accepted):
                return

    def _violated(self, reason: str) -> None:
        if self._undecided or self.stage not in _QUIET_STAGES:
            self._undecided = 0
            self._out.append(Violated(reason, self.stage))
        self._close()

    def _close(self) -> None:
        self.stage = Stage.CLOSED
        self._undecided = 0
        self._awaited.clear()
        self._pending.clear()
        self._out.append(Closed())

    def _proceed(self) -> list[Action]:
        """Answer what replies can be answered now, and hand over the actions."""
        parser = self._parser
        while self._pending and self.stage not in _OWNERS_TURN:
            reply = self._pending.popleft()
            self._take(reply)
            _ON_REPLY[self.stage](self, reply)
        if len(self._pending) > self._settings.early_limit + len(self._commands):
            self._violated("too many replies")
        elif parser.error and not self._pending and self.stage not in _OWNERS_TURN and self.stage is not Stage.CLOSED:
            self._violated(parser.error)
        return self._flush()

    def _flush(self) -> list[Action]:
        actions, self._out = self._out, []
        return actions


_ON_REPLY: Final[dict[Stage, Callable[[Session, Reply], None]]] = {
    Stage.GREETING: Session._on_greeting,
    Stage.EHLO: Session._on_ehlo,
    Stage.LHLO: Session._on_ehlo,
    Stage.HELO: Session._on_helo,
    Stage.IDLE: Session._on_idle,
    Stage.MAIL: Session._on_mail,
    Stage.RCPT: Session._on_rcpt,
    Stage.DATA: Session._on_data,
    Stage.DOT: Session._on_dot,
    Stage.RSET: Session._on_rset,
    Stage.QUIT: Session._on_quit,
    Stage.CLOSED: Session._on_nothing,
}
