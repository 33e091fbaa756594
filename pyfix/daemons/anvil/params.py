"""Parameters of anvil."""

from __future__ import annotations

from pyfix.mail.config import Seconds
from pyfix.service.params import ServiceParameters


class AnvilParameters(ServiceParameters):
    """Times. Defaults are those of Postfix 3.7."""

    anvil_rate_time_unit = Seconds("60s", "The time for which the rates of clients are counted.", low=1)
    anvil_status_update_time = Seconds("600s", "How often the highest rates and counts are logged.", low=1)
