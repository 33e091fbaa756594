"""Properties of what delivery reads: aliases, .forward files, content in chunks, Delivered-To: headers, journals."""

from __future__ import annotations

import os
import tempfile

from hypothesis import given
from hypothesis import strategies as st

from pyfix.daemons.pipe.macros import expand_arguments, recipient_values
from pyfix.mail.delivery import Content
from pyfix.mail.delivery.copy import CopyStyle
from pyfix.mail.delivery.destinations import ToAddress, ToCommand, ToFile, ToInclude, parse_destinations, parse_lines
from pyfix.mail.delivery.macros import ExpandError, expand_names
from pyfix.mail.delivery.sysexits import Ended, judge, printable
from pyfix.mail.ipc.messages import Recipient
from pyfix.mail.mailbox import delivered_to
from pyfix.mail.mailbox.lock import Journal

special = st.text(alphabet='ab,"\\|/~:<>()# \t\ninclude@.', max_size=60)
pieces = st.sampled_from([b"\nFrom ", b"From ", b"\n", b".", b"x", b"\n.", b"Fro", b"m "])
plain = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789./-$ ", min_size=1, max_size=30)


@given(st.one_of(st.text(max_size=200), special))
def test_any_text_has_destinations(text: str) -> None:
    """Nothing is raised, and nothing empty is a destination."""
    for destination in parse_destinations(text):
        match destination:
            case ToFile(path):
                assert path.startswith(("/", "~"))
            case ToAddress(address):
                assert address
            case ToCommand() | ToInclude():
                pass


@given(st.one_of(st.text(max_size=200), special), st.integers(1, 50))
def test_any_file_has_destinations(text: str, limit: int) -> None:
    """However long its lines are."""
    assert isinstance(parse_lines(text, limit), list)


@given(st.lists(plain.filter(str.strip), min_size=1, max_size=5))
def test_quoted_commands_come_back_as_they_are(commands: list[str]) -> None:
    """A quoted command holds anything, also commas."""
    text = ", ".join(f'"|{command}"' for command in commands)
    assert parse_destinations(text) == [ToCommand(command.strip(" \t\r\n")) for command in commands]


@given(st.binary(max_size=200), st.integers(1, 30), st.booleans(), st.booleans())
def test_cutting_never_changes_the_copy(data: bytes, size: int, quote_from: bool, quote_dot: bool) -> None:
    """And it is what the lines say, one by one."""
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    expected = b""
    for line in lines:
        mark = (
            b">" if quote_from and line.startswith(b"From ") else b"." if quote_dot and line.startswith(b".") else b""
        )
        expected += mark + line + b"\n"
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    assert b"".join(CopyStyle(quote_from, quote_dot).apply(chunks)) == expected


@given(
    st.lists(st.sampled_from([b"\nFrom ", b"From ", b"\n", b".", b"x", b"\n.", b"Fro", b"m "]), max_size=30),
    st.integers(1, 9),
)
def test_patterns_across_cuts_are_found(parts: list[bytes], size: int) -> None:
    """The same, with content made of nothing but patterns."""
    data = b"".join(parts)
    style = CopyStyle(quote_from=True, quote_dot=True)
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    assert b"".join(style.apply(chunks)) == b"".join(style.apply([data] if data else []))


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_values_are_never_expanded(text: str, user: str, extension: str) -> None:
    """Expansion gives text or ExpandError; what a stranger wrote stays text."""
    values = {"user": user, "extension": extension or None}
    try:
        expand_names(text, values)
    except ExpandError:
        pass
    assert expand_names("$user", values).text == user


@given(st.text(max_size=40), st.sampled_from(["", "h", "u", "q", "hqu"]))
def test_pipe_macros_of_any_address(address: str, flags: str) -> None:
    """One argument a recipient, whatever the address is."""
    values = recipient_values(Recipient(address, address), flags, "+-")
    assert len(expand_arguments(["$recipient", "$user"], {}, [values, values])) == 4


@given(st.binary(max_size=300))
def test_any_content_has_delivered_to_addresses(data: bytes) -> None:
    """None, as a rule."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        found = delivered_to(Content(file.fileno(), 0, len(data)))
        assert all(address == address.lower() for address in found)
        assert os.fstat(file.fileno()).st_size == len(data)


@given(st.binary(max_size=100))
def test_any_lock_file_is_read(data: bytes) -> None:
    """A journal, or somebody else's lock."""
    journal = Journal.decode(data)
    assert journal is None or isinstance(journal.pid, int)


@given(st.integers(-64, 255), st.binary(max_size=100))
def test_any_end_of_a_command_has_a_status(code: int, output: bytes) -> None:
    """Success for 0 only; a failure is 4.x.x or 5.x.x, on one line."""
    dsn = judge(Ended(code, printable(output)), "cmd")
    if code == 0:
        assert dsn is None
    else:
        assert dsn is not None
        assert dsn.status[0] in "45"
        assert "\n" not in dsn.reason
