"""One function for each event that smtpd logs, in Postfix's words: pflogsumm and fail2ban read these lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from pyfix.base.log import Log
from pyfix.mail.config.compatibility import kept
from pyfix.mail.restrictions.questions import Context, Note
from pyfix.mail.tls.layer import Failure
from pyfix.mail.tls.session import TlsSession

if TYPE_CHECKING:
    from pyfix.mail.tls.peer import PeerCertificate
    from pyfix.mail.tls.sni import Asked

_INPUT_SHOWN: Final = 100
_LOGIN_SHOWN: Final = 100
_ESCAPES: Final = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 92: "\\\\"}


def connected(log: Log, client: str) -> None:
    """A client was accepted and its name looked up."""
    log.info(f"connect from {client}")


def disconnected(log: Log, client: str, counts: Mapping[str, list[int]], order: Iterable[str]) -> None:
    """The session is over: for each command how many succeeded, of how many when some did not."""
    text, successes, total = "", 0, 0
    for name in order:
        count = counts.get(name)
        if count is not None:
            text += f" {name.lower()}={_ratio(*count)}"
            successes += count[0]
            total += count[1]
    summary = _ratio(successes, total) if total else "0/0"
    log.info(f"disconnect from {client}{text} commands={summary}")


def _ratio(successes: int, total: int) -> str:
    return f"{total}" if successes == total else f"{successes}/{total}"


def ended(log: Log, reason: str, where: str, client: str) -> None:
    """The session ended otherwise than by QUIT: "lost connection", "timeout", "too many errors"."""
    log.info(f"{reason} after {where} from {client}")


def accepted_client(log: Log, queue_id: str, client: str, facts: Mapping[str, str]) -> None:
    """A queue file was created for this client's message; facts: sasl_method and its like."""
    log.info(f"{queue_id}: client={client}" + "".join(f", {name}={value}" for name, value in facts.items() if value))


def login_failed(log: Log, client: str, mechanism: str, reason: str, user: str | None) -> None:
    """AUTH did not succeed; user: whom the client claimed to be, None where it did not come so far."""
    shown = "(unavailable)" if user is None else user[:_LOGIN_SHOWN]
    log.warning(f"{client}: SASL {mechanism[:_LOGIN_SHOWN]} authentication failed: {reason}, sasl_username={shown}")


def login_aborted(log: Log, client: str, mechanism: str) -> None:
    """The client has answered a challenge with *."""
    log.warning(f"{client}: SASL {mechanism} authentication aborted")


def refused(
    log: Log, queue_id: str, where: str, context: Context, protocol: str, text: str, verb: str = "reject"
) -> None:
    """A command was refused, or something about it is worth a line (verb)."""
    log.info(f"{queue_id or 'NOQUEUE'}: {verb}: {where} from {context.client}: {text}; {_facts(context, protocol)}")


def noted(log: Log, queue_id: str, where: str, context: Context, protocol: str, note: Note) -> None:
    """A restriction has something to say that is no refusal."""
    if note.verb == "warning":
        log.warning(note.text)
    elif note.verb == "default":
        log.info(note.text)
    else:
        refused(log, queue_id, where, context, protocol, note.text, note.verb)


def _facts(context: Context, protocol: str) -> str:
    facts = ""
    if context.sender is not None:
        facts += f"from=<{context.sender}> "
    if context.recipient is not None:
        facts += f"to=<{context.recipient}> "
    facts += f"proto={protocol}"
    if context.helo:
        facts += f" helo=<{context.helo}>"
    return facts


def internal_error(log: Log, where: str, client: str, problem: str) -> None:
    """A fault of the program ended a session: what Postfix calls a panic, though here the process goes on."""
    log.warning(f"internal error after {where} from {client}: {problem}")


def tls_begins(log: Log, client: str) -> None:
    """A handshake begins."""
    log.info(f"setting up TLS connection from {client}")


