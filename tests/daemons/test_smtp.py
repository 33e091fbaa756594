"""smtp over its socket, against servers that answer as told."""

import re
from pathlib import Path

from harness import RunningWorker, run_worker
from mail_agents import CONTENT, deliver, enqueue, left
from smtp_server import Script, ScriptedServer

from pyfix.daemons.smtp.daemon import SERVICE


def status_of(worker: RunningWorker, address: str) -> str:
    """The part from relay= on of the recipient's one line, without what differs from run to run."""
    line = worker.wait_for_line(f"to=<{address}>")
    found = re.search(r"(relay=\S+),(?: conn_use=\d+,)? delay=\S+, delays=\S+, (.*)", line)
    assert found
    return f"{found[1]} {found[2]}"


def test_message_is_delivered(tmp_path: Path) -> None:
    """The content arrives in wire form; the log has the server's reply; the recipient is marked done."""
    with ScriptedServer(Script()) as server, run_worker(SERVICE, "", tmp_path, name="smtp") as worker:
        request = enqueue(tmp_path, ["a@b.test"], nexthop=f"[127.0.0.1]:{server.port}")
        answer = deliver(worker, request)
        status = status_of(worker, "a@b.test")
    assert answer.outcomes == []
    assert answer.dead is None
    relay = f"relay=127.0.0.1[127.0.0.1]:{server.port}"
    assert status == f"{relay} dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 12345)"
    assert server.sessions[0].contents == [CONTENT.replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")]
    assert server.commands[:3] == [
        "EHLO mail.example.test",
        f"MAIL FROM:<sender@example.test> SIZE={len(CONTENT)}",
        "RCPT TO:<a@b.test>",
    ]
    assert left(tmp_path, request) == []
