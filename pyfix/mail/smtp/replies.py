"""Every reply text that a client can see.

The words are Postfix's, because log tools and other servers' operators know them. Texts with a place in them are
functions. RFC 5321 section 4.2, RFC 2034 and 3463 for the enhanced codes.
"""

from __future__ import annotations

import base64
from typing import Final

OK: Final = "250 2.0.0 Ok"
BYE: Final = "221 2.0.0 Bye"
SENDER_OK: Final = "250 2.1.0 Ok"
RCPT_OK: Final = "250 2.1.5 Ok"
START_DATA: Final = "354 End data with <CR><LF>.<CR><LF>"

SYNTAX_HELO: Final = "501 Syntax: HELO hostname"
SYNTAX_EHLO: Final = "501 Syntax: EHLO hostname"
SYNTAX_MAIL: Final = "501 5.5.4 Syntax: MAIL FROM:<address>"
SYNTAX_RCPT: Final = "501 5.5.4 Syntax: RCPT TO:<address>"
SYNTAX_DATA: Final = "501 5.5.4 Syntax: DATA"
SYNTAX_BDAT: Final = "521 5.5.4 Syntax: BDAT count [LAST]"
SYNTAX_RSET: Final = "501 5.5.4 Syntax: RSET"
SYNTAX_VRFY: Final = "501 5.5.4 Syntax: VRFY address [SMTPUTF8]"
SYNTAX_ETRN: Final = "500 Syntax: ETRN domain"
SYNTAX_STARTTLS: Final = "501 5.5.4 Syntax: STARTTLS"
SYNTAX_AUTH: Final = "501 5.5.4 Syntax: AUTH mechanism"
SYNTAX_XCLIENT: Final = "501 5.5.4 Syntax: XCLIENT attribute=value..."
SYNTAX_XFORWARD: Final = "501 5.5.4 Syntax: XFORWARD attribute=value..."

BAD_SYNTAX: Final = "500 5.5.2 Error: bad syntax"
BAD_UTF8: Final = "500 5.5.2 Error: bad UTF-8 syntax"
BAD_SENDER: Final = "501 5.1.7 Bad sender address syntax"
BAD_RCPT: Final = "501 5.1.3 Bad recipient address syntax"
BAD_SIZE: Final = "501 5.5.4 Bad message size syntax"
BAD_RET: Final = "501 5.5.4 Bad RET parameter syntax"
BAD_ENVID: Final = "501 5.5.4 Bad ENVID parameter syntax"
BAD_NOTIFY: Final = "501 5.5.4 Error: Bad NOTIFY parameter syntax"
BAD_ORCPT: Final = "501 5.5.4 Error: Bad ORCPT parameter syntax"
ETRN_IN_MAIL: Final = "503 Error: MAIL transaction in progress"
BAD_ETRN: Final = "501 Error: invalid parameter syntax"
DSN_DISABLED: Final = "501 5.7.1 DSN support is disabled"

NEED_HELO: Final = "503 5.5.1 Error: send HELO/EHLO first"
ETRN_NEED_HELO: Final = "503 Error: send HELO/EHLO first"
NEED_MAIL: Final = "503 5.5.1 Error: need MAIL command"
NEED_RCPT: Final = "503 5.5.1 Error: need RCPT command"
NESTED_MAIL: Final = "503 5.5.1 Error: nested MAIL command"
MAIL_AFTER_BDAT: Final = "503 5.5.1 Error: MAIL after BDAT"
RCPT_AFTER_BDAT: Final = "503 5.5.1 Error: RCPT after BDAT"
DATA_AFTER_BDAT: Final = "503 5.5.1 Error: DATA after BDAT"
NO_VALID_RECIPIENTS: Final = "554 5.5.1 Error: no valid recipients"
NULL_CHUNK: Final = "551 5.7.1 Null BDAT request"

UNKNOWN_COMMAND: Final = "500 5.5.2 Error: command not recognized"
NOT_IMPLEMENTED: Final = "502 5.5.1 Error: command not implemented"
BDAT_DISABLED: Final = "521 5.5.1 Error: command not implemented"
VRFY_DISABLED: Final = "502 5.5.1 VRFY command is disabled"
TLS_ACTIVE: Final = "554 5.5.1 Error: TLS already active"
READY_FOR_TLS: Final = "220 2.0.0 Ready to start TLS"
NO_TLS: Final = "454 4.7.0 TLS not available due to local problem"
NEED_TLS: Final = "530 5.7.0 Must issue a STARTTLS command first"
NO_AUTH: Final = "503 5.5.1 Error: authentication not enabled"
AUTH_IN_MAIL: Final = "503 5.5.1 Error: MAIL transaction in progress"
ALREADY_AUTHENTICATED: Final = "503 5.5.1 Error: already authenticated"
AUTHENTICATED: Final = "235 2.7.0 Authentication successful"
AUTH_ABORTED: Final = "501 5.7.0 Authentication aborted"
RESPONSE_TOO_LONG: Final = "500 5.5.6 SASL response limit exceeded"
MANY_AUTH_OPTIONS: Final = "503 5.5.4 Error: multiple AUTH= options"
NO_AUTHORIZATION: Final = "550 5.7.0 Error: insufficient authorization"
NOT_SMTP: Final = "221 2.7.0 Error: I can break rules, too. Goodbye."
PIPELINING: Final = "554 5.5.0 Error: SMTP protocol synchronization"

