"""The name service: found, not there, and nobody to ask."""

from __future__ import annotations

import ctypes
import errno
import grp
import os
import pwd
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pyfix.base import accounts


def refuse(code: int, calls: list[int]) -> Callable[..., int]:
    """A call of the C library that always ends with this error, and notes the room it was given."""

    def answer(*arguments: ctypes.c_size_t) -> int:
        calls.append(arguments[3].value)
        return code

    return answer


class BrokenLibrary:
    """A C library whose sources are out of order."""

    def __init__(self, code: int) -> None:
        self.rooms: list[int] = []
        self.getpwnam_r = self.getgrnam_r = self.getpwuid_r = refuse(code, self.rooms)


def test_accounts_are_what_the_standard_modules_say() -> None:
    """All of those that there are here, in every field."""
    for user in pwd.getpwall():
        assert accounts.find_user(user.pw_name) == pwd.getpwnam(user.pw_name)
        assert accounts.find_login_name(user.pw_uid) == pwd.getpwuid(user.pw_uid).pw_name
    for group in grp.getgrall():
        assert accounts.find_group(group.gr_name) == grp.getgrnam(group.gr_name)


@pytest.mark.parametrize(
    "name", ["no-such-name-here", "", "ro\0ot", "root\0", "\udc80", "\ud800", "müller", "x" * 9999]
)
def test_name_that_nobody_has(name: str) -> None:
    """None: all sources could be asked."""
    assert accounts.find_user(name) is None
    assert accounts.find_group(name) is None


def test_number_that_nobody_has() -> None:
    """None: all sources could be asked."""
    assert accounts.find_login_name(2**32 - 2) is None
    assert accounts.shown_login_name(2**32 - 2) == "unknown"


@pytest.mark.parametrize("code", [errno.ECONNREFUSED, errno.EAGAIN, errno.ENOENT, errno.EIO, errno.EMFILE])
def test_sources_that_cannot_be_asked_are_an_error(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Never "no such user"."""
    monkeypatch.setattr(accounts, "_libc", BrokenLibrary(code))
    for find in (accounts.find_user, accounts.find_group):
        with pytest.raises(OSError, match=os.strerror(code)) as caught:
            find("root")
        assert caught.value.errno == code
    with pytest.raises(OSError, match=os.strerror(code)):
        accounts.find_login_name(0)
    assert accounts.shown_login_name(0, "somebody") == "somebody"


def test_entry_that_needs_more_room_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to a limit; a source that always wants more is out of order."""
    monkeypatch.setattr(accounts, "_ROOM", 4)
    assert accounts.find_user("root") == pwd.getpwnam("root")
    library = BrokenLibrary(errno.ERANGE)
    monkeypatch.setattr(accounts, "_libc", library)
    with pytest.raises(OSError, match=os.strerror(errno.ERANGE)):
        accounts.find_user("root")
    assert library.rooms[-1] == accounts._MOST_ROOM


def test_threads_ask_at_the_same_time() -> None:
    """Each has its own answer."""
    names = [user.pw_name for user in pwd.getpwall()]
    wrong: list[str] = []

    def ask(offset: int) -> None:
        for index in range(200):
            name = names[(index + offset) % len(names)]
            found = accounts.find_user(name)
            if found is None or found.pw_name != name:
                wrong.append(name)

    threads = [threading.Thread(target=ask, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="needs root to enter a chroot")
@pytest.mark.parametrize("furnished", [True, False])
def test_chroot_has_its_own_accounts(tmp_path: Path, furnished: bool) -> None:
    """Those of its own passwd file; without that file nobody is unknown."""
    if furnished:
        (tmp_path / "etc").mkdir()
        (tmp_path / "etc" / "passwd").write_text("alice:x:7001:7001::/home/alice:/bin/sh\n")
    pid = os.fork()
    if pid == 0:
        os._exit(_look_around(tmp_path))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == (0 if furnished else errno.ENOENT)


def _look_around(root: Path) -> int:
    """Return the number of the error in a chroot whose only source are files."""
    ctypes.CDLL(None).__getattr__("__nss_configure_lookup")(b"passwd", b"files")
    os.chroot(root)
    try:
        found = accounts.find_user("alice")
        assert accounts.find_user("bob") is None
    except OSError as error:
        return error.errno or -1
    return 0 if found is not None and found.pw_uid == 7001 else 1
