"""The sockets of local services: whose they are, and that nobody can have root change another file."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyfix.mail.config import Config, ConfigError, mastercf
from pyfix.master.listen import ListenError, SocketOwner, is_public, open_listeners, remove_socket
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


ELSEWHERE = "unix n - n - 1 auth"


class TestElsewhere:
    """A socket for another mail system, whose name in master.cf is a path."""

    @pytest.mark.parametrize("uid", [-1, pytest.param(OWNER, marks=needs_root)])
    def test_it_is_made_there_and_removed(self, uid: int) -> None:
        """One that is left over is replaced."""
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "mux"
            if uid >= 0:
                os.chown(name, uid, uid)
            for _ in range(2):
                listen(f"{path} {ELSEWHERE}", uid, open_to_all=True)
                assert stat.S_IMODE(path.stat().st_mode) == 0o666
            (entry,) = mastercf.parse([f"{path} {ELSEWHERE}"], "/etc/master.cf")
            for _ in range(2):
                remove_socket(entry, SocketOwner(uid, uid, True))
                assert not path.exists()

    def test_what_somebody_else_serves_is_left_alone(self, queue: Path) -> None:
        """A saslauthd that runs, say."""
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(queue / "public" / "mux"))
            other.listen()
            with pytest.raises(ListenError, match=r"line 1: .*/public/mux: another server listens there; stop it"):
                listen(f"{queue}/public/mux {ELSEWHERE}", -1)
            assert (queue / "public" / "mux").exists()

    def test_a_file_is_left_alone(self, queue: Path) -> None:
        """Whatever it is."""
        (queue / "public" / "mux").write_text("x")
        with pytest.raises(ListenError, match=r"line 1: .*/public/mux: not a socket; move it away"):
            listen(f"{queue}/public/mux {ELSEWHERE}", -1)
        assert (queue / "public" / "mux").read_text() == "x"

    @pytest.mark.root
    @pytest.mark.skipif(os.getuid() != 0, reason="needs root to act as somebody else")
    def test_a_directory_of_somebody_else_is_none_for_it(self, queue: Path) -> None:
        """Root's rights are not used."""
        with pytest.raises(ListenError, match=r"Permission denied \(its directory must belong to mail_owner\)"):
            listen(f"{queue}/mux {ELSEWHERE}", OWNER)

    @pytest.mark.parametrize("name", ["/x/pickup", "/x/../auth", "//"])
    def test_only_what_others_ask_may_be_elsewhere(self, name: str) -> None:
        """The rest of the mail system would not find it."""
        program = "pickup" if name == "/x/pickup" else "auth"
        with pytest.raises(ConfigError, match="bad service name"):
            mastercf.parse([f"{name} unix n - n - 1 {program}"], "/etc/master.cf")
