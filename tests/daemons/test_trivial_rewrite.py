"""trivial-rewrite over its socket."""

from __future__ import annotations

from pathlib import Path

from harness import run_worker

from pyfix.daemons.trivial_rewrite.daemon import SERVICE
from pyfix.mail.ipc.messages import Goodbye, Resolve, Resolved, ResolvedList, Rewrite, Rewritten

MAIN_CF = "mydestination = local.test\nappend_dot_mydomain = yes\n"


def test_rewrite_answers_every_address_in_order(tmp_path: Path) -> None:
    """Both contexts, many addresses in one request."""
    with run_worker(SERVICE, MAIN_CF, tmp_path) as worker:
        local = worker.call(Rewrite("local", ["user", "u@host", "", "a!b"]), Rewritten)
        remote = worker.call(Rewrite("remote", ["user", "u@host"]), Rewritten)
    assert local == Rewritten(["user@mail.example.test", "u@host.example.test", "", "b@a.example.test"])
    assert remote == Rewritten(["user", "u@host"])


def test_resolve_answers_every_address_in_order(tmp_path: Path) -> None:
    """Good ones and bad ones."""
    with run_worker(SERVICE, MAIN_CF, tmp_path) as worker:
        reply = worker.call(Resolve("s@x.y", ["u@local.test", "u@other.test", "u@"]), ResolvedList)
    assert reply == ResolvedList(
        [
            Resolved("local", "mail.example.test", "u@local.test", "local"),
            Resolved("smtp", "other.test", "u@other.test", "default"),
            Resolved("error", "5.1.3 bad address syntax", "u@", "error", "5.1.3"),
        ]
    )


def test_table_out_of_order_is_logged_once_a_request(tmp_path: Path) -> None:
    """Every address gets its problem, the log one line."""
    with run_worker(SERVICE, MAIN_CF + "transport_maps = fail:now\n", tmp_path) as worker:
        reply = worker.call(Resolve("", ["a@x.test", "a@x.test"]), ResolvedList)
        assert isinstance(reply, ResolvedList)
        assert [bool(result.problem) for result in reply.results] == [True, True]
        worker.wait_for_line("warning: table fail:now: query error")
        assert sum("fail:now" in line for line in worker.log_lines()) == 1


def test_changed_table_ends_the_process_after_its_work(tmp_path: Path) -> None:
    """The client hears Goodbye, a fresh process reads the new table."""
    table = tmp_path / "transport"
    table.write_text("x.test a:b\n")
    with run_worker(SERVICE, MAIN_CF + f"transport_maps = texthash:{table}\n", tmp_path) as worker:
        peer = worker.connect()
        table.write_text("x.test a:changed\n")
        answers = []
        while not answers or not isinstance(answers[-1], Goodbye):
            peer.send(Resolve("", ["u@x.test"]))
            answers.append(peer.receive())
        peer.close()
        worker.wait_for_line("table transport_maps has changed -- restarting")
    assert worker.exit_code == 0


def test_domain_that_is_completed_by_an_old_default_is_logged(tmp_path: Path) -> None:
    """Each once an address; not for a domain that has a dot, and not when append_dot_mydomain is set."""
    addresses = ["u@host", "u@localhost", "u@full.test", "user", "u%other"]
    with run_worker(SERVICE, "mydomain = d.test\nmyorigin = o.test\n", tmp_path) as worker:
        worker.call(Rewrite("local", addresses), Rewritten)
        worker.wait_for_line('append_dot_mydomain=yes to rewrite "other" to "other.d.test"')
        told = [line.partition("using ")[2] for line in worker.log_lines() if "backwards-compatible" in line]
    assert told == [
        'backwards-compatible default setting append_dot_mydomain=yes to rewrite "host" to "host.d.test"',
        'backwards-compatible default setting append_dot_mydomain=yes to rewrite "localhost" to "localhost.d.test"; '
        'please add "localhost" to mydestination or other address class',
        'backwards-compatible default setting append_dot_mydomain=yes to rewrite "other" to "other.d.test"',
    ]


def test_setting_that_equals_the_old_default_is_no_news(tmp_path: Path) -> None:
    """The administrator has chosen it."""
    with run_worker(SERVICE, MAIN_CF, tmp_path) as worker:
        worker.call(Rewrite("local", ["u@host"]), Rewritten)
        assert not any("backwards-compatible" in line for line in worker.log_lines())
