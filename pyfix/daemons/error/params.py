"""Parameters of error."""

from __future__ import annotations

from pyfix.mail.delivery import DeliveryParameters
from pyfix.mail.queue.params import QueueParameters


class ErrorParameters(DeliveryParameters, QueueParameters):
    """Read by error."""
