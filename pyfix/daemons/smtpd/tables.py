"""Every table and list that the configuration of smtpd names, opened once a process."""

from __future__ import annotations

from pyfix.base.log import Log
from pyfix.daemons.smtpd.header_clients import PARAMETER as HEADER_CLIENTS
from pyfix.daemons.smtpd.header_clients import HeaderClients
from pyfix.daemons.smtpd.params import SmtpdParameters
from pyfix.mail.config import Config
from pyfix.mail.maps import HOST, STRING, TableError
from pyfix.mail.restrictions.tables import Opened, RestrictionTables


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
        self.header_clients = HeaderClients(
            params, config, self.networks, lambda spec: self._open(spec, HEADER_CLIENTS)
        )

    def may_send_bare_newline(self, name: str, address: str, log: Log) -> bool:
        """True for a client to which smtpd_forbid_bare_newline does not apply; nobody is known to be such a one while
        the list can't be asked."""
        if not self._forbids_bare_newline:
            return True
        try:
            return self._bare_newline_exclusions.matches(name, address)
        except TableError as error:
            log.warning(f"smtpd_forbid_bare_newline_exclusions: {error}")
            return False
