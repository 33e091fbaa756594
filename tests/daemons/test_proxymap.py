"""proxymap as a process: what it opens and what it refuses, and what becomes of its clients when it fails."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import DEADLINE_S, RunningWorker, make_queue_directory, run_worker
from indexes import build_index
from table_server import TableServer

from pyfix.daemons.proxymap.daemon import SERVICE
from pyfix.mail.config import Config
from pyfix.mail.ipc.messages import (
    Goodbye,
    Hello,
    ProxyAnswer,
    ProxyDelete,
    ProxyFlags,
    ProxyLookup,
    ProxyOpen,
    ProxySequence,
    ProxyStatus,
    ProxyUpdate,
    Trigger,
)
from pyfix.mail.ipc.peer import Peer, PeerGone
from pyfix.mail.maps import Maps, TableError, open_maps
from pyfix.mail.maps.index_file import open_index
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.proxy import ProxyTable, open_for_writing

OK, NO_KEY, RETRY, DENIED, BAD = (
    ProxyStatus.OK,
    ProxyStatus.NO_KEY,
    ProxyStatus.RETRY,
    ProxyStatus.DENIED,
    ProxyStatus.BAD,
)


@contextmanager
def proxymap(directory: Path, *tables: str, main_cf: str = "", name: str = "proxymap") -> Iterator[RunningWorker]:
    """Run the service with these tables approved."""
    parameter = "proxy_write_maps" if name == "proxywrite" else "proxy_read_maps"
    listed = " ".join(f"proxy:{table}" for table in tables)
    with run_worker(SERVICE, f"{parameter} = {listed}\n{main_cf}", directory, name=name) as worker:
        yield worker


def configuration(directory: Path, more: str = "") -> Config:
    """Return what a client of that service has."""
    return Config.from_text(f"queue_directory = {directory}\n{more}")


def client(directory: Path, table: str, more: str = "") -> Maps:
    """Return the table as another process opens it."""
    return open_maps([f"proxy:{table}"], "test_maps", configuration(directory, more))


def ask(worker: RunningWorker, table: str, key: str, flags: ProxyFlags | None = None) -> ProxyAnswer:
    """Look up as a client does."""
    answer = worker.call(ProxyLookup(table, [key], flags or ProxyFlags()), ProxyAnswer)
    assert isinstance(answer, ProxyAnswer)
    assert answer.key == (key if answer.status in (OK, RETRY) else "")
    return answer


# --- what it opens


def test_approved_table_answers_and_stays_open_for_all(tmp_path: Path) -> None:
    """Keys are folded unless the client says otherwise; the name may come with proxy: in front."""
    table = "inline:{alice=x, Bob=y}"
    with proxymap(tmp_path, table) as worker:
        assert ask(worker, table, "ALICE").value == "x"
        assert ask(worker, f"proxy:proxy:{table}", "bob").value == "y"
        assert ask(worker, table, "bob", ProxyFlags(fold=False)).status is NO_KEY
        assert ask(worker, table, "Bob", ProxyFlags(fold=False)).value == "y"
        assert ask(worker, table, "nobody").status is NO_KEY
        assert worker.log_lines() == []


def test_search_ends_with_the_first_key_that_is_found_or_fails(tmp_path: Path) -> None:
    """One request has all keys that a search may need."""
    table, failing = "inline:{b=1, c=2}", "pipemap:{inline:{b=x},fail:down}"
    with proxymap(tmp_path, table, failing) as worker:
        assert worker.call(ProxyLookup(table, ["a", "c", "b"]), ProxyAnswer) == ProxyAnswer(OK, "2", "c")
        assert worker.call(ProxyLookup(table, ["x", "y"]), ProxyAnswer) == ProxyAnswer(NO_KEY)
        assert worker.call(ProxyLookup(table, []), ProxyAnswer) == ProxyAnswer(NO_KEY)
        answer = worker.call(ProxyLookup(failing, ["a", "b", "c"]), ProxyAnswer)
        assert isinstance(answer, ProxyAnswer)
        assert (answer.status, answer.key) == (RETRY, "b")
        worker.wait_for_line(f"warning: {answer.reason}")


def test_table_that_is_not_listed_is_refused_with_postfix_words(tmp_path: Path) -> None:
    """The log says what to list where; the client's error names the service."""
    with proxymap(tmp_path, "static:x") as worker:
        assert worker.call(ProxyOpen("static:y"), ProxyAnswer) == ProxyAnswer(DENIED)
        worker.wait_for_line("warning: to approve this table")
        assert worker.log_lines() == [
            'warning: request for unapproved table: "static:y"',
            "warning: to approve this table for read-only access, list proxy:static:y in main.cf:proxy_read_maps",
        ]
        with pytest.raises(TableError, match=r'^proxymap service is not configured for table "static:y"$'):
            client(tmp_path, "static:y").lookup("a")
        assert client(tmp_path, "static:x").lookup("a") == "x"


