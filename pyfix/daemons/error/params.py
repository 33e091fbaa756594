"""Parameters of error."""

from __future__ import annotations

from pyfix.mail.delivery import DeliveryParameters


class ErrorParameters(DeliveryParameters):
    """Read by error."""
