"""trivial-rewrite(8): bring addresses into standard form, and decide where recipients go.

    rewrite unix - - n - - trivial-rewrite

Answers two requests, both for many addresses at once.

    rewrite   brings addresses into the form user@fully.qualified.domain: in the local context, for mail of this
              machine, with append_at_myorigin, append_dot_mydomain, swap_bangpath and allow_percent_hack; in the
              remote context, for mail of others, with remote_header_rewrite_domain alone
    resolve   tells transport, next hop and address class of each recipient, with transport_maps, relayhost, the
              sender-dependent tables and relocated_maps applied

The class of a recipient is that of its domain: local (`mydestination`, and the addresses of inet_interfaces and
proxy_interfaces), alias (virtual_alias_domains), virtual (virtual_mailbox_domains), relay (relay_domains), or default
for all others. Each domain belongs to one class; a domain that is in two is warned about.

    local     local_transport
    alias     none: what virtual_alias_maps does not know is an unknown user
    virtual   virtual_transport
    relay     relay_transport; the next hop is relayhost, where that is set
    default   sender_dependent_default_transport_maps, default_transport; the next hop is that of
              sender_dependent_relayhost_maps or relayhost

Promise: both are answered from memory and tables only: nothing is delivered, no DNS is asked.

Rights: it runs as mail_owner. Its tables are opened before it gives other rights up. When one has changed on disk the
process finishes what it was asked and makes room for a new one.

Failures: a table that fails gives a temporary answer for the addresses that needed it. An address that is no address
is answered with status 5.1.3.

See: transport(5), relocated(5), cleanup(8), qmgr(8), smtpd(8)
"""
