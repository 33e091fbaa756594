"""Every table and list that restrictions name, opened once a process.

Under stress another configuration holds, which names other tables or, as a rule, the same. `Opened` has them all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Protocol, TypeVar, cast

from pyfix.mail.address.domains import LocalDomains
from pyfix.mail.config import Config
from pyfix.mail.config.compatibility import old_defaults
from pyfix.mail.config.defaults import own_interfaces
from pyfix.mail.config.values import words as split_words
from pyfix.mail.maps import HOST, Maps, MatchList, open_maps
from pyfix.mail.maps import Kind as ListKind
from pyfix.mail.maps.table import Ask
from pyfix.mail.restrictions.params import RestrictionParameters
from pyfix.mail.restrictions.parse import (
    FindClass,
    Kind,
    Steps,
    class_finder,
    guards_against_relaying,
    parse_restrictions,
)
from pyfix.mail.restrictions.progress import Rules
from pyfix.mail.restrictions.recipient import RecipientTables

_OPEN_RELAY = (
    "in parameter smtpd_relay_restrictions or smtpd_recipient_restrictions, specify at least one working instance of: "
    "reject_unauth_destination, defer_unauth_destination, reject, defer, defer_if_permit or check_relay_domains"
)


class Watched(Protocol):
    """What has files that may change, and tables that threads may ask."""

    def has_changed(self) -> bool: ...

    def lend(self, ask: Ask) -> None: ...


W = TypeVar("W", bound=Watched)


class Opened:
    """What has been opened so far, by what it was opened for."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Watched] = {}
        self._names: dict[Hashable, str] = {}

    def get(self, name: str, key: Hashable, make: Callable[[], W]) -> W:
        """Return what is known by the key, which tells all that `make` depends on; `name` is for the log."""
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = make()
            self._names[key] = name
        return cast(W, found)

    def find_changed(self) -> Iterator[str]:
        """Yield the name of everything that has a file that has changed."""
        return (self._names[key] for key, item in self._known.items() if item.has_changed())

    def lend(self, ask: Ask) -> None:
        """Let other threads ask everything that is here: see Table.lend."""
        for item in self._known.values():
            item.lend(ask)


def _ready(classes: Iterable[str], find: FindClass) -> FindClass:
    """Return the same, with all tables open already: for access tables, which are read when a process has no rights."""
    return {name: find(name) for name in classes}.get