@pytest.mark.parametrize(
    "listed",
    [
        "virtual_alias_maps = proxy:static:x",
        "local_recipient_maps = $alias_maps\nalias_maps = proxy:proxy:static:x",
        "virtual_alias_maps = pipemap:{proxy:static:x, proxy:static:z}",
        "smtpd_recipient_restrictions = check_client_access { proxy:static:x, a=b }",
        "smtpd_recipient_restrictions = reject_unauth_destination, check_client_access proxy:static:x",
    ],
)
def test_default_approves_what_the_other_parameters_name(tmp_path: Path, listed: str) -> None:
    """Wherever it stands in them, and nothing without proxy: in front."""
    with run_worker(SERVICE, f"{listed}\nrelay_domains = static:w\n", tmp_path, name="proxymap") as worker:
        assert ask(worker, "static:x", "a").value == "x"
        assert ask(worker, "static:w", "a").status is DENIED
        assert ask(worker, "unix:passwd.byname", "a").status is (DENIED if "local_recipient" in listed else NO_KEY)


def test_table_that_can_not_be_opened_is_a_temporary_failure(tmp_path: Path) -> None:
    """Both processes say why; proxymap goes on."""
    missing, bad = f"texthash:{tmp_path}/missing", "regexp:{{/(/ x}}"
    with proxymap(tmp_path, missing, "foo:bar", bad) as worker:
        with pytest.raises(TableError, match=f"^proxy:{missing}: {missing} is unavailable. open database .*: No such"):
            client(tmp_path, missing).lookup("a")
        worker.wait_for_line(f"warning: {missing} is unavailable. open database {tmp_path}/missing: No such file")
        assert "unsupported dictionary type: foo" in ask(worker, "foo:bar", "a").reason
        assert ask(worker, bad, "a").status in (RETRY, NO_KEY)


def test_patterns_are_searched_and_limited_as_everywhere(tmp_path: Path) -> None:
    """Only for whole addresses; a search of more than a second is a temporary failure."""
    good, bad = "regexp:{{/^(.*)@b.test$/ $1}}", "regexp:{{/(.*)-(.*)-(.*)-(.*)-(.*)@x/ found}}"
    with proxymap(tmp_path, good.replace("$", "$$"), bad):
        maps = client(tmp_path, good)
        assert maps.lookup("joe@b.test") == "joe"
        assert maps.tables[0].is_pattern
        assert maps.lookup_fixed("joe@b.test") is None
        with pytest.raises(TableError, match="takes more than 1 seconds"):
            client(tmp_path, bad).lookup("-" * 300)


def test_keys_that_are_no_text_are_asked_of_nobody(tmp_path: Path) -> None:
    """A surrogate stands for a byte that is no UTF-8: such a key is in no table, and there is nobody to ask here."""
    assert client(tmp_path, "static:x").lookup("a\udcff") is None


def test_sequence_lists_a_table(tmp_path: Path) -> None:
    """Each client has a place of its own; a table without a list says so."""
    table = "inline:{a=1, b=2, c=3}"
    with proxymap(tmp_path, table, "static:x") as worker:
        assert worker.call(ProxySequence(table, True), ProxyAnswer) == ProxyAnswer(OK, "1", "a")
        assert list(client(tmp_path, table).tables[0].entries()) == [("a", "1"), ("b", "2"), ("c", "3")]
        assert worker.call(ProxySequence(table, False), ProxyAnswer) == ProxyAnswer(OK, "2", "b")
        with pytest.raises(TableError, match="sequence operation is not supported"):
            list(client(tmp_path, "static:x").tables[0].entries())


# --- proxywrite


def test_proxywrite_changes_an_index(tmp_path: Path) -> None:
    """It makes one where there is none; readers open the new one; keys are folded as for a lookup."""
    table = f"hash:{tmp_path}/table"
    with proxymap(tmp_path, table, name="proxywrite") as worker:
        writer = open_for_writing(f"proxy:{table}", configuration(tmp_path), fold=True)
        assert writer.delete("a") is False
        writer.update("Alice", "1")
        writer.update("bob", "2")
        writer.update("alice", "3")
        assert writer.lookup("ALICE") == "3"
        assert writer.delete("BOB") is True
        assert writer.delete("bob") is False
        assert writer.lookup("bob") is None
        assert worker.log_lines() == []
    assert list(open_index(f"{tmp_path}/table.db").items()) == [("alice", "3")]


