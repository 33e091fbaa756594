"""Which names an account may have.

Stricter than mail itself: a name becomes a file name, and stands in lists with commas. Folded to lower case.
"""

from __future__ import annotations

import re
from typing import Final

from pyfix.mail.accounts.errors import Refused
from pyfix.mail.address.valid import is_valid_hostname
from pyfix.mail.config.errors import one_line

_LONGEST_LOCAL: Final = 64
_LONGEST_ADDRESS: Final = 254
_LOCAL: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
LONGEST_TEXT: Final = 255
"""Characters of any column."""
LONGEST_LABEL: Final = 64


def check_domain(name: str) -> str:
    """Return the name of a domain; raises Refused."""
    folded = name.casefold()
    if not is_valid_hostname(folded) or not folded.isprintable() or any(map(str.isspace, folded)):
        raise Refused(f'bad domain name "{one_line(name, 60)}"; specify a name like example.com')
    return folded


def check_address(address: str) -> tuple[str, str]:
    """Return an address and its domain; raises Refused."""
    if len(address) > _LONGEST_ADDRESS:
        raise Refused(f'bad address "{one_line(address, 60)}"; an address has at most {_LONGEST_ADDRESS} characters')
    local, at, domain = address.casefold().rpartition("@")
    if not at or len(local.encode("utf-8", "replace")) > _LONGEST_LOCAL or not _LOCAL.fullmatch(local):
        raise Refused(f'bad address "{one_line(address, 60)}"; specify a name like alice@example.com')
    domain = check_domain(domain)
    return f"{local}@{domain}", domain


def check_mailbox_address(address: str) -> tuple[str, str]:
    """Return the address of a mailbox, which must do as a file name, and its domain; raises Refused."""
    address, domain = check_address(address)
    if "/" in address:
        raise Refused(f'bad address "{one_line(address, 60)}"; the name of a mailbox has no "/"')
    return address, domain


def check_alias_address(address: str) -> tuple[str, str]:
    """Return the address of an alias, which may be @domain, and its domain; raises Refused."""
    if address.startswith("@"):
        domain = check_domain(address[1:])
        return f"@{domain}", domain
    return check_address(address)


def check_targets(targets: tuple[str, ...], address: str) -> tuple[str, ...]:
    """Return where an alias may lead: addresses, or for a whole domain another one; raises Refused."""
    if not targets:
        raise Refused(f"alias {address}: no target; specify at least one address")
    is_domain = address.startswith("@")
    return tuple(dict.fromkeys((check_alias_address if is_domain else check_address)(target)[0] for target in targets))


def check_text(text: str, what: str) -> str:
    """Return a text for one column; raises Refused."""
    if len(text) > LONGEST_TEXT or not text.isprintable():
        raise Refused(f"bad {what}: specify at most {LONGEST_TEXT} characters in one line")
    return text


def check_label(name: str) -> str:
    """Return the name of an app password; raises Refused."""
    if not name or len(name) > LONGEST_LABEL or not name.isprintable() or name != name.strip():
        raise Refused(f'bad name "{one_line(name, 60)}" of an app password; specify up to {LONGEST_LABEL} characters')
    return name


def default_maildir(address: str) -> str:
    """Return where a new mailbox is, below virtual_mailbox_base."""
    local, _, domain = address.rpartition("@")
    return f"{domain}/{local}/Maildir/"


def check_maildir(path: str) -> str:
    """Return a path below virtual_mailbox_base; raises Refused for one that leads out of it."""
    parts = path.rstrip("/").split("/")
    if path.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise Refused(f'bad maildir "{one_line(path, 60)}"; specify a path below virtual_mailbox_base, without ".."')
    return check_text(path, "maildir")
