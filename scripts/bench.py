"""Measure pyfix against Postfix and Dovecot: the same configuration, the same load, in turns, in one run.

Absolute numbers differ from machine to machine and from hour to hour; the ratios are what counts. Mail comes from
Postfix's own smtp-source, over loopback. Each row is the median of --rounds runs per server.

Groups of rows: smtp (here), tables (bench_tables.py), sql (bench_sql.py), pop3 (bench_pop3.py).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import bench_pop3
import bench_sql
from bench_tables import BigTable
from rich.console import Console
from rich.table import Table

BIN = Path(sys.executable).parent
WAIT_S = 120.0
MAIL_ID = 2525
GROUPS = ("smtp", "tables", "sql", "pop3")

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.bench.test
mydomain = bench.test
myorigin = bench.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
multi_instance_enable = yes
multi_instance_name = {name}
maillog_file_prefixes = {dir}
maillog_file = {dir}/log
virtual_mailbox_base = {dir}/mail
{maps}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
virtual_minimum_uid = 100
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtp_tls_security_level = none
smtpd_tls_security_level = none
transport_maps = inline:{{relay.test=smtp:[127.0.0.1]:{sink}}}
smtpd_client_connection_count_limit = 0
default_destination_concurrency_limit = 100
default_process_limit = 100
in_flow_delay = 0
disable_dns_lookups = yes
biff = no
message_size_limit = 51200000
"""


STATIC_MAPS = """\
virtual_mailbox_domains = bench.test
virtual_mailbox_maps = static:u1/Maildir/"""


def spread(directory: Path) -> None:
    """Make a directory whose subdirectories ext4 keeps apart (chattr +T), where that is possible: what one server
    deletes must not slow down the files that the other makes."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)
    with contextlib.suppress(FileNotFoundError):
        subprocess.run(["chattr", "+T", str(directory)], check=False, capture_output=True)


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class Server:
    """One mail system in a directory of its own."""

    name: str
    directory: Path
    port: int
    command: list[str]
    maps: str = STATIC_MAPS
    """The lines of main.cf that say where mail for bench.test goes."""

    def lay_out(self, sink: int) -> None:
        """Write the configuration and make the directories."""
        spread(self.directory)
        for name in ("etc", "queue", "data", "mail/u1"):
            (self.directory / name).mkdir(parents=True)
        etc = self.directory / "etc"
        name = f"{self.directory.name}-bench"
        text = MAIN_CF.format(dir=self.directory, sink=sink, uid=MAIL_ID, name=name, maps=self.maps)
        (etc / "main.cf").write_text(text)
        os.utime(etc / "main.cf", (1, 1))
        master = Path("/etc/postfix/master.cf").read_text()
        master = re.sub(r"(?m)^smtp +inet.*$", f"{self.port} inet n - n - - smtpd", master)
        master = re.sub(r"(?m)^(\S+ +(?:unix|inet|fifo|unix-dgram) +\S+ +\S+ +)y( .*)$", r"\1n\2", master)
        (etc / "master.cf").write_text(master)
        for name in ("dynamicmaps.cf", "postfix-files"):
            if Path("/etc/postfix", name).exists():
                shutil.copy(Path("/etc/postfix", name), etc)
        for name in ("dynamicmaps.cf.d", "postfix-files.d"):
            if Path("/etc/postfix", name).exists():
                shutil.copytree(Path("/etc/postfix", name), etc / name)
        self.directory.chmod(0o755)
        shutil.chown(self.directory / "data", "postfix")
        for path in (self.directory / "mail", self.directory / "mail/u1"):
            os.chown(path, MAIL_ID, MAIL_ID)

    def start(self) -> float:
        """Start it and return the seconds until it greets."""
        begin = time.monotonic()
        subprocess.run([*self.command, "-c", str(self.directory / "etc"), "start"], check=True, capture_output=True)
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as sock:
                if sock.recv(100).startswith(b"220"):
                    sock.sendall(b"QUIT\r\n")
                    return time.monotonic() - begin
            if time.monotonic() - begin > WAIT_S:
                raise SystemExit(f"{self.name} does not answer on port {self.port}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop it."""
        subprocess.run([*self.command, "-c", str(self.directory / "etc"), "stop"], check=False, capture_output=True)

    def pids(self) -> list[int]:
        """Return the master and all processes below it."""
        master = int((self.directory / "queue/pid/master.pid").read_text())
        family, todo = [], [master]
        while todo:
            pid = todo.pop()
            with contextlib.suppress(OSError):
                todo += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
                family.append(pid)
        return family

    @property
    def maildir(self) -> Path:
        """Where delivered mail lies."""
        return self.directory / "mail/u1/Maildir/new"

    def empty(self) -> None:
        """Move all delivered mail out of the way. Deleting it here would slow down whoever makes files next: ext4
        steps over every inode that was deleted lately."""
        with contextlib.suppress(FileNotFoundError):
            (self.directory / "mail/u1/Maildir").rename(self.directory / f"done.{time.monotonic_ns()}")


