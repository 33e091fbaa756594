"""Parameters of the bounce, defer and trace services."""

from __future__ import annotations

from pyfix.mail.address.params import AddressParameters
from pyfix.mail.config import Boolean, Integer, String
from pyfix.mail.notices.params import NoticeParameters, TemplateParameters
from pyfix.mail.queue.params import QueueParameters


class BounceParameters(AddressParameters, NoticeParameters, QueueParameters, TemplateParameters):
    """Who is told about failures, and how much of a message is returned."""

    double_bounce_notice_recipient = String(
        "postmaster", "Who gets mail that cannot be returned to its sender.", low=1, name="2bounce_notice_recipient"
    )
    delay_notice_recipient = String("postmaster", "Who gets the postmaster's copies of delay warnings.", low=1)
    bounce_size_limit = Integer("50000", "Larger messages are returned as their headers only.", low=1)
    enable_threaded_bounces = Boolean("no", "Refer to the Message-ID of the original in References: and In-Reply-To:.")
