"""The parameters as the client uses them: one set of names for SMTP and LMTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyfix.daemons.smtp.params import ClientParameters
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.config.defaults import own_interfaces
from pyfix.mail.dns.hosts import HostPolicy
from pyfix.proto.smtp_client.actions import Stage
from pyfix.proto.smtp_client.session import SessionSettings

_ALL_FAMILIES: Final = ("ipv4", "ipv6")
_EHLO_KEYWORDS: Final = frozenset({"8BITMIME", "DSN", "PIPELINING", "SIZE", "SMTPUTF8"})


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


def make_settings(config: Config, params: ClientParameters, *, lmtp: bool) -> ClientSettings:
    """Return the settings for the program name; raise ConfigError for words that mean nothing."""
    return _lmtp_settings(params) if lmtp else _smtp_settings(params, own_addresses(config, params))


def _smtp_settings(p: ClientParameters, own: frozenset[str]) -> ClientSettings:
    use_dns = _uses_dns(p, "smtp_dns_support_level", p.smtp_dns_support_level)
    session = SessionSettings(
        p.smtp_helo_name,
        always_ehlo=p.smtp_always_send_ehlo,
        never_ehlo=p.smtp_never_send_ehlo,
        skip_quit_reply=p.smtp_skip_quit_response,
        discard_keywords=_keywords(p.smtp_discard_ehlo_keywords),
    )
    return ClientSettings(
        session=session,
        hosts=HostPolicy(
            families=_families(p.inet_protocols),
            preference=p.smtp_address_preference,
            use_dns=use_dns and _looks_up(p.smtp_host_lookup, "dns", "smtp_host_lookup"),
            use_native=not use_dns or _looks_up(p.smtp_host_lookup, "native", "smtp_host_lookup"),
            randomize=p.smtp_randomize_addresses,
            address_limit=p.smtp_mx_address_limit,
            balance=p.smtp_balance_inet_protocols,
            ignore_mx_error=p.ignore_mx_lookup_error,
            defer_if_no_mx_address=p.smtp_defer_if_no_mx_address_found,
            own_addresses=own,
        ),
        cache=CacheSettings(
            on_demand=p.smtp_connection_cache_on_demand,
            destinations=frozenset(p.smtp_connection_cache_destinations),
            idle_limit_s=p.smtp_connection_cache_time_limit,
            reuse_limit_s=p.smtp_connection_reuse_time_limit,
            reuse_limit=p.smtp_connection_reuse_count_limit,
        ),
        timeouts_s=_timeouts(
            hello=p.smtp_helo_timeout,
            mail=p.smtp_mail_timeout,
            rcpt=p.smtp_rcpt_timeout,
            data=(p.smtp_data_init_timeout, p.smtp_data_xfer_timeout, p.smtp_data_done_timeout),
            rset=p.smtp_rset_timeout,
            quit=p.smtp_quit_timeout,
        ),
        connect_timeout_s=p.smtp_connect_timeout,
        myhostname=p.myhostname,
        default_port=p.smtp_tcp_port,
        fallback_relay=tuple(p.smtp_fallback_relay),
        use_mx=use_dns,
        line_limit=p.smtp_line_length_limit,
        address_limit=p.smtp_mx_address_limit,
        session_limit=p.smtp_mx_session_limit,
        skip_5xx_greeting=p.smtp_skip_5xx_greeting,
        soft_bounce=p.soft_bounce,
        bind_ipv4=p.smtp_bind_address,
        bind_ipv6=p.smtp_bind_address6,
        bind_enforce=p.smtp_bind_address_enforce,
        assume_final=False,
        convert_8bit=not p.disable_mime_output_conversion,
    )


def _lmtp_settings(p: ClientParameters) -> ClientSettings:
    use_dns = _uses_dns(p, "lmtp_dns_support_level", p.lmtp_dns_support_level)
    session = SessionSettings(
        p.lmtp_lhlo_name,
        lmtp=True,
        skip_quit_reply=p.lmtp_skip_quit_response,
        discard_keywords=_keywords(p.lmtp_discard_lhlo_keywords),
    )
    return ClientSettings(
        session=session,
        hosts=HostPolicy(
            families=_families(p.inet_protocols),
            preference=p.lmtp_address_preference,
            use_dns=use_dns and _looks_up(p.lmtp_host_lookup, "dns", "lmtp_host_lookup"),
            use_native=not use_dns or _looks_up(p.lmtp_host_lookup, "native", "lmtp_host_lookup"),
            randomize=p.lmtp_randomize_addresses,
            address_limit=p.lmtp_mx_address_limit,
            balance=p.lmtp_balance_inet_protocols,
            ignore_mx_error=p.ignore_mx_lookup_error,
            defer_if_no_mx_address=p.lmtp_defer_if_no_mx_address_found,
        ),
        cache=CacheSettings(
            on_demand=p.lmtp_connection_cache_on_demand,
            destinations=frozenset(p.lmtp_connection_cache_destinations),
            idle_limit_s=p.lmtp_connection_cache_time_limit,
            reuse_limit_s=p.lmtp_connection_reuse_time_limit,
            reuse_limit=p.lmtp_connection_reuse_count_limit,
        ),
        timeouts_s=_timeouts(
            hello=p.lmtp_lhlo_timeout,
            mail=p.lmtp_mail_timeout,
            rcpt=p.lmtp_rcpt_timeout,
            data=(p.lmtp_data_init_timeout, p.lmtp_data_xfer_timeout, p.lmtp_data_done_timeout),
            rset=p.lmtp_rset_timeout,
            quit=p.lmtp_quit_timeout,
        ),
        connect_timeout_s=p.lmtp_connect_timeout,
        myhostname=p.myhostname,
        default_port=p.lmtp_tcp_port,
        fallback_relay=tuple(p.lmtp_fallback_relay),
        use_mx=False,
        line_limit=p.lmtp_line_length_limit,
        address_limit=p.lmtp_mx_address_limit,
        session_limit=p.lmtp_mx_session_limit,
        skip_5xx_greeting=p.lmtp_skip_5xx_greeting,
        soft_bounce=p.soft_bounce,
        bind_ipv4=p.lmtp_bind_address,
        bind_ipv6=p.lmtp_bind_address6,
        bind_enforce=p.lmtp_bind_address_enforce,
        assume_final=p.lmtp_assume_final,
        convert_8bit=not p.disable_mime_output_conversion,
    )


def _timeouts(
    *, hello: float, mail: float, rcpt: float, data: tuple[float, float, float], rset: float, quit: float
) -> dict[Stage, float]:
    """Return the time limit of each stage; an idle connection's is the cache's."""
    init, transfer, done = data
    return {
        Stage.GREETING: hello,
        Stage.EHLO: hello,
        Stage.HELO: hello,
        Stage.LHLO: hello,
        Stage.READY: hello,
        Stage.MAIL: mail,
        Stage.RCPT: rcpt,
        Stage.DATA: init,
        Stage.CONTENT: transfer,
        Stage.DOT: done,
        Stage.RSET: rset,
        Stage.QUIT: quit,
        Stage.CLOSED: quit,
    }


def _families(protocols: list[str]) -> tuple[str, ...]:
    """Return the families of inet_protocols; IPv6 only where this machine has it."""
    wanted = [name.lower() for name in protocols]
    for name in wanted:
        if name not in ("all", *_ALL_FAMILIES):
            raise ConfigError(f"bad parameter value: inet_protocols = {' '.join(protocols)}")
    return tuple(name for name in _ALL_FAMILIES if "all" in wanted or name in wanted)


def _uses_dns(params: ClientParameters, name: str, level: str) -> bool:
    """Return whether the DNS may be asked (smtp_dns_support_level, disable_dns_lookups)."""
    if not level:
        return not params.disable_dns_lookups
    if level not in ("enabled", "disabled"):
        raise ConfigError(f"bad parameter value: {name} = {level}: use enabled or disabled; DNSSEC is not available")
    return level == "enabled"


def _looks_up(words: list[str], word: str, name: str) -> bool:
    for given in words:
        if given.lower() not in ("dns", "native"):
            raise ConfigError(f"bad parameter value: {name} = {' '.join(words)}: use dns, native or both")
    return word in (given.lower() for given in words)


def _keywords(words: list[str]) -> frozenset[str]:
    """Return the keywords to ignore; ones that the client does not use anyway make no difference."""
    return frozenset(word.upper() for word in words) & _EHLO_KEYWORDS


def own_addresses(config: Config, params: ClientParameters) -> frozenset[str]:
    """Return the addresses that are this mail system's: a route to them is a loop. Names in inet_interfaces count."""
    return frozenset(params.proxy_interfaces) | {interface.address for interface in own_interfaces(config)}
