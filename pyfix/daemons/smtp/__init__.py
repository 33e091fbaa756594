"""smtp - the SMTP and LMTP client: deliver mail over the network.

One process serves many requests at once. Each request names a file in active/, recipients, and a next hop; the hosts of
the next hop are found (mail/dns), tried in order until one takes the mail or refuses it for good, and every reply
becomes sent, deferred or bounced with Postfix's text. Started as `lmtp` it speaks LMTP and reads the lmtp_ parameters.

Next hops: domain, domain:port, [host], [host]:port, [address], [ipv6:address]; for lmtp also unix:path and inet:host.
Several may be listed; smtp_fallback_relay is appended.

Promise: a recipient is sent only after the server's 2xx reply to the end of data; a connection that breaks at any
other moment defers. Nothing that a server says can end the process.

Connections are kept for smtp_connection_cache_time_limit where mail for the same next hop is in progress or has just
been, and used again. They live in this process, so there is no scache(8).

With class protocol in notify_classes the postmaster gets a transcript of a session in which the protocol was broken
(mail/notices), but never about a notice.

Not in this release: TLS, SASL, XFORWARD, content inspection (smtp_header_checks), smtp_generic_maps, best_mx_transport,
verification of addresses with the DATA command. Their parameters are unknown, which the configuration check says.

destination  parse next hops                  settings     the parameters as this program uses them
verdict      replies and failures as Dsn      connection   one server connection on the event loop
cache        kept connections                 delivery     one request from its first host to its last
"""
