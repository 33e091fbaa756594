"""Everything that `pyfix check` looks at, in its order; never raises for a configuration that is merely wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from pyfix.commands.check.accounts import check_accounts
from pyfix.commands.check.auth import check_auth
from pyfix.commands.check.certificates import check_certificates
from pyfix.commands.check.classes import check_classes
from pyfix.commands.check.files import check_files
from pyfix.commands.check.honour import accepted_names, find_omissions, report_omissions
from pyfix.commands.check.limits import check_limits
from pyfix.commands.check.pop3 import check_pop3
from pyfix.commands.check.ports import judge_ports, read_listeners
from pyfix.commands.check.proxymap import check_proxymap
from pyfix.commands.check.quotas import check_quotas
from pyfix.commands.check.routes import check_routes
from pyfix.commands.check.smtpd import check_servers
from pyfix.commands.check.tables import check_tables
from pyfix.commands.check.tls import check_tls
from pyfix.commands.findings import Finding, Severity
from pyfix.commands.review import explained_names
from pyfix.mail.config import Config, ConfigError, CoreParameters, mastercf
from pyfix.mail.config.check import check_master_cf, check_parameters
from pyfix.mail.config.compatibility import old_defaults, tell_old_defaults
from pyfix.mail.config.mastercf import ServiceEntry
from pyfix.master.layout import LayoutError, check_layout, check_maillog
from pyfix.master.services import plan_services
from pyfix.service.catalog import find_service

Explain = Callable[[str], None]
_PRIVILEGED: Final = 1024


def check_instance(config: Config, explain: Explain = lambda text: None) -> list[Finding]:
    """Return all that is found; `explain` is told each step."""
    explain("checking the services of master.cf")
    try:
        entries = mastercf.read(os.path.join(config.directory, "master.cf"))
    except ConfigError as error:
        return [*_warnings(check_parameters(config)), Finding(Severity.FATAL, "", str(error))]
    return [*_check(config, entries, explain)]


def _check(config: Config, entries: list[ServiceEntry], explain: Explain) -> Iterator[Finding]:
    explain("checking which lines of main.cf and master.cf are honoured")
    omissions = find_omissions(config, entries)
    explained = explained_names(config, entries)
    yield from _warnings(check_parameters(config, explained))
    yield from report_omissions(omissions, accepted_names(config))
    try:
        params = config.read(CoreParameters)
        explain(f"checking {params.queue_directory}, {params.data_directory} and the log file")
        check_maillog(params)
        yield from _warnings(check_layout(params))
    except (ConfigError, LayoutError) as error:
        yield Finding(Severity.FATAL, "", str(error))
        return
    yield from _warnings(_service_warnings(config, entries, params, explained))
    explain(f"checking the rights of the files in {config.directory} and {params.queue_directory}")
    yield from check_files(config.directory, params)
    explain("checking lookup tables and address classes")
    tables = config.without_proxymap()
    yield from check_tables(tables, entries, {item.where.parameter for item in omissions if not item.where.words})
    yield from check_proxymap(config, entries)
    yield from check_classes(tables)
    yield from check_accounts(config)
    yield from check_quotas(tables)
    yield from check_auth(config, entries)
    yield from check_limits(config, entries)
    yield from check_pop3(config, entries)
    for text in tell_old_defaults(old_defaults(config, params.compatibility_level)):
        yield Finding(Severity.NOTE, "", text)
    explain("checking who may relay, where mail goes, ports and certificates")
    yield from check_servers(tables, entries)
    yield from check_routes(tables, entries)
    receives = bool(config.expand(config.get("mydestination") or "").strip())
    yield from judge_ports(read_listeners(config, entries), _lowest_port(), receives=receives)
    yield from check_certificates(config, entries)
    yield from check_tls(config, entries)
    if os.getuid() != 0:
        yield Finding(
            Severity.NOTE,
            "",
            f"not root: every process runs as user id {os.getuid()}, ports below 1024 and other users' mailboxes"
            " are out of reach",
        )


def _service_warnings(
    config: Config, entries: Iterable[ServiceEntry], params: CoreParameters, explained: set[str]
) -> Iterator[str]:
    """Yield what is odd about services that can be started; of the others the review tells."""
    started = [entry for entry in entries if find_service(entry.program) is not None and entry.type != "pass"]
    yield from plan_services(started, params.default_process_limit).warnings
    yield from check_master_cf(config, explained)


def _lowest_port() -> int:
    """Return the first port that the caller may listen on."""
    if os.getuid() == 0:
        return 1
    try:
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return _PRIVILEGED


def _warnings(texts: Iterable[str]) -> Iterator[Finding]:
    for text in texts:
        yield Finding(Severity.WARNING, "", text)
