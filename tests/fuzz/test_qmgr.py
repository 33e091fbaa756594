"""Properties of qmgr's pure parts that must hold for any input."""

from hypothesis import given
from hypothesis import strategies as st

from pyfix.daemons.qmgr.destination import Feedback, FeedbackError
from pyfix.daemons.qmgr.message import Message
from pyfix.daemons.qmgr.route import RouteRules, explain, route
from pyfix.mail.ipc.messages import Dsn, Envelope, Resolved

TEXT = st.text(max_size=40)
RESOLVED = st.builds(Resolved, TEXT, TEXT, TEXT, TEXT, status=TEXT, problem=TEXT)


@given(st.one_of(TEXT, st.from_regex(r"[0-9./ ]{0,8}(concurrency)?", fullmatch=True)), st.integers(1, 10_000))
def test_feedback_is_refused_or_within_its_bounds(text: str, window: int) -> None:
    """No text makes a delivery count more than one or less than nothing."""
    try:
        feedback = Feedback.parse(text)
    except FeedbackError:
        return
    assert 0 <= feedback.value(window) <= 1


@given(TEXT, RESOLVED, st.one_of(TEXT, st.from_regex(r"[a:]{0,3}", fullmatch=True)), st.frozensets(TEXT, max_size=3))
def test_every_recipient_gets_a_route(
    address: str, resolved: Resolved, content_filter: str, put_off: frozenset[str]
) -> None:
    """Whatever trivial-rewrite says, there is a transport to deliver, to fail, or to defer; or it is discarded here."""
    message = Message("1", Envelope("s@a.test", 0.0, 1, filter=content_filter), 0, 1, 0.0)
    found = route(message, address, resolved, RouteRules(defer_transports=put_off))
    is_discarded = resolved.address_class == "local" and found.recipient.lower().startswith("double-bounce@")
    assert found.transport or is_discarded


@given(st.from_regex(r"[245]\.[0-9]\.[0-9]", fullmatch=True), TEXT)
def test_explained_status_can_be_taken_apart(status: str, reason: str) -> None:
    """The retry service finds code and text again."""
    assert explain(Dsn(status, reason)).split(" ", 1) == [status, reason]
