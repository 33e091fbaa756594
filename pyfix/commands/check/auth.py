"""Who checks passwords: which back ends that are, by what, and what is wrong with them."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pyfix.commands.findings import Finding, Severity
from pyfix.mail.auth.backend import BackendUnavailable
from pyfix.mail.auth.backends import authdaemond, saslauthd
from pyfix.mail.auth.backends.registry import backend_specs, open_backends
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.config.mastercf import ServiceEntry, ServiceType
from pyfix.mail.sasl.params import ForeignDaemonParameters, SaslPathParameters
from pyfix.mail.sasl.smtpd_conf import smtpd_conf_path

_PARAMETER: Final = "auth_backends"
_FILES: Final = ("authmysqlrc", "cyrus-sql", "dovecot-ldap", "dovecot-sql", "passwd-file")
AUTH = "auth"
_LINE = f"{AUTH} unix - n n - 1 auth"


def check_auth(config: Config, entries: Iterable[ServiceEntry]) -> Iterator[Finding]:
    """Yield what there is to say where auth runs, or should."""
    services = list(entries)
    yield from _missing_service(config, services)
    yield from _lacking_rights(services)
    if not any(entry.program == "auth" for entry in services):
        return
    try:
        specs = backend_specs(config)
        for backend in open_backends(config):
            backend.close()
    except ConfigError as error:
        yield Finding(Severity.ERROR, "", str(error), "nobody can log in until then")
        return
    conf = smtpd_conf_path(config)
    yield from _sasl_paths(config, conf)
    if config.is_set(_PARAMETER) or conf:
        place = config.place(_PARAMETER) or conf
        yield Finding(Severity.NOTE, place, f"passwords are checked by {', '.join(specs)}, in this order")
    for spec in specs:
        yield from _readable(spec)
        yield from _stand_in(spec, config)


def _readable(spec: str) -> Iterator[Finding]:
    """Yield a file with passwords that everybody may read."""
    kind, _, path = spec.partition(":")
    with contextlib.suppress(OSError):
        if kind in _FILES and os.stat(path).st_mode & stat.S_IROTH:
            yield Finding(Severity.WARNING, "", f"{path}: everybody may read the passwords in it", f"chmod 600 {path}")


def _missing_service(config: Config, entries: Sequence[ServiceEntry]) -> Iterator[Finding]:
    """Yield which smtpd has nobody to ask."""
    if any(entry.name == AUTH and entry.type is ServiceType.UNIX for entry in entries):
        return
    for entry in entries:
        if entry.program == "smtpd" and asks_auth(config, entry):
            text = (
                f"service {entry.name}: smtpd_sasl_auth_enable, but master.cf has no service {AUTH}: nobody can log in"
            )
            yield Finding(Severity.ERROR, entry.place, text, f"add the line: {_LINE}")


def asks_auth(config: Config, entry: ServiceEntry) -> bool:
    """Return whether an smtpd asks our own auth service."""
    own = config.overridden(entry.overrides, service=entry.name, program=entry.program)
    is_on = own.expand(own.get("smtpd_sasl_auth_enable") or "no").strip().lower() == "yes"
    return is_on and own.read(SaslPathParameters).smtpd_sasl_type == "cyrus"


def _lacking_rights(entries: Sequence[ServiceEntry]) -> Iterator[Finding]:
    """Yield what keeps auth from the passwords."""
    for entry in entries:
        if entry.program == "auth" and entry.chroot:
            text = f"service {entry.name}: chrooted, auth finds neither accounts nor users"
            yield Finding(Severity.ERROR, entry.place, text, f"make it: {_LINE}")
        elif entry.program == "auth" and entry.unprivileged and os.getuid() == 0:
            text = f"service {entry.name}: unprivileged, auth can't read stored passwords"
            yield Finding(Severity.ERROR, entry.place, text, f"make it: {_LINE}")


def _sasl_paths(config: Config, conf: str) -> Iterator[Finding]:
    """Yield where smtpd's logins go otherwise, and a file that is not where main.cf says."""
    params = config.read(SaslPathParameters)
    if params.smtpd_sasl_type == "dovecot":
        text = f"smtpd asks the socket {params.smtpd_sasl_path} for logins, whatever auth_backends says"
        yield Finding(Severity.NOTE, config.place("smtpd_sasl_type"), text)
    elif params.cyrus_sasl_config_path and not conf:
        text = f"cyrus_sasl_config_path: there is no {params.smtpd_sasl_path}.conf in {params.cyrus_sasl_config_path}"
        yield Finding(Severity.WARNING, config.place("cyrus_sasl_config_path"), text, "correct it or remove it")


def _stand_in(spec: str, config: Config) -> Iterator[Finding]:
    """Yield what takes the place of a daemon that does not run."""
    kind, _, path = spec.partition(":")
    usual = {"saslauthd": saslauthd.USUAL, "authdaemond": authdaemond.USUAL}.get(kind)
    if usual is None or any(map(os.path.exists, [path] if path else usual)):
        return
    try:
        what, file = _configured(kind, config.read(ForeignDaemonParameters))
    except BackendUnavailable as error:
        yield Finding(Severity.ERROR, "", str(error), "nobody can log in until then")
        return
    if kind == "authdaemond" and not what:
        text = f"no authdaemond listens, and {file or 'authdaemond_config_files'} names no modules: nobody can log in"
        yield Finding(Severity.ERROR, "", text, 'start it, or write authmodulelist="authmysql"')
        return
    why = f", as {file} says" if file else ""
    text = f"no {kind} listens: {what} is asked in its place{why}"
    yield Finding(Severity.NOTE, "", text)


def _configured(kind: str, params: ForeignDaemonParameters) -> tuple[str, str]:
    """Return what a daemon would ask, and which file says so; raises BackendUnavailable."""
    if kind == "saslauthd":
        return saslauthd.configured_mechanism(params.saslauthd_config_files)
    file, modules = authdaemond.configured_modules(params.authdaemond_config_files)
    return " ".join(modules), file
