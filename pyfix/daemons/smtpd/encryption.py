"""How a session becomes encrypted: STARTTLS (RFC 3207) and the wrapper mode.

What the client sent in the clear behind STARTTLS is thrown away before the handshake: it may be a stranger's, and
would be taken for the client's own once the session is encrypted (CVE-2011-0411). What it said of itself before is
forgotten, too.
"""

from __future__ import annotations

from typing import Final

from pyfix.daemons.smtpd import log
from pyfix.daemons.smtpd.state import State
from pyfix.mail.smtp import replies
from pyfix.mail.tls.layer import Failure, TlsLayer
from pyfix.mail.tls.session import TlsSession

_SUMMARY: Final = 1
"""The least smtpd_tls_loglevel that tells of each handshake."""
_VERBOSE: Final = 2


class Encryption(State):
    """The part of a session that begins TLS."""

    async def _begin_tls(self, early: bytes) -> bool:
        """Let the client shake hands; False when the session is over. `early`: what of the handshake is there."""
        context, transport = self.server.tls.context, self.transport
        if context is None or transport is None or self._lost:
            return False
        if self.server.tls.settings.loglevel >= _VERBOSE:
            log.tls_begins(self.server.log, self.peer.label)
        self.layer = layer = TlsLayer(transport, self, context, self.loop)
        patience = self.loop.call_later(self.params.smtpd_starttls_timeout, layer.give_up)
        layer.start(early)
        if self._reading_paused:
            self._reading_paused = False
            layer.resume_reading()
        failure = await layer.handshake
        patience.cancel()
        if (asked := self.server.tls.asked(layer.session)) is not None:
            log.server_name(self.server.log, self.peer.label, asked)
        if failure is not None:
            self._fail_tls(failure)
            return False
        self.transport = layer.as_transport()
        self.tls = self.server.tls.describe(layer.session)
        self.context.tls = self.tls
        self.is_encrypted = True
        if self.server.tls.settings.loglevel >= _SUMMARY:
            if self.tls.distrust and self.server.tls.requires_certificate:
                log.certificate_failed(self.server.log, self.peer.label, self.tls.distrust)
            log.tls_established(self.server.log, self.peer.label, self.tls)
        if self.server.tls.settings.loglevel >= _VERBOSE and self.tls.peer is not None:
            log.certificate_shown(self.server.log, self.peer.label, self.tls.peer)
        if self.server.tls.requires_certificate and self.tls.trust != "Trusted":
            await self._refuse_certificate(self.tls)
        return True

    async def _refuse_certificate(self, tls: TlsSession) -> None:
        """smtpd_tls_req_ccert: the client has none, or one that nobody vouches for."""
        problem = "No client certificate presented" if tls.peer is None else "Client certificate not trusted"
        log.tls_aborted(self.server.log, self.peer.label, problem)
        await self.push(replies.no_certificate(self.params.myhostname, problem))

    def _fail_tls(self, failure: Failure) -> None:
        """The connection is being closed; what follows is the end of a session whose client was lost."""
        self._is_closing = True
        log.tls_failed(self.server.log, self.peer.label, failure)

    def _forget(self) -> None:
        """Be as with a client that has said nothing yet (RFC 3207 section 4.2)."""
        self._reset()
        self._forget_login()
        self._input, self._at = b"", 0
        self._overlong = b""
        self.context.helo = ""
        self.protocol = "SMTP"
        self.extensions = self.server.secure_extensions