def tls_established(log: Log, client: str, tls: TlsSession) -> None:
    """A handshake succeeded."""
    log.info(f"{tls.trust} TLS connection established from {client}{tls.to_name}: {tls.summary}")


def tls_failed(log: Log, client: str, failure: Failure) -> None:
    """A handshake did not."""
    log.info(f"SSL_accept error from {client}: {failure.reason}")
    if failure.library:
        log.warning(f"TLS library problem: {failure.library}")


def server_name(log: Log, client: str, asked: Asked) -> None:
    """A client has asked for a certificate by a name (tls_server_sni_maps)."""
    if asked.problem:
        log.warning(f"tls_server_sni_maps: {asked.name} map lookup problem: {asked.problem}")
    elif asked.is_invalid:
        log.warning(f"TLS SNI from {client} is invalid: {asked.name}")
    elif not asked.is_found:
        log.info(f"TLS SNI {asked.name} from {client} not matched, using default chain")


def certificate_shown(log: Log, client: str, peer: PeerCertificate) -> None:
    """A client has shown a certificate: what tables are to have of it."""
    log.info(
        f"{client}: subject_CN={peer.subject}, issuer={peer.issuer}, fingerprint={peer.fingerprint},"
        f" pkey_fingerprint={peer.key_fingerprint}"
    )


def certificate_failed(log: Log, client: str, problem: str) -> None:
    """Nobody vouches for a certificate that is required."""
    log.info(f"certificate verification failed for {client}: {problem}")


def tls_aborted(log: Log, client: str, problem: str) -> None:
    """A client without a certificate that is required."""
    log.info(f"NOQUEUE: abort: TLS from {client}: {problem}")


def wrapper_dropped(log: Log, client: str, service: str) -> None:
    """A client of a service that begins with TLS, which can't be had."""
    log.warning(
        f"Wrapper-mode request dropped from {client} for service {service}."
        " TLS context initialization failed. For details see earlier warnings in your logs."
    )


def bad_address(log: Log, client: str, command: str, text: str) -> None:
    """MAIL, RCPT or VRFY with something that is no address."""
    log.warning(f"Illegal address syntax from {client} in {command} command: {text}")


def not_smtp(log: Log, client: str, line: str) -> None:
    """smtpd_forbidden_commands, or a message header where a command should be."""
    log.warning(f"non-SMTP command from {client}: {escape(line.encode()[:_INPUT_SHOWN])}")


def line_too_long(log: Log, client: str, limit: int, line: bytes) -> None:
    """A command line was cut."""
    log.warning(f"{client}: request longer than {limit}: {line[:30].decode('utf-8', 'replace')}...")


def early_input(log: Log, client: str, where: str, data: bytes) -> None:
    """The client sent ahead where it must not."""
    log.info(f"improper command pipelining after {where} from {client}: {escape(data[:_INPUT_SHOWN])}")


def escape(data: bytes) -> str:
    """Return bytes as C writes them in a string."""
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte != 92 else _ESCAPES.get(byte, f"\\{byte:03o}") for byte in data
    )


def discarded_keywords(log: Log, keywords: Iterable[str]) -> None:
    """smtpd_discard_ehlo_keywords was applied."""
    log.info(f"discarding EHLO keywords: {' '.join(keywords)}")


def etrn_refused(log: Log, client: str, domain: str) -> None:
    """ETRN for a domain without fast flush service."""
    log.warning(f"reject: ETRN {domain}... from {client}")


def bad_chunk(log: Log, queue_id: str, client: str, problem: str) -> None:
    """BDAT misused."""
    log.warning(f"{queue_id or 'NOQUEUE'}: {problem.format(client=client)}")


def old_default(log: Log, kind: str, address: str, client: str) -> None:
    """An address that is not ASCII is taken because smtputf8_enable has a default of old."""
    log.info(kept("smtputf8_enable=no", f'accept non-ASCII {kind} address "{address}" from {client}'))
