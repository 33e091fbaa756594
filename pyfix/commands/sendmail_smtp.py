"""sendmail -bs: SMTP on standard input and output, for programs that speak nothing else.

Each message is submitted as sendmail submits any other: through pickup, in the name of the user who runs the program.
So the session needs no process of the mail system of its own, and gives no right to relay that -bm would not give;
its sender and recipients are checked where all local mail is. Arguments are read and replies worded as smtpd does it.
Chunking and ETRN, which need smtpd, are not offered. See: smtpd(8) of Postfix about stand-alone mode.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from pyfix.commands.outcome import CommandError
from pyfix.commands.submission import Door, Refusal
from pyfix.mail.address.params import AddressParameters
from pyfix.mail.ipc.messages import LocalSubmit, RecipientOptions
from pyfix.mail.message.flaws import is_clean
from pyfix.mail.message.opening import is_odd, mend_opening, skip_mbox_lines
from pyfix.mail.message.params import LineParameters, MessageParameters
from pyfix.mail.smtp import replies
from pyfix.mail.smtp.commands import CommandError as BadCommand
from pyfix.mail.smtp.commands import Features, MailCommand, RcptCommand, parse_mail, parse_rcpt
from pyfix.mail.smtp.path import BadPath, take_path

_DATA_PIECE: Final = 64 * 1024
_HEADER: Final = re.compile(r"[^\s:]+:")
_NO_ETRN: Final = "458 Unable to queue messages"


class LocalSmtpParameters(AddressParameters, LineParameters, MessageParameters):
    """What a session needs to know."""


class LostConnection(CommandError):
    """The input ended in the middle of a message."""


class LocalSmtp:
    """One session."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO, door: Door, params: LocalSmtpParameters) -> None:
        self._reader = reader
        self._writer = writer
        self._door = door
        self._params = params
        self._features = Features(smtputf8=params.smtputf8_enable)
        self._mail: MailCommand | None = None
        self._recipients: list[RcptCommand] = []
        self._is_over = False
        self._commands: dict[str, Callable[[str], str]] = {
            "HELO": self._helo,
            "EHLO": self._ehlo,
            "MAIL": self._take_mail,
            "RCPT": self._take_rcpt,
            "DATA": self._data,
            "BDAT": lambda argument: replies.BDAT_DISABLED,
            "RSET": self._rset,
            "NOOP": lambda argument: replies.OK,
            "VRFY": _verify,
            "ETRN": lambda argument: _NO_ETRN if len(argument.split()) == 1 else replies.SYNTAX_ETRN,
            "AUTH": lambda argument: replies.NO_AUTH,
            "STARTTLS": lambda argument: replies.SYNTAX_STARTTLS if argument else replies.NOT_IMPLEMENTED,
            "XCLIENT": lambda argument: replies.NO_AUTHORIZATION if argument else replies.SYNTAX_XCLIENT,
            "XFORWARD": lambda argument: replies.NO_AUTHORIZATION if argument else replies.SYNTAX_XFORWARD,
            "QUIT": self._quit,
        }

    def run(self) -> None:
        """Serve until QUIT or the end of the input."""
        params = self._params
        self._reply(f"220 {params.myhostname} ESMTP {params.mail_name}")
        while not self._is_over and (line := self._read_line()):
            try:
                answer = self._answer(line)
            except LostConnection:
                return
            self._reply(replies.soften(answer) if params.soft_bounce else answer)
            self._is_over |= replies.is_final(answer)

    def _read_line(self) -> bytes:
        """Return the next line, cut to line_length_limit; b"" at the end of the input."""
        limit = self._params.line_length_limit
        line = rest = self._reader.readline(limit)
        while rest and not rest.endswith(b"\n"):
            rest = self._reader.readline(limit)
        return line

    def _reply(self, text: str) -> None:
        self._writer.write(text.encode() + b"\r\n")
        self._writer.flush()

    def _answer(self, line: bytes) -> str:
        """Carry one line out and return the reply."""
        try:
            text = line.decode()
        except UnicodeDecodeError:
            if self._params.smtputf8_enable:
                return replies.BAD_UTF8
            text = line.decode("utf-8", "replace")
        verb, _, argument = text.partition("\0")[0].strip().partition(" ")
        if not verb:
            return replies.BAD_SYNTAX
        command = self._commands.get(verb.upper())
        if command is not None:
            return command(argument.strip(" \t"))
        if _HEADER.match(verb):
            self._is_over = True
            return replies.NOT_SMTP
        return replies.UNKNOWN_COMMAND

    # --- commands

    def _quit(self, argument: str) -> str:
        self._is_over = True
        return replies.BYE

    def _helo(self, argument: str) -> str:
        self._forget()
        return f"250 {self._params.myhostname}" if argument else replies.SYNTAX_HELO

    def _ehlo(self, argument: str) -> str:
        self._forget()
        if not argument:
            return replies.SYNTAX_EHLO
        size = f"SIZE {self._params.message_size_limit}" if self._params.message_size_limit else "SIZE"
        lines = [self._params.myhostname, "PIPELINING", size, "VRFY", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN"]
        lines += ["SMTPUTF8"] if self._features.smtputf8 else []
        return "\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])

    def _forget(self) -> None:
        self._mail = None
        self._recipients = []

    def _rset(self, argument: str) -> str:
        if argument:
            return replies.SYNTAX_RSET
        self._forget()
        return replies.OK

    def _take_mail(self, argument: str) -> str:
        if self._mail is not None:
            return replies.NESTED_MAIL
        try:
            mail = parse_mail(argument, self._features)
        except BadCommand as error:
            return error.reply
        if not is_clean(mail.sender):
            return replies.BAD_SENDER
        if not is_clean(mail.envid):
            return replies.BAD_ENVID
        if 0 < self._params.message_size_limit < mail.size:
            return replies.SIZE_EXCEEDS_LIMIT
        self._mail = mail
        return replies.SENDER_OK

    def _take_rcpt(self, argument: str) -> str:
        if self._mail is None:
            return replies.NEED_MAIL
        try:
            rcpt = parse_rcpt(argument, self._features)
        except BadCommand as error:
            return error.reply
        if not is_clean(rcpt.recipient):
            return replies.BAD_RCPT
        if not is_clean(rcpt.orcpt):
            return replies.BAD_ORCPT
        self._recipients.append(rcpt)
        return replies.RCPT_OK

    # --- content

    def _data(self, argument: str) -> str:
        if self._mail is None:
            return replies.NEED_RCPT
        if not self._recipients:
            return replies.NO_VALID_RECIPIENTS
        if argument:
            return replies.SYNTAX_DATA
        self._reply(replies.START_DATA)
        content = self._read_content()
        try:
            queue_id = self._door.submit(self._make_request(self._mail), _mend(content))
            answer = replies.queued(queue_id) if queue_id else replies.OK
        except LostConnection:
            raise
        except Refusal as error:
            answer = error.reply
        except CommandError:
            answer = replies.WRITE_ERROR
        for _ in content:  # a refusal may have come before the end
            pass
        self._forget()
        return answer

    def _make_request(self, mail: MailCommand) -> LocalSubmit:
        recipients = self._recipients
        return LocalSubmit(
            mail.sender,
            "",
            [rcpt.recipient for rcpt in recipients],
            extract=False,
            encoding=mail.encoding,
            ret=mail.ret,
            envid=mail.envid,
            smtputf8=mail.smtputf8,
            options=[RecipientOptions(rcpt.notify, rcpt.orcpt) for rcpt in recipients],
        )

    def _read_content(self) -> Iterator[bytes]:
        """Yield the content without dots for transparency (RFC 5321 section 4.5.2)."""
        at_line_start = True
        while data := self._reader.readline(_DATA_PIECE):
            if at_line_start and data.startswith(b"."):
                if data.rstrip(b"\r\n") == b".":
                    return
                data = data[1:]
            at_line_start = data.endswith(b"\n")
            yield data.rstrip(b"\r\n") + b"\n" if at_line_start else data
        raise LostConnection("lost connection after DATA")


def _mend(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the content with first lines that spoil no header."""
    for line in lines:
        yield mend_opening(line) if is_odd(line) else line
        if not skip_mbox_lines(line):
            break
    for line in lines:  # not "yield from": that would end `lines` with this generator, and the rest would be commands
        yield line


def _verify(argument: str) -> str:
    if not argument:
        return replies.SYNTAX_VRFY
    try:
        address, rest = take_path(argument)
    except BadPath:
        return replies.BAD_RCPT
    if not address or rest.strip().upper() not in ("", "SMTPUTF8"):
        return replies.BAD_RCPT
    return replies.vrfy_ok(argument[: len(argument) - len(rest)])
