"""The lines of the mail log that several processes write, one function an event.

Log readers (pflogsumm, fail2ban, a person with grep) know Postfix's grammar by heart, so each of these lines is made in
one place. Lines that only one process writes live in that process's own log.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyfix.base.log import Log

_HUNDREDTHS = tuple(f"{n / 100:.2f}".rstrip("0").rstrip(".") for n in range(101))


def pretty_delay(seconds: float, digits: int = 2) -> str:
    """Return a delay with two significant digits, never more than `digits` of them after the point.

    From 10 seconds up only whole seconds are shown; trailing zeros never. Halves round up.
    See: delay_logging_resolution_limit.
    """
    micros = int(seconds * 1e6 + 0.5)
    if micros < 1_000_000 and digits == 2:
        return _HUNDREDTHS[max(micros + 5000, 0) // 10000]
    if micros <= 0:
        return "0"
    if digits == 0 or micros >= 10_000_000:
        return str((micros + 500_000) // 1_000_000)
    decimals = 1 if micros >= 1_000_000 else min(digits, 7 - len(str(micros)) + 1)
    unit = 10 ** (6 - decimals)
    return f"{(micros + unit // 2) // unit / 10**decimals:.{decimals}f}".rstrip("0").rstrip(".")


@dataclass(slots=True)
class Stages:
    """When a message passed the stages of its way: the figures behind delay= and delays=."""

    arrival: float
    active: float
    handoff: float = 0.0
    """When a delivery agent took it; 0 when none did (qmgr speaks for itself)."""
    connected: float = 0.0
    """When the connection to the next host stood; 0 for an agent without a network."""
    uses: int = 0
    """How many deliveries this connection has served, this one included; conn_use= of the log from 2 on."""

    def text(self, now: float, digits: int) -> str:
        """Return "delay=total, delays=before qmgr/in qmgr/connecting/transmitting"."""
        handoff = self.handoff or now
        connected = self.connected or handoff
        return (
            f"delay={pretty_delay(now - self.arrival, digits)}, "
            f"delays={pretty_delay(self.active - self.arrival, digits)}/{pretty_delay(handoff - self.active, digits)}"
            f"/{pretty_delay(connected - handoff, digits)}/{pretty_delay(now - connected, digits)}"
        )


def delivery_status(
    log: Log, queue_id: str, address: str, original: str, relay: str, delays: str, dsn: str, status: str, text: str,
    *, uses: int = 0,
) -> None:  # fmt: skip
    """The end of one delivery attempt of one recipient; `delays` is Stages.text.

    `original` is shown as orig_to= where it differs from the address, case aside.
    """
    orig_to = f", orig_to=<{original}>" if original and original.lower() != address.lower() else ""
    conn_use = f", conn_use={uses}" if uses > 1 else ""
    head = f"{queue_id}: to=<{address}>{orig_to}, relay={relay or 'none'}{conn_use}"
    log.info(f"{head}, {delays}, dsn={dsn}, status={status} ({text})")
