"""The Received: header of a message that came over SMTP (RFC 5321 section 4.4), as Postfix writes it.

    Received: from helo (name [address])
        by myhostname (mail_name) with ESMTP id ID
        for <recipient>; date

"for" is there only when there is one recipient: it must not tell one about another.
"""

from __future__ import annotations

from pyfix.mail.ipc.messages import Client
from pyfix.mail.message.dates import format_date


def make_received(
    client: Client, queue_id: str, recipients: list[str], arrival: float, hostname: str, mail_name: str, smtputf8: bool
) -> bytes:
    """Return the header, with its line ends."""
    address = f"IPv6:{client.address}" if ":" in client.address else client.address
    protocol = "UTF8SMTP" if smtputf8 else client.protocol
    text = (
        f"Received: from {client.helo or client.name} ({client.name} [{address}])\n"
        f"\tby {hostname} ({mail_name}) with {protocol} id {queue_id}"
    )
    date = format_date(arrival)
    if len(recipients) == 1:
        text += f"\n\tfor <{recipients[0]}>; {date}\n"
    else:
        text += f";\n\t{date}\n"
    return text.encode("utf-8", "replace")
