"""Every table and list that the configuration of smtpd names, opened once a process."""

from __future__ import annotations

from pyfix.daemons.smtpd.header_clients import PARAMETER as HEADER_CLIENTS
from pyfix.daemons.smtpd.header_clients import HeaderClients
from pyfix.daemons.smtpd.params import SmtpdParameters
from pyfix.daemons.smtpd.restrictions.parse import Kind, guards_against_relaying, parse_restrictions
from pyfix.daemons.smtpd.restrictions.progress import Rules, Steps
from pyfix.daemons.smtpd.restrictions.recipient import RecipientTables
from pyfix.mail.address.domains import LocalDomains
from pyfix.mail.config import Config
from pyfix.mail.maps import HOST, STRING, Maps, MatchList, open_maps

_OPEN_RELAY = (
    "in parameter smtpd_relay_restrictions or smtpd_recipient_restrictions, specify at least one working instance of: "
    "reject_unauth_destination, defer_unauth_destination, reject, defer, defer_if_permit or check_relay_domains"
)


class Tables:
    """Opened tables; raises ConfigError for what is no table at all."""

    def __init__(self, config: Config, params: SmtpdParameters) -> None:
        self._config = config
        self._params = params
        self._maps: dict[str, Maps] = {}
        self.local_domains = LocalDomains(config, params)
        self.networks = MatchList(params.mynetworks, "mynetworks", config, HOST)
        self.forbidden = MatchList(params.smtpd_forbidden_commands, "smtpd_forbidden_commands", config, STRING)
        self.bare_newline_exclusions = MatchList(
            params.smtpd_forbid_bare_newline_exclusions, "smtpd_forbid_bare_newline_exclusions", config, HOST,
            parents="mynetworks" in params.parent_domain_matches_subdomains,
        )  # fmt: skip
        self._recipients = self._recipient_tables()
        self.rules = self._rules()
        self.header_clients = HeaderClients(
            params, config, self.networks, lambda spec: self._open(spec, HEADER_CLIENTS)
        )

    def has_changed(self) -> bool:
        """True when a file of some table has changed."""
        recipients = self._recipients
        lists = (self.networks, self.forbidden, self.bare_newline_exclusions)
        maps = (recipients.local, recipients.virtual_mailbox, recipients.virtual_alias, recipients.relay)
        return (
            self.local_domains.has_changed()
            or any(matches.has_changed() for matches in lists)
            or any(table.has_changed() for table in (*maps, *self._maps.values()))
        )

    def find_open_relay(self) -> str:
        """Return why these restrictions make an open relay, "" when they do not."""
        return "" if guards_against_relaying((self.rules.relay, self.rules.recipient)) else _OPEN_RELAY

    def _open(self, spec: str, parameter: str = "smtpd_access_maps") -> Maps:
        """Open a table; one that several lists name is opened once."""
        maps = self._maps.get(spec)
        if maps is None:
            maps = self._maps[spec] = open_maps([spec], parameter, self._config)
        return maps

    def _recipient_tables(self) -> RecipientTables:
        params, config = self._params, self._config
        return RecipientTables(
            local=open_maps(params.local_recipient_maps, "local_recipient_maps", config),
            virtual_mailbox=open_maps(params.virtual_mailbox_maps, "virtual_mailbox_maps", config),
            virtual_alias=open_maps(params.virtual_alias_maps, "virtual_alias_maps", config),
            relay=open_maps(params.relay_recipient_maps, "relay_recipient_maps", config),
            local_code=params.unknown_local_recipient_reject_code,
            virtual_mailbox_code=params.unknown_virtual_mailbox_reject_code,
            virtual_alias_code=params.unknown_virtual_alias_reject_code,
            relay_code=params.unknown_relay_recipient_reject_code,
            show_table=params.show_user_unknown_table_name,
        )

    def _rules(self) -> Rules:
        params = self._params
        return Rules(
            recipients=self._recipients,
            client=self._steps(params.smtpd_client_restrictions, Kind.CHECK_CLIENT_ACCESS),
            helo=self._steps(params.smtpd_helo_restrictions, Kind.CHECK_HELO_ACCESS),
            sender=self._steps(params.smtpd_sender_restrictions, Kind.CHECK_SENDER_ACCESS),
            relay=self._steps(params.smtpd_relay_restrictions, Kind.CHECK_RECIPIENT_ACCESS),
            recipient=self._steps(params.smtpd_recipient_restrictions, Kind.CHECK_RECIPIENT_ACCESS),
            data=self._steps(params.smtpd_data_restrictions, Kind.UNKNOWN),
            end_of_data=self._steps(params.smtpd_end_of_data_restrictions, Kind.UNKNOWN),
            delays_reject=params.smtpd_delay_reject,
            relay_first=params.smtpd_relay_before_recipient_restrictions,
            rejects_unlisted=params.smtpd_reject_unlisted_recipient,
            reject_code=params.reject_code,
            defer_code=params.defer_code,
            relay_code=params.relay_domains_reject_code,
            access_reject_code=params.access_map_reject_code,
            access_defer_code=params.access_map_defer_code,
        )

    def _steps(self, words: list[str], default_check: Kind) -> Steps:
        return parse_restrictions(words, self._open, default_check)
