"""Parameters of cleanup."""

from __future__ import annotations

from pyfix.mail.config import Boolean, Integer, ListOf, String
from pyfix.mail.message.params import DuplicateParameters, MessageParameters
from pyfix.mail.queue.params import QueueParameters
from pyfix.mail.rewrite.params import RewriteParameters


class CleanupParameters(RewriteParameters, DuplicateParameters, MessageParameters, QueueParameters):
    """What cleanup makes of a message."""

    always_add_missing_headers = Boolean("no", "Add missing headers to mail from other machines too.")
    always_bcc = String("", "An address that gets a copy of every message.")
    cleanup_replace_stray_cr_lf = Boolean("yes", "Replace a carriage return inside a message by a space.")
    enable_original_recipient = Boolean("yes", "Keep the address that the sender gave beside what it became.")
    header_address_token_limit = Integer("10240", "Words and addresses that are looked at in one header.", low=1)
    header_size_limit = Integer("102400", "Bytes of one header; the rest of it is dropped.", low=1)
    hopcount_limit = Integer("50", "Received: headers that a message may have.", low=1)
    message_drop_headers = ListOf("bcc, content-length, resent-bcc, return-path", "Headers that are removed.")
    recipient_bcc_maps = String("", "Tables of recipients whose mail is copied to another address.")
    sender_bcc_maps = String("", "Tables of senders whose mail is copied to another address.")
    undisclosed_recipients_header = String("", "A header for messages without any visible destination.")