def test_changes_are_refused_where_they_can_not_be_made(tmp_path: Path) -> None:
    """By proxymap, of a table that is not listed, and of a type that has no index to change."""
    table = f"hash:{tmp_path}/table"
    with proxymap(tmp_path, table) as worker:
        assert worker.call(ProxyUpdate(table, "a", "b"), ProxyAnswer).status is BAD
        assert worker.call(ProxyDelete(table, "a"), ProxyAnswer).status is BAD
    with proxymap(tmp_path, "static:x", name="proxywrite") as worker:
        with pytest.raises(TableError, match="proxywrite service is not configured for table"):
            open_for_writing(f"proxy:{table}", configuration(tmp_path), fold=True).update("a", "b")
        worker.wait_for_line("approve this table for read-write access, list proxy:hash:")
        with pytest.raises(TableError, match="table static:x: update operation is not supported"):
            open_for_writing("proxy:static:x", configuration(tmp_path), fold=True).update("a", "b")
    assert not os.path.exists(f"{tmp_path}/table.db")


def test_a_service_of_another_name_does_not_start(tmp_path: Path) -> None:
    """Nobody could know whether it reads or writes."""
    with run_worker(SERVICE, "", tmp_path, name="other") as worker:
        worker.wait_for_line("fatal: service name other must be one of proxymap or proxywrite")
        assert worker.stop() == 1


def test_services_may_have_other_names(tmp_path: Path) -> None:
    """The clients know them from main.cf, too."""
    names = "proxymap_service_name = readers\nproxywrite_service_name = writers\n"
    with run_worker(SERVICE, f"{names}proxy_read_maps = proxy:static:x\n", tmp_path, name="readers"):
        assert client(tmp_path, "static:x", names).lookup("a") == "x"
    table = f"hash:{tmp_path}/table"
    with run_worker(SERVICE, f"{names}proxy_write_maps = proxy:{table}\n", tmp_path, name="writers"):
        writer = open_for_writing(f"proxy:{table}", configuration(tmp_path, names), fold=True)
        writer.update("a", "b")
        with pytest.raises(TableError, match='writers service is not configured for table "static:x"'):
            open_for_writing("proxy:static:x", configuration(tmp_path, names), fold=True).update("a", "b")


# --- slow tables


def test_slow_table_stops_neither_other_clients_nor_other_tables(tmp_path: Path) -> None:
    """Four may ask it at a time, each over a connection of its own; the answers of one client keep their order."""
    released, asked = threading.Event(), threading.Semaphore(0)

    def answer(request: bytes) -> bytes:
        asked.release()
        released.wait(2 * DEADLINE_S)
        return b"200 " + request[4:] + b"\n"

    with TableServer(answer) as server, ThreadPoolExecutor(3) as threads:
        slow = f"tcp:127.0.0.1:{server.port}"
        with proxymap(tmp_path, slow, "static:x", "pipemap:{regexp:{{/a/ z}}," + slow + "}") as worker:
            try:
                impatient = worker.connect()
                for request in (ProxyLookup(slow, ["a"]), ProxyLookup("static:x", ["a"]), ProxyLookup(slow, ["b"])):
                    impatient.send(request)
                maps = client(tmp_path, slow)
                others = [threads.submit(maps.lookup, key) for key in ("c", "d")]
                mixed = threads.submit(client(tmp_path, "pipemap:{regexp:{{/a/ z}}," + slow + "}").lookup, "a")
                for _ in range(4):
                    assert asked.acquire(timeout=DEADLINE_S)
                assert client(tmp_path, "static:x").lookup("a") == "x"
            finally:
                released.set()
            assert [impatient.receive() for _ in range(3)] == [
                ProxyAnswer(OK, value, key) for value, key in (("a", "a"), ("x", "a"), ("b", "b"))
            ]
            assert [other.result(DEADLINE_S) for other in others] == ["c", "d"]
            assert mixed.result(DEADLINE_S) == "z"


# --- the end of a process


