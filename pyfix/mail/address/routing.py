"""Make the rewriting contexts and the resolver that the parameters say.

The one place where parameters become rules: the other modules here know nothing of parameter names but those that
they warn about. trivial-rewrite answers by these rules; `pyfix explain` tells what it will answer.
See: trivial-rewrite(8).
"""

from __future__ import annotations

from pyfix.mail.address.domains import LocalDomains
from pyfix.mail.address.params import TrivialRewriteParameters
from pyfix.mail.address.peel import PeelRules
from pyfix.mail.address.resolve import Resolver, RoutingRules, RoutingTables
from pyfix.mail.address.rewrite import RewriteContexts
from pyfix.mail.address.transport import TransportTable
from pyfix.mail.config import Config
from pyfix.mail.maps import DOMAIN, STRING, MatchList, open_maps
from pyfix.mail.maps.table import Warn


def make_contexts(params: TrivialRewriteParameters) -> RewriteContexts:
    """Return the rules of rewriting."""
    return RewriteContexts.make(
        myorigin=params.myorigin,
        mydomain=params.mydomain,
        append_at_myorigin=params.append_at_myorigin,
        append_dot_mydomain=params.append_dot_mydomain,
        remote_domain=params.remote_header_rewrite_domain,
        swap_bangpath=params.swap_bangpath,
        percent_hack=params.allow_percent_hack,
    )


def make_resolver(config: Config, params: TrivialRewriteParameters, warn: Warn) -> Resolver:
    """Return a resolver with its tables open; raises ConfigError."""
    return Resolver(_rules(params), _tables(config, params), warn)


def _rules(params: TrivialRewriteParameters) -> RoutingRules:
    peeling = PeelRules(
        rewriting=make_contexts(params).local,
        myhostname=params.myhostname,
        null_recipient=params.empty_address_recipient,
        dequote=params.resolve_dequoted_address,
        null_domain=params.resolve_null_domain,
    )
    return RoutingRules(
        peeling=peeling,
        local_transport=params.local_transport,
        virtual_transport=params.virtual_transport,
        relay_transport=params.relay_transport,
        default_transport=params.default_transport,
        relayhost=params.relayhost,
        recipient_delimiter=params.recipient_delimiter,
        null_sender_relayhost_key=params.empty_address_relayhost_maps_lookup_key,
        null_sender_transport_key=params.empty_address_default_transport_maps_lookup_key,
        resolve_numeric_domain=params.resolve_numeric_domain,
        allow_min_user=params.allow_min_user,
        helpful_warnings=params.helpful_warnings,
        show_table_name=params.show_user_unknown_table_name,
    )


def _tables(config: Config, params: TrivialRewriteParameters) -> RoutingTables:
    transport = open_maps(params.transport_maps, "transport_maps", config, substitution=False)
    parents = "transport_maps" in params.parent_domain_matches_subdomains
    return RoutingTables(
        local=LocalDomains(config, params),
        virtual_alias=MatchList(params.virtual_alias_domains, "virtual_alias_domains", config, STRING),
        virtual_mailbox=MatchList(params.virtual_mailbox_domains, "virtual_mailbox_domains", config, STRING),
        relay=MatchList(params.relay_domains, "relay_domains", config, DOMAIN),
        transport=TransportTable(transport, params.recipient_delimiter, parents),
        relocated=open_maps(params.relocated_maps, "relocated_maps", config),
        sender_relayhost=open_maps(
            params.sender_dependent_relayhost_maps, "sender_dependent_relayhost_maps", config, substitution=False
        ),
        sender_transport=open_maps(
            params.sender_dependent_default_transport_maps,
            "sender_dependent_default_transport_maps",
            config,
            substitution=False,
        ),
    )
