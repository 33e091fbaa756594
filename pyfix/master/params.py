"""Parameters of the master."""

from __future__ import annotations

from pyfix.mail.config import ListOf, Seconds
from pyfix.service.params import ServiceParameters


class MasterParameters(ServiceParameters):
    """What the master needs to know.

    And what each process reads at its birth, the log service included: with a bad one of those none could live, or tell
    why.
    """

    master_service_disable = ListOf(
        "", "Services that are not started: a type, or name/type; !pattern exempts; the first match holds."
    )
    service_throttle_time = Seconds(
        "60s", "How long a service is left alone after a process of it died at birth.", low=1
    )
    master_stop_grace = Seconds(
        "10s", "How long each group of processes may take to finish when the mail system stops.", low=1
    )
