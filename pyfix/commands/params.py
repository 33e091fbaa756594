"""Parameters that only commands use."""

from __future__ import annotations

from pyfix.mail.config import CoreParameters, String
from pyfix.mail.queue.params import QueueParameters


class LogrotateParameters(CoreParameters):
    """pyfix logrotate."""

    maillog_file_compressor = String("gzip", "The program that compresses a rotated log file.", low=1)
    maillog_file_rotate_suffix = String("%Y%m%d-%H%M%S", "What a rotated log file's name ends with.", low=1)


class PostqueueParameters(QueueParameters, CoreParameters):
    """postqueue and sendmail -q."""

    authorized_flush_users = String("static:anyone", "Login names that may have the queue tried now.")
