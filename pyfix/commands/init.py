"""pyfix-init(1): lay out a complete private instance that whoever calls can run.

    pyfix init DIR [--domain D] [--user NAME] [--port N]

Everything lies below one directory: etc/ (main.cf, master.cf, a certificate), spool/ (the queue), data/ (the
accounts), log/, mail/. The instance listens on free ports of the loopback interface: SMTP, submission and smtps for who
logs in, POP3 and POP3 over TLS. It takes mail for one domain into one Maildir, and needs neither root nor a database
server. Called by root, mail and queue belong to an existing system user.

The domain and the mailbox are accounts, and so are aliases for postmaster and abuse: pyfix-domain(1), pyfix-user(1) and
pyfix-alias(1) show and change them, and add others. The mailbox gets a password, which is printed this once; `pyfix
user passwd` sets another. The certificate vouches for itself: a client that is to trust it is given etc/server.pem.

Exit status: 0 when it is laid out, 1 otherwise; a directory that has an instance already is left alone.

Example:

    pyfix init /tmp/mail --domain example.test --user alice
    pyfix -c /tmp/mail/etc start

See: pyfix(1), pyfix-user(1), accounts_table(5), postconf(5), master(5)
"""

from __future__ import annotations

import grp
import os
import pwd
import re
from dataclasses import dataclass, field
from importlib import resources
from typing import Final

from pyfix.commands.init_access import Ports, access_settings, services, write_certificate
from pyfix.commands.reach import is_reachable
from pyfix.mail.accounts import AccountsError, Alias, Domain, Mailbox, now_text, open_store
from pyfix.mail.config import Config
from pyfix.mail.passwords import generate_password, hash_generated

_SYSTEM_USERS: Final = ("pyfix", "postfix", "mail", "nobody")
_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,62}\.)*[a-z0-9-]{1,63}", re.IGNORECASE)
_USER = re.compile(r"[a-z0-9][a-z0-9._+-]{0,63}", re.IGNORECASE)


class InitError(Exception):
    """The instance cannot be laid out; the text is for the user."""


@dataclass(frozen=True, slots=True)
class Instance:
    """What was laid out."""

    directory: str
    domain: str
    user: str
    owner: str
    group: str
    uid: int
    gid: int
    ports: Ports
    password: str = field(repr=False)
    """Of the mailbox; nobody can see it later."""

    @property
    def etc(self) -> str:
        """The configuration directory."""
        return f"{self.directory}/etc"

    @property
    def address(self) -> str:
        """The mailbox's address."""
        return f"{self.user}@{self.domain}"

    @property
    def host(self) -> str:
        """Its name."""
        return f"mail.{self.domain}"

    @property
    def maildir(self) -> str:
        """Where its mail lies."""
        return f"{self.directory}/mail/{self.domain}/{self.user}/Maildir"


def init(directory: str, domain: str, user: str, port: int | None = None) -> Instance:
    """Write the instance's files; raise InitError, also for a directory that has one already."""
    _check_names(domain, user)
    directory = os.path.abspath(directory)
    if os.path.exists(f"{directory}/etc/main.cf"):
        raise InitError(f"{directory}/etc/main.cf exists already; choose another directory or remove it")
    owner = instance_owner()
    if not is_reachable(directory, owner.pw_uid, owner.pw_gid):
        raise InitError(f"{directory}: user {owner.pw_name}, who will own the mail, may not enter it; choose another")
    instance = Instance(
        directory, domain.lower(), user.lower(), owner.pw_name, _group_name(owner.pw_gid), owner.pw_uid, owner.pw_gid,
        Ports.free(port), generate_password(),
    )  # fmt: skip
    try:
        _write(instance)
        _add_accounts(instance)
    except OSError as error:
        raise InitError(f"{error.filename}: {error.strerror}") from error
    except AccountsError as error:
        raise InitError(str(error)) from error
    return instance


