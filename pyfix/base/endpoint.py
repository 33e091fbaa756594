"""Where a server listens: a TCP host and port, or the path of a Unix socket."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server; `path` is empty for TCP."""

    host: str = ""
    port: str = ""
    """A number or the name of a service."""
    path: str = ""

    @classmethod
    def tcp(cls, text: str, default_port: str = "") -> Self:
        """Parse host:port, [address]:port or, with a default port, host alone; ValueError says what is wrong."""
        if text.startswith("["):
            host, bracket, rest = text[1:].partition("]")
            if not bracket or (rest and not rest.startswith(":")):
                raise ValueError(f'need [address]:port instead of "{text}"')
            port = rest[1:]
        elif text.count(":") > 1:
            host, port = text, ""
        else:
            host, _, port = text.partition(":")
        port = port or default_port
        if not host or not port:
            raise ValueError(f'need host:port instead of "{text}"')
        if port.isdigit() and not 0 < int(port) < 65536:
            raise ValueError(f'bad port "{port}" in "{text}"')
        return cls(host, port)

    @classmethod
    def unix(cls, path: str) -> Self:
        """Take the path of a socket; ValueError for none."""
        if not path:
            raise ValueError("need the path of a socket behind unix:")
        return cls(path=path)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse inet:host:port or unix:path; ValueError says what is wrong."""
        transport, colon, rest = text.partition(":")
        if not colon:
            raise ValueError(f'need service transport:endpoint instead of "{text}"')
        match transport:
            case "inet":
                return cls.tcp(rest)
            case "unix":
                return cls.unix(rest)
        raise ValueError(f"invalid transport name: {transport} in service: {text}")

    def connect(self, timeout_s: float) -> socket.socket:
        """Return a connected socket; raise OSError."""
        if not self.path:
            return socket.create_connection((self.host, self.port), timeout_s)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            sock.settimeout(timeout_s)
            sock.connect(self.path)
        except OSError:
            sock.close()
            raise
        return sock

    def __str__(self) -> str:
        if self.path:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
