"""Parameters that only commands use."""

from __future__ import annotations

from pyfix.mail.config import Choice, CoreParameters, ListOf, String
from pyfix.mail.queue.params import QueueParameters


class LogrotateParameters(CoreParameters):
    """pyfix logrotate."""

    maillog_file_compressor = String("gzip", "The program that compresses a rotated log file.", low=1)
    maillog_file_rotate_suffix = String("%Y%m%d-%H%M%S", "What a rotated log file's name ends with.", low=1)


class ReviewParameters(CoreParameters):
    """pyfix start, pyfix check."""

    run_without = ListOf(
        "",
        "Parameters of Postfix's that refuse, filter or encrypt mail, that pyfix lacks, and without which it is to run"
        " all the same.",
    )


class SendmailParameters(QueueParameters, CoreParameters):
    """sendmail."""

    sendmail_fix_line_endings = Choice(
        "always",
        ("always", "strict", "never"),
        "Whether CR LF becomes LF: always, or strict: when the first line ends so, or never.",
    )
