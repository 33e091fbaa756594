"""Names and addresses: the resolver, the way from a domain to its mail hosts, and the name of a client.

`resolver` asks the DNS and says why it failed in Postfix's words; `hosts` turns a domain or host name into the list of
addresses to try (MX, A, AAAA, null MX, loops); `peername` finds and verifies the name of a connected client.

Failures are values with an RFC 3463 code, not exceptions, once they leave this room: a delivery agent bounces or
defers by the first digit.
"""
