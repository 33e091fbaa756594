"""trivial-rewrite - bring addresses into standard form, and decide where recipients go

Two requests, both for many addresses at once. Rewrite brings addresses into user@fully.qualified.domain form, in the
local or the remote context. Resolve tells transport, next hop and address class of each recipient (mydestination,
virtual_alias_domains, virtual_mailbox_domains, relay_domains, or none of them), with transport_maps, relayhost, the
sender-dependent tables and relocated_maps applied.

Both are answered from memory and tables only: nothing is delivered, no DNS is asked. A table that fails gives a
temporary answer for the addresses that needed it. When a table has changed on disk the process finishes what it was
asked and makes room for a new one. Needs no rights but to read its tables, which are opened before it gives its
rights up.
"""
