"""The sockets of local services: whose they are, and that nobody can have root change another file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyfix.mail.config import Config, mastercf
from pyfix.master.listen import ListenError, SocketOwner, is_public, open_listeners
from pyfix.master.params import MasterParameters
from pyfix.service.worker import Listener

OWNER = 7001
needs_root = [pytest.mark.root, pytest.mark.skipif(os.getuid() != 0, reason="needs root to act as somebody else")]


@pytest.fixture(autouse=True)
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A queue directory of OWNER's, where there is one; the test works in it with the groups it came with."""
    groups = os.getgroups()
    for name in ("public", "private"):
        (tmp_path / name).mkdir()
        if os.getuid() == 0:
            os.chown(tmp_path / name, OWNER, OWNER)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    if os.getuid() == 0:
        os.setgroups(groups)


def listen(line: str, uid: int, *, open_to_all: bool = False) -> Listener:
    """Open the socket of a line of master.cf."""
    (entry,) = mastercf.parse([line], "/etc/master.cf")
    params = Config.from_text("").read(MasterParameters)
    (listener,) = open_listeners(entry, params, SocketOwner(uid, uid, open_to_all))
    listener.sock.close()
    return listener


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", False),
        ("127.1.2.3", False),
        ("0.0.0.0", True),
        ("192.0.2.1", True),
        ("::1", False),
        ("::", True),
        ("fe80::1%lo", True),
    ],
)
def test_service_that_other_machines_can_reach_is_public(address: str, expected: bool) -> None:
    """On whatever address that is not of the loopback interface."""

    class Bound:
        def getsockname(self) -> tuple[str, int]:
            return address, 25

    sock: Any = Bound()
    assert is_public(Listener(sock, "inet", "smtp")) is expected
    assert not is_public(Listener(sock, "unix", "public/pickup"))


@pytest.mark.parametrize("uid", [-1, pytest.param(OWNER, marks=needs_root)])
@pytest.mark.parametrize(("open_to_all", "mode"), [(True, 0o666), (False, 0o600)])
def test_socket_belongs_to_its_owner(queue: Path, uid: int, open_to_all: bool, mode: int) -> None:
    """mail_owner's, or the user's who started the system; also where an old one lies."""
    for _ in range(2):
        listen("pickup unix n - n - 1 pickup", uid, open_to_all=open_to_all)
        status = (queue / "public" / "pickup").stat()
        assert stat.S_ISSOCK(status.st_mode)
        assert stat.S_IMODE(status.st_mode) == mode
        assert (status.st_uid, status.st_gid) == ((uid, uid) if uid >= 0 else (os.geteuid(), os.getegid()))
    listen("log unix-dgram y - n - 1 postlogd", uid)
    assert (queue / "private" / "log").is_socket()
    assert os.geteuid() == os.getuid()


@pytest.mark.parametrize("uid", [pytest.param(OWNER, marks=needs_root)])
@pytest.mark.parametrize("call", ["chmod", "chown"])
def test_link_in_the_place_of_a_new_socket_gives_nothing_away(
    queue: Path, uid: int, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has taken over a process of mail_owner's may put a link there in the moment after bind."""
    victim = queue / "victim"
    victim.write_text("root's\n")
    victim.chmod(0o640)
    before = victim.stat()
    real = getattr(os, call)

    def swap(path: str, *arguments: int) -> None:
        os.unlink(path)
        os.symlink("../victim", path)
        real(path, *arguments)

    monkeypatch.setattr(os, call, swap)
    try:
        listen("cleanup unix y - n - 0 cleanup", uid, open_to_all=True)
    except ListenError as error:
        assert "private/cleanup: Operation not permitted" in str(error)
    assert (victim.stat().st_uid, victim.stat().st_mode) == (before.st_uid, before.st_mode)
    assert os.geteuid() == 0


@pytest.mark.parametrize("uid", [pytest.param(OWNER, marks=needs_root)])
def test_directory_of_somebody_else_is_named_with_the_remedy(queue: Path, uid: int) -> None:
    """Root could write there; a service's clients could not count on it."""
    os.chown(queue / "private", 0, 0)
    with pytest.raises(ListenError, match=r"line 1: private/x: Permission denied \(its directory must belong to"):
        listen("x unix y - n - 0 cleanup", uid)
