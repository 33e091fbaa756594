"""pop3d over a real socket: sessions that pop3-login hands over."""

from __future__ import annotations

import fcntl
import os
import socket
import threading
from collections.abc import Iterator

import pytest
from fake_auth import User
from harness import wait_for_exit
from pop3_scene import OWNER, Scene, ids, make_maildir, memory_of, pop3d_scene

from pyfix.mail.ipc.messages import HandedOver

MESSAGES = {
    "1700000001.M1.host": b"Subject: one\n\nbody\n.dot\n",
    "1700000002.M2.host": b"Subject: two\n\nno end",
    "1700000003.M3.host:2,S": b"Subject: three\r\n\r\nCRLF\r\n",
}


@pytest.fixture
def scene() -> Iterator[Scene]:
    with pop3d_scene() as made:
        yield made


def test_a_session_from_login_to_quit(scene: Scene) -> None:
    path = scene.add_user("alice", MESSAGES)
    client = scene.open("alice", rest=b"STAT\r\nLI")
    assert client.line() == b"+OK 3 74"
    assert client.ask("ST") == b"+OK 3 messages:"
    assert client.body() == [b"1 28", b"2 22", b"3 24"]
    assert client.ask("UIDL") == b"+OK"
    assert client.body() == [b"1 1700000001.M1.host", b"2 1700000002.M2.host", b"3 1700000003.M3.host"]
    assert client.ask("RETR 1").startswith(b"+OK ")
    assert client.body() == [b"Subject: one", b"", b"body", b"..dot"]
    assert client.ask("TOP 2 0") == b"+OK"
    assert client.body() == [b"Subject: two", b""]
    assert client.ask("DELE 2") == b"+OK Marked to be deleted."
    assert len(list(path.glob("*/17*"))) == 3
    assert client.ask("QUIT") == b"+OK Logging out, messages deleted."
    assert client.is_at_end()
    assert sorted(found.name for found in path.glob("*/17*")) == ["1700000001.M1.host:2,S", "1700000003.M3.host:2,S"]
    line = scene.worker.wait_for_line("Disconnected")
    assert line.startswith(f"pop3(alice)<{scene.worker.pid}><session>: Disconnected: Logged out top=1/")
    assert ", retr=1/" in line and ", del=1/3, size=" in line
    assert (path / "cur/1700000001.M1.host:2,S").stat().st_uid == (7001 if os.getuid() == 0 else os.getuid())


def test_who_hangs_up_has_deleted_nothing(scene: Scene) -> None:
    path = scene.add_user("alice", MESSAGES)
    client = scene.open("alice")
    assert client.ask("DELE 1") == b"+OK Marked to be deleted."
    client.close()
    assert "Disconnected: Connection closed top=0/0, retr=0/0, del=0/3" in scene.worker.wait_for_line("Disconnected")
    assert len(list(path.glob("*/17*"))) == 3


def test_a_killed_process_has_deleted_nothing_and_the_client_sees_the_end(scene: Scene) -> None:
    path = scene.add_user("alice", MESSAGES)
    client = scene.open("alice")
    client.ask("DELE 1")
    scene.worker.kill()
    assert client.is_at_end()
    assert len(list(path.glob("*/17*"))) == 3


def test_what_was_sent_before_the_end_of_input_is_answered(scene: Scene) -> None:
    scene.add_user("alice", MESSAGES)
    client = scene.open("alice")
    client.sock.sendall(b"DELE 1\r\nQUIT\r\n")
    client.sock.shutdown(socket.SHUT_WR)
    assert client.body_until_end() == [b"+OK Marked to be deleted.", b"+OK Logging out, messages deleted."]


def test_two_sessions_of_one_mailbox(scene: Scene) -> None:
    scene.add_user("alice", MESSAGES)
    first = scene.open("alice")
    second, answer = scene.give("alice")
    assert answer.problem == ""
    third, _ = scene.give("alice", remote="192.0.2.2")
    third.close()
    assert first.ask("QUIT") == b"+OK Logging out."
    assert second.line() == b"+OK Logged in."


def test_a_locked_mailbox_is_told_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyfix.daemons.pop3d.box._LOCK_WAIT_S", 0.0)
    with pop3d_scene() as scene:
        scene.add_user("alice", MESSAGES)
        first = scene.open("alice")
        second, _ = scene.give("alice")
        assert second.line() == b"-ERR [IN-USE] Mailbox is locked by another POP3 session."
        assert second.is_at_end()
        assert first.ask("NOOP") == b"+OK"
        assert "Disconnected: Couldn't lock POP3 session top=0/0" in scene.worker.wait_for_line("Couldn't lock")


