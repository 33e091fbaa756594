"""Parameters of the queue on disk, shared by every process that touches it."""

from __future__ import annotations

from pyfix.mail.config import Boolean, Integer, ListOf, ParameterSet


class QueueParameters(ParameterSet):
    """How queue files are named and spread over directories."""

    enable_long_queue_ids = Boolean("no", "Queue ids that never come again: longer, with the time in them.")
    hash_queue_names = ListOf("deferred, defer", "Queues whose files are spread over subdirectories.")
    hash_queue_depth = Integer("1", "Levels of subdirectories of the queues in hash_queue_names.", low=1)
