"""From the lines of master.cf to services that can be started: pure but for looking programs up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from pyfix.mail.config import ConfigError
from pyfix.mail.config.mastercf import ServiceEntry, ServiceType
from pyfix.mail.config.services import inet_endpoint
from pyfix.master.decide import make_service
from pyfix.master.state import Key, PublicFace, ServiceState
from pyfix.service.catalog import find_service
from pyfix.service.many_clients import cpu_count
from pyfix.service.service import AnyService, DatagramDaemon, ManyClientsDaemon


@dataclass(frozen=True, slots=True)
class Program:
    """What the supervisor needs beside the state to start a worker of a service."""

    entry: ServiceEntry
    service: AnyService
    client_limit: int

    @property
    def is_log_service(self) -> bool:
        """True for the one that writes what all others log."""
        return issubclass(self.service.daemon, DatagramDaemon)


@dataclass(frozen=True, slots=True)
class Plan:
    """The services of one reading of master.cf."""

    programs: dict[Key, Program]
    states: list[ServiceState]
    warnings: list[str]


def enabled(entries: Iterable[ServiceEntry], disabled: Sequence[str]) -> list[ServiceEntry]:
    """Return the services that master_service_disable leaves; raises ConfigError for a pattern that fits none ever."""
    for pattern in disabled:
        name, slash, kind = pattern.removeprefix("!").rpartition("/")
        if kind not in list(ServiceType) or (slash and not name):
            raise ConfigError(
                f"master_service_disable: bad pattern {pattern}; specify a service type "
                f"({', '.join(ServiceType)}) or name/type"
            )
    return [entry for entry in entries if not _is_disabled(entry, disabled)]


def _is_disabled(entry: ServiceEntry, patterns: Sequence[str]) -> bool:
    for pattern in patterns:
        if pattern.removeprefix("!") in (entry.type, f"{entry.name}/{entry.type}"):
            return not pattern.startswith("!")
    return False


def in_old_jails(entries: Iterable[ServiceEntry]) -> tuple[list[ServiceEntry], list[str]]:
    """Return the services as a compatibility_level below 1 has them, "-" for chroot being y, and what to log of it."""
    found: list[ServiceEntry] = []
    told: list[str] = []
    for entry in entries:
        if entry.chroot is None:
            told.append(f"{entry.place}: using backwards-compatible default setting chroot=y")
            entry = replace(entry, chroot=True)
        found.append(entry)
    return found, told


def plan_services(
    entries: Iterable[ServiceEntry],
    default_limit: int,
    lookup: Callable[[str], AnyService | None] = find_service,
) -> Plan:
    """Choose what can run. A program that pyfix does not have is a warning; the rest starts."""
    plan = Plan({}, [], [])
    for entry in entries:
        place = entry.place
        service = lookup(entry.program)
        if service is None:
            plan.warnings.append(f"{place}: service {entry.name}: pyfix has no program {entry.program!r}: not started")
            continue
        if entry.type == "pass":
            plan.warnings.append(f"{place}: service {entry.name}: service type pass is not supported: not started")
            continue
        if stray := service.stray_argument(entry.argv):
            plan.warnings.append(f"{place}: service {entry.name}: {stray}")
        if entry.type == "fifo":
            plan.warnings.append(f"{place}: service {entry.name}: a fifo is served as a unix socket")
        processes, clients = limits(entry, service, default_limit)
        state = make_service(entry, processes, service.daemon.permanent and service.daemon.solitary)
        plan.programs[state.key] = Program(entry, service, clients)
        plan.states.append(state)
    return plan


def public_face(program: Program, client_limit: int) -> PublicFace | None:
    """Return what strangers see of an inet service; `client_limit` is of a process, where the line has no limit.

    None for one without a limit, or of one client: such are at their limit all the time.
    """
    entry = program.entry
    if not issubclass(program.service.daemon, ManyClientsDaemon) or entry.maxproc in (0, 1):
        return None
    endpoint = inet_endpoint(entry.name)
    place = f"{endpoint.host}:{endpoint.port}" if endpoint.host else str(endpoint.port)
    return PublicFace(place, entry.maxproc or limits(entry, program.service, 0)[0] * client_limit)


def limits(entry: ServiceEntry, service: AnyService, default_limit: int) -> tuple[int, int]:
    """Return the limits (processes, clients a process); 0 is none.

    Postfix's process limit is a limit of clients, since most processes have one. A many-clients daemon needs no more
    processes than there are processors, which share out an explicit limit; without one, and where Postfix's processes
    have many clients, too, each takes process_client_limit.
    """
    explicit = entry.maxproc
    if service.daemon.solitary:
        return 1, 0
    if not issubclass(service.daemon, ManyClientsDaemon):
        return (default_limit if explicit is None else explicit), 0
    if not explicit:
        return cpu_count(), 0
    processes = min(explicit, cpu_count())
    if service.daemon.shares_processes:
        return processes, 0
    return processes, -(-explicit // processes)
