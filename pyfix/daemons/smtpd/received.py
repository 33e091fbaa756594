"""The Received: header of a message that came over SMTP (RFC 5321 section 4.4), as Postfix writes it.

    Received: from helo (name [address])
        (Authenticated sender: login)
        by myhostname (mail_name) with ESMTP id ID
        for <recipient>; date

With TLS the protocol is ESMTPS, with a login ESMTPA (RFC 3848); smtpd_tls_received_header adds how the client
encrypted, smtpd_sasl_authenticated_header who has logged in.
"for" is there only when there is one recipient: it must not tell one about another.
"""

from __future__ import annotations

import re
from typing import Final

from pyfix.mail.ipc.messages import Client
from pyfix.mail.message.dates import format_date
from pyfix.mail.tls.session import TlsSession

_UNCOMMENTABLE: Final = re.compile(r"[^ -'*-\[\]-~]")
"""What would end a comment in a header, or spoil it."""


def make_received(
    client: Client,
    queue_id: str,
    recipients: list[str],
    arrival: float,
    hostname: str,
    mail_name: str,
    smtputf8: bool,
    tls: TlsSession | None = None,
    *,
    tells_tls: bool = False,
    show_login: bool = False,
) -> bytes:
    """Return the header, with its line ends."""
    address = f"IPv6:{client.address}" if ":" in client.address else client.address
    protocol = "UTF8SMTP" if smtputf8 else client.protocol
    if tls is not None and client.protocol == "ESMTP":
        protocol += "S"
    if client.sasl_username and protocol != "SMTP":
        protocol += "A"
    login = ""
    if show_login and client.sasl_username:
        login = f"\t(Authenticated sender: {_UNCOMMENTABLE.sub('?', client.sasl_username)})\n"
    text = (
        f"Received: from {client.helo or client.name} ({client.name} [{address}])\n"
        f"{tls.received_lines if tls is not None and tells_tls else ''}{login}"
        f"\tby {hostname} ({mail_name}) with {protocol} id {queue_id}"
    )
    date = format_date(arrival)
    if len(recipients) == 1:
        text += f"\n\tfor <{recipients[0]}>; {date}\n"
    else:
        text += f";\n\t{date}\n"
    return text.encode("utf-8", "replace")
