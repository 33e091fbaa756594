"""Say what a server's reply, or its silence, means: the Dsn of the recipients, in Postfix's words.

Pure. The first digit of the status decides: 4 tries the next host or defers, 5 bounces. A reply that fits no
command (3xx to RCPT, 250 to DATA) is permanent, as in Postfix.
"""

from __future__ import annotations

from pyfix.mail.ipc.messages import Dsn
from pyfix.proto.smtp_client.actions import Stage
from pyfix.proto.smtp_client.reply import Reply


def refused(reply: Reply, stage: Stage, host: str, peer: str) -> Dsn:
    """Return the verdict on a command that was refused; `peer` is host[address]."""
    return _from_reply(reply, f"host {peer} said: {reply.line} (in reply to {stage.request})", host)


def breaks_protocol(reply: Reply) -> bool:
    """True for a refusal which says that one of the two does not speak SMTP: a matter for the postmaster.

    Codes of the form x0z are about syntax (RFC 5321 section 4.2.1), 555 is about an option; no command is refused with
    2xx or 3xx.
    """
    return reply.code < 400 or reply.code > 599 or 500 <= reply.code < 510 or reply.code == 555


def site_refused(reply: Reply, stage: Stage, host: str, peer: str, *, skip_5xx_greeting: bool) -> Dsn:
    """Return the verdict on a server that does not want to talk to us."""
    dsn = _from_reply(reply, f"host {peer} refused to talk to me: {reply.line}", host)
    if skip_5xx_greeting and stage is Stage.GREETING and reply.kind == 5:
        return Dsn("4" + dsn.status[1:], dsn.reason, dsn.diagnostic_type, dsn.diagnostic, dsn.mta)
    return dsn


def _from_reply(reply: Reply, reason: str, host: str) -> Dsn:
    status = reply.status or "5.5.0"
    if status.startswith("2"):
        reason = "Protocol error: " + reason
        status = "5.5.0"
    return Dsn(status, reason, "smtp", reply.line, host)


def lost(stage: Stage, peer: str) -> Dsn:
    """Return the verdict on a connection that broke."""
    return Dsn("4.4.2", f"lost connection with {peer} while {stage.doing}")


def timed_out(stage: Stage, peer: str) -> Dsn:
    """Return the verdict on a server that kept silent."""
    return Dsn("4.4.2", f"conversation with {peer} timed out while {stage.doing}")


def violated(reason: str, peer: str) -> Dsn:
    """Return the verdict on a server that does not speak SMTP."""
    return Dsn("4.5.0", f"Protocol error: host {peer}: {reason}")


def unreadable() -> Dsn:
    """Return the verdict on a queue file whose content can't be read."""
    return Dsn("4.3.0", "unreadable mail queue entry")


def not_rewritten() -> Dsn:
    """Return the verdict on a message whose addresses for the world can't be found out (smtp_generic_maps)."""
    return Dsn("4.3.0", "unknown mail transport error")


def unsendable(*, sender: bool) -> Dsn:
    """Return the verdict on an address that would end the line of its command."""
    return Dsn("5.1.7" if sender else "5.1.3", "bad address syntax")


def nested_too_deep() -> Dsn:
    """Return the verdict on a message that can't be converted to 7 bits."""
    return Dsn("5.6.0", "MIME nesting exceeds safety limit")


def not_connected(host: str, address: str, port: int, reason: str) -> Dsn:
    """Return the verdict on a host that can't be reached; port 0 is a Unix-domain socket."""
    where = f"{host}[{address}]:{port}" if port else f"{host}[{address}]"
    return Dsn("4.4.1", f"connect to {where}: {reason}")


def too_big(size: int, limit: int, peer: str) -> Dsn:
    """Return the verdict on a message that the server said it won't take."""
    return Dsn("5.3.4", f"message size {size} exceeds size limit {limit} of server {peer}")


def needs_smtputf8(peer: str) -> Dsn:
    """Return the verdict on an internationalized message for a server that can't take it."""
    return Dsn("5.6.7", f"SMTPUTF8 is required, but was not offered by host {peer}")


def loops(nexthop: str, *, best: bool) -> Dsn:
    """Return the verdict on a server that turned out to be this machine; a backup server is no reason to bounce."""
    return Dsn("5.4.6" if best else "4.4.6", f"mail for {nexthop} loops back to myself")