def _check_names(domain: str, user: str) -> None:
    if not _DOMAIN.fullmatch(domain):
        raise InitError(f"bad domain name: {domain!r}; specify a name like example.com")
    if not _USER.fullmatch(user):
        raise InitError(f"bad user name: {user!r}; specify letters, digits and . _ + -")


def instance_owner() -> pwd.struct_passwd:
    """Return the user who owns queue and mail: the caller, or for root an existing system user."""
    if os.getuid() != 0:
        try:
            return pwd.getpwuid(os.getuid())
        except KeyError:
            raise InitError(f"user id {os.getuid()} has no entry in the passwd database; add one") from None
    for name in _SYSTEM_USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise InitError("no system user to own the mail queue; create one: useradd --system --no-create-home pyfix")


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        raise InitError(f"group id {gid} has no entry in the group database; add one") from None


def _write(instance: Instance) -> None:
    for name, mode in (("etc", 0o755), ("spool", 0o755), ("data", 0o700), ("log", 0o755), ("mail", 0o700)):
        path = f"{instance.directory}/{name}"
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        if os.getuid() == 0 and name in ("data", "mail"):
            os.chown(path, instance.uid, instance.gid)
    files = {
        "main.cf": main_cf(instance),
        "master.cf": master_cf(instance),
    }
    for name, text in files.items():
        with open(f"{instance.etc}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    write_certificate(instance.etc, (instance.host,))


def _add_accounts(instance: Instance) -> None:
    """Make the domain, its mailbox, and the aliases that every domain needs (RFC 2142)."""
    store = open_store(Config.load(instance.etc), create=True)
    stored = hash_generated(instance.password)
    try:
        created = now_text()
        store.domains.add(Domain(instance.domain, created=created))
        place = f"{instance.domain}/{instance.user}/Maildir/"
        store.mailboxes.add(Mailbox(instance.address, instance.domain, stored, maildir=place, created=created))
        for name in ("postmaster", "abuse"):
            if name != instance.user:
                store.aliases.add(Alias(f"{name}@{instance.domain}", instance.domain, (instance.address,), created))
    finally:
        store.close()


def main_cf(instance: Instance) -> str:
    """Return the instance's main.cf."""
    directory = instance.directory
    return f"""\
# A private instance made by `pyfix init`. See postconf(5) for every parameter.
compatibility_level = 3.6

# Where everything is, and whose it is.
queue_directory = {directory}/spool
data_directory = {directory}/data
mail_owner = {instance.owner}
setgid_group = {instance.group}
maillog_file = {directory}/log/maillog
maillog_file_prefixes = {directory}/log

# Who we are. Only this machine may send mail through us.
myhostname = {instance.host}
mydomain = {instance.domain}
myorigin = $mydomain
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
# Lines end in CR LF: a message that hides a second one behind a bare line feed is taken as one message.
smtpd_forbid_bare_newline = normalize

{access_settings(instance.etc)}
# No Unix users: "pyfix domain", "pyfix user" and "pyfix alias" manage who gets mail. Changes are in force at once.
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = accounts:domains
virtual_mailbox_base = {directory}/mail
virtual_mailbox_maps = accounts:mailboxes
virtual_alias_maps = accounts:aliases
# How much each may hold ("pyfix user set --quota"); mail for a full mailbox is refused, and its owner is warned before.
virtual_mailbox_limit_maps = accounts:limits
virtual_mailbox_limit_override = yes
virtual_overquota_bounce = yes
virtual_quota_warning_percents = 80 95
virtual_minimum_uid = 1
virtual_uid_maps = static:{instance.uid}
virtual_gid_maps = static:{instance.gid}
"""


def master_cf(instance: Instance) -> str:
    """Return the shipped master.cf, with the instance's ports."""
    text = resources.files("pyfix.commands").joinpath("master.cf.init").read_text(encoding="utf-8")
    return services(text, instance.ports)
