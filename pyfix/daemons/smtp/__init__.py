"""smtp(8), lmtp(8): deliver mail over the network.

    smtp unix - - n - - smtp
    lmtp unix - - n - - lmtp

The SMTP client, and the LMTP client, which is the same program under another name and reads the lmtp_ parameters.

Addresses that mean nothing elsewhere are replaced on their way out: smtp_generic_maps, generic(5).

The hosts of the next hop are tried in order until one takes the mail or refuses it for good. The reply of the server
becomes sent, deferred or bounced, in Postfix's words. smtp_fallback_relay comes after all hosts. Next hops, several of
which may be listed with commas between them:

    domain               its mail exchangers; for lmtp its addresses
    [host]               the addresses of the host
    [192.0.2.1]          an IPv4 address
    [ipv6:2001:db8::1]   an IPv6 address
    ...:port             any of these with another port than smtp_tcp_port
    unix:/path           a socket; for lmtp
    inet:host            the same as host; for lmtp

One process serves many requests at once. Connections are kept for smtp_connection_cache_time_limit where mail for the
same next hop is in progress or has just been, and used again. They live in this process, so there is no scache.

Promise: a recipient is sent only after the server's 2XX reply to the end of data; a connection that breaks at any
other moment defers. Nothing that a server says can end the process.

Rights: it runs as mail_owner, and may be chrooted.

Standards: RFC 5321, 2033 (LMTP), 1870 (SIZE), 2920 (PIPELINING), 3461 (DSN), 6152 (8BITMIME), 6531 (SMTPUTF8), 7505
(null MX).

Failures: a next hop without meaning defers, since it is the configuration that is wrong. A domain that does not exist
bounces, one whose DNS does not answer is tried again. With class protocol in notify_classes the postmaster gets a
transcript of a session in which the protocol was broken, but never about a notice.

Not built: TLS, SASL, XFORWARD, content inspection (smtp_header_checks), best_mx_transport, verification of addresses
with the DATA command. Their parameters are unknown, which `pyfix check` says.

See: transport(5), generic(5), qmgr(8), trivial-rewrite(8)

Inside:

    delivery     one request from its first host to its last; ledger: who has a verdict; fitness: who can have it
    connection   one server connection on the event loop; stream, time_limit and reports are parts of it
    transaction  what is sent, to whom, and who is told; verdict: replies and failures as Dsn
    destination  next hops; cache: kept connections; settings: the parameters as this program uses them
    generic      addresses for the world; outgoing: the header block with them; completion: asks trivial-rewrite
"""