def test_change_of_a_table_is_noticed_and_clients_find_the_next_process(tmp_path: Path) -> None:
    """The line is Postfix's; who has a connection is told goodbye, and does not notice."""
    path = f"{tmp_path}/table"
    build_index(f"{path}.db", [("a", "old")])
    maps = client(tmp_path, f"hash:{path}")
    with proxymap(tmp_path, f"hash:{path}") as worker:
        peer = worker.connect()
        assert maps.lookup("a") == "old"
        build_index(f"{path}.db", [("a", "new"), ("b", "x")])
        worker.wait_for_line(f"table hash:{path} has changed -- restarting")
        assert isinstance(peer.receive(), Goodbye)
        with pytest.raises(PeerGone):
            peer.receive()
        assert worker.stop() == 0
    with proxymap(tmp_path, f"hash:{path}"):
        assert maps.lookup("a") == "new"


def test_proxymap_that_was_killed_is_replaced_without_a_word(tmp_path: Path) -> None:
    """A connection that was kept is dead; the lookup is repeated on a new one."""
    maps = client(tmp_path, "static:x")
    with proxymap(tmp_path, "static:x") as worker:
        assert maps.lookup("a") == "x"
        worker.kill()
    with proxymap(tmp_path, "static:x"):
        assert maps.lookup("b") == "x"


def test_proxymap_that_is_not_there_is_a_temporary_failure_with_the_remedy(tmp_path: Path) -> None:
    """As a master.cf of before this service was built would have it."""
    make_queue_directory(tmp_path)
    with pytest.raises(TableError, match=f"^proxy:static:x: connect to {tmp_path}/private/proxymap: No such") as raised:
        client(tmp_path, "static:x").lookup("a")
    line = "proxymap unix - - n - - proxymap"
    assert str(raised.value).endswith(f'; is the mail system running, and has master.cf a line "{line}"?')


def test_proxymap_that_is_stuck_is_a_temporary_failure(tmp_path: Path) -> None:
    """After ipc_timeout."""
    with proxymap(tmp_path, "static:x") as worker:
        os.kill(worker.pid, signal.SIGSTOP)
        try:
            with pytest.raises(TableError, match="timed out while waiting"):
                client(tmp_path, "static:x", "ipc_timeout = 1s\n").lookup("a")
        finally:
            os.kill(worker.pid, signal.SIGCONT)


GARBAGE = [b"", b"\xff\xff\xff\xff", b"\0\0\0\1\xc1", b"\0\0\0\3\x93\x55\xa2", b"HTTP/1.0 200 OK\r\n\r\n"]


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("has_greeted", [True, False])
def test_proxymap_that_answers_garbage_is_a_temporary_failure(
    tmp_path: Path, garbage: bytes, has_greeted: bool
) -> None:
    """Never "not found": whatever comes in place of the greeting, or of the answer."""
    make_queue_directory(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/private/proxymap")
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            peer = Peer(connection)
            if has_greeted:
                peer.send(Hello("proxymap"))
                peer.receive()
            connection.sendall(garbage)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(TableError, match=f"^proxy:static:x: (connect to )?{tmp_path}/private/proxymap: "):
            client(tmp_path, "static:x").lookup("a")
        thread.join()


def test_answer_of_another_kind_is_a_temporary_failure(tmp_path: Path) -> None:
    """A message of the mail system, but none that was asked for."""
    make_queue_directory(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/private/proxymap")
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            peer = Peer(connection)
            peer.send(Hello("proxymap"))
            peer.receive()
            peer.send(Trigger())
            peer.close()

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(TableError, match="unexpected answer Trigger"):
            client(tmp_path, "static:x").lookup("a")
        thread.join()


def test_request_of_another_service_is_refused(tmp_path: Path) -> None:
    """And told of; other clients go on."""
    with proxymap(tmp_path, "static:x") as worker:
        peer = worker.connect()
        peer.send(Trigger())
        with pytest.raises(PeerGone):
            peer.receive()
        worker.wait_for_line("warning: proxymap: bad request from a local client: unexpected message Trigger")
        assert ask(worker, "static:x", "a").value == "x"
        assert worker.call(ProxyLookup("x", ["a"]), ProxyAnswer).status is BAD


# --- who asks it


def test_sensitive_results_come_from_a_table_that_the_process_opens_itself(tmp_path: Path) -> None:
    """alias_maps of local, virtual_uid_maps: proxymap is not trusted with them. explain and check need no proxymap."""
    config = configuration(tmp_path)
    assert open_maps(["proxy:static:x"], "alias_maps", config, sensitive=True).lookup("a") == "x"
    assert open_maps(["proxy:static:x"], "alias_maps", config.without_proxymap()).lookup("a") == "x"
    assert isinstance(open_maps(["proxy:static:x"], "test_maps", config).tables[0], ProxyTable)
    assert Opening.of_process(config.without_proxymap()).direct
