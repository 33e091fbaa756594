"""TLS between a transport and the protocol that it serves, over memory.

    layer = TlsLayer(transport, protocol, tls.context, loop)     the protocol's transport.set_protocol(layer)
    layer.start(early)                                           early: bytes that came already
    problem = await layer.handshake                              "" once the session is encrypted
    protocol.transport = layer                                   from here on

Towards the transport it is a protocol, towards the protocol a transport: `write`, `close`, `abort`, `pause_reading` and
`resume_reading` do what they do there, and `data_received` brings plain text. The protocol hears of `connection_lost`
and of `eof_received` as before; a client's close_notify is the end of its input. `close` sends ours and does not wait
for the client's (tls_fast_shutdown_enable).

A handshake that fails closes the connection, after OpenSSL's alert. Who sets a time limit calls `give_up`.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any, Final, cast

from pyfix.mail.tls.library_error import library_error

_PIECE: Final = 16 * 1024
"""OpenSSL gives no more than one record at a time."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a handshake did not succeed, in Postfix's words for the log."""

    reason: str
    """Behind "SSL_accept error from CLIENT: "."""
    library: str = ""
    """Behind "TLS library problem: "; "" where OpenSSL has nothing to say."""


class TlsLayer(asyncio.Protocol):
    """One connection."""

    def __init__(
        self,
        transport: asyncio.Transport,
        protocol: asyncio.Protocol,
        context: ssl.SSLContext,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._transport = transport
        self._protocol = protocol
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.handshake: asyncio.Future[Failure | None] = loop.create_future()
        """Done when the handshake is: None once all is well."""
        self._is_closed = False

    def start(self, early: bytes = b"") -> None:
        """Take the transport over."""
        self._transport.set_protocol(self)
        if early:
            self.data_received(early)

    # --- from the transport

    def data_received(self, data: bytes) -> None:
        if self._is_closed:
            return
        self._incoming.write(data)
        if not self.handshake.done() and not self._shake_hands():
            return
        self._read()

    def eof_received(self) -> bool:
        """The client closed without close_notify, which in SMTP and POP3 cuts nothing off: they know their ends."""
        if not self.handshake.done():
            self._fail(Failure("lost connection"))
            return False
        return bool(self._protocol.eof_received())

    def connection_lost(self, error: Exception | None) -> None:
        self._is_closed = True
        self._settle(Failure("lost connection"))
        self._protocol.connection_lost(error)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    # --- the handshake

    def _shake_hands(self) -> bool:
        """Go on with the handshake; True once it is complete."""
        try:
            self.session.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except (OSError, ValueError) as error:  # ssl.SSLError, and what Python makes of odd certificates
            self._fail(Failure("-1", library_error(error)))
            return False
        self._flush()
        self._settle(None)
        return True

    def give_up(self) -> None:
        """The client takes too long with its handshake; without effect once that is done."""
        if not self.handshake.done():
            self._fail(Failure("Connection timed out"))

    def _fail(self, failure: Failure) -> None:
        self._settle(failure)
        self._flush()
        self._is_closed = True
        self._transport.close()

    def _settle(self, outcome: Failure | None) -> None:
        if not self.handshake.done():
            self.handshake.set_result(outcome)

    # --- plain text

    def _read(self) -> None:
        """Hand on what there is."""
        pieces: list[bytes] = []
        is_over = False
        try:
            while piece := self.session.read(_PIECE):
                pieces.append(piece)
            is_over = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            is_over = True
        except OSError:  # a broken record: nobody who has the key sent it
            self.abort()
        self._flush()
        if pieces:
            self._protocol.data_received(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if is_over and not self._is_closed and not self._protocol.eof_received():
            self.close()

    def _flush(self) -> None:
        if self._outgoing.pending and not self._transport.is_closing():
            self._transport.write(self._outgoing.read())

    # --- the transport that the protocol sees

    def write(self, data: bytes) -> None:
        """Encrypt and send."""
        if self._is_closed or not data:
            return
        try:
            self.session.write(data)
        except OSError:
            self.abort()
            return
        self._flush()

    def close(self) -> None:
        """Send what is to be sent, and close_notify, and close."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self.session.unwrap()
        except OSError:
            pass  # the client's close_notify is not waited for
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._is_closed = True
        self._transport.abort()

    def is_closing(self) -> bool:
        """Return whether there is nothing more to send."""
        return self._is_closed

    def pause_reading(self) -> None:
        """Take no more from the client."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on taking."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the transport knows; "ssl_object" is the session."""
        return self.session if name == "ssl_object" else self._transport.get_extra_info(name, default)

    def as_transport(self) -> asyncio.Transport:
        """Return this for who wants a transport; it is one in all but inheritance, as uvloop's are."""
        return cast(asyncio.Transport, self)
