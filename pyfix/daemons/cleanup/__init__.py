"""cleanup(8): make a queued message of what came in.

    cleanup unix n - n - 0 cleanup

smtpd(8), pickup(8) and bounce(8) bring messages; cleanup looks at the header block once, completes and rewrites it,
expands virtual aliases, drops duplicate recipients, and writes the file into the queue. Then it tells qmgr(8), which
may be away: the scan of the queue finds the file.

    headers      missing Message-Id:, Date:, From: and destination are added, addresses made complete, and the headers
                 of message_drop_headers removed, in mail of our own (always_add_missing_headers: in all)
    limits       hopcount_limit, message_size_limit, header_size_limit, header_address_token_limit
    addresses    canonical_maps, sender_canonical_maps, recipient_canonical_maps and masquerade_domains, each for the
                 classes of addresses that main.cf says: canonical(5)
    recipients   sendmail -t, always_bcc, sender_bcc_maps, recipient_bcc_maps, then virtual_alias_maps with its limits
                 (virtual(5)); duplicate_filter_limit

The body is never parsed. A spooled one stays where it lies in the file.

Promise: a message is answered for when it is on stable storage, and not before.

Failures: every refusal carries the reply for the SMTP client. A table that can't be asked, an alias that expands beyond
the limits and a queue that can't be written are temporary; a full disk is `452 4.3.1`. The file is then gone. Where
nobody waits to be told (mail that pickup found in maildrop), a permanent problem is queued as a message that bounces.

Not built: header_checks, body_checks and milters.

See: canonical(5), virtual(5), smtpd(8), pickup(8), qmgr(8), trivial-rewrite(8)

Inside: a client creates the queue file and sends one Submit; cleanup takes the file over and answers Submitted.
"""