class RestrictionTables:
    """Opened tables; raises ConfigError for what is no table at all."""

    def __init__(self, config: Config, params: RestrictionParameters, opened: Opened) -> None:
        self._config = config
        self._params = params
        self._opened = opened
        domains = (
            params.mydestination, params.myorigin, params.inet_interfaces, params.inet_protocols,
            params.proxy_interfaces,
        )  # fmt: skip
        self.local_domains = opened.get(
            "mydestination", repr(("mydestination", domains)), lambda: LocalDomains(config, params)
        )
        self.networks = self._match_list(params.mynetworks, "mynetworks", HOST)
        self._recipients = self._recipient_tables()
        self._classes = self._read_classes()
        self.rules = self._rules()

    def find_open_relay(self) -> str:
        """Return why these restrictions make an open relay, "" when they do not."""
        return "" if guards_against_relaying((self.rules.relay, self.rules.recipient)) else _OPEN_RELAY

    def _match_list(self, value: str, parameter: str, kind: ListKind, *, parents: bool | None = None) -> MatchList:
        below = self._params.parent_domain_matches_subdomains if parents is None else parents
        return self._opened.get(
            parameter,
            repr((parameter, value, below)),
            lambda: MatchList(value, parameter, self._config, kind, parents=parents),
        )

    def _open(self, spec: str, parameter: str = "smtpd_access_maps") -> Maps:
        """Open a table; one that several lists name is opened once."""
        return self._opened.get(spec, spec, lambda: open_maps([spec], parameter, self._config))

    def _open_list(self, value: str, parameter: str) -> Maps:
        return self._opened.get(parameter, repr((parameter, value)), lambda: open_maps(value, parameter, self._config))

    def _recipient_tables(self) -> RecipientTables:
        params = self._params
        return RecipientTables(
            local=self._open_list(params.local_recipient_maps, "local_recipient_maps"),
            virtual_mailbox=self._open_list(params.virtual_mailbox_maps, "virtual_mailbox_maps"),
            virtual_alias=self._open_list(params.virtual_alias_maps, "virtual_alias_maps"),
            relay=self._open_list(params.relay_recipient_maps, "relay_recipient_maps"),
            canonical=(
                self._open_list(params.recipient_canonical_maps, "recipient_canonical_maps"),
                self._open_list(params.canonical_maps, "canonical_maps"),
            ),
            local_code=params.unknown_local_recipient_reject_code,
            virtual_mailbox_code=params.unknown_virtual_mailbox_reject_code,
            virtual_alias_code=params.unknown_virtual_alias_reject_code,
            relay_code=params.unknown_relay_recipient_reject_code,
            show_table=params.show_user_unknown_table_name,
        )

    def _rules(self) -> Rules:
        params = self._params
        old = old_defaults(self._config, params.compatibility_level)
        return Rules(
            recipients=self._recipients,
            client=self._steps(params.smtpd_client_restrictions, Kind.CHECK_CLIENT_ACCESS),
            helo=self._steps(params.smtpd_helo_restrictions, Kind.CHECK_HELO_ACCESS),
            sender=self._steps(params.smtpd_sender_restrictions, Kind.CHECK_SENDER_ACCESS),
            behind_sender=self._steps(["reject_unlisted_sender"] * params.smtpd_reject_unlisted_sender, Kind.UNKNOWN),
            relay=self._steps(params.smtpd_relay_restrictions, Kind.CHECK_RECIPIENT_ACCESS),
            recipient=self._steps(params.smtpd_recipient_restrictions, Kind.CHECK_RECIPIENT_ACCESS),
            data=self._steps(params.smtpd_data_restrictions, Kind.UNKNOWN),
            end_of_data=self._steps(params.smtpd_end_of_data_restrictions, Kind.UNKNOWN),
            clientcerts=self._open_list(params.relay_clientcerts, "relay_clientcerts"),
            plaintext_code=params.plaintext_reject_code,
            delays_reject=params.smtpd_delay_reject,
            relay_first=params.smtpd_relay_before_recipient_restrictions,
            rejects_unlisted=params.smtpd_reject_unlisted_recipient,
            rejects_overquota=params.smtpd_reject_overquota_recipient
            and (bool(params.virtual_mailbox_limit_maps) or params.virtual_maildir_extended),
            reject_code=params.reject_code,
            defer_code=params.defer_code,
            relay_code=params.relay_domains_reject_code,
            access_reject_code=params.access_map_reject_code,
            access_defer_code=params.access_map_defer_code,
            find_class=_ready(self._classes, self._class_finder(Kind.UNKNOWN)),
            has_logins=params.smtpd_sasl_auth_enable,
            login_maps=self._open_list(params.smtpd_sender_login_maps, "smtpd_sender_login_maps"),
            old=old,
            own_addresses=self._own_addresses() if "mynetworks_style" in old else frozenset(),
            networks_style=params.mynetworks_style,
        )

    def _own_addresses(self) -> frozenset[str]:
        return frozenset(interface.address for interface in own_interfaces(self._config))

    def _steps(self, words: list[str], default_check: Kind) -> Steps:
        return parse_restrictions(words, self._open, default_check, self._class_finder(default_check))

    def _class_finder(self, default_check: Kind) -> FindClass:
        """Return what finds the steps of smtpd_restriction_classes; raises ConfigError for a class without a list."""
        return class_finder(self._classes, self._open, default_check)

    def _read_classes(self) -> dict[str, list[str]]:
        parameter = "smtpd_restriction_classes"
        classes: dict[str, list[str]] = {}
        for name in self._params.smtpd_restriction_classes:
            value = self._config.get(name)
            words = split_words(self._config.expand(value), name) if value is not None else []
            if not words:
                raise self._config.refuse(parameter, f"{parameter}: restriction class `{name}' needs a definition")
            classes[name] = words
        return classes