def test_without_lock_the_second_session_finds_messages_expunged() -> None:
    with pop3d_scene("pop3_lock_session = no\npop3_no_flag_updates = yes") as scene:
        path = scene.add_user("alice", MESSAGES)
        first, second = scene.open("alice"), scene.open("alice")
        assert first.ask("DELE 1") == second.ask("DELE 1") == b"+OK Marked to be deleted."
        assert first.ask("QUIT") == b"+OK Logging out, messages deleted."
        assert second.ask("RSET") == b"+OK"
        assert second.ask("RETR 1") == b"-ERR Message 1 expunged."
        assert second.ask("RETR 2").startswith(b"+OK")
        assert second.body()[-1] == b"no end"
        assert second.ask("QUIT") == b"+OK Logging out."
        assert (path / "new/1700000002.M2.host").exists()


def test_messages_that_cannot_be_read_are_refused_and_the_session_goes_on(scene: Scene) -> None:
    path = scene.add_user("alice", MESSAGES | {"1700000004.M4.host": b"secret\n"})
    client = scene.open("alice")
    (path / "new/1700000001.M1.host").unlink()
    (path / "new/1700000001.M1.host").symlink_to("/etc/passwd")
    (path / "new/1700000002.M2.host").unlink()
    assert client.ask("RETR 1") == b"-ERR Message 1 expunged."
    assert client.ask("RETR 2") == b"-ERR Message 2 expunged."
    if os.getuid() == 0:
        (path / "new/1700000004.M4.host").chmod(0)
        assert client.ask("RETR 4").startswith(b"-ERR [SYS/TEMP] Internal error occurred.")
        assert "M4.host" in scene.worker.wait_for_line("error: ")
    assert client.ask("NOOP") == b"+OK"


def test_a_folder_that_is_closed_to_its_owner_ends_nobodys_session(scene: Scene) -> None:
    """The quota has to be counted anew, and can't be: mail goes all the same, the process stays."""
    path = scene.add_user("alice", MESSAGES)
    folder = make_maildir(path / ".Closed", {})
    (path / "maildirsize").write_text("100000S\n" + "5 1\n" * 2000)
    os.chown(path / "maildirsize", path.stat().st_uid, path.stat().st_gid)
    (folder / "cur").chmod(0)
    scene.add_user("bob", {})
    other = scene.open("bob")
    client = scene.open("alice")
    assert client.ask("DELE 1") == b"+OK Marked to be deleted."
    assert client.ask("QUIT") == b"+OK Logging out, messages deleted."
    assert other.ask("STAT") == b"+OK 0 0"
    (folder / "cur").chmod(0o700)
    assert len(list(path.glob("*/17*"))) == 2


@pytest.mark.root
def test_only_the_owners_rights_count(scene: Scene) -> None:
    path = scene.add_user("alice", MESSAGES)
    os.chown(path, 0, 0)
    path.chmod(0o700)
    client, answer = scene.give("alice")
    assert answer == HandedOver(scene.worker.pid)
    assert client.line().startswith(b"-ERR [SYS/TEMP] ")
    assert client.is_at_end()
    assert "Permission denied" in scene.worker.wait_for_line("error: ")


@pytest.mark.root
def test_mailboxes_of_root_are_not_opened(scene: Scene) -> None:
    scene.add_user("root", {})
    scene.auth.users["root"].fields |= {"uid": "0", "gid": "0"}
    client, _ = scene.give("root")
    assert client.line().startswith(b"-ERR [SYS/TEMP] ")
    assert "not for a mailbox" in scene.worker.wait_for_line("error: ")


@pytest.mark.parametrize(
    ("case", "part"),
    [("ticket", "is not valid"), ("broken", "private/auth"), ("location", "has no mailbox"), ("ids", "no numbers")],
)
def test_sessions_that_cannot_be_taken_stay_with_who_gives_them(scene: Scene, case: str, part: str) -> None:
    scene.add_user("alice", MESSAGES)
    scene.auth.is_broken = case == "broken"
    fields = scene.auth.users["alice"].fields
    if case == "location":
        del fields["mail"]
    elif case == "ids":
        fields["uid"] = "x"
    client, answer = scene.give("alice", ticket="none" if case == "ticket" else "")
    assert (answer.code, answer.problem[:22]) == ("SYS/TEMP", "Internal login failure")
    assert client.is_at_end()
    assert part in scene.worker.wait_for_line("error: ")


