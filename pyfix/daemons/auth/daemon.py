"""The auth process."""

from __future__ import annotations

import asyncio
import pwd
from collections.abc import Iterator
from typing import Final

from pyfix.daemons.auth.connection import AuthConnection
from pyfix.daemons.auth.crew import Crew
from pyfix.daemons.auth.desk import Desk
from pyfix.daemons.auth.files import SettingsFiles
from pyfix.daemons.auth.names import BadFormat, NameRules
from pyfix.daemons.auth.params import AuthParameters
from pyfix.daemons.auth.penalty import Limits, Penalties
from pyfix.daemons.auth.verify import Hashing, Verifier
from pyfix.mail.auth.backends.context import Context
from pyfix.mail.auth.backends.registry import backend_specs, open_backend, open_backends, settings_files
from pyfix.mail.auth.tokens.opening import open_tokens
from pyfix.mail.maps import MatchList
from pyfix.mail.maps.lending import asker
from pyfix.mail.maps.match_list import ADDRESS
from pyfix.proto.dovecot_auth import Mechanism
from pyfix.proto.sasl import MECHANISMS, TokenMechanism
from pyfix.service.many_clients import cpu_count
from pyfix.service.service import ManyClientsDaemon, Service
from pyfix.service.worker import Listener

_HASHES: Final = 2 * cpu_count()


class AuthDaemon(ManyClientsDaemon[AuthParameters]):
    """Logins, asked for in Dovecot's protocol."""

    permanent = True
    is_prompt = True
    open_to_all = True
    shares_processes = True

    def before_jail(self) -> None:
        """Open back ends and lists."""
        params = self.params
        self._connections: set[AuthConnection] = set()
        self._count = 0
        self._context = Context(self.config)
        specs = backend_specs(self.config)
        self._files = SettingsFiles(settings_files(self.config, specs), self._read_files, self.log.warning)
        self._backends = [open_backend(spec, self._context) for spec in specs]
        self._places = self._context.places
        self._exceptions = MatchList(
            params.auth_failure_exceptions, "auth_failure_exceptions", self.config, kind=ADDRESS
        )
        self._tokens = open_tokens(self.config, params)
        self._authorized = self._find_authorized()
        self._names = self._make_names()
        self.offers = tuple(self._offer(word.upper()) for word in params.auth_mechanisms)

    def _offer(self, name: str) -> Mechanism:
        kind = MECHANISMS.get(name)
        if kind is None:
            known = ", ".join(MECHANISMS).lower()
            raise self.config.refuse(
                "auth_mechanisms", f"auth_mechanisms: unknown mechanism {name.lower()}; specify some of {known}"
            )
        if issubclass(kind, TokenMechanism) and self._tokens is None:
            raise self.config.refuse(
                "auth_mechanisms",
                f"auth_mechanisms: {name.lower()} needs auth_oauth2_introspection_url or auth_oauth2_jwks_url",
            )
        return Mechanism(name, kind.properties)

    def _make_names(self) -> NameRules:
        params = self.params
        try:
            return NameRules(params.auth_default_realm, params.auth_username_format)
        except BadFormat as error:
            text = f"bad value auth_username_format = {params.auth_username_format}; {error}"
            raise self.config.refuse("auth_username_format", text) from None

    def _find_authorized(self) -> frozenset[int]:
        found = set()
        for name in (self.params.mail_owner, *self.params.auth_authorized_users):
            try:
                found.add(pwd.getpwnam(name).pw_uid)
            except KeyError:
                if name != self.params.mail_owner:  # which an ordinary user's system need not have
                    raise self.config.refuse(
                        "auth_authorized_users", f"auth_authorized_users: unknown user: {name}"
                    ) from None
        return frozenset(found)

    async def start(self) -> None:
        """Put together what the logins share."""
        params = self.params
        hashing = Hashing(params.password_scheme, renews=params.password_rehash, limit=_HASHES)
        limits = Limits(params.auth_failure_delay, params.auth_failure_limit, params.auth_ban_time)
        self._places.lend(asker(asyncio.get_running_loop()))
        self._threads = Crew(asyncio.get_running_loop(), params.auth_worker_max_count)
        self.desk = Desk(
            worker=self.worker, verifier=Verifier(self._backends, hashing), penalties=Penalties(limits),
            names=self._names, threads=self._threads, exceptions=self._exceptions, tokens=self._tokens,
            mechanisms=frozenset(offer.name for offer in self.offers), hostname=params.myhostname,
            ban_s=params.auth_ban_time,
        )  # fmt: skip

    def protocol(self, listener: Listener) -> asyncio.BaseProtocol:
        """Return the protocol for a new client."""
        return AuthConnection(self)

    def admits(self, uid: int) -> bool:
        """Return whether a user may ask."""
        return uid in self._authorized

    def opened(self, connection: AuthConnection) -> int:
        """Count a connection; return its number."""
        self._connections.add(connection)
        self._count += 1
        self.worker.client_opened()
        return self._count

    def closed(self, connection: AuthConnection) -> None:
        """A connection has ended."""
        self._connections.discard(connection)
        self.worker.client_closed()

    def find_changed(self) -> Iterator[str]:
        if self._exceptions.has_changed():
            yield self._exceptions.parameter
        yield from self._places.find_changed()

    def find_changed_files(self) -> Iterator[str]:
        return self._files.find_changed()

    def _read_files(self) -> None:
        for backend in open_backends(self.config):
            backend.close()

    def retiring(self) -> None:
        """Part from clients that wait for nothing: they find the next process when they need it."""
        for connection in list(self._connections):
            connection.retire()

    async def stop(self) -> None:
        """All clients have gone."""
        self._threads.close()
        for backend in self._backends:
            backend.close()


SERVICE = Service("auth", AuthDaemon, AuthParameters, serves_mailboxes=True)
