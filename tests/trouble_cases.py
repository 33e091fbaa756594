"""Sessions with trouble, and the classes of notify_classes under which Postfix 3.7 tells the postmaster of them.

For smtpd alone, whose neighbours are faked, and for the comparison with the real Postfix. A step is what the client
sends; it waits for a reply after each, and hangs up at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

SETTINGS = {
    "mynetworks": "10.0.0.0/8",
    "mydestination": "",
    "virtual_mailbox_domains": "virtual.test, pair.test",
    "message_size_limit": "20000",
    "hopcount_limit": "5",
    "error_notice_recipient": "errors@pair.test",
    "bounce_notice_recipient": "bounces@pair.test",
    "smtpd_error_sleep_time": "0",
    "smtpd_hard_error_limit": "6",
    "smtpd_junk_command_limit": "2",
    "smtpd_recipient_limit": "3",
    "smtpd_recipient_overshoot_limit": "1",
    "smtpd_timeout": "3",
    "smtpd_delay_reject": "no",
    "smtpd_relay_restrictions": "reject_unauth_destination",
    "smtpd_helo_restrictions": "check_helo_access inline:{{bad.example=REJECT}}",
    "smtpd_sender_restrictions": "check_sender_access inline:{"
    "{no@s.test=REJECT no mail from there, which takes so many words to say that the line has to be folded},"
    "{late@s.test=DEFER}, {end@s.test=421 4.7.0 go away}, {odd@s.test=no_such_restriction} }",
    "smtpd_recipient_restrictions": "check_recipient_access inline:{ {full@virtual.test=450 4.2.1 full},"
    "{warn@virtual.test=warn_if_reject reject}, {gone@virtual.test=DEFER_IF_REJECT later} }",
    "smtpd_data_restrictions": "check_sender_access inline:{{data@s.test=REJECT}}",
    "smtpd_end_of_data_restrictions": "check_sender_access inline:{{eod@s.test=REJECT}}",
}
"""Besides these: virtual_mailbox_maps with u1@virtual.test and warn@virtual.test."""


@dataclass(frozen=True)
class Case:
    """One session."""

    name: str
    classes: str
    """Words of notify_classes, each of which brings a notice; "" for no notice."""
    steps: list[bytes]
    needs_neighbours: bool = False
    """It depends on cleanup or on the clock."""


HELO = b"HELO x\r\n"
MAIL = b"MAIL FROM:<a@s.test>\r\n"
RCPT = b"RCPT TO:<u1@virtual.test>\r\n"
QUIT = b"QUIT\r\n"
DATA = b"DATA\r\n"


def lines(*commands: bytes) -> list[bytes]:
    """Return commands as steps of a session from HELO to QUIT."""
    return [HELO, *(command if command.endswith(b"\n") else command + b"\r\n" for command in commands), QUIT]


CASES = [
    # --- no protocol that we know
    Case("unknown command", "protocol", lines(b"XYZZY")),
    Case("empty line", "protocol", lines(b"")),
    Case("no UTF-8", "protocol", lines(b"NOOP \xff")),
    Case("control characters", "protocol", lines(b"FOO\tbar\x01 " + "é".encode() + b" word" * 40, b"FOO\0bar")),
    Case("long words", "protocol", lines(b"FOO " + b"x" * 100 + b" a b " + b"y" * 90)),
    Case("long line", "protocol", lines(b"FOO " + b"x" * 3000)),
    Case("several greetings", "protocol", [b"EHLO x\r\n", b"FOO\r\n", b"EHLO y\r\n", QUIT]),
    Case("HELO syntax", "protocol", [b"HELO\r\n", QUIT]),
    Case("MAIL syntax", "protocol", lines(b"MAIL")),
    Case("MAIL option", "protocol", lines(b"MAIL FROM:<a@s.test> FOO=1")),
    Case("MAIL size syntax", "protocol", lines(b"MAIL FROM:<a@s.test> SIZE=x")),
    Case("MAIL twice", "protocol", lines(MAIL, MAIL)),
    Case("RCPT before MAIL", "protocol", lines(RCPT)),
    Case("RCPT null", "protocol", lines(MAIL, b"RCPT TO:<>")),
    Case("RCPT option", "protocol", lines(MAIL, RCPT[:-2] + b" NOTIFY=X")),
    Case("DATA before MAIL", "protocol", lines(DATA)),
    Case("DATA syntax", "protocol", lines(MAIL, RCPT, b"DATA x")),
    Case("BDAT syntax", "protocol", [HELO, MAIL, RCPT, b"BDAT x\r\n"]),
    Case("BDAT before MAIL", "protocol", lines(b"BDAT 0 LAST")),
    Case("RCPT after BDAT", "protocol", lines(MAIL, RCPT, b"BDAT 3\r\na\r\n", RCPT)),
    Case("RSET syntax", "protocol", lines(b"RSET x")),
    Case("VRFY syntax", "protocol", lines(b"VRFY")),
    Case("ETRN syntax", "protocol", lines(b"ETRN a/b")),
    Case("ETRN in mail", "protocol", lines(MAIL, b"ETRN some.example")),
    Case("STARTTLS", "protocol", lines(b"STARTTLS")),
    Case("AUTH", "protocol", lines(b"AUTH PLAIN AGEAYg==")),
    Case("XCLIENT syntax", "protocol", lines(b"XCLIENT")),
    Case("too many errors", "protocol", [HELO, *[b"FOO\r\n"] * 6]),
    # --- policy
    Case("HELO refused", "policy", [b"HELO bad.example\r\n", QUIT]),
    Case("MAIL size", "policy", lines(b"MAIL FROM:<a@s.test> SIZE=99999")),
    Case("MAIL size without sense", "policy", lines(b"MAIL FROM:<a@s.test> SIZE=" + b"9" * 25)),
    Case("MAIL refused", "policy", lines(b"MAIL FROM:<no@s.test>")),
    Case("MAIL deferred", "policy", lines(b"MAIL FROM:<late@s.test>")),
    Case("MAIL refused with 421", "policy", [HELO, b"MAIL FROM:<end@s.test>\r\n"]),
    Case("relaying", "policy", lines(MAIL, b"RCPT TO:<a@nowhere.example>")),
    Case("RCPT refused", "policy", lines(MAIL, b"RCPT TO:<full@virtual.test>")),
    Case("RCPT warned of", "policy", lines(MAIL, b"RCPT TO:<warn@virtual.test>")),
    Case("far too many recipients", "policy", lines(MAIL, RCPT, RCPT, RCPT, RCPT, RCPT)),
    Case("VRFY relaying", "policy", lines(b"VRFY a@nowhere.example")),
    Case("DATA refused", "policy", lines(b"MAIL FROM:<data@s.test>", RCPT, DATA)),
    Case("message refused", "policy", lines(b"MAIL FROM:<eod@s.test>", RCPT, DATA, b"x\r\n.")),
    Case("chunk too large", "policy", [HELO, MAIL, RCPT, b"BDAT 30000 LAST\r\n" + b"z" * 30000, QUIT]),
    Case("XCLIENT", "policy", lines(b"XCLIENT NAME=x")),
    Case("XFORWARD", "policy", lines(b"XFORWARD NAME=x")),
    # --- mail that would have been returned
    Case("unknown user", "bounce", lines(MAIL, b"RCPT TO:<nobody@virtual.test>")),
    Case("unknown user, deferred", "bounce policy", lines(MAIL, b"RCPT TO:<gone@virtual.test>")),
    Case("VRFY unknown user", "bounce", lines(b"VRFY nobody@virtual.test")),
    Case("too large", "bounce", lines(MAIL, RCPT, DATA, b"x" * 900 + (b"\r\n" + b"y" * 900) * 40 + b"\r\n.")),
    Case("too many hops", "bounce", lines(MAIL, RCPT, DATA, b"Received: x\r\n" * 9 + b"\r\n."), needs_neighbours=True),
    Case("two kinds", "bounce protocol", lines(MAIL, b"RCPT TO:<nobody@virtual.test>", b"FOO")),
    # --- our own fault
    Case("unknown restriction", "software", lines(b"MAIL FROM:<odd@s.test>")),
    # --- nobody is told
    Case("no trouble", "", lines(MAIL, RCPT, b"RSET")),
    Case("nothing but HELO", "", [HELO]),
    Case("HTTP", "", [HELO, b"GET / HTTP/1.0\r\n"]),
    Case("header", "", [HELO, b"Subject: x\r\n"]),
    Case("no recipients", "", lines(MAIL, DATA)),
    Case("too many recipients", "", lines(MAIL, RCPT, RCPT, RCPT, RCPT)),
    Case("BDAT without recipients", "", lines(MAIL, b"BDAT 0 LAST")),
    Case("empty chunk", "", lines(MAIL, RCPT, b"BDAT 0")),
    Case("chunk after error", "", [HELO, MAIL, RCPT, b"BDAT 0\r\n", b"BDAT 3 LAST\r\nabc", QUIT]),
    Case("ETRN", "", lines(b"ETRN some.example")),
    Case("junk", "", lines(*[b"NOOP"] * 4)),
    Case("silence", "", [HELO, b""], needs_neighbours=True),
    # --- how a session ends
    Case("hangs up", "protocol", [HELO, b"FOO\r\n"]),
    Case("hangs up in DATA", "protocol", [HELO, b"FOO\r\n", MAIL, RCPT, DATA]),
    Case("silence after an error", "protocol", [HELO, b"FOO\r\n", b""], needs_neighbours=True),
    Case("breaks rules in the end", "protocol", [HELO, b"FOO\r\n", b"GET / HTTP/1.0\r\n"]),
]
