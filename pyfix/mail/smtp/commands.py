"""The arguments of MAIL and RCPT.

Pure. What is wrong raises CommandError with the reply, and with a line for the log where Postfix writes one. The
order of checks is Postfix's, so that a command with several faults gets the same reply. RFC 5321 section 4.1.2,
1870 (SIZE), 6152 (BODY), 6531 (SMTPUTF8), 3461 (RET ENVID NOTIFY ORCPT and xtext).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import Final

from pyfix.mail.address.valid import is_valid_hostname, is_valid_mailhost_literal
from pyfix.mail.ipc.messages import (
    NOTIFY_DELAY,
    NOTIFY_FAILURE,
    NOTIFY_NEVER,
    NOTIFY_SUCCESS,
    RET_FULL,
    RET_HDRS,
)
from pyfix.mail.smtp import replies
from pyfix.mail.smtp.path import BadPath, is_strict, take_path

_SIZE_DIGITS: Final = 18
"""Postfix counts bytes in 63 bits; what has more digits is no size of a file."""
_HELO_TROUBLE: Final = str.maketrans(dict.fromkeys(' <>()\\";@\t', "?"))
_XTEXT_HEX: Final = re.compile(rb"\+(..|.?$)", re.DOTALL)
_UXTEXT: Final = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_NOTIFY: Final = {"NEVER": NOTIFY_NEVER, "SUCCESS": NOTIFY_SUCCESS, "FAILURE": NOTIFY_FAILURE, "DELAY": NOTIFY_DELAY}
_RET: Final = {"FULL": RET_FULL, "HDRS": RET_HDRS}
_BODY: Final = {"7BIT": "7bit", "8BITMIME": "8bit"}


class CommandError(Exception):
    """The command is refused with `reply`; `bad_address` is what Postfix logs about it, "" for nothing."""

    def __init__(self, reply: str, bad_address: str = "") -> None:
        super().__init__(reply)
        self.reply = reply
        self.bad_address = bad_address


@dataclass(frozen=True, slots=True)
class Features:
    """Extensions that are on; a parameter of one that is off is refused."""

    smtputf8: bool = True
    dsn: bool = True
    strict_paths: bool = False
    """strict_rfc821_envelopes: addresses stand in <>, without comments."""


@dataclass(slots=True)
class MailCommand:
    """MAIL FROM, understood."""

    sender: str
    size: int = 0
    encoding: str = ""
    smtputf8: bool = False
    ret: int = 0
    envid: str = ""
    auth: str = ""
    """Who submitted the message first (RFC 4954 section 5), as written: nobody has proved it; "" for <>."""
    written: str = field(default="", compare=False)
    """The sender as the client wrote it."""


@dataclass(slots=True)
class RcptCommand:
    """RCPT TO, understood."""

    recipient: str
    notify: int = 0
    orcpt: str = ""
    """With none given, what the client wrote, where that is more than the recipient's standard form tells."""
    written: str = field(default="", compare=False)
    """The recipient as the client wrote it."""


def names_address(argument: str, keyword: str) -> bool:
    """True when FROM: or TO: and something behind it are there: what comes before all other checks."""
    return argument[: len(keyword)].upper() == keyword and bool(argument[len(keyword) :].strip(" \t"))


def parse_mail(argument: str, features: Features) -> MailCommand:
    """Return what follows the verb MAIL; raise CommandError."""
    sender, written, options = _take_address(argument, "FROM:", replies.SYNTAX_MAIL, replies.BAD_SENDER, features)
    command = MailCommand(sender, written=written)
    for option in options:
        _apply_mail_option(command, option, features)
    return command


def _apply_mail_option(command: MailCommand, option: str, features: Features) -> None:
    name, equals, value = option.partition("=")
    match name.upper() + equals:
        case "SIZE=":
            command.size = _parse_size(value)
        case "BODY=" if value.upper() in _BODY:
            command.encoding = _BODY[value.upper()]
        case "SMTPUTF8" if features.smtputf8:
            command.smtputf8 = True
        case "AUTH=":
            if command.auth:
                raise CommandError(replies.MANY_AUTH_OPTIONS)
            command.auth = "" if value == "<>" else value
        case "RET=":
            _need_dsn(features)
            ret = _RET.get(value.upper(), 0)
            if command.ret or not ret:
                raise CommandError(replies.BAD_RET)
            command.ret = ret
        case "ENVID=":
            _need_dsn(features)
            envid = decode_xtext(value)
            if command.envid or not envid:
                raise CommandError(replies.BAD_ENVID)
            command.envid = envid
        case _:
            raise CommandError(replies.unsupported_option(option))


def clean_helo(argument: str) -> str:
    """Return what a client calls itself in HELO or EHLO, without characters that would spoil log lines and headers."""
    return argument.translate(_HELO_TROUBLE)


