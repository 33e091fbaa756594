"""How long mail lives in the queue: what qmgr acts upon and notices tell the sender."""

from __future__ import annotations

from pyfix.mail.config import ParameterSet, Seconds, String


class DoubleBounceParameters(ParameterSet):
    """Where notices come from that nobody is told about when they can't be delivered."""

    double_bounce_sender = String(
        "double-bounce", "Sender, in local domains, of notices that nobody is told about.", low=1
    )


class LifetimeParameters(DoubleBounceParameters):
    """Shared by the sets of qmgr and bounce."""

    maximal_queue_lifetime = Seconds("5d", "Age at which undeliverable mail is returned.", low=0)
    bounce_queue_lifetime = Seconds("5d", "The same for mail with the null sender.", low=0)
    delay_warning_time = Seconds("0h", "Age at which the sender hears that mail is late; 0 for never.", low=0)
