"""Parameters of proxymap: those that its clients know, too."""

from __future__ import annotations

from pyfix.mail.maps.params import ApprovedParameters


class ProxymapParameters(ApprovedParameters):
    """What proxymap needs to know."""
