"""From master.cf to services that can run."""

from __future__ import annotations

import pytest

from pyfix.mail.config import ConfigError, mastercf
from pyfix.master.services import Plan, enabled, in_old_jails, plan_services, public_face
from pyfix.master.state import PublicFace
from pyfix.service.many_clients import cpu_count
from pyfix.service.params import ServiceParameters
from pyfix.service.service import AnyService, ManyClientsDaemon, OneClientDaemon, Service


class Blocking(OneClientDaemon[ServiceParameters]):
    """Stands for cleanup."""


class Asynchronous(ManyClientsDaemon[ServiceParameters]):
    """Stands for smtpd."""


class Solitary(ManyClientsDaemon[ServiceParameters]):
    """Stands for qmgr."""

    solitary = True
    permanent = True


class Shared(ManyClientsDaemon[ServiceParameters]):
    """Stands for proxymap."""

    shares_processes = True


PROGRAMS: dict[str, AnyService] = {
    "cleanup": Service("cleanup", Blocking, ServiceParameters),
    "smtpd": Service("smtpd", Asynchronous, ServiceParameters),
    "qmgr": Service("qmgr", Solitary, ServiceParameters),
    "proxymap": Service("proxymap", Shared, ServiceParameters),
    "pipe": Service("pipe", Blocking, ServiceParameters, takes_arguments=True),
}


def plan(text: str) -> Plan:
    return plan_services(mastercf.parse(text.splitlines(), "/etc/master.cf"), 100, PROGRAMS.get)


def test_unknown_program_is_a_warning_that_names_it_and_the_rest_starts() -> None:
    """tlsmgr and friends are of a later day; mail flows without them."""
    result = plan("tlsmgr unix - - n 1000? 1 tlsmgr\ncleanup unix n - n - 0 cleanup\n")
    assert [state.entry.name for state in result.states] == ["cleanup"]
    assert result.warnings == ["/etc/master.cf: line 1: service tlsmgr: pyfix has no program 'tlsmgr': not started"]


def test_argument_that_its_program_does_not_take_is_a_warning() -> None:
    """What was meant as an option or a comment, most often."""
    result = plan("smtp inet n - n - - smtpd -v # public\nx unix - - n - - pipe argv=x\n")
    assert result.warnings == [
        "/etc/master.cf: line 1: service smtp: unexpected command-line argument: #; smtpd takes options only"
    ]


def test_limits_of_blocking_services_are_those_of_master_cf() -> None:
    """A dash is default_process_limit, a zero is no limit."""
    result = plan("a unix - - n - - cleanup\nb unix - - n - 0 cleanup\nc unix - - n - 7 cleanup\n")
    assert [state.process_limit for state in result.states] == [100, 0, 7]


def test_limit_of_an_asynchronous_service_is_a_limit_of_clients() -> None:
    """Two amavis clients are two clients, in however many processes."""
    result = plan("2525 inet n - n - - smtpd\n127.0.0.1:2526 inet n - n - 2 smtpd\n")
    first, second = result.states
    assert first.process_limit == cpu_count() and result.programs[first.key].client_limit == 0
    assert second.process_limit * result.programs[second.key].client_limit >= 2
    assert second.process_limit <= 2


def test_limit_of_a_service_whose_processes_have_many_clients_is_one_of_processes() -> None:
    """proxywrite has one process, so that no two change a table, and any number of clients."""
    result = plan("proxymap unix - - n - 50 proxymap\nproxywrite unix - - n - 1 proxymap\nx unix - - n - - proxymap\n")
    assert [state.process_limit for state in result.states] == [min(50, cpu_count()), 1, cpu_count()]
    assert [result.programs[state.key].client_limit for state in result.states] == [0, 0, 0]


def test_public_service_is_named_as_in_the_logs_of_postfix() -> None:
    """By its port, and by its address where it has one of its own; with the clients that it may have."""
    result = plan("smtp inet n - n - - smtpd\n192.0.2.1:587 inet n - n - 20 smtpd\n[::1]:26 inet n - n - 2 smtpd\n")
    faces = [public_face(result.programs[state.key], 1000) for state in result.states]
    assert faces == [
        PublicFace("25", 1000 * cpu_count()), PublicFace("192.0.2.1:587", 20), PublicFace("::1:26", 2)
    ]  # fmt: skip


def test_service_without_limit_or_for_one_client_is_never_at_its_limit() -> None:
    """Neither is one whose processes serve one client each: none of them knows what stress is."""
    result = plan("1 inet n - n - 0 smtpd\n2 inet n - n - 1 smtpd\n3 inet n - n - 5 cleanup\n")
    assert [public_face(result.programs[state.key], 1000) for state in result.states] == [None] * 3


def test_queue_manager_is_alone_whatever_master_cf_says() -> None:
    """Two would deliver twice."""
    (state,) = plan("qmgr unix n - n 300 5 qmgr\n").states
    assert state.process_limit == 1


def test_fifo_of_an_old_master_cf_is_served_as_a_socket() -> None:
    """With a warning."""
    result = plan("qmgr fifo n - n 300 1 qmgr\n")
    assert len(result.states) == 1 and "served as a unix socket" in result.warnings[0]


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        ([], ["smtp", "smtp", "10025"]),
        (["inet"], ["smtp"]),
        (["smtp/inet"], ["smtp", "10025"]),
        (["!10025/inet", "inet"], ["smtp", "10025"]),
        (["inet", "!10025/inet"], ["smtp"]),
        (["unix", "10025/inet"], ["smtp"]),
    ],
)
def test_services_that_are_disabled_do_not_start(patterns: list[str], left: list[str]) -> None:
    """master_service_disable: by type or by name and type, the first match holds."""
    lines = ["smtp inet n - n - - smtpd", "smtp unix - - n - - cleanup", "10025 inet n - n - - smtpd"]
    assert [entry.name for entry in enabled(mastercf.parse(lines, "master.cf"), patterns)] == left


@pytest.mark.parametrize("pattern", ["smtp", "tcp", "/inet", "smtp.inet", "all", "!"])
def test_pattern_that_disables_nothing_is_refused(pattern: str) -> None:
    """A port that is thought to be closed must not stay open."""
    with pytest.raises(ConfigError, match="master_service_disable: bad pattern"):
        enabled([], [pattern])


def test_services_without_a_word_about_it_are_in_a_chroot_at_level_0() -> None:
    """As with Postfix, whose words the log has."""
    lines = ["smtp inet n - - - - smtpd", "a unix - - n - - cleanup", "b unix - - y - - cleanup"]
    entries, told = in_old_jails(mastercf.parse(lines, "/etc/master.cf"))
    assert [entry.chroot for entry in entries] == [True, False, True]
    assert told == ["/etc/master.cf: line 1: using backwards-compatible default setting chroot=y"]
