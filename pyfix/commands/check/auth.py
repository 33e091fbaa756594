"""Who checks passwords: which back ends that are, by what, and what is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from pyfix.commands.findings import Finding, Severity
from pyfix.mail.auth.backend import BackendUnavailable
from pyfix.mail.auth.backends import authdaemond, saslauthd
from pyfix.mail.auth.backends.registry import backend_specs, open_backends
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.config.mastercf import ServiceEntry
from pyfix.mail.sasl.params import ForeignDaemonParameters, SaslPathParameters
from pyfix.mail.sasl.smtpd_conf import smtpd_conf_path

_PARAMETER = "auth_backends"


def check_auth(config: Config, entries: Iterable[ServiceEntry]) -> Iterator[Finding]:
    """Yield what there is to say where auth runs."""
    if not any(entry.program == "auth" for entry in entries):
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
        yield from _stand_in(spec, config)


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
