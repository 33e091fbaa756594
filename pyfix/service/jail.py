"""What a chrooted process must find below the queue directory, and what it must have read before it goes there.

The C library reads a few files of /etc whenever it is asked for a user, a host or the time. The jail holds copies in
its own etc/, made anew by each process that enters after one has changed, so that a new user or another name server
is known without a reload. Accounts that no file lists (LDAP) are in the copy if the name service enumerates them.
Modules are another matter: the interpreter's directory may be out of reach for mail_owner also without a chroot
(below /root, say), so they are read by every process before it gives up its rights.
"""

from __future__ import annotations

import contextlib
import grp
import importlib
import os
import pwd
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from pyfix.base.atomic import write_file

_PLAIN: Final = ("hosts", "host.conf", "localtime", "networks", "nsswitch.conf", "resolv.conf", "services")
SUMMARIES: Final = ("etc/passwd", "etc/group")
"""Copies that are made of what the name service says, and need not equal the file."""
_MODULES: Final = (
    "ast", "concurrent.futures.thread", "encodings.ascii", "encodings.idna", "encodings.latin_1", "encodings.punycode",
    "stringprep", "traceback", "unicodedata",
)  # fmt: skip
_COMPANIONS: Final = {
    "dns.resolver": tuple(f"dns.rdtypes.ANY.{name}" for name in ("CNAME", "DNAME", "NS", "OPT", "SOA", "TXT")),
    "dns.asyncresolver": ("dns._asyncio_backend",),
}
"""What a library, once it is loaded, imports by name at the first query or with the first answer of a kind."""


def load_modules() -> None:
    """Import what the interpreter or a library would only look for when it is first used."""
    for name in _MODULES:
        importlib.import_module(name)
    for library, companions in _COMPANIONS.items():
        if library in sys.modules:
            for name in companions:
                importlib.import_module(name)


def furnish(source: str = "/etc", target: str = "etc") -> None:
    """Bring the copies up to date, as root and in the queue directory, and have the C library load its modules.

    Raises OSError when the copies cannot be written: a server that knows no user would refuse everybody's mail.
    """
    os.makedirs(target, 0o755, exist_ok=True)
    os.chmod(target, 0o755)
    for name in _PLAIN:
        _renew(f"{source}/{name}", f"{target}/{name}", partial(_content, f"{source}/{name}"))
    _renew(f"{source}/passwd", f"{target}/passwd", _accounts)
    _renew(f"{source}/group", f"{target}/group", _groups)
    time.localtime()
    with contextlib.suppress(socket.gaierror):
        socket.getaddrinfo("localhost", None)


def _renew(source: str, target: str, make: Callable[[], bytes]) -> None:
    """Write the target again unless it has the time of the source; without a source there is none."""
    try:
        wanted = os.stat(source).st_mtime_ns
    except FileNotFoundError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(target)
        return
    with contextlib.suppress(FileNotFoundError):
        if os.stat(target).st_mtime_ns == wanted:
            return
    write_file(target, make(), 0o644)
    os.utime(target, ns=(wanted, wanted))


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _accounts() -> bytes:
    """All accounts, without what an old system keeps in the second column."""
    lines = (":".join(map(str, (entry.pw_name, "x", *entry[2:]))) for entry in pwd.getpwall())
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def _groups() -> bytes:
    lines = (f"{entry.gr_name}:x:{entry.gr_gid}:{','.join(entry.gr_mem)}\n" for entry in grp.getgrall())
    return "".join(lines).encode("utf-8", "surrogateescape")
