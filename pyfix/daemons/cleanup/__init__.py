"""cleanup: make a queued message of what came in.

smtpd, pickup and bounce create the queue file and send one `Submit`. cleanup takes the file over, looks at the header
block once, completes and rewrites it, expands virtual aliases, drops duplicate recipients, writes the file and answers
`Submitted` when it is on stable storage. Then it tells qmgr, which may be away: the scan finds the file.

    headers      missing Message-Id, Date, From and destination are added, addresses made complete, and Bcc, Return-Path
                 and Content-Length removed, for mail of our own (rewrite context local); always_add_missing_headers
    limits       hopcount_limit, message_size_limit, header_size_limit, header_address_token_limit
    addresses    canonical_maps, sender_ and recipient_canonical_maps, masquerade_domains, by the classes of addresses
    recipients   sendmail -t, always_bcc, sender_bcc_maps, recipient_bcc_maps, virtual_alias_maps with its limits,
                 duplicate_filter_limit

The body is never parsed. A spooled one stays where it lies in the file.

Failures: every refusal carries the reply for the SMTP client. A table that can't be asked, an alias that expands beyond
the limits and a queue that can't be written are temporary; a full disk is 452 4.3.1. The file is then gone. Where
nobody waits to be told (pickup's own files), a permanent problem is queued as a message that bounces.

See: cleanup(8) of Postfix; header_checks, body_checks and milters are not built.
"""
