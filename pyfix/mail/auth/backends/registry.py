"""auth_backends(5): who knows the passwords.

    auth_backends = accounts, pam:smtp

auth(8) asks the back ends in the order of auth_backends; the first that verifies the password decides. Each
is a kind, and behind a colon what it needs:

    accounts                    the accounts of pyfix (accounts_database)
    dovecot-sql:/file           a query of Dovecot's, see dovecot_sql(5)
    dovecot-ldap:/file          a search of Dovecot's, see dovecot_ldap(5)
    authmysqlrc:/file           Courier's file of that name, see authmysqlrc(5)
    passwd-file:/file           users and passwords, see auth_passwd_file(5)
    shadow                      Unix users, by their hashes; auth must begin as root
    pam:service                 Unix users and whomever else PAM knows; service is a file in /etc/pam.d, that of the
                                protocol (smtp, pop3, imap) otherwise
    saslauthd:/socket           ask a saslauthd; the usual socket otherwise
    authdaemond:/socket         ask Courier's authdaemond; the usual socket otherwise
    dovecot:/socket             ask a Dovecot, on a socket for clients of its auth service
    cyrus-sql:/file             sql_select of a file such as smtpd.conf
    smtpd.conf                  what pwcheck_method of Cyrus' file says, see smtpd.conf(5)

Where auth_backends is empty, these are asked: accounts, if there are any, and those of smtpd.conf(5) if that file is
there and has pwcheck_method. `pyfix check` tells which ones that are.

saslauthd is asked for the name and, as the realm, the domain, which most of its mechanisms ignore: alice@example.com
sends mail with the password of the Unix user alice, as with Cyrus' library. To read mail the whole address is the name,
unless its domain is delivered to Unix users.

What a back end does not say is found where mail is delivered: the mailbox of an address as virtual(8) finds it, that of
a Unix user as local(8) does.

What these files say counts a few seconds after they are edited, without a reload. While a file is wrong, which the log
tells, what was read before stays in force.

Rights: files are read and sockets opened with the rights of auth, which are root's.

Failures: a back end that can't be asked makes the login a temporary failure, unless another one verifies it: the reason
is in the log. What is wrong in a file is an error that names file and line.

Example: the accounts of a Dovecot, and Unix users

    auth_backends = dovecot-sql:/etc/dovecot/dovecot-sql.conf.ext, shadow

See: smtpd.conf(5), dovecot_sql(5), dovecot_ldap(5), authmysqlrc(5), auth_passwd_file(5), auth(8), authtest(1),
testsaslauthd(1), pyfix-check(1)

Inside: one module a kind, loaded when it is named.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from typing import Final

from pyfix.mail.accounts.opening import missing_file
from pyfix.mail.auth.backend import Backend
from pyfix.mail.auth.backends.context import Context
from pyfix.mail.auth.params import BackendParameters
from pyfix.mail.config import Config
from pyfix.mail.sasl.params import ForeignDaemonParameters
from pyfix.mail.sasl.smtpd_conf import SmtpdConf, find_smtpd_conf, smtpd_conf_candidates

_ROOM: Final = "pyfix.mail.auth.backends"
_OPENERS: Final = {
    "authdaemond": "authdaemond:open_authdaemond",
    "authmysqlrc": "authmysqlrc:open_authmysqlrc",
    "cyrus-sql": "cyrus_sql:open_cyrus_sql",
    "dovecot-ldap": "dovecot_ldap:open_dovecot_ldap",
    "dovecot-sql": "dovecot_sql:open_dovecot_sql",
    "dovecot": "dovecot_socket:open_dovecot",
    "pam": "pam:open_pam",
    "passwd-file": "passwd_file:open_passwd_file",
    "saslauthd": "saslauthd:open_saslauthd",
    "shadow": "shadow:open_shadow",
}
"""Module and function, by kind."""
_READ_ONCE: Final = frozenset({"authmysqlrc", "cyrus-sql", "dovecot-ldap", "dovecot-sql"})
"""Kinds whose file has the settings; a passwd-file is read anew by itself."""
_ACCOUNTS: Final = "accounts"
_CONF: Final = "smtpd.conf"


def open_backends(config: Config) -> list[Backend]:
    """Return the back ends in their order; raises ConfigError."""
    context = Context(config)
    return [open_backend(spec, context) for spec in backend_specs(config)]


def backend_specs(config: Config) -> list[str]:
    """Return the names of the back ends that are asked; raises ConfigError."""
    named = config.read(BackendParameters).auth_backends
    conf = find_smtpd_conf(config) if not named or _CONF in named else None
    if not named:
        return _default_specs(conf, has_accounts=not missing_file(config))
    found: list[str] = []
    for spec in named:
        if spec != _CONF:
            found.append(spec)
        elif conf is not None and conf.methods:
            found += specs_of(conf)
        else:
            raise config.refuse("auth_backends", f"auth_backends: there is no {_CONF} with pwcheck_method; make one")
    return found


def settings_files(config: Config, specs: Sequence[str]) -> list[str]:
    """Return the files, there or not, that back ends of these names read once: for who notices changes."""
    foreign = config.read(ForeignDaemonParameters)
    named = [name for kind, _, name in (spec.partition(":") for spec in specs) if kind in _READ_ONCE]
    beside = [os.path.join(os.path.dirname(path), "authmysqlrc") for path in foreign.authdaemond_config_files]
    others = [*foreign.saslauthd_config_files, *foreign.authdaemond_config_files, *beside]
    return [*named, *smtpd_conf_candidates(config), *others]


def _default_specs(conf: SmtpdConf | None, *, has_accounts: bool) -> list[str]:
    others = [] if conf is None else specs_of(conf)
    return [_ACCOUNTS, *others] if has_accounts or not others else others


def specs_of(conf: SmtpdConf) -> list[str]:
    """Return the back ends that Cyrus' file names; raises ConfigError for what is not built. Pure."""
    return [_spec_of(method, conf) for method in conf.methods]


def _spec_of(method: str, conf: SmtpdConf) -> str:
    match method:
        case "saslauthd" | "authdaemond":
            path = conf.get(f"{method}_path")
            return f"{method}:{path}" if path else method
        case "auxprop":
            plugins = conf.words("auxprop_plugin") or ("sasldb",)
            if plugins == ("sql",):
                return f"cyrus-sql:{conf.path}"
            raise conf.refuse(
                "auxprop_plugin",
                f'auxprop_plugin {" ".join(plugins)} is not built; specify "auxprop_plugin: sql", or remove'
                " pwcheck_method for the accounts of pyfix",
            )
    raise conf.refuse(
        "pwcheck_method", f"pwcheck_method {method} is not built; specify saslauthd, authdaemond or auxprop"
    )


def open_backend(spec: str, context: Context) -> Backend:
    """Return one back end; raises ConfigError."""
    kind, _, name = spec.partition(":")
    if spec == _ACCOUNTS:
        return _load("accounts:open_accounts")(context)
    if kind not in _OPENERS:
        known = " ".join(sorted([_ACCOUNTS, _CONF, *_OPENERS]))
        raise context.refuse(f'there is no back end "{spec}"; specify some of {known}')
    return _load(_OPENERS[kind])(name, context)


def _load(place: str) -> Callable[..., Backend]:
    module, _, function = place.partition(":")
    found: Callable[..., Backend] = getattr(importlib.import_module(f"{_ROOM}.{module}"), function)
    return found
