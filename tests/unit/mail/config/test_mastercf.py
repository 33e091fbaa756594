"""Reading master.cf: columns, options, names of services."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.mail.config import ConfigError, mastercf
from pyfix.mail.config.mastercf import ServiceEntry, ServiceType
from pyfix.mail.config.services import Endpoint, inet_endpoint
from pyfix.mail.config.values import ValueRefused

ROOT = Path(__file__).parents[4]


def one(text: str) -> ServiceEntry:
    """Return the only service of a master.cf."""
    (entry,) = mastercf.parse(text.split("\n"), "/x/master.cf")
    return entry


def test_columns_are_read() -> None:
    """Each has its own meaning."""
    entry = one("# comment\n\nqmgr unix n n y 300? 1 qmgr\n")
    assert (entry.name, entry.type, entry.program) == ("qmgr", ServiceType.UNIX, "qmgr")
    assert (entry.private, entry.unprivileged, entry.chroot) == (False, False, True)
    assert (entry.wakeup, entry.wakeup_always, entry.maxproc) == (300, False, 1)
    assert (entry.argv, entry.overrides, entry.verbose) == ([], [], 0)
    assert entry.place == "/x/master.cf: line 3"


def test_dash_is_the_default_of_its_column() -> None:
    """y, y, what the level says, no wakeup, default_process_limit."""
    entry = one("smtp unix - - - - - smtp")
    assert (entry.private, entry.unprivileged, entry.chroot) == (True, True, None)
    assert (entry.wakeup, entry.wakeup_always, entry.maxproc) == (0, True, None)


def test_zero_is_no_process_limit() -> None:
    """Unlike "-"."""
    assert one("cleanup unix n - n - 0 cleanup").maxproc == 0


@pytest.mark.parametrize("kind", ["unix", "unix-dgram", "fifo", "pass"])
def test_types_of_local_services(kind: str) -> None:
    """All of Postfix's are known."""
    assert one(f"x {kind} n - n - - y").type == kind


def test_options_are_taken_off_the_arguments() -> None:
    """-o in its forms, -v as often as it stands; what follows is the program's."""
    entry = one(
        "smtp inet n - n - - smtpd -v -o a=b -vv\n"
        "   -o { c = d  e }\n"
        "# comment\n"
        "   -o {f=g} -oh=$i argv=x -o j=k -v { l  m }"
    )
    assert entry.overrides == [("a", "b"), ("c", "d  e"), ("f", "g"), ("h", "$i")]
    assert entry.verbose == 3
    assert entry.argv == ["argv=x", "-o", "j=k", "-v", "l  m"]


def test_double_dash_ends_the_options() -> None:
    """What follows is an argument even if it looks like an option."""
    assert one("x unix - n n - - pipe -- -v").argv == ["-v"]


def test_pipe_arguments_stay_as_they_are() -> None:
    """Its macros are not main.cf's."""
    entry = one("uucp unix - n n - - pipe\n  flags=Fqhu user=uucp argv=uux -r -a$sender - $nexthop!rmail ($recipient)")
    assert entry.argv == [
        "flags=Fqhu", "user=uucp", "argv=uux", "-r", "-a$sender", "-", "$nexthop!rmail", "($recipient)",
    ]  # fmt: skip


def test_last_entry_of_a_name_and_type_wins() -> None:
    """One name may have two types."""
    entries = mastercf.parse(
        ["smtp inet n - n - 1 smtpd", "smtp unix - - n - 2 smtp", "smtp inet n - n - 3 smtpd"], "master.cf"
    )
    assert [(entry.type, entry.maxproc) for entry in entries] == [("unix", 2), ("inet", 3)]


def test_crlf_lines_are_read() -> None:
    """Lines may come from any reader."""
    assert one("smtp inet n - n - - smtpd\r\n  -o a=b\r\n").overrides == [("a", "b")]


def test_error_names_file_and_line() -> None:
    """Of the first line of the entry."""
    with pytest.raises(ConfigError) as caught:
        mastercf.parse(["", "smtp inet n - n - - smtpd", "x foo - - - - - y", "  z"], "/x/master.cf")
    assert str(caught.value) == (
        "/x/master.cf: line 3: bad transport type: foo; specify one of: inet, unix, unix-dgram, fifo, pass"
    )


@pytest.mark.parametrize(
    ("name", "host", "port"),
    [
        ("25", "", 25),
        ("smtp", "", 25),
        ("submission", "", 587),
        ("submissions", "", 465),
        (":2525", "", 2525),
        ("127.0.0.1:2525", "127.0.0.1", 2525),
        ("localhost:smtp", "localhost", 25),
        ("[::1]:2525", "::1", 2525),
        ("[127.0.0.1]:smtps", "127.0.0.1", 465),
        ("[mail.example]:25", "mail.example", 25),
    ],
)
def test_inet_service_names_an_endpoint(name: str, host: str, port: int) -> None:
    """Host and port, each by name or number."""
    assert inet_endpoint(name) == Endpoint(host, port)


@pytest.mark.parametrize(
    "name",
    ["", ":", "host:", "[::1]", "[::1]25", "[::1", "::1:25", "*:25", "0", "65536", "999999", "-1", "nosuch", "\u0662"],
)
def test_bad_inet_service_name_is_refused(name: str) -> None:
    """None is guessed at."""
    with pytest.raises(ValueRefused):
        inet_endpoint(name)


def test_debian_stock_file_is_read_unchanged() -> None:
    """The file that Debian installs for Postfix, where it is installed."""
    path = Path("/etc/postfix/master.cf.proto")
    if not path.exists():
        pytest.skip(f"needs {path}")
    names = {entry.name for entry in mastercf.read(str(path))}
    assert {"smtp", "pickup", "cleanup", "qmgr", "postlog", "maildrop", "scalemail-backend"} <= names


def test_shipped_file_has_the_services_of_the_house() -> None:
    """Each service runs unchrooted; only what needs the rights of users, or sees passwords, starts as root."""
    entries = mastercf.read(str(ROOT / "master.cf"))
    assert {entry.name for entry in entries if not entry.unprivileged} == {
        "auth", "local", "pop3d", "quota-status", "virtual",
    }  # fmt: skip
    assert not any(entry.chroot for entry in entries)
    assert {entry.name for entry in entries if not entry.private} == {
        "smtp", "pickup", "cleanup", "qmgr", "showq", "postlog",
    }  # fmt: skip
