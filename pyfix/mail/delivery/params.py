"""Parameters of every delivery agent."""

from __future__ import annotations

from pyfix.mail.config import CoreParameters, Integer, ListOf, ParameterSet, Seconds


class DeliveryParameters(CoreParameters):
    """Of all delivery agents.

    Read by `Job`; each agent's own set derives from this.
    """

    delay_logging_resolution_limit = Integer(
        "2", "Most digits after the decimal point of sub-second delays in the log.", low=0, high=6
    )
    default_delivery_status_filter = ListOf(
        "", "Tables that give another status and text for what became of a delivery, by both."
    )


class CommandParameters(ParameterSet):
    """Of agents that run commands: local and pipe."""

    command_time_limit = Seconds("1000s", "How long a command may take before it is killed.", low=1)
