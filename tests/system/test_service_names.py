"""Services under other names: what one process calls another is a parameter.

Setup: a private instance whose master.cf has each service under a name of its own, and main.cf says so. Path: mail by
SMTP and from sendmail, a bounce, a delay, a report, the listing of the queue. Check: all of it arrives.
"""

from __future__ import annotations

import re

from instance import Instance, mail, wait_until
from sink import Sink

NAMES = {
    "bounce": "bounce_service_name",
    "cleanup": "cleanup_service_name",
    "defer": "defer_service_name",
    "pickup": "pickup_service_name",
    "postlog": "postlog_service_name",
    "qmgr": "queue_service_name",
    "rewrite": "rewrite_service_name",
    "showq": "showq_service_name",
    "trace": "trace_service_name",
}


def rename_services(instance: Instance) -> None:
    """Call them all something else."""
    path = instance.etc / "master.cf"
    text = path.read_text()
    for name in NAMES:
        text, count = re.subn(rf"(?m)^{name} ", f"my{name} ", text)
        assert count == 1, name
    path.write_text(text)
    instance.set(**{parameter: f"my{name}" for name, parameter in NAMES.items()})


def test_services_may_have_other_names(instance: Instance, sink: Sink) -> None:
    """Every way of a message, and the log of it."""
    sink.answer = lambda command: "451 4.2.1 later" if "<later@" in command else ""
    rename_services(instance)
    instance.set(relayhost=sink.nexthop)
    instance.start()
    instance.send(content=mail("by smtp"))
    assert instance.command("sendmail", instance.address, stdin="Subject: by sendmail\n\nx\n").returncode == 0
    instance.send(["nobody@example.test.invalid"], sender=instance.address, content=mail("to the sink"))
    assert instance.command("sendmail", "-bv", "-f", instance.address, instance.address).returncode == 0
    instance.send(["later@elsewhere.test"], content=mail("delayed"))
    instance.wait_for_log(r"to=<later@elsewhere.test>.*status=deferred")
    wait_until(lambda: "later@elsewhere.test" in instance.command("mailq").stdout, "the message in the listing")
    wait_until(lambda: "(host " in instance.command("mailq").stdout, "the reason in the listing")
    assert instance.command("postqueue", "-f").returncode == 0
    subjects = {str(message["Subject"]) for message in instance.wait_for_mail(3)}
    assert subjects == {"by smtp", "by sendmail", "Mail Delivery Status Report"}
    sink.answer = lambda command: "550 5.1.1 gone" if "<later@" in command else ""
    assert instance.pyfix("flush").returncode == 0
    instance.wait_for_log(r"bounce\[\d+\]: \w+: sender non-delivery notification")
