"""Parameters of showq."""

from __future__ import annotations

from pyfix.mail.config import CoreParameters
from pyfix.mail.queue.params import QueueParameters


class ShowqParameters(QueueParameters, CoreParameters):
    """Where the queue is."""
