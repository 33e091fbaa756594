"""ServerTls: what a daemon that speaks TLS holds.

    before_jail    self.tls = open_server_tls(smtpd_settings(self.config, self.params)); log its `warnings`
    a session      self.tls.context is None: "TLS not available due to local problem"; else begin TLS with it
    afterwards     self.tls.describe(ssl_object): what was agreed
    find_changed_files   yield from self.tls.find_changed(): a fresh process takes over when files have changed

Keys are readable by root alone, so all is read before the process gives up its rights; from then on the kernel tells of
changes, and the next process reads again. When it finds the files broken (half written, a certificate without its
key) it serves what the last process that found them in order has left on the shelf, and goes on watching. The key
never lies on a disk but where it was put.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from pyfix.base.filewatch import FileWatch
from pyfix.base.shelf import Shelf
from pyfix.mail.config import Config
from pyfix.mail.tls.context import TlsProblem, make_context
from pyfix.mail.tls.material import Material, file_names, find_authorities, find_chains, find_dh_parameters
from pyfix.mail.tls.session import TlsSession, describe_session
from pyfix.mail.tls.settings import ServerSettings
from pyfix.mail.tls.sni import Asked, SniChains, open_sni


class ServerTls:
    """A context, or the reason why there is none."""

    def __init__(
        self,
        settings: ServerSettings,
        context: ssl.SSLContext | None = None,
        problem: str = "",
        watch: FileWatch | None = None,
        sni: SniChains | None = None,
    ) -> None:
        self.settings = settings
        self.context = context
        """None: no TLS, though it may have to be announced (settings.is_used)."""
        self.problem = problem
        """Why clients can't have TLS that they are offered."""
        self.warnings = list(settings.warnings)
        """What the log is to say when the process starts."""
        if problem:
            self.warnings.append(f"{problem}: disabling TLS support")
        self._watch = watch
        self._sni = sni
        if sni is not None and context is not None:
            sni.serve(context)
        self._algorithm_bits = {item["name"]: item["alg_bits"] for item in context.get_ciphers()} if context else {}

    @property
    def is_used(self) -> bool:
        """True when clients are offered TLS."""
        return self.settings.is_used

    @property
    def is_mandatory(self) -> bool:
        """True when clients must use it."""
        return self.settings.is_mandatory

    @property
    def requires_certificate(self) -> bool:
        """True when clients must show a certificate that somebody vouches for."""
        return self.settings.ccerts is not None and self.settings.ccerts.is_required

    def describe(self, session: ssl.SSLObject) -> TlsSession:
        """Return what a session has agreed on; its handshake is complete."""
        asked = self.asked(session)
        name = asked.name if asked is not None and asked.is_found else ""
        return describe_session(session, self._algorithm_bits, self.settings.ccerts, name)

    def asked(self, session: ssl.SSLObject) -> Asked | None:
        """Return the server name that the client has asked for, where certificates are chosen by it."""
        return self._sni.asked(session) if self._sni is not None else None

    def find_changed(self) -> Iterator[str]:
        """Yield the names of files that are no longer what was read."""
        if self._watch is not None:
            yield from self._watch.find_changed()
        if self._sni is not None and self._sni.has_changed():
            yield self._sni.name


def open_server_tls(settings: ServerSettings, shelf: Shelf | None = None, config: Config | None = None) -> ServerTls:
    """Read the files and return what can be made of them; never raises for files that are merely wrong.

    shelf: where the last files that were in order are, and will be. config: where tls_server_sni_maps finds its tables;
    without it they are not opened. Raises ConfigError for tables that there can't be.
    """
    if not settings.is_used:
        return ServerTls(settings)
    if not settings.chain_files and not settings.pairs and not settings.no_certificate_ok:
        name = settings.parameter("cert_file")
        return ServerTls(
            settings, None, f"No server certs available. TLS can't be enabled; name some in {name},"
            " or make one with: pyfix tls self-signed",
        )  # fmt: skip
    if settings.ccerts is not None:
        import pyfix.mail.tls.peer  # noqa: F401 - while its files can be seen
    sni = open_sni(settings.shared.sni_maps, config, settings.warnings.append) if config is not None else None
    watch = FileWatch({*file_names(settings), *(sni.files if sni is not None else ())})
    material = Material()
    try:
        context = _make(settings, material)
    except TlsProblem as problem:
        return _from_shelf(settings, shelf, str(problem), watch, sni)
    if shelf is not None:
        shelf.write(material.files)
    return ServerTls(settings, context, watch=watch, sni=sni)


def _from_shelf(
    settings: ServerSettings, shelf: Shelf | None, problem: str, watch: FileWatch, sni: SniChains | None
) -> ServerTls:
    kept = shelf.read() if shelf is not None else {}
    if not kept.keys() >= set(file_names(settings)):
        return ServerTls(settings, None, problem, watch=watch)
    try:
        context = _make(settings, Material(kept))
    except TlsProblem:
        return ServerTls(settings, None, problem, watch=watch)
    tls = ServerTls(settings, context, watch=watch, sni=sni)
    tls.warnings.append(f"{problem}: going on with the files as they were")
    return tls


def _make(settings: ServerSettings, material: Material) -> ssl.SSLContext:
    return make_context(
        settings, find_chains(settings, material), find_dh_parameters(settings, material),
        find_authorities(settings, material),
    )  # fmt: skip
