"""Macros in the arguments of a pipe command: ${name}, $(name), $name, and $$ for one dollar sign.

An argument with a macro about a recipient is repeated for each. Addresses appear as their owner would write them,
without quotes, unless flag q asks for the quoted form; flags h and u fold the domain and the local part. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from pyfix.mail.address.quote import normalize_quoting, unquote_address, unquote_local
from pyfix.mail.address.split import split_address, split_extension
from pyfix.mail.ipc.messages import Deliver, Recipient

_MACRO = re.compile(r"\$(?:\$|\{([A-Za-z0-9_]*)\}|\(([A-Za-z0-9_]*)\)|([A-Za-z0-9_]+))")
PER_RECIPIENT: Final = frozenset({"recipient", "original_recipient", "user", "extension", "mailbox", "domain"})
_PER_REQUEST: Final = frozenset(
    {
        "client_address", "client_helo", "client_hostname", "client_port", "client_protocol", "nexthop", "queue_id",
        "sasl_method", "sasl_sender", "sasl_username", "sender", "size",
    }
)  # fmt: skip
NAMES: Final = PER_RECIPIENT | _PER_REQUEST


def macro_names(text: str) -> Iterator[str]:
    """Yield the names that an argument refers to."""
    for match in _MACRO.finditer(text):
        if match.group() != "$$":
            yield _name(match)


def expand_arguments(
    argv: Sequence[str], request: Mapping[str, str], recipients: Sequence[Mapping[str, str]]
) -> list[str]:
    """Return the command with its macros replaced."""
    found: list[str] = []
    for argument in argv:
        if any(name in PER_RECIPIENT for name in macro_names(argument)):
            found += [_expand(argument, {**request, **values}) for values in recipients]
        else:
            found.append(_expand(argument, request))
    return found


def request_values(request: Deliver, flags: str, null_sender: str) -> dict[str, str]:
    """Return the macros that all recipients share."""
    client, envelope = request.envelope.client, request.envelope
    sender = envelope.sender or null_sender
    return {
        "client_address": client.address,
        "client_helo": client.helo,
        "client_hostname": client.name,
        "client_port": client.port,
        "client_protocol": client.protocol,
        "nexthop": request.nexthop.lower() if "h" in flags else request.nexthop,
        "queue_id": request.queue_id,
        "sasl_method": client.sasl_method,
        "sasl_sender": client.sasl_sender,
        "sasl_username": client.sasl_username,
        "sender": normalize_quoting(sender) if "q" in flags else unquote_address(sender),
        "size": str(request.content_length),
    }


def recipient_values(rcpt: Recipient, flags: str, delimiter: str) -> dict[str, str]:
    """Return the macros of one recipient."""
    local, domain = _folded(rcpt.address, flags)
    mailbox = unquote_local(local)
    user, extension = split_extension(mailbox, delimiter)
    return {
        "recipient": _address(rcpt.address, flags),
        "original_recipient": _address(rcpt.original, flags),
        "user": user,
        "extension": extension or "",
        "mailbox": mailbox,
        "domain": domain or "",
    }


def _name(match: re.Match[str]) -> str:
    return match.group(1) or match.group(2) or match.group(3) or ""


def _expand(text: str, values: Mapping[str, str]) -> str:
    return _MACRO.sub(lambda match: "$" if match.group() == "$$" else values[_name(match)], text)


def _folded(address: str, flags: str) -> tuple[str, str | None]:
    """Return local part and domain, folded as the flags say."""
    local, domain = split_address(address)
    return _fold(local, "u" in flags), None if domain is None else _fold(domain, "h" in flags)


def _fold(text: str, wanted: bool) -> str:
    return text.lower() if wanted else text


def _address(address: str, flags: str) -> str:
    local, domain = _folded(address, flags)
    whole = local if domain is None else f"{local}@{domain}"
    form: Callable[[str], str] = normalize_quoting if "q" in flags else unquote_address
    return form(whole)
