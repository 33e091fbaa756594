"""The rows of scripts/bench about POP3: Dovecot and pyfix on the same mailboxes, accounts and machine."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench_database import mail_database
from bench_pop3_load import PASSWORD, Pop3, sessions_per_second
from bench_pop3_servers import MAIL_ID, Pop3Server, dovecot, has_dovecot, pss_mib, pyfix, running
from rich.console import Console
from rich.table import Table

_SMALL_USERS = 100
_LINE = b"A line of text as it is in most messages, seventy bytes of it or so.\n"


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    small: int
    """Messages of 4 KB."""
    large: int
    """Messages of 10 MB."""
    many: int
    """Messages in the large mailbox."""
    idle: int
    """Idle sessions."""
    seconds: float
    """How long sessions are made."""


def sizes(scale: float) -> Sizes:
    """Scale 1 is what the README's figures are of."""
    return Sizes(
        small=max(50, int(2000 * scale)),
        large=max(2, int(20 * scale)),
        many=max(1000, int(100_000 * scale)),
        idle=max(50, int(2000 * scale)),
        seconds=max(1.0, 10 * scale),
    )  # fmt: skip


def message(size: int) -> bytes:
    """Return a message of about so many bytes."""
    head = b"From: sender@bench.test\nTo: user@bench.test\nSubject: a message\n\n"
    return head + _LINE * (max(0, size - len(head)) // len(_LINE))


def fill(maildir: Path, count: int, content: bytes) -> None:
    """Make a Maildir of so many new messages."""
    for name in ("", "cur", "new", "tmp"):
        (maildir / name).mkdir(mode=0o700, exist_ok=True, parents=True)
        os.chown(maildir / name, MAIL_ID, MAIL_ID)
    for number in range(count):
        path = maildir / "new" / f"{1700000000 + number // 5}.V801I{number + 2_000_000:x}M{number % 5}.bench.test"
        path.write_bytes(content)
        os.chown(path, MAIL_ID, MAIL_ID)


class Mailboxes:
    """The accounts, and their mailboxes below the directory of each server."""

    def __init__(self, wanted: Sizes) -> None:
        """Name them."""
        self.small = [f"small{number}@bench.test" for number in range(_SMALL_USERS)]
        self.idle = [f"idle{number}@bench.test" for number in range(wanted.idle)]
        self._wanted = wanted

    def accounts(self) -> list[tuple[str, str, str]]:
        """Return the rows of the table mailbox."""
        names = [*self.small, *self.idle, "retr@bench.test", "large@bench.test", "many@bench.test"]
        return [(name, PASSWORD, f"{name}/Maildir/") for name in names]

    def make(self, mail: Path, kinds: set[str]) -> None:
        """Make the mailboxes that are needed, new: nobody has seen them."""
        wanted = self._wanted
        os.chown(mail, MAIL_ID, MAIL_ID)
        contents = {
            "small": (self.small, 10, message(4000)),
            "idle": (self.idle, 0, b""),
            "retr": (["retr@bench.test"], wanted.small, message(4000)),
            "large": (["large@bench.test"], wanted.large, message(10_000_000)),
            "many": (["many@bench.test"], wanted.many, message(1000)),
        }
        for kind in {"small", *kinds}:
            names, count, content = contents[kind]
            for name in names:
                fill(mail / name / "Maildir", count, content)
                os.chown(mail / name, MAIL_ID, MAIL_ID)


def retr_rate(server: Pop3Server, user: str, count: int) -> float:
    """Fetch all messages in one session; return MB/s."""
    session = Pop3(server.port, user)
    begin = time.monotonic()
    total = sum(session.fetch(f"RETR {number}") for number in range(1, count + 1))
    seconds = time.monotonic() - begin
    session.close()
    return total / seconds / 1e6


def stat_s(server: Pop3Server, user: str) -> float:
    """Return the seconds from the connection to the answer to STAT."""
    begin = time.monotonic()
    session = Pop3(server.port, user)
    session.ask("STAT")
    seconds = time.monotonic() - begin
    session.quit()
    return seconds


def fetch_s(server: Pop3Server, user: str, command: str) -> float:
    """Return the seconds that LIST or UIDL takes."""
    session = Pop3(server.port, user)
    begin = time.monotonic()
    session.fetch(command)
    seconds = time.monotonic() - begin
    session.quit()
    return seconds


def growth_mib(server: Pop3Server, user: str) -> float:
    """Return by how much STAT, LIST and UIDL of the large mailbox raise the memory of a process at its peak."""
    Pop3(server.port, "small0@bench.test").quit()
    before = {}
    for pid in server.pids():
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5")
            before[pid] = memory_kib(pid, "VmRSS")
    session = Pop3(server.port, user)
    for command in ("LIST", "UIDL"):
        session.fetch(command)
    smallest = min(before.values())
    growth = max(memory_kib(pid, "VmHWM") - before.get(pid, smallest) for pid in server.pids())
    session.close()
    return growth / 1024


def memory_kib(pid: int, name: str) -> int:
    """Return a figure from /proc; 0 for a process that has ended."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))
    return 0


def idle_pss(server: Pop3Server, users: list[str]) -> float:
    """Return MiB of all processes while so many sessions are open, logged in."""
    sessions = [Pop3(server.port, user) for user in users]
    try:
        return pss_mib(server.pids())
    finally:
        for session in sessions:
            session.close()


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    unit: str
    """Less is better of s and MiB."""
    kind: str
    """The mailboxes that it needs."""
    most: int
    """How often it may be measured."""
    measure: Callable[[Pop3Server], float]


def rows(wanted: Sizes, boxes: Mailboxes) -> list[Row]:
    """Return the workloads."""
    many, retr, large = "many@bench.test", "retr@bench.test", "large@bench.test"
    count = f"{wanted.many:,}"
    return [
        Row("sessions: connect, log in, STAT, QUIT, 20 clients", "/s", "small", 3,
            lambda s: sessions_per_second(s.port, boxes.small, 20, wanted.seconds)),
        Row(f"RETR, {wanted.small:,} messages of 4 KB", "MB/s", "retr", 3, lambda s: retr_rate(s, retr, wanted.small)),
        Row(f"RETR, {wanted.large} messages of 10 MB", "MB/s", "large", 3, lambda s: retr_rate(s, large, wanted.large)),
        Row(f"{count} new messages: first log in and STAT", "s", "many", 1, lambda s: stat_s(s, many)),
        Row(f"{count} messages: later log in and STAT", "s", "many", 3, lambda s: stat_s(s, many)),
        Row(f"{count} messages: LIST", "s", "many", 3, lambda s: fetch_s(s, many, "LIST")),
        Row(f"{count} messages: UIDL", "s", "many", 3, lambda s: fetch_s(s, many, "UIDL")),
        Row(f"{count} messages: memory for LIST and UIDL", "MiB", "many", 1, lambda s: growth_mib(s, many)),
        Row(f"{wanted.idle:,} idle sessions", "MiB PSS", "idle", 1, lambda s: idle_pss(s, boxes.idle)),
    ]  # fmt: skip


def run(
    directory: Path, scale: float, rounds: int, only: str, free_port: Callable[[], int], console: Console, *,
    with_dovecot: bool = True,
) -> None:  # fmt: skip
    """Measure the rows that have `only` in their names, and print."""
    wanted = sizes(scale)
    boxes = Mailboxes(wanted)
    chosen = [row for row in rows(wanted, boxes) if only in row.name]
    if not chosen:
        return
    directory.mkdir(mode=0o755)
    with mail_database(boxes.accounts(), ["bench.test"]) as database:
        servers = []
        if with_dovecot and has_dovecot():
            servers = [
                dovecot(directory / name, free_port(), database, is_tuned=is_tuned)
                for name, is_tuned in (("dovecot", False), ("tuned", True))
            ]
        servers.append(pyfix(directory / "pyfix", free_port(), database))
        console.print(f"making mailboxes for {len(servers)} servers")
        for server in servers:
            boxes.make(server.mail, {row.kind for row in chosen})
        table = Table("POP3", "unit", *(server.name for server in servers), "ratio to the better")
        with contextlib.ExitStack() as stack:
            for server in servers:
                stack.enter_context(running(server))
            for row in chosen:
                medians = _medians(row, servers, rounds)
                table.add_row(row.name, row.unit, *map(_shown, medians), _ratio(row.unit, medians))
                console.print(f"{row.name}: " + ", ".join(map(_shown, medians)) + f" {row.unit}")
        console.print(table)


def _medians(row: Row, servers: list[Pop3Server], rounds: int) -> list[float]:
    """Measure all servers in turns."""
    figures: list[list[float]] = [[] for _ in servers]
    for _ in range(min(rounds, row.most)):
        for server, found in zip(servers, figures, strict=True):
            found.append(row.measure(server))
    return [statistics.median(found) for found in figures]


def _ratio(unit: str, medians: list[float]) -> str:
    """Compare pyfix, the last, with the better Dovecot."""
    if len(medians) < 3:
        return "-"
    best = max(medians[:-1]) if unit.endswith("/s") else min(medians[:-1])
    return f"{medians[-1] / best:.2f}"


def _shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.2f}" if figure < 10 else f"{figure:.1f}"
