"""Parameters of the queue manager."""

from __future__ import annotations

from pyfix.mail.address.params import SenderRouteParameters
from pyfix.mail.config import CoreParameters, Integer, ListOf, PerTransport, Seconds, String
from pyfix.mail.lifetime import LifetimeParameters
from pyfix.mail.queue.params import QueueParameters


class QmgrParameters(CoreParameters, QueueParameters, LifetimeParameters, SenderRouteParameters):
    """Limits of the active queue, concurrency, batching and retry times."""

    qmgr_message_active_limit = Integer("20000", "Most messages in the active queue.", low=1)
    qmgr_message_recipient_limit = Integer("20000", "Most recipients in memory.", low=1)
    qmgr_message_recipient_minimum = Integer(
        "10", "Recipients in memory that every active message may have, whatever the other limits say.", low=1
    )

    qmgr_daemon_timeout = Seconds("1000s", "daemon_timeout of the queue manager.", low=1)
    qmgr_ipc_timeout = Seconds(
        "60s", "How long rewrite, bounce, defer or trace may answer nothing to the queue manager.", low=1
    )

    initial_destination_concurrency = Integer("5", "Parallel deliveries to a destination at first.", low=1)
    transport_initial_destination_concurrency = PerTransport(
        Integer, "_initial_destination_concurrency", "$initial_destination_concurrency",
        "initial_destination_concurrency of one transport.", low=1,
    )  # fmt: skip
    default_destination_concurrency_limit = Integer(
        "20", "Most parallel deliveries to one destination; 0 for no limit.", low=0
    )
    transport_destination_concurrency_limit = PerTransport(
        Integer, "_destination_concurrency_limit", "$default_destination_concurrency_limit",
        "default_destination_concurrency_limit of one transport.", low=0, defaults={"local": "2"},
    )  # fmt: skip
    default_destination_concurrency_positive_feedback = String(
        "1",
        "What a delivery without connection failure adds to the concurrency: a number of 0..1, or number/concurrency.",
    )
    transport_destination_concurrency_positive_feedback = PerTransport(
        String, "_destination_concurrency_positive_feedback", "$default_destination_concurrency_positive_feedback",
        "default_destination_concurrency_positive_feedback of one transport.",
    )  # fmt: skip
    default_destination_concurrency_negative_feedback = String(
        "1", "What a connection failure takes from the concurrency: a number of 0..1, or number/concurrency."
    )
    transport_destination_concurrency_negative_feedback = PerTransport(
        String, "_destination_concurrency_negative_feedback", "$default_destination_concurrency_negative_feedback",
        "default_destination_concurrency_negative_feedback of one transport.",
    )  # fmt: skip
    default_destination_concurrency_failed_cohort_limit = Integer(
        "1",
        "Failed groups of deliveries, each as large as the concurrency, that make a destination dead; 0: never.",
        low=0,
    )
    transport_destination_concurrency_failed_cohort_limit = PerTransport(
        Integer, "_destination_concurrency_failed_cohort_limit", "$default_destination_concurrency_failed_cohort_limit",
        "default_destination_concurrency_failed_cohort_limit of one transport.", low=0,
    )  # fmt: skip
    default_destination_rate_delay = Seconds("0s", "Pause between deliveries to one destination.", low=0)
    transport_destination_rate_delay = PerTransport(
        Seconds, "_destination_rate_delay", "$default_destination_rate_delay",
        "default_destination_rate_delay of one transport.", low=0,
    )  # fmt: skip
    default_transport_rate_delay = Seconds(
        "0s", "Pause between the beginnings of deliveries through one transport, wherever they go.", low=0
    )
    transport_transport_rate_delay = PerTransport(
        Seconds, "_transport_rate_delay", "$default_transport_rate_delay",
        "default_transport_rate_delay of one transport.", low=0,
    )  # fmt: skip
    default_destination_recipient_limit = Integer(
        "50", "Most recipients of one delivery; 0 for no limit. With 1, each recipient is a destination.", low=0
    )
    transport_destination_recipient_limit = PerTransport(
        Integer, "_destination_recipient_limit", "$default_destination_recipient_limit",
        "default_destination_recipient_limit of one transport.", low=0, defaults={"local": "1"},
    )  # fmt: skip
    defer_transports = ListOf("", "Transports that deliver only when somebody flushes the queue.")
    default_filter_nexthop = String("", "Next hop of a content filter that names none; empty: the recipient's domain.")
    transport_retry_time = Seconds("60s", "Pause before a transport that is out of order is tried again.", low=1)

    queue_run_delay = Seconds("300s", "Time between scans of the deferred queue.", low=1)
    minimal_backoff_time = Seconds("300s", "Shortest wait of a deferred message, and of a dead destination.", low=1)
    maximal_backoff_time = Seconds("4000s", "Longest wait of a deferred message.", low=1)
