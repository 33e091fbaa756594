"""A session before its login: greeting, CAPA, STLS, USER and PASS, APOP, AUTH.

Passwords in the clear are asked for only where the connection is secured, or the configuration allows it; where it
demands TLS nobody can log in without. Commands that do not exist are counted; how long and how often somebody may try
passwords is decided by others.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from pyfix.proto.pop3.actions import Action, Authenticate, Cancel, Close, Reply, Respond, StartTls
from pyfix.proto.pop3.arguments import split_command
from pyfix.proto.pop3.capabilities import Policy, capability_list
from pyfix.proto.pop3.languages import answer_lang
from pyfix.proto.pop3.lines import LineReader, LineTooLong

LINE_LIMIT: Final = 1024
"""RFC 2449 asks for 255; longer passwords exist."""
RESPONSE_LIMIT: Final = 12288
"""RFC 4954's: tickets and tokens are long."""
BAD_COMMAND_LIMIT: Final = 3
_MECHANISM: Final = re.compile(r"[A-Z0-9_-]{1,20}")
_NOT_PLAINTEXT: Final = b"-ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.\r\n"
_PLAINTEXT_DISABLED: Final = b"-ERR [AUTH] Plaintext authentication disabled.\r\n"
_NEEDS_TLS: Final = b"-ERR [AUTH] Authentication not allowed until SSL/TLS is enabled.\r\n"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client may do."""

    greeting: str
    policy: Policy
    mechanisms: tuple[str, ...] = ()
    """Those for AUTH, in the order in which they are told."""
    plaintext_mechanisms: frozenset[str] = frozenset({"PLAIN", "LOGIN"})
    """Those that show the password to whoever listens."""
    tls: bool = False
    """STLS can be had."""
    is_encrypted: bool = False
    allows_plaintext: bool = True
    demands_tls: bool = False
    """No login without."""
    apop_stamp: str = ""
    """The challenge of APOP with its <>; empty: no APOP."""

    @property
    def is_open(self) -> bool:
        """True when logins are possible as things are."""
        return self.is_encrypted or not self.demands_tls

    @property
    def takes_passwords(self) -> bool:
        """True when a client may send its password in the clear."""
        return self.is_open and self.allows_plaintext

    @property
    def offered(self) -> tuple[str, ...]:
        """Return the mechanisms that a client may use as things are."""
        if not self.is_open:
            return ()
        return tuple(name for name in self.mechanisms if self.allows_plaintext or name not in self.plaintext_mechanisms)


@dataclass(slots=True)
class History:
    """What a client has tried, for the log."""

    user: str = ""
    method: str = ""
    attempts: int = 0
    """Logins that failed."""
    has_tried_plaintext: bool = False
    """Where it was not allowed."""
    has_tried_unknown: bool = False
    """A mechanism that there is not."""
    has_cancelled: bool = False
    has_sent_garbage: bool = False
    is_in_exchange: bool = False
    had_trouble: bool = False
    """The auth service could not say."""


@dataclass(slots=True)
class _Exchange:
    """A login under way; is_asked: it is the client's turn."""

    is_asked: bool = False


