"""Parameters of pipe."""

from __future__ import annotations

from pyfix.mail.address.params import AddressParameters
from pyfix.mail.config import ListOf, PerTransport, Seconds
from pyfix.mail.delivery import DeliveryParameters
from pyfix.mail.delivery.params import CommandParameters
from pyfix.mail.queue.params import QueueParameters


class PipeParameters(AddressParameters, CommandParameters, DeliveryParameters, QueueParameters):
    """Read by pipe."""

    pipe_delivery_status_filter = ListOf(
        "$default_delivery_status_filter", "default_delivery_status_filter of this program."
    )
    time_limit = PerTransport(
        Seconds,
        "_time_limit",
        "$command_time_limit",
        "How long a command of this service may take.",
        low=1,
        programs=("pipe",),
    )
