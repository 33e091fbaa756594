"""Word the MAIL and RCPT commands with the parameters that the server understands.

Addresses are in external form, quoted already. One with a line end in it would smuggle commands of its own: whoever
writes a command asks is_one_line first. What a server has no extension for is left out; whether the message may
go without it is the caller's decision.
See: RFC 1870, RFC 6152, RFC 3461 section 4 (xtext), RFC 6533 section 3 (utf-8 ORCPT), RFC 6531.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pyfix.proto.smtp_client.features import Features

_XTEXT_UNSAFE: Final = re.compile(rb"[^!-*,-<>-~]")
"""All but "!" to "~" without "+" and "=" (RFC 3461 section 4)."""
_UXTEXT_UNSAFE: Final = re.compile(r"[^!-*,-<>-\[\]-~\u0080-\U0010ffff]")
"""RFC 6533 section 3: other characters stand for themselves, except backslash, "+" and "="."""


_UNSENDABLE: Final = re.compile("[\0\r\n\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Mail:
    """The MAIL command's contents."""

    sender: str
    size: int = 0
    body: str = ""
    """"7bit", "8bit" or "" for not known."""
    smtputf8: bool = False
    ret: str = ""
    """"FULL", "HDRS" or ""."""
    envid: str = ""


@dataclass(frozen=True, slots=True)
class Rcpt:
    """One RCPT command's contents."""

    address: str
    orcpt: str = ""
    """"rfc822;user@example.com", not encoded; "" for none."""
    notify: str = ""
    """"NEVER" or a comma-separated list, "" for none."""


def xtext(value: str) -> str:
    """Return the value in RFC 3461 xtext."""
    return _XTEXT_UNSAFE.sub(lambda found: b"+%02X" % found.group()[0], value.encode("utf-8", "surrogatepass")).decode(
        "ascii"
    )


def uxtext(value: str) -> str:
    """Return the value in RFC 6533 utf-8-addr-unitext form."""
    return _UXTEXT_UNSAFE.sub(lambda found: f"\\x{{{ord(found.group()):02X}}}", value)


def is_one_line(command: str) -> bool:
    """True for a command that the server can't take for two, and that UTF-8 can express."""
    return _UNSENDABLE.search(command, 0, len(command) - 2) is None


def mail_command(mail: Mail, features: Features, *, with_size: bool = True) -> str:
    """Return the MAIL command; `with_size` is off when conversion will change the size."""
    text = f"MAIL FROM:<{mail.sender}>"
    if features.size and with_size:
        text += f" SIZE={mail.size}"
    if features.eight_bit and mail.body:
        text += " BODY=8BITMIME" if mail.body == "8bit" else " BODY=7BIT"
    if features.dsn:
        if mail.envid:
            text += " ENVID=" + xtext(mail.envid)
        if mail.ret:
            text += " RET=" + mail.ret
    if features.smtputf8 and mail.smtputf8:
        text += " SMTPUTF8"
    return text + "\r\n"


def rcpt_command(rcpt: Rcpt, features: Features) -> str:
    """Return one RCPT command."""
    text = f"RCPT TO:<{rcpt.address}>"
    if features.dsn:
        if rcpt.orcpt:
            kind, _, address = rcpt.orcpt.partition(";")
            text += f" ORCPT={kind};{uxtext(address) if kind.lower() == 'utf-8' else xtext(address)}"
        if rcpt.notify:
            text += " NOTIFY=" + rcpt.notify
    return text + "\r\n"