class Authorization:
    """The dialogue. `receive` takes input; see actions.py for what is to be reported."""

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self.history = History()
        self._lines = LineReader()
        self._user: bytes | None = None
        self._exchange: _Exchange | None = None
        self._is_starting_tls = False
        self._is_over = False
        self._bad_commands = 0

    def greet(self) -> list[Action]:
        """Return the greeting, then the answers to what has come already."""
        stamp = f" {self.offer.apop_stamp}" if self.offer.apop_stamp else ""
        return self._answer_input([Reply(f"+OK {self.offer.greeting}{stamp}\r\n".encode("utf-8", "replace"))])

    # --- input

    def receive(self, data: bytes) -> list[Action]:
        """Take input; return what is to be done, as far as that can be told now."""
        if self._is_over or self._is_starting_tls:
            return []
        self._lines.feed(data)
        return self._answer_input([])

    def take_rest(self) -> bytes:
        """Return the input that is not used up: the session goes on elsewhere."""
        self._is_over = True
        return self._lines.take_rest()

    @property
    def waiting_input(self) -> int:
        """Return how many bytes of input wait for an action to be done."""
        return len(self._lines)

    def _answer_input(self, actions: list[Action]) -> list[Action]:
        exchange = self._exchange
        limit = LINE_LIMIT
        try:
            while not self._is_over and not self._is_starting_tls:
                exchange = self._exchange
                if exchange is not None and not exchange.is_asked:
                    break
                limit = RESPONSE_LIMIT if exchange is not None or self._begins_auth() else LINE_LIMIT
                line = self._lines.next_line(limit)
                if line is None:
                    break
                if exchange is not None:
                    self._answer_response(exchange, line, actions)
                else:
                    self._answer(line, actions)
        except LineTooLong:
            self._end_too_long(actions, in_exchange=exchange is not None)
        return actions

    def _begins_auth(self) -> bool:
        return self._lines.starts_with(b"AUTH ")

    def _end_too_long(self, actions: list[Action], *, in_exchange: bool) -> None:
        if in_exchange:
            self._exchange = None
            actions.append(Cancel())
            self._close(actions, b"-ERR Authentication response too large\r\n", "Authentication response too large")
        else:
            self._close(actions, b"-ERR Input buffer full, aborting\r\n", "Input buffer full")

    def _answer(self, line: bytes, actions: list[Action]) -> None:
        verb, arguments = split_command(line)
        handler = _VERBS.get(verb)
        if handler is not None:
            self._bad_commands = 0
            handler(self, arguments, actions)
            return
        actions.append(Reply(b"-ERR Unknown command.\r\n"))
        self._bad_commands += 1
        if self._bad_commands >= BAD_COMMAND_LIMIT:
            self._close(actions, b"-ERR Too many invalid bad commands.\r\n", "Too many bad commands")

    def _close(self, actions: list[Action], reply: bytes, reason: str) -> None:
        self._is_over = True
        actions += [Reply(reply), Close(reason)]

    # --- commands

    def _answer_capa(self, arguments: bytes, actions: list[Action]) -> None:
        offer = self.offer
        listing = capability_list(
            offer.policy,
            offers_tls=offer.tls and not offer.is_encrypted,
            offers_user=offer.takes_passwords,
            mechanisms=offer.offered,
        )
        actions.append(Reply(listing))

    def _answer_stls(self, arguments: bytes, actions: list[Action]) -> None:
        if self.offer.is_encrypted:
            actions.append(Reply(b"-ERR TLS is already active.\r\n"))
        elif not self.offer.tls:
            actions.append(Reply(b"-ERR TLS support isn't enabled.\r\n"))
        else:
            self._lines.take_rest()  # whoever put it there was not behind the encryption (CVE-2011-0411)
            self._is_starting_tls = True
            actions.append(StartTls(b"+OK Begin TLS negotiation now.\r\n"))

    def _answer_user(self, arguments: bytes, actions: list[Action]) -> None:
        if self._may_send_password(arguments, actions, _NOT_PLAINTEXT):
            self._user = arguments
            actions.append(Reply(b"+OK\r\n"))

    def _answer_pass(self, arguments: bytes, actions: list[Action]) -> None:
        if not self._may_send_password(self._user or b"", actions, _NOT_PLAINTEXT):
            return
        if self._user is None:
            actions.append(Reply(b"-ERR No username given.\r\n"))
            return
        user, self._user = self._user, None
        self._begin("PLAIN", b"\0%s\0%s" % (user, arguments), actions, user)

    def _may_send_password(self, user: bytes, actions: list[Action], refusal: bytes) -> bool:
        if self.offer.takes_passwords:
            return True
        self.history.has_tried_plaintext = True
        self.history.user = user.decode("utf-8", "replace") or self.history.user
        actions.append(Reply(refusal if self.offer.is_open else _NEEDS_TLS))
        return False

    def _answer_apop(self, arguments: bytes, actions: list[Action]) -> None:
        user, _, digest = arguments.rpartition(b" ")
        if not self.offer.apop_stamp:
            actions.append(Reply(b"-ERR APOP not enabled.\r\n"))
        elif not self.offer.is_open:
            actions.append(Reply(_NEEDS_TLS))
        elif not user or not re.fullmatch(rb"[0-9A-Fa-f]{32}", digest):
            actions.append(Reply(b"-ERR Invalid parameters.\r\n"))
        else:
            stamp = self.offer.apop_stamp.encode("ascii")
            self._begin("APOP", b"%s\0%s\0%s" % (stamp, user, bytes.fromhex(digest.decode())), actions, user)

    def _answer_auth(self, arguments: bytes, actions: list[Action]) -> None:
        if not arguments:
            names = "".join(f"{name}\r\n" for name in self.offer.offered)
            actions.append(Reply(f"+OK\r\n{names}.\r\n".encode("ascii")))
            return
        name, _, encoded = arguments.partition(b" ")
        mechanism = name.decode("ascii", "replace").upper()
        self.history.method = mechanism if _MECHANISM.fullmatch(mechanism) else ""
        if not self.offer.is_open:
            self.history.has_tried_plaintext = True
            actions.append(Reply(_NEEDS_TLS))
        elif mechanism not in self.offer.mechanisms:
            self.history.has_tried_unknown = True
            actions.append(Reply(b"-ERR [AUTH] Unsupported authentication mechanism.\r\n"))
        elif mechanism not in self.offer.offered:
            self._may_send_password(b"", actions, _PLAINTEXT_DISABLED)
        else:
            self._begin_auth(mechanism, encoded.strip(b" "), actions)

    def _begin_auth(self, mechanism: str, encoded: bytes, actions: list[Action]) -> None:
        if encoded in (b"", b"="):
            self._begin(mechanism, b"" if encoded else None, actions)
        elif (response := _decode(encoded)) is None:
            self.history.has_sent_garbage = True
            actions.append(Reply(b"-ERR [AUTH] Invalid base64 data in initial response\r\n"))
        else:
            self._begin(mechanism, response, actions)

    def _begin(self, mechanism: str, response: bytes | None, actions: list[Action], user: bytes = b"") -> None:
        name = user.decode("utf-8", "replace")
        self.history.method = mechanism
        self.history.user = name or self.history.user
        self._exchange = _Exchange()
        actions.append(Authenticate(mechanism, response, name))

    def _answer_response(self, exchange: _Exchange, line: bytes, actions: list[Action]) -> None:
        response = _decode(line) if line != b"*" else None
        if response is not None:
            exchange.is_asked = False
            self.history.is_in_exchange = False
            actions.append(Respond(response))
            return
        self._exchange = None
        self.history.is_in_exchange = False
        actions.append(Cancel())
        if line == b"*":
            self.history.has_cancelled = True
            actions.append(Reply(b"-ERR Authentication aborted by client.\r\n"))
        else:
            self.history.has_sent_garbage = True
            actions.append(Reply(b"-ERR [AUTH] Invalid base64 in response\r\n"))

    def _answer_utf8(self, arguments: bytes, actions: list[Action]) -> None:
        actions.append(Reply(b"+OK UTF8 enabled.\r\n"))

    def _answer_lang(self, arguments: bytes, actions: list[Action]) -> None:
        actions.append(Reply(answer_lang(arguments)))

    def _answer_quit(self, arguments: bytes, actions: list[Action]) -> None:
        self._close(actions, b"+OK Logging out\r\n", "Aborted login by logging out")

    # --- reports

    def tls_started(self) -> None:
        """The connection is encrypted now; the session begins anew, without a greeting."""
        self.offer = replace(self.offer, is_encrypted=True, allows_plaintext=True)
        self._is_starting_tls = False
        self._user = None

    def challenge(self, data: bytes) -> list[Action]:
        """The mechanism asks the client for more."""
        if self._exchange is not None:
            self._exchange.is_asked = True
            self.history.is_in_exchange = True
        return self._answer_input([Reply(b"+ %s\r\n" % base64.b64encode(data))])

    def refuse(
        self, text: str = "Authentication failed.", code: str = "AUTH", *, is_trouble: bool = False
    ) -> list[Action]:
        """The login failed; `code` of RFC 3206 or empty."""
        self._exchange = None
        self.history.is_in_exchange = False
        if is_trouble:
            self.history.had_trouble = True
        else:
            self.history.attempts += 1
        words = f"-ERR [{code}] {text}\r\n" if code else f"-ERR {text}\r\n"
        return self._answer_input([Reply(words.encode("utf-8", "replace"))])


def _decode(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


_Handler = Callable[[Authorization, bytes, list[Action]], None]
_VERBS: Final[dict[bytes, _Handler]] = {
    b"APOP": Authorization._answer_apop,
    b"AUTH": Authorization._answer_auth,
    b"CAPA": Authorization._answer_capa,
    b"LANG": Authorization._answer_lang,
    b"PASS": Authorization._answer_pass,
    b"QUIT": Authorization._answer_quit,
    b"STLS": Authorization._answer_stls,
    b"USER": Authorization._answer_user,
    b"UTF8": Authorization._answer_utf8,
}