def parse_rcpt(argument: str, features: Features) -> RcptCommand:
    """Return what follows the verb RCPT; raise CommandError."""
    recipient, written, options = _take_address(argument, "TO:", replies.SYNTAX_RCPT, replies.BAD_RCPT, features)
    command = RcptCommand(recipient, written=written)
    for option in options:
        name, equals, value = option.partition("=")
        match name.upper() + equals:
            case "NOTIFY=":
                _need_dsn(features)
                notify = parse_notify(value)
                if command.notify or not notify:
                    raise CommandError(replies.BAD_NOTIFY)
                command.notify = notify
            case "ORCPT=":
                _need_dsn(features)
                orcpt = parse_orcpt(value)
                if command.orcpt or not orcpt:
                    raise CommandError(replies.BAD_ORCPT)
                command.orcpt = orcpt
            case _:
                raise CommandError(replies.unsupported_option(option))
    if not command.orcpt:
        command.orcpt = _original(recipient, written)
    return command


def _original(recipient: str, written: str) -> str:
    text = written[1:-1] if written.startswith("<") and written.endswith(">") else written
    return "" if text == recipient and text.isascii() else f"rfc822;{text}"


def _need_dsn(features: Features) -> None:
    if not features.dsn:
        raise CommandError(replies.DSN_DISABLED)


def _take_address(argument: str, keyword: str, syntax: str, bad: str, features: Features) -> tuple[str, str, list[str]]:
    """Return the address behind FROM: or TO:, the same as it was written, and the ESMTP parameters."""
    rest = argument[len(keyword) :].lstrip(" \t")
    if not names_address(argument, keyword):
        raise CommandError(syntax)
    try:
        address, options = take_path(rest)
    except BadPath as problem:
        raise CommandError(bad, problem.text) from None
    is_sender = keyword == "FROM:"
    written = rest[: len(rest) - len(options)]
    is_loose = features.strict_paths and not is_strict(written)
    if is_loose or not is_valid_envelope_address(address) or not (address or is_sender):
        raise CommandError(bad, written)
    return address, written, options.split()


@functools.lru_cache(maxsize=4096)
def _is_valid_domain(domain: str) -> bool:
    if domain.startswith("["):
        return is_valid_mailhost_literal(domain)
    return is_valid_hostname(domain.removesuffix("."))


def is_valid_envelope_address(address: str) -> bool:
    """True when the domain is a well-formed name or address literal, or there is none."""
    local, at, domain = address.rpartition("@")
    if not at:
        return "\ufffd" not in address
    return _is_valid_domain(domain) and "\ufffd" not in local


def _parse_size(value: str) -> int:
    if not value.isascii() or not value.isdigit():
        raise CommandError(replies.BAD_SIZE)
    if len(value.lstrip("0")) > _SIZE_DIGITS:
        raise CommandError(replies.SIZE_UNREASONABLE)
    return int(value)


def parse_notify(value: str) -> int:
    """Return NOTIFY_* flags, 0 for bad syntax: NEVER stands alone (RFC 3461 section 4.1)."""
    flags = 0
    for word in value.upper().split(","):
        flag = _NOTIFY.get(word, 0)
        if not flag:
            return 0
        flags |= flag
    return 0 if flags & NOTIFY_NEVER and flags != NOTIFY_NEVER else flags


def parse_orcpt(value: str) -> str:
    """Return "type;address" with the address decoded, "" for bad syntax (RFC 3461 section 4.2, RFC 6533 section 3)."""
    kind, semicolon, encoded = value.partition(";")
    if not kind or not semicolon:
        return ""
    decoded = decode_uxtext(encoded) if kind.lower() == "utf-8" else decode_xtext(encoded)
    return "" if decoded is None else f"{kind};{decoded}"


def decode_xtext(text: str) -> str | None:
    """Return the text that xtext stands for, None for bad syntax; a `+` begins two hexadecimal digits."""
    if "+" not in text:
        return text
    try:
        data = _XTEXT_HEX.sub(
            lambda found: bytes((int(found[1], 16),)) if _is_hex(found[1]) else _refuse(), text.encode()
        )
    except ValueError:
        return None
    return data.decode("utf-8", "replace")


def _is_hex(digits: bytes) -> bool:
    return len(digits) == 2 and all(digit in b"0123456789abcdefABCDEF" for digit in digits)


def _refuse() -> bytes:
    raise ValueError("bad xtext")


def decode_uxtext(text: str) -> str | None:
    r"""Return the text that utf-8-addr-xtext stands for (`\x{e9}`), None for bad syntax."""
    try:
        return _UXTEXT.sub(lambda found: _character(int(found[1], 16)), text)
    except ValueError:
        return None


def _character(code: int) -> str:
    if code in range(0xD800, 0xE000):
        raise ValueError("surrogate")
    return chr(code)
