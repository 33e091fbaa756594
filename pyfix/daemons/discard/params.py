"""Parameters of discard."""

from __future__ import annotations

from pyfix.mail.delivery import DeliveryParameters
from pyfix.mail.queue.params import QueueParameters


class DiscardParameters(DeliveryParameters, QueueParameters):
    """Read by discard."""
