"""What Dovecot's passdb and userdb fields mean: from a query, a search, or a line of a passwd-file. Pure.

    password   the stored password; without it there is none
    user       the canonical name; username and domain are parts of it
    nologin    no login, with reason in the log
    allow_nets networks from which the login is good
    userdb_*   the userdb fields, which save a second query
    home, mail, uid, gid, quota_rule       where the mail is

Fields that would change who may log in, and are not built, are refused by name rather than left out.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pyfix.base.accounts import find_group
from pyfix.mail.accounts.quota import Quota
from pyfix.mail.auth.backend import Account, Attempt, BackendUnavailable, Place, Secret
from pyfix.mail.auth.places import find_unix_user, rights_of

Fields = Mapping[str, str | None]
Complain = Callable[[str], None]
_PREFIX: Final = "userdb_"
_REFUSED: Final = frozenset(
    {
        "allow_real_nets", "cert", "delay_until", "host", "hostip", "k5principals", "master", "master_user",
        "noauthenticate", "nopassword", "pass", "proxy", "proxy_maybe", "proxy_mech", "user_noauth",
    }
)  # fmt: skip
_PASSDB: Final = frozenset({"password", "user", "username", "domain", "nologin", "reason", "allow_nets", "nodelay"})
_USERDB: Final = frozenset({"home", "mail", "uid", "gid", "quota_rule", "user", "username", "domain"})
_REFUSED_PLACE: Final = frozenset({"chroot", "system_groups_user", "mail_chroot"})
_LOCATION: Final = re.compile(r"(maildir|mbox):([^:]+)(?::(.*))?", re.DOTALL)
_RULE: Final = re.compile(r"(storage|bytes|messages)=([0-9]{1,15})([kMGTbB%]?)")
_UNITS: Final = {"": 0, "b": 0, "B": 0, "k": 10, "M": 20, "G": 30, "T": 40}


@dataclass(frozen=True, slots=True)
class Source:
    """Where fields come from."""

    name: str
    """A file, for messages."""
    complain: Complain
    """Told, once, of fields without a meaning here."""

    def unavailable(self, text: str) -> BackendUnavailable:
        """Return the error that a field causes."""
        return BackendUnavailable(f"{self.name}: {text}")


def is_true(value: str | None) -> bool:
    """Return whether a flag is set: it is there, and does not say no."""
    return value is not None and value.lower() not in ("n", "no", "0", "false")


def read_account(fields: Fields, attempt: Attempt, scheme: str, source: Source) -> Account:
    """Return the account; raises BackendUnavailable for fields that are not built."""
    for name in sorted(fields.keys() & _REFUSED):
        if is_true(fields[name]) and fields[name] != "":
            raise source.unavailable(f"the field {name} of {attempt.login} is not built; remove it from the query")
    for name in fields.keys() - _PASSDB - _REFUSED:
        if not name.startswith(_PREFIX):
            source.complain(f"{source.name}: the field {name} has no meaning for a password; leave it out")
    password = fields.get("password")
    secrets = (Secret(password, scheme),) if password else ()
    return Account(canonical_name(fields, attempt.login), secrets, _obstacle(fields, attempt, source))


def canonical_name(fields: Fields, login: str) -> str:
    """Return the name that the fields give a login."""
    user = fields.get("user") or login
    local, _, domain = user.partition("@")
    local, domain = fields.get("username") or local, fields.get("domain") or domain
    return f"{local}@{domain}" if domain else local


def _obstacle(fields: Fields, attempt: Attempt, source: Source) -> str:
    if is_true(fields.get("nologin")):
        return fields.get("reason") or "nologin is set"
    nets = fields.get("allow_nets")
    if nets and not _is_in(nets, attempt.remote, source):
        return f"{attempt.remote or 'a local client'} is not in allow_nets"
    return ""


def _is_in(nets: str, remote: str, source: Source) -> bool:
    """Return whether an address is in one of the networks; `local` is a client without any."""
    try:
        address = ipaddress.ip_address(remote) if remote else None
        for net in re.split(r"[,\s]+", nets.strip()):
            if net == "local":
                if address is None:
                    return True
            elif address is not None and address in ipaddress.ip_network(net, strict=False):
                return True
    except ValueError as error:
        raise source.unavailable(f'bad allow_nets "{nets[:60]}": {error}') from error
    return False


def prefetched(fields: Fields) -> dict[str, str | None]:
    """Return the userdb fields among those of a passdb."""
    return {name.removeprefix(_PREFIX): value for name, value in fields.items() if name.startswith(_PREFIX)}


def read_place(
    fields: Fields, user: str, delivered: Callable[[], Place | None], expand: Callable[[str, str, str], str],
    source: Source,
) -> Place:  # fmt: skip
    """Return where a user's mail is; raises BackendUnavailable.

    delivered: tells where deliveries put it, for what the fields do not say. expand: fills a text with user and home.
    """
    for name in sorted(fields.keys() & _REFUSED_PLACE):
        if fields[name]:
            raise source.unavailable(f"the field {name} of {user} is not built; remove it from the query")
    for name in fields.keys() - _USERDB - _REFUSED_PLACE:
        source.complain(f"{source.name}: the field {name} has no meaning for a mailbox; leave it out")
    home, mail = fields.get("home") or "", fields.get("mail") or ""
    uid, gid = _user_id(fields.get("uid"), user, source), _group_id(fields.get("gid"), user, source)
    other = None if mail and uid is not None and gid is not None else delivered()
    if other is None and (not mail or uid is None or gid is None):
        raise source.unavailable(f"{user}: no mail, uid and gid, nor a mailbox where mail is delivered; add them")
    # Where one of the three is missing there is `other`: the error above says so where there is not.
    location = _location(mail, user, home, expand, source) if mail else other.location  # type: ignore[union-attr]
    if uid is None or gid is None:
        uid, gid = other.uid, other.gid  # type: ignore[union-attr]
    home = home or (other.home if other is not None else location.partition(":")[2])
    return Place(location, home, *rights_of(uid, gid), quota=_quota(fields.get("quota_rule"), source))


def _location(mail: str, user: str, home: str, expand: Callable[[str, str, str], str], source: Source) -> str:
    found = _LOCATION.fullmatch(expand(mail, user, home))
    if found is None:
        raise source.unavailable(f'mail of {user}: need maildir:/path or mbox:/path instead of "{mail[:60]}"')
    kind, path, options = found[1], found[2], found[3] or ""
    for option in filter(None, options.split(":")):
        name, _, value = option.partition("=")
        if name == "INBOX" and value:
            path = value
        else:
            source.complain(f"{source.name}: the option {option} of a mailbox location has no effect")
    if path == "~" or path.startswith("~/"):
        path = home + path[1:]
    if not path.startswith("/"):
        raise source.unavailable(f'mail of {user}: "{path[:60]}" does not begin with /, or there is no home')
    if ".." in path.split("/"):
        raise source.unavailable(f'mail of {user}: ".." in "{path[:60]}" may come from the login, and leads elsewhere')
    return f"{kind}:{path.rstrip('/')}"


def _user_id(text: str | None, user: str, source: Source) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return _checked("uid", int(text), user, source)
    entry = find_unix_user(text)
    if entry is None:
        raise source.unavailable(f'uid of {user}: there is no user "{text[:40]}"')
    return _checked("uid", entry.pw_uid, user, source)


def _group_id(text: str | None, user: str, source: Source) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return _checked("gid", int(text), user, source)
    entry = find_group(text)
    if entry is None:
        raise source.unavailable(f'gid of {user}: there is no group "{text[:40]}"')
    return _checked("gid", entry.gr_gid, user, source)


def _checked(name: str, number: int, user: str, source: Source) -> int:
    if not 0 < number < 2**32 - 1:
        raise source.unavailable(f"{name} {number} of {user}: nobody reads mail with the rights of root; correct it")
    return number


def _quota(rule: str | None, source: Source) -> str:
    """Return a quota as stored with accounts; only the rule for all folders counts."""
    if not rule or rule == "*":
        return ""
    folder, _, limits = rule.partition(":")
    sizes = {"storage": 0, "bytes": 0, "messages": 0}
    for limit in filter(None, limits.split(":")):
        found = _RULE.fullmatch(limit)
        if folder not in ("*", "?") or found is None or found[3] == "%":
            source.complain(f'{source.name}: the quota rule "{rule[:60]}" has no effect; specify *:storage=1G')
            return ""
        unit = found[3] or ("k" if found[1] == "storage" else "")
        sizes[found[1]] = int(found[2]) << _UNITS[unit]
    quota = Quota(sizes["storage"] or sizes["bytes"], sizes["messages"])
    return quota.stored() if quota.size or quota.messages else ""
