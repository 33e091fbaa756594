"""The auth service, as all sessions of a process see it.

With smtpd_sasl_type = cyrus it is pyfix's own auth(8), and failures have the words of Cyrus' library; with dovecot it's
whatever speaks Dovecot's protocol at smtpd_sasl_path, and they have Dovecot's. A service that is away costs those who
want to log in a 454, and nobody else anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from pyfix.base.log import Log
from pyfix.daemons.smtpd.answers import Answers
from pyfix.daemons.smtpd.params import SmtpdParameters
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.maps import MatchList
from pyfix.mail.sasl.client import DOVECOT_LINE_LIMIT, AuthClient
from pyfix.mail.sasl.mechanisms import SecurityOptions
from pyfix.mail.sasl.smtpd_conf import find_smtpd_conf
from pyfix.proto.dovecot_auth import LINE_LIMIT, Mechanism


@dataclass(frozen=True, slots=True)
class Words:
    """Reasons of failures that the service gives no words for."""

    rejected: str
    bad_mechanism: str
    bad_initial: str
    bad_response: str
    """What is no base64, with the AUTH command and after a challenge."""


_KEPT: Final = 10
"""Lists of mechanisms whose lines are kept: one with TLS, one without, and those of services that have changed."""
_NOT_DECODED: Final = "another step is needed in authentication"
"""So it is in Postfix with Cyrus' library."""
_CYRUS: Final = Words("authentication failure", "no mechanism available", _NOT_DECODED, _NOT_DECODED)
_DOVECOT: Final = Words(
    "(reason unavailable)", "Invalid authentication mechanism", "Invalid base64 data in initial response",
    "Invalid base64 data in continued response",
)  # fmt: skip


def make_client(params: SmtpdParameters, config: Config, log: Log) -> AuthClient:
    """Return the client of the service that the parameters name; raises ConfigError."""
    if params.smtpd_sasl_type == "cyrus":
        return AuthClient(f"private/{params.auth_service_name}", log, line_limit=LINE_LIMIT)
    try:
        return AuthClient(params.smtpd_sasl_path, log, line_limit=DOVECOT_LINE_LIMIT)
    except ValueError as error:
        raise config.refuse("smtpd_sasl_path", f"smtpd_sasl_path = {params.smtpd_sasl_path}: {error}") from None


def read_mech_list(config: Config, log: Log) -> tuple[str, ...]:
    """Return mech_list of smtpd.conf(5); nothing, and a line in the log, where that is wrong: auth won't start then."""
    try:
        conf = find_smtpd_conf(config)
    except ConfigError as error:
        log.warning(str(error))
        return ()
    return conf.mech_list if conf is not None else ()


def read_options(params: SmtpdParameters, config: Config, parameter: str) -> SecurityOptions:
    """Return the security options that a parameter has; raises ConfigError."""
    words: list[str] = getattr(params, parameter)
    try:
        return SecurityOptions.parse(words)
    except ValueError as error:
        raise config.refuse(parameter, f"{parameter} = {' '.join(words)}: {error}") from None


class Logins:
    """What sessions need to know of logins; raises ConfigError."""

    def __init__(
        self, params: SmtpdParameters, config: Config, client: AuthClient, announced: MatchList, answers: Answers,
        chosen: Collection[str] = (),
    ) -> None:  # fmt: skip
        """announced: smtpd_sasl_mechanism_filter; chosen: mech_list of Cyrus' file, all if it is empty."""
        self.client = client
        self.words = _CYRUS if params.smtpd_sasl_type == "cyrus" else _DOVECOT
        self.realm = params.smtpd_sasl_local_domain if params.smtpd_sasl_type == "cyrus" else ""
        self._plain = read_options(params, config, "smtpd_sasl_security_options")
        self._tls = read_options(params, config, "smtpd_sasl_tls_security_options")
        self._announced = announced
        self._chosen = chosen
        self._answers = answers
        self._is_doubled = params.broken_sasl_auth_clients
        self._lines: dict[tuple[str, ...], tuple[str, ...]] = {}

    async def mechanisms(self, *, is_encrypted: bool) -> tuple[str, ...]:
        """Return what a client may use; raises AuthUnavailable when the service was never reached, and is not now."""
        offered = self.client.known_mechanisms
        return self._allowed(await self.client.mechanisms() if offered is None else offered, is_encrypted)

    def _allowed(self, offered: Iterable[Mechanism], is_encrypted: bool) -> tuple[str, ...]:
        options = self._tls if is_encrypted else self._plain
        names = (mechanism.name for mechanism in offered if options.allow(mechanism))
        return tuple(name for name in names if not self._chosen or name in self._chosen)

    async def lines(self, *, is_encrypted: bool) -> tuple[str, ...]:
        """Return the lines of the EHLO reply; none while the service can't be asked, or when it has nothing."""
        names = self._allowed(await self.client.offered() or (), is_encrypted)
        known = self._lines.get(names)
        return await self._make_lines(names) if known is None else known

    async def _make_lines(self, names: tuple[str, ...]) -> tuple[str, ...]:
        told = " ".join([name for name in names if await self._answers.is_listed(name, self._announced)])
        lines = (f"AUTH {told}", f"AUTH={told}") if self._is_doubled else (f"AUTH {told}",)
        self._lines = {**self._lines, names: lines if told else ()} if len(self._lines) < _KEPT else {}
        return lines if told else ()