def pss_mib(pids: list[int]) -> float:
    """Return the proportional set size of the processes in MiB."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
            total += int(found[1]) if found else 0
    return total / 1024


def source(server: Server, *options: str) -> None:
    """Run smtp-source."""
    subprocess.run(
        ["smtp-source", *options, "-f", "sender@bench.test", f"127.0.0.1:{server.port}"],
        check=True, capture_output=True, timeout=WAIT_S * 5,
    )  # fmt: skip


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, looking 20 times a second."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("a workload did not finish")
        time.sleep(0.05)


def count_files(folder: Path) -> int:
    """Return how many names a folder has."""
    try:
        return len(os.listdir(folder))
    except FileNotFoundError:
        return 0


def delivered(server: Server, messages: int, *options: str, copies: int = 1) -> float:
    """Send, wait for the last file, and return seconds from the first connection on."""
    server.empty()
    begin = time.monotonic()
    source(server, "-m", str(messages), "-t", "u1@bench.test", *options)
    until(lambda: count_files(server.maildir) >= messages * copies)
    return time.monotonic() - begin


def queue_is_empty(server: Server) -> bool:
    """Return whether no message is anywhere in the queue."""
    return not any(
        files
        for name in ("incoming", "active", "deferred")
        for _, _, files in os.walk(server.directory / "queue" / name)
    )


def relayed(server: Server, messages: int) -> float:
    """Send to the sink and wait until the queue is empty."""
    begin = time.monotonic()
    source(server, "-s", "20", "-m", str(messages), "-l", "4000", "-t", "x@relay.test")
    until(lambda: queue_is_empty(server))
    return time.monotonic() - begin


def peak_growth_kib(server: Server, size: int) -> float:
    """Return by how much one large message raises the peak memory of any process that was there before, in KiB."""
    delivered(server, 4, "-s", "2", "-l", "4000")

    def peaks() -> dict[int, int]:
        found = {}
        for pid in server.pids():
            with contextlib.suppress(OSError):
                match = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
                found[pid] = int(match[1]) if match else 0
        return found

    for pid in server.pids():
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5")
    before = peaks()
    delivered(server, 1, "-l", str(size))
    after = peaks()
    return max(after[pid] - before[pid] for pid in before.keys() & after.keys())


@contextlib.contextmanager
def idle_connections(server: Server, count: int) -> Iterator[int]:
    """Hold greeted connections open; yields how many there are."""
    socks: list[socket.socket] = []
    try:
        for number in range(count):
            sock = socket.socket()
            sock.bind((f"127.0.1.{1 + number // 20000}", 0))
            sock.settimeout(WAIT_S)
            sock.connect(("127.0.0.1", server.port))
            socks.append(sock)
        yield sum(1 for sock in socks if sock.recv(4) == b"220 ")
    finally:
        for sock in socks:
            sock.close()


def held_sessions_pss(server: Server, sessions: int = 50) -> float:
    """Return MiB of all processes right after a load of 50 parallel sessions, while 50 sessions are open."""
    delivered(server, 1000, "-s", str(sessions), "-l", "4000", "-d")
    with idle_connections(server, sessions):
        return pss_mib(server.pids())


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    unit: str
    measure: Callable[[Server], float]
    better: str = "more"


def rows(scale: float) -> list[Row]:
    """Return the workloads; scale 1 is the full size."""
    many = max(100, int(5000 * scale))
    lists = max(10, int(400 * scale))
    large = max(4, int(40 * scale))
    relay = max(100, int(3000 * scale))
    entries = max(1000, int(1_000_000 * scale))
    return [
        Row("4 KB, 20 sessions, a connection a message", "msg/s",
            lambda s: many / delivered(s, many, "-s", "20", "-l", "4000")),
        Row("4 KB, 20 sessions, connections kept", "msg/s",
            lambda s: many / delivered(s, many, "-s", "20", "-l", "4000", "-d")),
        Row("10 MB messages, 4 sessions", "MB/s",
            lambda s: 10 * large / delivered(s, large, "-s", "4", "-l", "10000000")),
        Row("50 recipients a message", "deliveries/s",
            lambda s: 50 * lists / delivered(s, lists, "-s", "10", "-l", "4000", "-r", "50", copies=50)),
        Row("relay to a sink", "msg/s", lambda s: relay / relayed(s, relay)),
        Row("memory at 50 sessions", "MiB PSS", held_sessions_pss, "less"),
        *[Row(f"postmap {kind}:, {entries:,} lines", "s", partial(build_s, kind, entries), "less")
          for kind in ("lmdb", "cdb")],
    ]  # fmt: skip


def build_s(kind: str, entries: int, server: Server) -> float:
    """Build a large table with the postmap of the server."""
    table = BigTable(entries)
    try:
        return table.build_s(server.name, kind)
    finally:
        table.remove()


def large_tables(console: Console, entries: int) -> None:
    """What readers of a large table cost, beside those of one a hundredth of its size."""
    shown = Table("pyfix's tables", "us a lookup", "KiB of its own a reader")
    for kind in ("hash", "cdb"):
        for count in (entries // 100, entries):
            table = BigTable(count)
            us, kib = table.read(kind)
            table.remove()
            shown.add_row(f"{kind}:, {count:,} entries", f"{us:.1f}", f"{kib:,}")
    console.print(shown)


def run_table(servers: list[Server], workloads: list[Row], rounds: int, console: Console) -> None:
    """Measure and print."""
    table = Table("workload", "unit", *(server.name for server in servers), "ratio")
    for row in workloads:
        figures: dict[str, list[float]] = {server.name: [] for server in servers}
        for number in range(rounds):
            for server in servers if number % 2 else reversed(servers):
                figures[server.name].append(row.measure(server))
        medians = [statistics.median(figures[server.name]) for server in servers]
        ratio = f"{medians[-1] / medians[0]:.2f}" if len(medians) > 1 else "-"
        table.add_row(row.name, row.unit, *(_shown(median) for median in medians), ratio)
        console.print(f"{row.name}: " + ", ".join(map(_shown, medians)) + f" {row.unit}")
    console.print(table)


def _shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}"


def pyfix_only(server: Server, console: Console, start_s: float, idle: int) -> None:
    """Figures that have no counterpart: start, one large message, idle connections."""
    table = Table("pyfix alone", "figure")
    table.add_row("accepts mail after `pyfix start`", f"{start_s:.2f} s")
    table.add_row("a 50 MB message raises a process by", f"{peak_growth_kib(server, 50_000_000):,.0f} KiB")
    with idle_connections(server, idle) as held:
        seconds = delivered(server, 200, "-s", "10", "-l", "4000")
        table.add_row(f"idle connections held of {idle:,}", f"{held:,}")
        table.add_row("messages/s beside them", f"{200 / seconds:,.0f}")
        table.add_row("memory of all processes then", f"{pss_mib(server.pids()):,.0f} MiB PSS")
    console.print(table)


def main() -> None:
    """Parse options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="runs per row and server (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the workloads (default 1)")
    parser.add_argument(
        "--only", default="", help="a group (smtp, tables, sql, pop3), or rows whose name has this text"
    )
    parser.add_argument("--no-postfix", action="store_true", help="measure pyfix alone")
    parser.add_argument("--no-dovecot", action="store_true", help="measure pyfix's POP3 alone")
    parser.add_argument("--idle", type=int, default=10_000, help="idle connections to hold (default 10,000)")
    arguments = parser.parse_args()
    if os.getuid() != 0:
        raise SystemExit("bench: needs root: both servers run with separated privileges")
    for program in ("smtp-source", "smtp-sink"):
        if shutil.which(program) is None:
            raise SystemExit(f"bench: {program} is missing; on Debian: apt-get install postfix")
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    measure(arguments, Console(width=110))


