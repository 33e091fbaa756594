"""Every table and list that the configuration of smtpd names, opened once a process."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyfix.daemons.smtpd.header_clients import PARAMETER as HEADER_CLIENTS
from pyfix.daemons.smtpd.header_clients import HeaderClients
from pyfix.daemons.smtpd.params import SmtpdParameters
from pyfix.mail.config import Config
from pyfix.mail.maps import HOST, STRING, TableError
from pyfix.mail.restrictions.tables import Opened, RestrictionTables


@dataclass(slots=True)
class Standing:
    """What the configuration says of a client."""

    is_ours: bool = False
    """local_header_rewrite_clients holds it."""
    may_send_bare_newline: bool = False
    """smtpd_forbid_bare_newline does not apply."""
    is_told_of_auth: bool = True
    """smtpd_sasl_exceptions_networks does not hold it."""
    is_unlimited: bool = False
    """smtpd_client_event_limit_exceptions holds it."""
    warnings: list[str] = field(default_factory=list)
    """Lists that can't be asked; they hold nobody meanwhile."""


class Tables(RestrictionTables):
    """Those of the restrictions, and what else depends on who the client is; raises ConfigError."""

    def __init__(self, config: Config, params: SmtpdParameters, opened: Opened) -> None:
        super().__init__(config, params, opened)
        self.forbidden = self._match_list(params.smtpd_forbidden_commands, "smtpd_forbidden_commands", STRING)
        self._forbids_bare_newline = params.smtpd_forbid_bare_newline != "no"
        self._bare_newline_exclusions = self._match_list(
            params.smtpd_forbid_bare_newline_exclusions, "smtpd_forbid_bare_newline_exclusions", HOST,
            parents="mynetworks" in params.parent_domain_matches_subdomains,
        )  # fmt: skip
        self._auth_exceptions = self._match_list(
            params.smtpd_sasl_exceptions_networks, "smtpd_sasl_exceptions_networks", HOST
        )
        self._limit_exceptions = self._match_list(
            params.smtpd_client_event_limit_exceptions, "smtpd_client_event_limit_exceptions", HOST
        )
        self.announced_mechanisms = self._match_list(
            params.smtpd_sasl_mechanism_filter, "smtpd_sasl_mechanism_filter", STRING
        )
        self.header_clients = HeaderClients(
            params, config, self.networks, lambda spec: self._open(spec, HEADER_CLIENTS)
        )

        self.standing_may_wait = (
            self.header_clients.blocking
            or self._auth_exceptions.blocking
            or self._limit_exceptions.blocking
            or (self._forbids_bare_newline and self._bare_newline_exclusions.blocking)
        )
        """True when `standing` may have to wait: a thread's work."""

    def standing(self, name: str, address: str) -> Standing:
        """Return what there is to know of a client besides its name."""
        standing = Standing(may_send_bare_newline=not self._forbids_bare_newline)
        try:
            standing.is_ours = self.header_clients.holds(name, address)
        except TableError as error:
            standing.warnings.append(f"{HEADER_CLIENTS}: {error}")
        if self._forbids_bare_newline:
            try:
                standing.may_send_bare_newline = self._bare_newline_exclusions.matches(name, address)
            except TableError as error:
                standing.warnings.append(f"{self._bare_newline_exclusions.parameter}: {error}")
        try:
            standing.is_told_of_auth = not self._auth_exceptions.matches(name, address)
        except TableError as error:
            standing.warnings.append(f"{self._auth_exceptions.parameter}: {error}")
        try:
            standing.is_unlimited = self._limit_exceptions.matches(name, address)
        except TableError as error:
            standing.warnings.append(f"{self._limit_exceptions.parameter}: {error}")
        return standing
