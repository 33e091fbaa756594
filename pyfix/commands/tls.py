"""pyfix-tls(1): certificates of the servers.

    pyfix [-c DIR] tls self-signed [--domain NAME]... [options]
    pyfix [-c DIR] tls status [--json]

self-signed makes a private key and a certificate that vouches for itself, and writes into main.cf that the servers use
them: smtpd_tls_cert_file, smtpd_tls_key_file, and smtpd_tls_security_level = may where nothing is said. That encrypts
mail between servers, which do not ask who has signed; programs of users will ask their users. The names are those of
--domain, by default myhostname. The files are cert.pem and key.pem in --directory, by default tls in the directory of
main.cf; the key is readable by its owner alone. What is there is never overwritten: with the files in place
the command only completes main.cf, and with a certificate of another kind in main.cf it changes nothing.

status shows for each service that offers TLS which certificate clients get to see, who has signed it, how many days it
is good for, and whether key and chain are in order: what the files say now. The servers notice changes by
themselves, within seconds.

Exit status: 0 when it is done, or all is well; 1 when something is refused, or wrong with a certificate.

Example:

    pyfix tls self-signed --domain mail.example.com
    pyfix tls status

See: pyfix(1), pyfix-check(1), smtpd(8), pop3-login(8), postconf(5)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

from pyfix.base import clock
from pyfix.commands.account_views import print_table
from pyfix.commands.pyfix_call import Call
from pyfix.commands.telling import fatal_errors, print_json, say
from pyfix.mail.config import Config, ConfigError, CoreParameters, mastercf
from pyfix.mail.config.edit import edit_file
from pyfix.mail.config.edit_main import edit_text

_NAMES: Final = ("smtpd_tls_chain_files", "smtpd_tls_cert_file", "smtpd_tls_eccert_file", "smtpd_tls_dcert_file")
_LEVELS: Final = ("smtpd_tls_security_level", "smtpd_use_tls", "smtpd_enforce_tls")
_COLUMNS: Final = ("service", "tls", "certificate", "issuer", "expires", "days", "chain", "state")


@click.group()
def tls() -> None:
    """Make and show certificates of the servers."""


@tls.command("self-signed")
@click.option("--domain", "domains", multiple=True, metavar="NAME", help="A name of this server; may be repeated.")
@click.option("--directory", metavar="DIR2", help="Where the files go.")
@click.option("--days", type=click.IntRange(1, 36500), default=3650, metavar="N", help="How long it is good for: 3650.")
@click.pass_obj
def self_signed(call: Call, domains: Sequence[str], directory: str | None, days: int) -> None:
    """Make a certificate that vouches for itself, and have the servers use it."""
    with fatal_errors():
        config = call.config()
        folder = os.path.abspath(directory or os.path.join(config.directory, "tls"))
        certificate, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        _refuse_others(config, certificate, key)
        made = _make_files(certificate, key, domains or [config.read(CoreParameters).myhostname], days)
        changed = _complete_main_cf(config, certificate, key)
        if not made and not changed:
            say(f"{certificate} is there and in use; nothing to do")
        elif changed:
            say("now: pyfix reload, where the mail system runs")


def _refuse_others(config: Config, certificate: str, key: str) -> None:
    """Raise ConfigError where main.cf names other certificates."""
    for name in _NAMES:
        value = config.expand(config.get(name) or "").strip()
        if value and not (name == "smtpd_tls_cert_file" and value == certificate):
            raise ConfigError(f"{config.place(name)}: {name} = {value} is in use; take it out first, or renew that one")
    value = config.expand(config.get("smtpd_tls_key_file") or "").strip()
    if value not in ("", key):
        raise ConfigError(f"{config.place('smtpd_tls_key_file')}: smtpd_tls_key_file = {value} is in use; take it out")


def _make_files(certificate: str, key: str, names: Sequence[str], days: int) -> bool:
    """Write the files, unless they are there; True when they are new."""
    from pyfix.mail.tls.self_signed import write_self_signed  # a library of some size, like that below

    found = [path for path in (certificate, key) if os.path.lexists(path)]
    if len(found) == 2:
        _refuse_strangers(certificate, key)
        return False
    if found:
        raise ConfigError(f"{found[0]} is there without its fellow, and is not overwritten; move it away first")
    os.makedirs(os.path.dirname(certificate), 0o755, exist_ok=True)
    write_self_signed(certificate, key, names, days)
    say(f"{key}: new private key")
    say(f"{certificate}: new certificate for {', '.join(names)}, good for {days} days")
    return True


def _refuse_strangers(certificate: str, key: str) -> None:
    from pyfix.commands.check.pem import read_pair

    pair = read_pair(certificate, key)
    problem = pair.problem or pair.key_problem or ("" if pair.key_matches else "the key is that of another certificate")
    if problem:
        raise ConfigError(f"{certificate}, {key}: {problem}; they are not overwritten: move them away first")


def _complete_main_cf(config: Config, certificate: str, key: str) -> bool:
    """Write what is missing; True when something was."""
    wanted = {"smtpd_tls_cert_file": certificate, "smtpd_tls_key_file": key}
    if not any(map(config.is_set, _LEVELS)):
        wanted["smtpd_tls_security_level"] = "may"
    changes = {name: value for name, value in wanted.items() if config.expand(config.get(name) or "") != value}
    if changes:
        edit_file(config.main_cf, lambda text: edit_text(text, changes))
        for name, value in changes.items():
            say(f"{config.main_cf}: {name} = {value}")
    return bool(changes)


@tls.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def status(call: Call, as_json: bool) -> None:
    """Show which certificate each service serves."""
    from pyfix.commands.served import look_at, tls_services

    with fatal_errors():
        config = call.config()
        entries = mastercf.read(os.path.join(config.directory, "master.cf"))
        shown = [
            _fields(service, served)
            for service in tls_services(config, entries)
            for served in look_at(service.settings)
        ]
    if as_json:
        print_json(shown)
    elif shown:
        print_table(_COLUMNS, [_row(item) for item in shown])
    else:
        say("no service of master.cf offers TLS; pyfix tls self-signed makes a certificate")
    sys.exit(0 if all(item["state"] in ("good", "expires soon") for item in shown) else 1)


_SOON_DAYS: Final = 30


def _fields(service: Any, served: Any) -> dict[str, Any]:
    from pyfix.commands.served import day

    days = served.days_left(clock.now()) if served.expires else None
    return {
        "service": service.name, "tls": service.mode, "file": served.file, "key_file": served.key_file,
        "subject": served.subject, "names": list(served.names), "issuer": served.issuer,
        "expires": day(served.expires) if served.expires else None, "days": days, "key_matches": served.key_matches,
        "chain": served.chain, "state": _state(served.problem, days, served.chain),
    }  # fmt: skip


def _state(problem: str, days: int | None, chain: str) -> str:
    if problem:
        return problem
    if days is not None and days < 0:
        return "expired"
    if chain.startswith(("incomplete", "out of order")):
        return f"chain {chain}"
    return "expires soon" if days is not None and days < _SOON_DAYS else "good"


def _row(item: dict[str, Any]) -> dict[str, Any]:
    names = [item["subject"], *(name for name in item["names"] if name != item["subject"])]
    return {**item, "certificate": " ".join(filter(None, names)) or item["file"]}
