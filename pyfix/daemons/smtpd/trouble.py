"""The class of a refusal that is not the restrictions': which line of notify_classes it falls under. Pure.

The classes are Postfix's, its oddities included: that there are no recipients left, or no ETRN service, is nobody's
fault, and a client that may not pipeline is told so and nobody else is. What is not listed is a matter of the protocol.
"""

from __future__ import annotations

from typing import Final

from pyfix.mail.notices.trouble import Trouble
from pyfix.mail.smtp import replies

_OF_REPLY: Final = {
    replies.NEED_HELO: Trouble.POLICY,
    replies.ETRN_NEED_HELO: Trouble.POLICY,
    replies.VRFY_DISABLED: Trouble.POLICY,
    replies.NO_AUTHORIZATION: Trouble.POLICY,
    replies.SIZE_EXCEEDS_LIMIT: Trouble.POLICY,
    replies.SIZE_UNREASONABLE: Trouble.POLICY,
    replies.CHUNK_TOO_BIG: Trouble.POLICY,
    replies.MESSAGE_TOO_BIG: Trouble.BOUNCE,
    replies.NO_STORAGE: Trouble.RESOURCE,
    replies.WRITE_ERROR: Trouble.RESOURCE,
    replies.CONFIGURATION_ERROR: Trouble.SOFTWARE,
    replies.NO_TLS: Trouble.SOFTWARE,
    replies.NEED_TLS: Trouble.NONE,
    replies.NO_VALID_RECIPIENTS: Trouble.NONE,
    replies.NULL_CHUNK: Trouble.NONE,
}
_OF_CODE: Final = {
    "503 5.7.0": Trouble.POLICY,  # a client that was refused at connect time
    "450 4.7.1": Trouble.POLICY,  # a rate limit
    "551 5.0.0": Trouble.NONE,  # a chunk after an earlier error
    "554 5.4.0": Trouble.BOUNCE,  # too many hops
}
_CODE_LENGTH: Final = 9


def trouble_of_command(reply: str) -> Trouble:
    """Return the class of a command that was refused with this reply."""
    if reply.startswith("459"):  # no ETRN service
        return Trouble.NONE
    return _find(reply, Trouble.PROTOCOL)


def trouble_of_message(reply: str) -> Trouble:
    """Return the class of a whole message that was refused with this reply: what it is not known for is our fault."""
    return _find(reply, Trouble.SOFTWARE)


def _find(reply: str, default: Trouble) -> Trouble:
    found = _OF_REPLY.get(reply)
    return _OF_CODE.get(reply[:_CODE_LENGTH], default) if found is None else found
