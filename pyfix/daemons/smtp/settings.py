"""The parameters as the client uses them: one set of names for SMTP and LMTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pyfix.daemons.smtp.params import ClientParameters
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.config.defaults import own_interfaces
from pyfix.mail.dns.hosts import HostPolicy
from pyfix.proto.smtp_client.actions import Stage
from pyfix.proto.smtp_client.session import SessionSettings

_ALL_FAMILIES: Final = ("ipv4", "ipv6")
_EHLO_KEYWORDS: Final = frozenset({"8BITMIME", "DSN", "PIPELINING", "SIZE", "SMTPUTF8"})
TWINS: Final = (
    ("smtp_helo_name", "lmtp_lhlo_name"),
    ("smtp_discard_ehlo_keywords", "lmtp_discard_lhlo_keywords"),
    ("smtp_helo_timeout", "lmtp_lhlo_timeout"),
    ("smtp_skip_quit_response", "lmtp_skip_quit_response"),
    ("smtp_address_preference", "lmtp_address_preference"),
    ("smtp_dns_support_level", "lmtp_dns_support_level"),
    ("smtp_host_lookup", "lmtp_host_lookup"),
    ("smtp_randomize_addresses", "lmtp_randomize_addresses"),
    ("smtp_mx_address_limit", "lmtp_mx_address_limit"),
    ("smtp_mx_session_limit", "lmtp_mx_session_limit"),
    ("smtp_balance_inet_protocols", "lmtp_balance_inet_protocols"),
    ("smtp_defer_if_no_mx_address_found", "lmtp_defer_if_no_mx_address_found"),
    ("smtp_connection_cache_on_demand", "lmtp_connection_cache_on_demand"),
    ("smtp_connection_cache_destinations", "lmtp_connection_cache_destinations"),
    ("smtp_connection_cache_time_limit", "lmtp_connection_cache_time_limit"),
    ("smtp_connection_reuse_time_limit", "lmtp_connection_reuse_time_limit"),
    ("smtp_connection_reuse_count_limit", "lmtp_connection_reuse_count_limit"),
    ("smtp_connect_timeout", "lmtp_connect_timeout"),
    ("smtp_mail_timeout", "lmtp_mail_timeout"),
    ("smtp_rcpt_timeout", "lmtp_rcpt_timeout"),
    ("smtp_data_init_timeout", "lmtp_data_init_timeout"),
    ("smtp_data_xfer_timeout", "lmtp_data_xfer_timeout"),
    ("smtp_data_done_timeout", "lmtp_data_done_timeout"),
    ("smtp_rset_timeout", "lmtp_rset_timeout"),
    ("smtp_quit_timeout", "lmtp_quit_timeout"),
    ("smtp_generic_maps", "lmtp_generic_maps"),
    ("smtp_delivery_status_filter", "lmtp_delivery_status_filter"),
    ("smtp_quote_rfc821_envelope", "lmtp_quote_rfc821_envelope"),
    ("smtp_tcp_port", "lmtp_tcp_port"),
    ("smtp_fallback_relay", "lmtp_fallback_relay"),
    ("smtp_line_length_limit", "lmtp_line_length_limit"),
    ("smtp_skip_5xx_greeting", "lmtp_skip_5xx_greeting"),
    ("smtp_bind_address", "lmtp_bind_address"),
    ("smtp_bind_address6", "lmtp_bind_address6"),
    ("smtp_bind_address_enforce", "lmtp_bind_address_enforce"),
)
"""What both programs have, under a name of its own each."""
_TIMEOUTS: Final = {
    Stage.GREETING: "helo_timeout",
    Stage.EHLO: "helo_timeout",
    Stage.HELO: "helo_timeout",
    Stage.LHLO: "helo_timeout",
    Stage.READY: "helo_timeout",
    Stage.MAIL: "mail_timeout",
    Stage.RCPT: "rcpt_timeout",
    Stage.DATA: "data_init_timeout",
    Stage.CONTENT: "data_xfer_timeout",
    Stage.DOT: "data_done_timeout",
    Stage.RSET: "rset_timeout",
    Stage.QUIT: "quit_timeout",
    Stage.CLOSED: "quit_timeout",
}
"""The time limit of each stage; an idle connection's is the cache's."""


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """Which connections are kept, and how long."""

    on_demand: bool
    destinations: frozenset[str]
    idle_limit_s: float
    reuse_limit_s: float
    reuse_limit: int
    """Uses of one connection; 0: no limit."""


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """What one process of the client does."""

    session: SessionSettings
    hosts: HostPolicy
    cache: CacheSettings
    timeouts_s: dict[Stage, float]
    connect_timeout_s: float
    myhostname: str
    generic_maps: str
    status_filter: list[str]
    quotes_envelope: bool
    default_port: str
    fallback_relay: tuple[str, ...]
    use_mx: bool
    line_limit: int
    address_limit: int
    session_limit: int
    skip_5xx_greeting: bool
    soft_bounce: bool
    bind_ipv4: str
    bind_ipv6: str
    bind_enforce: bool
    assume_final: bool
    convert_8bit: bool


class _Reader:
    """The parameters of one of the two programs, by their smtp_ names without that prefix."""

    def __init__(self, params: ClientParameters, *, lmtp: bool) -> None:
        self._params = params
        self._names = {smtp.removeprefix("smtp_"): lmtp_name if lmtp else smtp for smtp, lmtp_name in TWINS}

    def name(self, key: str) -> str:
        """Return the parameter's own name, for messages."""
        return self._names[key]

    def __call__(self, key: str) -> Any:
        """Return the value, of the type that its declaration says."""
        return getattr(self._params, self._names[key])


