"""What is refused in envelopes."""

import pytest

from pyfix.mail.ipc.messages import Envelope, LocalSubmit, Recipient, RecipientOptions
from pyfix.mail.message.flaws import LENGTH_LIMIT, Flaw, find_flaw, find_flaw_in_request, is_clean

BAD = ['"a\nb"@x', "a\r@x", "a\0b", "\x7f", "\x85", "\udcff", "\t", "é\n"]


@pytest.mark.parametrize("text", BAD)
def test_control_characters_and_surrogates_are_refused(text: str) -> None:
    """Each could forge a line, or can't be written."""
    assert not is_clean(text)


@pytest.mark.parametrize("text", ["", "a@b", '"a b"@x', "jürgen@exämple.org", "x" * LENGTH_LIMIT])
def test_ordinary_text_is_clean(text: str) -> None:
    """The null address and other alphabets included."""
    assert is_clean(text)


@pytest.mark.parametrize("text", ["x" * (LENGTH_LIMIT + 1), "é" * (LENGTH_LIMIT // 2 + 1)])
def test_length_is_limited_in_bytes(text: str) -> None:
    """As a record of Postfix is."""
    assert not is_clean(text)


@pytest.mark.parametrize(
    ("envelope", "recipient", "flaw"),
    [
        (Envelope("a", 1.0, 0), Recipient("b", "c", "rfc822;d"), None),
        (Envelope("a\n", 1.0, 0), Recipient("b"), Flaw.SENDER),
        (Envelope("a", 1.0, 0), Recipient("b\n"), Flaw.RECIPIENT),
        (Envelope("a", 1.0, 0), Recipient("b", "c\n"), Flaw.RECIPIENT),
        (Envelope("a", 1.0, 0), Recipient("b", "c", "rfc822;d\r"), Flaw.RECIPIENT),
        (Envelope("a", 1.0, 0, envid="e\n"), Recipient("b"), Flaw.ENVELOPE),
        (Envelope("a", 1.0, 0, filter="x:\n"), Recipient("b"), Flaw.ENVELOPE),
        (Envelope("a", 1.0, 0, encoding="9bit"), Recipient("b"), Flaw.ENVELOPE),
        (Envelope("a", 1.0, 0, rewrite_context="x"), Recipient("b"), Flaw.ENVELOPE),
    ],
)
def test_every_field_of_an_envelope_is_looked_at(envelope: Envelope, recipient: Recipient, flaw: Flaw | None) -> None:
    """Wherever the text ends up."""
    assert find_flaw(envelope, [Recipient("good"), recipient]) is flaw


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        ({}, None),
        ({"sender": "a\n"}, Flaw.SENDER),
        ({"recipients": ["b", "c\r"]}, Flaw.RECIPIENT),
        ({"full_name": "A\nB"}, Flaw.NAME),
        ({"envid": "\0"}, Flaw.ENVELOPE),
        ({"encoding": "x"}, Flaw.ENVELOPE),
        ({"rewrite_context": "x"}, Flaw.ENVELOPE),
        ({"options": [RecipientOptions(1, "rfc822;d")]}, None),
        ({"options": [RecipientOptions(1, "rfc822;d\r")]}, Flaw.RECIPIENT),
        ({"options": [RecipientOptions(), RecipientOptions()]}, Flaw.ENVELOPE),
    ],
)
def test_every_field_of_a_local_submission_is_looked_at(changes: dict[str, object], flaw: Flaw | None) -> None:
    """The user's own program is no more to be trusted than a stranger's."""
    fields: dict[str, object] = {"sender": None, "full_name": "", "recipients": ["b"], "extract": False, **changes}
    assert find_flaw_in_request(LocalSubmit(**fields)) is flaw  # type: ignore[arg-type]
