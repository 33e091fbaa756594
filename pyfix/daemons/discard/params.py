"""Parameters of discard."""

from __future__ import annotations

from pyfix.mail.delivery import DeliveryParameters


class DiscardParameters(DeliveryParameters):
    """Read by discard."""