TOO_MANY_RECIPIENTS: Final = "452 4.5.3 Error: too many recipients"
SIZE_EXCEEDS_LIMIT: Final = "552 5.3.4 Message size exceeds fixed limit"
SIZE_UNREASONABLE: Final = "552 5.3.4 Message size exceeds file system imposed limit"
MESSAGE_TOO_BIG: Final = "552 5.3.4 Error: message file too big"
CHUNK_TOO_BIG: Final = "552 5.3.4 Chunk exceeds message size limit"
NO_STORAGE: Final = "452 4.3.1 Insufficient system storage"
WRITE_ERROR: Final = "451 4.3.0 Error: queue file write error"
CONFIGURATION_ERROR: Final = "451 4.3.5 Server configuration error"


def too_many_connections(hostname: str, address: str) -> str:
    """smtpd_client_connection_count_limit or _rate_limit is reached."""
    return f"421 4.7.0 {hostname} Error: too many connections from {address}"


def too_much(what: str, whom: str) -> str:
    """A rate limit is reached: "mail", "recipients" or "AUTH commands" from a client's address, or a login."""
    much = "too much" if what == "mail" else "too many"
    return f"450 4.7.1 Error: {much} {what} from {whom}"


def too_many_tls_sessions(address: str) -> str:
    """smtpd_client_new_tls_session_rate_limit is reached."""
    return f"454 4.7.0 Error: too many new TLS sessions from {address}"


def challenge(data: bytes) -> str:
    """AUTH goes on (RFC 4954 section 4)."""
    return f"334 {base64.b64encode(data).decode()}"


def login_failed(reason: str, *, is_temporary: bool) -> str:
    """AUTH did not succeed (RFC 4954 section 6)."""
    if is_temporary:
        return f"454 4.7.0 Temporary authentication failure: {reason}"
    return f"535 5.7.8 Error: authentication failed: {reason}"


def queued(queue_id: str, chunk_size: int | None = None) -> str:
    """The message is on stable storage; with BDAT its size as on the wire is told."""
    return (
        f"250 2.0.0 Ok: queued as {queue_id}"
        if chunk_size is None
        else (f"250 2.0.0 Ok: {chunk_size} bytes queued as {queue_id}")
    )


def chunk_ok(size: int) -> str:
    """A chunk that is not the last."""
    return f"250 2.0.0 Ok: {size} bytes"


def chunk_discarded(size: int) -> str:
    """A chunk of a message that failed already."""
    return f"551 5.0.0 Discarded {size} bytes after earlier error"


def unsupported_option(option: str) -> str:
    """An ESMTP parameter that is not known, or lacks its value (RFC 5321 section 4.1.1.11)."""
    return f"555 5.5.4 Unsupported option: {option}"


def vrfy_ok(argument: str) -> str:
    """The recipient would be accepted; the argument as it was given."""
    return f"252 2.0.0 {argument}"


def etrn_refused(domain: str) -> str:
    """The domain has no fast flush service."""
    return f"459 <{domain}>: service unavailable"


def access_denied(client: str) -> str:
    """Every command but QUIT of a client that was refused at connect time."""
    return f"503 5.7.0 Error: access denied for {client}"


def no_certificate(hostname: str, problem: str) -> str:
    """smtpd_tls_req_ccert: the client has no certificate, or none that is trusted."""
    return f"421 4.7.1 {hostname} Error: {problem}"


def timeout(hostname: str) -> str:
    """The client was silent for too long."""
    return f"421 4.4.2 {hostname} Error: timeout exceeded"


def too_many_errors(hostname: str) -> str:
    """smtpd_hard_error_limit is reached."""
    return f"421 4.7.0 {hostname} Error: too many errors"


def shutting_down(hostname: str) -> str:
    """The mail system stops (RFC 5321 section 3.8)."""
    return f"421 4.3.2 {hostname} Service shutting down"


def internal_error(hostname: str) -> str:
    """A fault of the program; the log has more."""
    return f"421 4.3.0 {hostname} Error: internal error"


def bare_newline(code: int, hostname: str) -> str:
    """smtpd_forbid_bare_newline = reject."""
    return f"{code} 5.5.2 {hostname} Error: bare <LF> received"


def is_final(reply: str) -> bool:
    """True for a reply after which the server closes the connection: 421 and 521."""
    return reply.startswith(("421", "521"))


def soften(reply: str) -> str:
    """Return a reply as soft_bounce has it: what is refused for good is refused for now."""
    return "\r\n".join(_soften_line(line) for line in reply.split("\r\n"))


def _soften_line(line: str) -> str:
    if not line.startswith("5"):
        return line
    rest = line[4:]
    return f"4{line[1:4]}{'4' + rest[1:] if rest.startswith('5.') else rest}"