def make_settings(config: Config, params: ClientParameters, *, lmtp: bool) -> ClientSettings:
    """Return the settings for the program name; raise ConfigError for words that mean nothing.

    LMTP knows one greeting, looks for no mail exchangers, and so meets no loop of them.
    """
    get = _Reader(params, lmtp=lmtp)
    use_dns = _uses_dns(params, get)
    return ClientSettings(
        session=_session(params, get, lmtp=lmtp),
        hosts=_hosts(params, get, frozenset() if lmtp else own_addresses(config, params), use_dns=use_dns),
        cache=CacheSettings(
            on_demand=get("connection_cache_on_demand"),
            destinations=frozenset(get("connection_cache_destinations")),
            idle_limit_s=get("connection_cache_time_limit"),
            reuse_limit_s=get("connection_reuse_time_limit"),
            reuse_limit=get("connection_reuse_count_limit"),
        ),
        timeouts_s={stage: get(key) for stage, key in _TIMEOUTS.items()},
        connect_timeout_s=get("connect_timeout"),
        myhostname=params.myhostname,
        generic_maps=get("generic_maps"),
        status_filter=get("delivery_status_filter"),
        quotes_envelope=get("quote_rfc821_envelope"),
        default_port=get("tcp_port"),
        fallback_relay=tuple(get("fallback_relay")),
        use_mx=use_dns and not lmtp,
        line_limit=get("line_length_limit"),
        address_limit=get("mx_address_limit"),
        session_limit=get("mx_session_limit"),
        skip_5xx_greeting=get("skip_5xx_greeting"),
        soft_bounce=params.soft_bounce,
        bind_ipv4=get("bind_address"),
        bind_ipv6=get("bind_address6"),
        bind_enforce=get("bind_address_enforce"),
        assume_final=lmtp and params.lmtp_assume_final,
        convert_8bit=not params.disable_mime_output_conversion,
    )


def _session(params: ClientParameters, get: _Reader, *, lmtp: bool) -> SessionSettings:
    return SessionSettings(
        get("helo_name"),
        lmtp=lmtp,
        always_ehlo=params.smtp_always_send_ehlo,
        never_ehlo=params.smtp_never_send_ehlo,
        skip_quit_reply=get("skip_quit_response"),
        discard_keywords=_keywords(get("discard_ehlo_keywords")),
    )


def _hosts(params: ClientParameters, get: _Reader, own: frozenset[str], *, use_dns: bool) -> HostPolicy:
    return HostPolicy(
        families=_families(params.inet_protocols),
        preference=get("address_preference"),
        use_dns=use_dns and _looks_up(get, "dns"),
        use_native=not use_dns or _looks_up(get, "native"),
        randomize=get("randomize_addresses"),
        address_limit=get("mx_address_limit"),
        balance=get("balance_inet_protocols"),
        ignore_mx_error=params.ignore_mx_lookup_error,
        defer_if_no_mx_address=get("defer_if_no_mx_address_found"),
        own_addresses=own,
    )


def _families(protocols: list[str]) -> tuple[str, ...]:
    """Return the families of inet_protocols; IPv6 only where this machine has it."""
    wanted = [name.lower() for name in protocols]
    for name in wanted:
        if name not in ("all", *_ALL_FAMILIES):
            raise ConfigError(f"bad parameter value: inet_protocols = {' '.join(protocols)}")
    return tuple(name for name in _ALL_FAMILIES if "all" in wanted or name in wanted)


def _uses_dns(params: ClientParameters, get: _Reader) -> bool:
    """Return whether the DNS may be asked (smtp_dns_support_level, disable_dns_lookups)."""
    level = get("dns_support_level")
    if level not in ("", "enabled", "disabled"):
        name = get.name("dns_support_level")
        raise ConfigError(f"bad parameter value: {name} = {level}: use enabled or disabled; DNSSEC is not available")
    return bool(level == "enabled") if level else not params.disable_dns_lookups


def _looks_up(get: _Reader, word: str) -> bool:
    words = get("host_lookup")
    for given in words:
        if given.lower() not in ("dns", "native"):
            name = get.name("host_lookup")
            raise ConfigError(f"bad parameter value: {name} = {' '.join(words)}: use dns, native or both")
    return word in (given.lower() for given in words)


def _keywords(words: list[str]) -> frozenset[str]:
    """Return the keywords to ignore; ones that the client does not use anyway make no difference."""
    return frozenset(word.upper() for word in words) & _EHLO_KEYWORDS


def own_addresses(config: Config, params: ClientParameters) -> frozenset[str]:
    """Return the addresses that are this mail system's: a route to them is a loop. Names in inet_interfaces count."""
    return frozenset(params.proxy_interfaces) | {interface.address for interface in own_interfaces(config)}