def measure(arguments: argparse.Namespace, console: Console) -> None:
    """Run the groups that are wanted, below one directory."""
    directory = Path(tempfile.mkdtemp(prefix="pyfix-bench-", dir="/var/tmp"))
    spread(directory)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    only = arguments.only
    try:
        if only not in GROUPS or only == "smtp":
            measure_smtp(arguments, directory, "" if only == "smtp" else only, console)
        if only in ("", "tables"):
            large_tables(console, max(1000, int(1_000_000 * arguments.scale)))
        if only in ("", "sql"):
            measure_sql(arguments, directory, console)
        if only != "" and only in GROUPS and only != "pop3":
            return
        bench_pop3.run(
            directory / "pop3", arguments.scale, arguments.rounds, "" if only == "pop3" else only, free_port, console,
            with_dovecot=not arguments.no_dovecot,
        )  # fmt: skip
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def measure_smtp(arguments: argparse.Namespace, directory: Path, only: str, console: Console) -> None:
    """Lay both servers out, start them, measure, stop them."""
    wanted = [row for row in rows(arguments.scale) if only in row.name]
    if not wanted:
        return
    sink = free_port()
    servers = [make_server("pyfix", directory / "pyfix")]
    if not arguments.no_postfix and shutil.which("postfix"):
        servers.insert(0, make_server("postfix", directory / "postfix"))
    sink_process = subprocess.Popen(["smtp-sink", "-u", "nobody", f"127.0.0.1:{sink}", "1000"])
    try:
        starts = {}
        for server in servers:
            server.lay_out(sink)
            starts[server.name] = server.start()
        run_table(servers, wanted, arguments.rounds, console)
        if not only:
            pyfix_only(servers[-1], console, starts["pyfix"], arguments.idle)
    finally:
        for server in servers:
            server.stop()
        sink_process.kill()
        sink_process.wait()


def make_server(name: str, directory: Path, maps: str = STATIC_MAPS) -> Server:
    """Return a server that is not laid out yet."""
    return Server(name, directory, free_port(), [str(BIN / "pyfix") if name == "pyfix" else "postfix"], maps)


def measure_sql(arguments: argparse.Namespace, directory: Path, console: Console) -> None:
    """Compare tables in MySQL with tables in files, on both servers."""
    folder = directory / "maps"
    spread(folder)
    started: list[Server] = []

    def start(name: str, kind: str, maps: str) -> Server:
        server = make_server(name, directory / f"{name}-{kind}", maps)
        started.append(server)
        server.lay_out(free_port())
        server.start()
        return server

    names = ["pyfix"] if arguments.no_postfix or not shutil.which("postfix") else ["postfix", "pyfix"]
    many = max(100, int(5000 * arguments.scale))
    load = ("-s", "20", "-l", "4000", "-d")
    loads = {
        "one recipient": lambda s: many / delivered(s, many, *load),
        "all recipients differ": lambda s: many / delivered(s, many, "-N", *load),
    }
    try:
        bench_sql.run(folder, arguments.rounds, start, loads, names, console)
    finally:
        for server in started:
            server.stop()


if __name__ == "__main__":
    main()
