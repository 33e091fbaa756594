"""What EHLO announces."""

from __future__ import annotations

from dataclasses import dataclass

from pyfix.daemons.smtpd.params import SmtpdParameters
from pyfix.mail.smtp.commands import Features

_KNOWN = (
    "pipelining", "size", "vrfy", "etrn", "starttls", "auth", "xverp", "xforward", "xclient", "enhancedstatuscodes",
    "8bitmime", "dsn", "smtputf8", "chunking",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Extensions:
    """The EHLO reply and what follows from it."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    """The lines behind those that depend on the client: STARTTLS and AUTH."""
    discarded: tuple[str, ...]
    """Keywords to log as discarded."""
    features: Features
    pipelining: bool
    chunking: bool
    starttls: bool
    auth: bool

    def reply(self, *more: str) -> str:
        """Return the EHLO reply with these lines where they belong, joined by CRLF, without the last line end."""
        *lines, last = (*self.first, *more, *self.last)
        return "\r\n".join([*(f"250-{line}" for line in lines), f"250 {last}"])


def make_extensions(params: SmtpdParameters, *, starttls: bool) -> Extensions:
    """Return the extensions that the configuration leaves."""
    words = {word.lower() for word in params.smtpd_discard_ehlo_keywords}
    off = words.intersection(_KNOWN)
    lines = [params.myhostname]
    lines += ["PIPELINING"] if "pipelining" not in off else []
    if "size" not in off:
        lines.append(f"SIZE {params.message_size_limit}" if params.message_size_limit else "SIZE")
    lines += ["VRFY"] if "vrfy" not in off and not params.disable_vrfy_command else []
    lines += ["ETRN"] if "etrn" not in off else []
    starttls = starttls and "starttls" not in off
    lines += ["STARTTLS"] if starttls else []
    last = [word.upper() for word in ("enhancedstatuscodes", "8bitmime", "dsn") if word not in off]
    utf8 = params.smtputf8_enable and "smtputf8" not in off
    last += ["SMTPUTF8"] if utf8 else []
    last += ["CHUNKING"] if "chunking" not in off else []
    return Extensions(
        first=tuple(lines),
        last=tuple(last),
        discarded=() if "silent-discard" in words else tuple(word.upper() for word in _KNOWN if word in off),
        features=Features(smtputf8=utf8, dsn="dsn" not in off, strict_paths=params.strict_rfc821_envelopes),
        pipelining="pipelining" not in off,
        chunking="chunking" not in off,
        starttls=starttls,
        auth="auth" not in off,
    )