def test_a_user_has_so_many_sessions_from_one_address() -> None:
    with pop3d_scene("mail_max_userip_connections = 2\npop3_lock_session = no") as scene:
        scene.add_user("alice", MESSAGES)
        first, _ = scene.open("alice"), scene.open("alice")
        _, answer = scene.give("alice")
        assert answer.code == "IN-USE"
        assert answer.problem.endswith("exceeded (mail_max_userip_connections=2)")
        assert scene.give("alice", remote="192.0.2.2")[1].problem == ""
        first.ask("QUIT")
        assert first.is_at_end()
        scene.worker.wait_for_line("Logged out")
        assert scene.give("alice")[1].problem == ""


def test_logins_in_too_short_a_time_are_refused() -> None:
    with pop3d_scene("pop3_login_delay = 60s") as scene:
        scene.add_user("alice", MESSAGES)
        client = scene.open("alice")
        assert b"LOGIN-DELAY 60" in b" ".join([client.ask("CAPA"), *client.body()])
        client.ask("QUIT")
        assert scene.give("alice")[1].code == "LOGIN-DELAY"


def test_a_silent_client_is_told_and_dropped() -> None:
    with pop3d_scene("pop3_timeout = 1s") as scene:
        scene.add_user("alice", MESSAGES)
        client = scene.open("alice")
        assert client.line() == b"-ERR Disconnected for inactivity."
        assert client.is_at_end()
        assert "Inactivity - no input for 1 secs top=" in scene.worker.wait_for_line("Inactivity")


def test_work_arounds_and_the_old_command() -> None:
    with pop3d_scene(
        "pop3_client_workarounds = outlook-no-nuls, oe-ns-eoh\npop3_enable_last = yes\npop3_expire = 30\n"
        "pop3_implementation =\npop3_logout_format = in=%i out=%{output} %%"
    ) as scene:
        scene.add_user("alice", {"1.a.h": b"Subject: x\0\n", "2.b.h:2,S": b"S: y\n\nz\n"})
        client = scene.open("alice")
        assert client.ask("LAST") == b"+OK 2"
        assert client.ask("RETR 1").startswith(b"+OK")
        assert client.body() == [b"Subject: x\x80", b""]
        capabilities = [client.ask("CAPA"), *client.body()]
        assert b"EXPIRE 30" in capabilities and b"IMPLEMENTATION pyfix" not in capabilities
        client.ask("QUIT")
        assert "Logged out in=" in (line := scene.worker.wait_for_line("Logged out")) and line.endswith(" %")


def test_a_large_message_and_a_client_that_reads_slowly(scene: Scene) -> None:
    content = b"Subject: large\n\n" + b".%s\n" % (b"x" * 76) * 40_000
    scene.add_user("alice", {"1.a.h": content})
    scene.add_user("bob", MESSAGES)
    slow = scene.open("alice")
    slow.sock.sendall(b"RETR 1\r\nNOOP\r\n")
    other = scene.open("bob")
    assert other.ask("NOOP") == b"+OK"
    assert slow.line() == b"+OK %d octets" % (len(content) + 40_002)
    lines = slow.body()
    assert len(lines) == 40_002 and lines[-1] == b".." + b"x" * 76
    assert slow.line() == b"+OK"


def test_who_takes_no_answers_can_ask_for_no_more(scene: Scene) -> None:
    """Nor does a burst of questions have all its answers made at once."""
    scene.add_user("alice", MESSAGES)
    client = scene.open("alice")
    before = memory_of(scene.worker)
    client.flood(b"UIDL\r\n" * 10_000, 50)
    assert memory_of(scene.worker) - before < 16 * 2**20
    assert [client.line() for _ in range(50_000)].count(b"+OK") == 10_000


def test_the_system_stops(scene: Scene) -> None:
    scene.add_user("alice", MESSAGES)
    client = scene.open("alice")
    stopping = threading.Thread(target=scene.worker.stop)
    stopping.start()
    assert client.line() == b"-ERR [SYS/TEMP] Server shutting down."
    assert client.is_at_end()
    stopping.join()


def test_what_is_no_session_is_refused_and_others_go_on(scene: Scene) -> None:
    scene.add_user("alice", MESSAGES)
    for data in (b"", b"GET / HTTP/1.0\r\n\r\n", b"\0\0\0\5hello"):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(scene.worker.path)
            sock.sendall(data)
    assert scene.open("alice").ask("NOOP") == b"+OK"
    assert "session from a local client refused" in scene.worker.wait_for_line("refused")


