"""Parameters of quota-status."""

from __future__ import annotations

from pyfix.mail.mailbox.quota.params import QuotaParameters


class QuotaStatusParameters(QuotaParameters):
    """Those of the quotas, and no others."""
