"""From trivial-rewrite's answer to a transport."""

import pytest

from pyfix.daemons.qmgr.message import Message
from pyfix.daemons.qmgr.route import Route, RouteRules, explain, route
from pyfix.mail.ipc.messages import TRACE_VERIFY, Dsn, Envelope, Resolved

SMTP = Resolved("smtp", "b.test", "a@b.test", "default")
RULES = RouteRules(double_bounce_sender="double-bounce")


def message(**envelope: str) -> Message:
    """A message with this envelope."""
    return Message("1", Envelope("s@a.test", 0.0, 1, **envelope), 0, 1, 0.0)  # type: ignore[arg-type]  # str fields only


def test_answer_is_followed() -> None:
    """Transport, nexthop and recipient are trivial-rewrite's."""
    assert route(message(), "A@B.test", SMTP, RULES) == Route("smtp", "b.test", "a@b.test")


def test_null_recipient_is_an_error() -> None:
    """Postfix's text and code."""
    assert route(message(), "", SMTP, RULES) == Route("error", "5.1.3 null recipient address", "")


def test_unusable_table_is_temporary() -> None:
    """Nothing is known about the address then."""
    answer = Resolved("", "", "", "default", problem="hash:/x: gone")
    assert route(message(), "a@b.test", answer, RULES) == Route("retry", "4.3.0 address resolver failure", "a@b.test")


def test_bad_address_is_an_error() -> None:
    """An answer without transport is none."""
    assert route(message(), "@@", Resolved("", "", "", "error"), RULES).nexthop == "5.1.3 bad address syntax"


def test_filter_replaces_the_destination() -> None:
    """content_filter with transport and nexthop."""
    found = route(message(filter="scan:[127.0.0.1]:10025"), "a@b.test", SMTP, RULES)
    assert found == Route("scan", "[127.0.0.1]:10025", "a@b.test")


def test_filter_without_nexthop_uses_the_domain() -> None:
    """Or default_filter_nexthop, where that is set."""
    assert route(message(filter="scan:"), "a@b.test", SMTP, RULES).nexthop == "b.test"
    rules = RouteRules(default_filter_nexthop="relay.test")
    assert route(message(filter="scan"), "a@b.test", SMTP, rules).nexthop == "relay.test"


def test_filter_without_transport_is_temporary() -> None:
    """A slip in the configuration must not lose mail."""
    assert route(message(filter=":x"), "a@b.test", SMTP, RULES).transport == "retry"


def test_filter_gets_what_could_not_be_delivered_too() -> None:
    """Whether it can is for who comes after the filter to find out; but sendmail -bv wants to know it now."""
    answer = Resolved("error", "5.1.1 unknown", "a@b.test", "local", status="5.1.1")
    assert route(message(filter="scan:x"), "a@b.test", answer, RULES) == Route("scan", "x", "a@b.test")
    asked = message(filter="scan:x", trace=TRACE_VERIFY)
    assert route(asked, "a@b.test", answer, RULES) == Route("error", "5.1.1 unknown", "a@b.test")


def test_deferred_transport_is_put_off() -> None:
    """defer_transports."""
    rules = RouteRules(defer_transports=frozenset({"smtp"}))
    assert route(message(), "a@b.test", SMTP, rules) == Route("retry", "4.3.2 deferred transport", "a@b.test")


def test_flush_delivers_over_a_deferred_transport() -> None:
    """Which is what sendmail -q is for."""
    flushed = message()
    flushed.flushed = True
    rules = RouteRules(defer_transports=frozenset({"smtp"}))
    assert route(flushed, "a@b.test", SMTP, rules).transport == "smtp"


@pytest.mark.parametrize(
    ("recipient", "address_class", "transport"),
    [("double-bounce@here.test", "local", ""), ("Double-Bounce@here.test", "local", ""),
     ("double-bounce@there.test", "default", "smtp"), ("double-bouncer@here.test", "local", "smtp")],
)  # fmt: skip
def test_mail_to_the_double_bounce_sender_is_discarded(recipient: str, address_class: str, transport: str) -> None:
    """Only in local domains, and only that user."""
    answer = Resolved("smtp", "x", recipient, address_class)
    assert route(message(), recipient, answer, RULES).transport == transport


def test_explained_status_is_what_the_retry_service_reads() -> None:
    """Code, blank, text."""
    assert explain(Dsn("4.3.0", "mail transport unavailable")) == "4.3.0 mail transport unavailable"