@pytest.mark.root
def test_processes_of_other_users_can_give_no_sessions(scene: Scene) -> None:
    os.chmod(scene.worker.path, 0o777)
    scene.worker.directory.joinpath("private").chmod(0o755)
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(7009, 7009, 7009)
            os.setresuid(7009, 7009, 7009)
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(scene.worker.path)
                os._exit(0 if sock.recv(1) == b"" else 1)
        finally:
            os._exit(2)
    assert wait_for_exit(pid) == 0
    assert scene.worker.wait_for_line("warning: ") == "pop3d: warning: session from a process of user id 7009 refused"


@pytest.mark.parametrize("line", ["pop3_logout_format = %x", "pop3_expire = soon", "pop3_implementation = two words"])
def test_values_that_make_no_sense_are_refused(line: str) -> None:
    with pop3d_scene(line) as scene:
        assert "fatal: " in (fatal := scene.worker.wait_for_line("fatal"))
        assert line.partition(" =")[0] in fatal
        assert scene.worker.stop() == 1


def test_the_system_stops_while_a_message_is_sent(scene: Scene) -> None:
    scene.add_user("alice", {"1.a.h": b"Subject: large\n\n" + b"%s\n" % (b"x" * 76) * 100_000})
    client = scene.open("alice")
    client.sock.sendall(b"RETR 1\r\n")
    assert client.line().startswith(b"+OK")
    stopping = threading.Thread(target=scene.worker.stop)
    stopping.start()
    assert len(client.body()) == 100_002
    assert client.line() == b"-ERR [SYS/TEMP] Server shutting down."
    assert client.is_at_end()
    stopping.join()


@pytest.mark.parametrize("parameter", ["mailbox_delivery_lock", "virtual_mailbox_lock"])
def test_a_mailbox_file_is_locked_as_deliveries_lock_it(parameter: str) -> None:
    """Otherwise a message that is being delivered would be lost with the old file."""
    with pop3d_scene(f"{parameter} = flock\n") as scene:
        path = scene.add_user("alice", {}) / "box"
        path.write_bytes(b"From a@b  Thu Nov 26 10:00:00 2026\nS: one\n\n" * 2)
        os.chown(path, path.parent.stat().st_uid, path.parent.stat().st_gid)
        scene.auth.users["alice"].fields["mail"] = f"mbox:{path}"
        client = scene.open("alice")
        client.ask("DELE 1")
        with path.open("rb") as delivery:
            fcntl.flock(delivery, fcntl.LOCK_EX)
            assert client.ask("QUIT").startswith(b"-ERR ")
        assert path.read_bytes().count(b"From ") == 2


@pytest.mark.root
def test_a_mailbox_file_in_a_spool_of_the_group(scene: Scene) -> None:
    """As /var/mail: root's, and open to a group that the owner is not in."""
    spool = scene.mail / "spool"
    spool.mkdir()
    os.chown(spool, 0, 7777)
    spool.chmod(0o2775)
    path = spool / "alice"
    first = b"From a@b  Thu Nov 26 10:00:00 2026\nSubject: one\n\n>From x\n\n"
    path.write_bytes(first + b"From c@d  Thu Nov 26 10:00:01 2026\nS: two\n\nb\n\n")
    os.chown(path, OWNER, OWNER)
    path.chmod(0o600)
    scene.add_user("alice", {}, location=f"mbox:{path}")
    client = scene.open("alice")
    assert client.ask("STAT").startswith(b"+OK 2 ")
    assert client.ask("RETR 1").startswith(b"+OK ")
    assert b"Subject: one" in client.body()
    client.ask("DELE 1")
    assert client.ask("QUIT") == b"+OK Logging out, messages deleted."
    assert client.is_at_end()
    assert path.read_bytes().count(b"\nFrom ") == 0 and b"S: two" in path.read_bytes()
    assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (OWNER, 0o600)
    assert [found.name for found in spool.iterdir()] == ["alice"]


@pytest.mark.root
def test_symbolic_links_do_not_lead_out_of_the_base(scene: Scene) -> None:
    with pop3d_scene(f"virtual_mailbox_base = {scene.mail}") as other:
        scene.add_user("alice", MESSAGES)
        (scene.mail / "link").symlink_to("/tmp")
        for name, location in (("alice", scene.mail / "alice"), ("link", scene.mail / "link")):
            other.auth.users[name] = User("secret", {"mail": f"maildir:{location}", **ids()})
        other.open("alice")
        client, _ = other.give("link")
        assert client.line().startswith(b"-ERR [SYS/TEMP] ")
        assert "out of" in other.worker.wait_for_line("error: ")
