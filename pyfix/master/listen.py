"""The listening sockets, all owned by the master: workers get them by inheritance.

Sockets in private/ and public/ of the queue directory belong to mail_owner and admit mail_owner and root, but for the
services that declare themselves open to all (pickup, showq), which learn their client's user id from the kernel.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import stat
from dataclasses import dataclass
from typing import Final

from pyfix.mail.config.mastercf import ServiceEntry
from pyfix.mail.config.services import inet_endpoint
from pyfix.master.params import MasterParameters
from pyfix.service.rights import Rights, RightsError
from pyfix.service.worker import Listener

BACKLOG: Final = 4096
_PROBE_S: Final = 1.0


class ListenError(Exception):
    """A socket cannot be had; the text names the master.cf line, the address and the reason."""


@dataclass(frozen=True, slots=True)
class SocketOwner:
    """Whose a socket below the queue directory is, and who may connect. A uid of -1: the user's that runs this."""

    uid: int
    gid: int
    open_to_all: bool


def open_listeners(entry: ServiceEntry, params: MasterParameters, owner: SocketOwner) -> list[Listener]:
    """Bind and listen as the line says; raise ListenError."""
    match entry.type:
        case "inet":
            return [
                Listener(_listen_inet(entry, family, address), "inet", entry.name)
                for family, address in inet_addresses(entry, params)
            ]
        case "unix" | "fifo":
            return [_listen_unix(entry, owner, socket.SOCK_STREAM)]
        case "unix-dgram":
            return [_listen_unix(entry, owner, socket.SOCK_DGRAM)]
        case _:
            raise ListenError(f"{entry.place}: service type {entry.type} is not supported")


def is_public(listener: Listener) -> bool:
    """True when other machines can reach it."""
    if listener.kind != "inet":
        return False
    return not ipaddress.ip_address(listener.sock.getsockname()[0].partition("%")[0]).is_loopback


Address = tuple[str, int]


def inet_addresses(entry: ServiceEntry, params: MasterParameters) -> list[tuple[socket.AddressFamily, Address]]:
    """Return the addresses that an inet service listens on (master(5), inet_interfaces, inet_protocols)."""
    endpoint = inet_endpoint(entry.name)
    families = _families(params.inet_protocols)
    hosts = [endpoint.host] if endpoint.host else _interfaces(params.inet_interfaces, families)
    found: list[tuple[socket.AddressFamily, Address]] = []
    for name in hosts:
        for address in _resolve(entry, name, endpoint.port, families):
            if address not in found:
                found.append(address)
    if not found:
        raise ListenError(f"{entry.place}: {entry.name}: no address of the wanted protocols (inet_protocols)")
    return found


def _families(protocols: list[str]) -> list[socket.AddressFamily]:
    families = []
    if "all" in protocols or "ipv4" in protocols:
        families.append(socket.AF_INET)
    if ("all" in protocols or "ipv6" in protocols) and _has_ipv6():
        families.append(socket.AF_INET6)
    return families


def _has_ipv6() -> bool:
    return socket.has_ipv6 and os.path.exists("/proc/net/if_inet6")


def _interfaces(names: list[str], families: list[socket.AddressFamily]) -> list[str]:
    wildcards = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}
    loopbacks = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
    hosts: list[str] = []
    for name in names:
        if name == "all":
            hosts += [wildcards[family] for family in families]
        elif name == "loopback-only":
            hosts += [loopbacks[family] for family in families]
        else:
            hosts.append(name.strip("[]"))
    return hosts


def _resolve(
    entry: ServiceEntry, host: str, port: int, families: list[socket.AddressFamily]
) -> list[tuple[socket.AddressFamily, Address]]:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        return [(family, (host, port))]
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise ListenError(f"{entry.place}: host not found: {host}: {error.strerror}") from error
    return [(info[0], (str(info[4][0]), port)) for info in infos if info[0] in families]


def _listen_inet(entry: ServiceEntry, family: socket.AddressFamily, address: Address) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        hint = " (ports below 1024 need root)" if isinstance(error, PermissionError) else ""
        raise ListenError(f"{entry.place}: bind {address[0]} port {address[1]}: {error.strerror}{hint}") from error
    return sock


def socket_path(entry: ServiceEntry) -> str:
    """Return the path of a local service's socket, relative to the queue directory unless its name is a path."""
    if entry.name.startswith("/"):
        return entry.name
    return f"{'private' if entry.private else 'public'}/{entry.name}"


def _listen_unix(entry: ServiceEntry, owner: SocketOwner, kind: socket.SocketKind) -> Listener:
    """Make the socket as its owner, in whose directory it lies: the owner could put a link in its place at any moment,
    and root would change whatever file that leads to."""
    path = socket_path(entry)
    sock = socket.socket(socket.AF_UNIX, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        with Rights().as_user(owner.uid, owner.gid) if owner.uid >= 0 else contextlib.nullcontext():
            with contextlib.suppress(FileNotFoundError):
                if entry.name.startswith("/"):
                    _check_stale(entry, path)
                os.unlink(path)
            sock.bind(path)
            os.chmod(path, 0o666 if owner.open_to_all else 0o600)
        if kind == socket.SOCK_STREAM:
            sock.listen(BACKLOG)
    except (RightsError, ListenError):
        sock.close()
        raise
    except OSError as error:
        sock.close()
        hint = " (its directory must belong to mail_owner)" if error.errno == errno.EACCES else ""
        raise ListenError(f"{entry.place}: {path}: {error.strerror}{hint}") from error
    return Listener(sock, "unix-dgram" if kind == socket.SOCK_DGRAM else "unix", path)


def _check_stale(entry: ServiceEntry, path: str) -> None:
    """Raise ListenError for what is no socket, or one at which somebody listens: others use such a path, too."""
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        raise ListenError(f"{entry.place}: {path}: not a socket; move it away, or specify another name")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except OSError as error:
            raise ListenError(f"{entry.place}: {path}: {error.strerror or error}; move it away") from error
    raise ListenError(f"{entry.place}: {path}: another server listens there; stop it, or specify another name")


def remove_socket(entry: ServiceEntry, owner: SocketOwner) -> None:
    """Remove the socket of a local service, as its owner; one that is gone or another's stays as it is."""
    rights = Rights().as_user(owner.uid, owner.gid) if owner.uid >= 0 else contextlib.nullcontext()
    with rights, contextlib.suppress(OSError):
        os.unlink(socket_path(entry))
