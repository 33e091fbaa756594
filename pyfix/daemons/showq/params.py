"""Parameters of showq."""

from __future__ import annotations

from pyfix.mail.config import CoreParameters, String
from pyfix.mail.queue.params import QueueParameters


class ShowqParameters(QueueParameters, CoreParameters):
    """Where the queue is, and who may look at it."""

    authorized_mailq_users = String("static:anyone", "Login names that may list the queue.")
