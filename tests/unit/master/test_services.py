"""From master.cf to services that can run."""

from __future__ import annotations

from pyfix.mail.config import mastercf
from pyfix.master.services import Plan, plan_services
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


PROGRAMS: dict[str, AnyService] = {
    "cleanup": Service("cleanup", Blocking, ServiceParameters),
    "smtpd": Service("smtpd", Asynchronous, ServiceParameters),
    "qmgr": Service("qmgr", Solitary, ServiceParameters),
}


def plan(text: str) -> Plan:
    return plan_services(mastercf.parse(text.splitlines(), "/etc/master.cf"), 100, PROGRAMS.get)


def test_unknown_program_is_a_warning_that_names_it_and_the_rest_starts() -> None:
    """tlsmgr and friends are of a later day; mail flows without them."""
    result = plan("tlsmgr unix - - n 1000? 1 tlsmgr\ncleanup unix n - n - 0 cleanup\n")
    assert [state.entry.name for state in result.states] == ["cleanup"]
    assert result.warnings == ["/etc/master.cf: line 1: service tlsmgr: pyfix has no program 'tlsmgr': not started"]


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


def test_queue_manager_is_alone_whatever_master_cf_says() -> None:
    """Two would deliver twice."""
    (state,) = plan("qmgr unix n - n 300 5 qmgr\n").states
    assert state.process_limit == 1


def test_fifo_of_an_old_master_cf_is_served_as_a_socket() -> None:
    """With a warning."""
    result = plan("qmgr fifo n - n 300 1 qmgr\n")
    assert len(result.states) == 1 and "served as a unix socket" in result.warnings[0]
