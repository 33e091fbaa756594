"""Parameters of notices: who tells the postmaster of trouble (bounce, smtpd, smtp), and in which words."""

from __future__ import annotations

from pyfix.mail.config import CoreParameters, SomeOf, String
from pyfix.mail.lifetime import DoubleBounceParameters, LifetimeParameters
from pyfix.mail.message.params import FromParameters, Utf8Parameters


class NoticeParameters(DoubleBounceParameters, FromParameters, CoreParameters, Utf8Parameters):
    """What the postmaster is told about, and at which address."""

    notify_classes = SomeOf(
        "resource, software",
        ("bounce", "2bounce", "data", "delay", "policy", "protocol", "resource", "software"),
        "Classes of trouble that the postmaster is told about.",
    )
    error_notice_recipient = String("postmaster", "Who gets transcripts of sessions that had trouble.", low=1)
    bounce_notice_recipient = String(
        "postmaster",
        "Who gets the postmaster's copies of non-delivery notices, and of refused mail.",
        low=1,
    )
    internal_mail_filter_classes = SomeOf(
        "", ("bounce", "notify"), "Mail of the mail system itself that content filters see."
    )


class TemplateParameters(LifetimeParameters, FromParameters):
    """What the texts of notices are made of: bounce, postconf."""

    bounce_template_file = String("", "A file with other texts for the notices: see bounce(5).")
