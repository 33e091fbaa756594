"""Who is told what: every rung of the ladder from sender to postmaster to nobody."""

from __future__ import annotations

import pytest

from pyfix.daemons.bounce.decide import Addresses, Plan, Role, Withheld, plan_notices
from pyfix.mail.ipc.messages import (
    NOTIFY_DELAY,
    NOTIFY_FAILURE,
    RET_FULL,
    RET_HDRS,
    TRACE_RECORD,
    TRACE_VERIFY,
    Envelope,
)
from pyfix.mail.notices.template import Kind

ADDRESSES = Addresses("double-bounce@mx.test", "bounces", "doubles", "delays")
EVERYTHING = frozenset(("bounce", "2bounce", "delay", "resource", "software"))


def plans(role: Role, sender: str, *classes: str, ret: int = 0, trace: int = 0) -> list[Plan] | Withheld:
    """Plan the notices about a message of this sender."""
    return plan_notices(role, Envelope(sender, 0.0, 0, ret=ret, trace=trace), ADDRESSES, frozenset(classes))


def test_failure_goes_to_the_sender_alone_by_default() -> None:
    """The default notify_classes give the postmaster no copies."""
    assert plans(Role.BOUNCE, "a@x.test", "resource", "software") == [
        Plan(Kind.FAILURE, "", "a@x.test", "sender non-delivery notification", RET_FULL, NOTIFY_FAILURE)
    ]


def test_failure_obeys_ret_hdrs() -> None:
    """RET=HDRS returns the header only (RFC 3461 section 4.3)."""
    found = plans(Role.BOUNCE, "a@x.test", ret=RET_HDRS)
    assert isinstance(found, list)
    assert found[0].returned == RET_HDRS


def test_class_bounce_sends_headers_to_the_postmaster() -> None:
    """From the double-bounce address, about all recipients, and its failure matters to nobody."""
    found = plans(Role.BOUNCE, "a@x.test", "bounce")
    assert isinstance(found, list)
    assert found[1] == Plan(
        Kind.FAILURE, "double-bounce@mx.test", "bounces", "postmaster non-delivery notification", RET_HDRS,
        is_postmaster_copy=True, is_optional=True,
    )  # fmt: skip


@pytest.mark.parametrize("word", ["bounce", "2bounce"])
def test_failed_notice_goes_to_the_postmaster_whole(word: str) -> None:
    """The null sender's mail can be returned to nobody else."""
    assert plans(Role.BOUNCE, "", word) == [
        Plan(
            Kind.FAILURE, "double-bounce@mx.test", "doubles", "postmaster non-delivery notification", RET_FULL,
            is_postmaster_copy=True,
        )
    ]  # fmt: skip


def test_failed_notice_is_dropped_without_the_class() -> None:
    """Nobody wants to hear of it."""
    assert plans(Role.BOUNCE, "", "resource", "delay") is Withheld.NOT_WANTED


@pytest.mark.parametrize("role", list(Role))
def test_double_bounce_that_fails_is_the_end(role: Role) -> None:
    """In any case of letters, whatever the classes: no triple bounce."""
    found = plan_notices(role, Envelope("Double-Bounce@MX.test", 0.0, 0), ADDRESSES, EVERYTHING)
    assert found is Withheld.DOUBLE_BOUNCE


def test_delay_goes_to_sender_and_with_its_class_to_the_postmaster() -> None:
    """Both get headers; the sender's only where NOTIFY does not exclude it."""
    found = plans(Role.DEFER, "a@x.test", "delay")
    assert isinstance(found, list)
    assert [(plan.recipient, plan.returned, plan.notify) for plan in found] == [
        ("a@x.test", RET_HDRS, NOTIFY_DELAY),
        ("delays", RET_HDRS, 0),
    ]


def test_delay_of_a_notice_is_nobodys_concern() -> None:
    """Unless the postmaster asked for delays."""
    assert plans(Role.DEFER, "", "bounce") is Withheld.NOT_WANTED
    found = plans(Role.DEFER, "", "delay")
    assert isinstance(found, list)
    assert [plan.recipient for plan in found] == ["delays"]


@pytest.mark.parametrize(
    ("trace", "kind"), [(0, Kind.SUCCESS), (TRACE_VERIFY, Kind.VERIFY), (TRACE_RECORD, Kind.VERIFY)]
)
def test_report_has_the_text_of_its_cause(trace: int, kind: Kind) -> None:
    """NOTIFY=SUCCESS, sendmail -bv, sendmail -v."""
    assert plans(Role.TRACE, "a@x.test", trace=trace) == [
        Plan(kind, "", "a@x.test", "sender delivery status notification", RET_HDRS)
    ]


def test_report_on_a_notice_goes_to_the_postmaster_or_nowhere() -> None:
    """As for failures: the null sender's place is taken by the postmaster where a bounce class is on."""
    assert plans(Role.TRACE, "") is Withheld.SINGLE_BOUNCE
    found = plans(Role.TRACE, "", "2bounce")
    assert isinstance(found, list)
    assert (found[0].sender, found[0].recipient) == ("double-bounce@mx.test", "doubles")
