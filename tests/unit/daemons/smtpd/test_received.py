"""The Received: header."""

from pyfix.daemons.smtpd.received import make_received
from pyfix.mail.ipc.messages import Client

CLIENT = Client("host.example", "192.0.2.1", "25", "helo.example", "ESMTP")


def header(client: Client, recipients: list[str], smtputf8: bool = False) -> list[str]:
    """Return the lines of the header without the date."""
    text = make_received(client, "4D1F", recipients, 0, "mail.test", "Postfix", smtputf8).decode()
    return [line.partition(";")[0] for line in text.splitlines()]


def test_one_recipient_is_named() -> None:
    """As Postfix writes it."""
    assert header(CLIENT, ["a@b.c"]) == [
        "Received: from helo.example (host.example [192.0.2.1])",
        "\tby mail.test (Postfix) with ESMTP id 4D1F",
        "\tfor <a@b.c>",
    ]


def test_several_recipients_are_not_told_of_each_other() -> None:
    """Without "for", the date has a line of its own."""
    lines = header(CLIENT, ["a@b.c", "d@e.f"])
    assert lines[1] == "\tby mail.test (Postfix) with ESMTP id 4D1F"
    assert "a@b.c" not in "".join(lines)


def test_ipv6_missing_helo_and_smtputf8() -> None:
    """The address is tagged, the name stands in, the protocol is that of RFC 6531."""
    assert header(Client("unknown", "2001:db8::1", "", "", "SMTP"), [], True)[:2] == [
        "Received: from unknown (unknown [IPv6:2001:db8::1])",
        "\tby mail.test (Postfix) with UTF8SMTP id 4D1F",
    ]
