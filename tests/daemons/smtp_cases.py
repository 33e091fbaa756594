"""How servers may behave, one case each: for smtp's own tests and for the comparison with Postfix.

Each case is delivered to recipients user1@case ... through a server with that script; what counts is what the log
says of each recipient.
"""

from __future__ import annotations

from dataclasses import dataclass

from smtp_server import CLOSE, SILENCE, Script

BODY = b"Subject: x\n\n" + b"line\n" * 40
BIG = b"Subject: x\n\n" + (b"y" * 70 + b"\n") * 90_000


@dataclass
class Case:
    """A server's behaviour and the message for it."""

    name: str
    script: Script | None
    """None: nothing listens."""
    recipients: int = 1
    content: bytes = BODY
    sender: str = "sender@example.test"


def _many(*replies: bytes) -> dict[str, bytes]:
    return {f"user{number}": reply for number, reply in enumerate(replies, 1)}


OK = b"250 Ok\r\n"
PLAIN = b"250 sink.test\r\n"

SEVEN = Script(ehlo=b"250-sink.test\r\n250 PIPELINING\r\n")
_PART = b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
_TEXT = "caf\xe9 = good \n".encode() + b"x" * 60 + b"\xc3\xa9" * 40 + b"\n.dot\ntab\t\n"
EIGHT = b"Subject: x\n" + _PART + _TEXT
PARTS = (
    b'Subject: x\nContent-Type: multipart/mixed; boundary="bb"\nContent-Transfer-Encoding: 8bit\n\npreamble\n'
    b"--bb\n" + _PART + _TEXT + b"--bb\n\nplain\n--bb--\nepilogue\n"
)

CASES = [
    Case("accepted", Script()),
    Case("accepted-three", Script(), recipients=3),
    Case("accepted-no-pipelining", Script(ehlo=PLAIN), recipients=2),
    Case("accepted-multi-line", Script(dot=b"250-2.0.0 first\r\n250 2.6.0 last\r\n")),
    Case("accepted-no-enhanced-code", Script(dot=b"250 fine\r\n")),
    Case("accepted-bare-code", Script(dot=b"250\r\n")),
    Case("accepted-251", Script(dot=b"251 2.1.5 will forward\r\n")),
    Case("helo-fallback", Script(ehlo=b"502 5.5.1 no\r\n")),
    Case("helo-refused", Script(ehlo=b"500 what\r\n", helo=b"550 5.7.1 go away\r\n")),
    Case("ehlo-421", Script(ehlo=b"421 4.3.2 closing\r\n" + CLOSE)),
    Case("greeting-554", Script(greeting=b"554 5.7.1 no service\r\n")),
    Case("greeting-421", Script(greeting=b"421 4.3.2 too busy\r\n" + CLOSE)),
    Case("greeting-450-multi", Script(greeting=b"450-come\r\n450 later\r\n")),
    Case("greeting-354", Script(greeting=b"354 odd\r\n")),
    Case("greeting-closed", Script(greeting=CLOSE)),
    Case("greeting-silence", Script(greeting=SILENCE)),
    Case("nothing-listens", None),
    Case("ehlo-closed", Script(ehlo=CLOSE)),
    Case("ehlo-silence", Script(ehlo=SILENCE)),
    Case(
        "mail-550",
        Script(
            mail=b"550 5.7.1 sender refused\r\n", rcpt=b"503 5.5.1 MAIL first\r\n", data=b"503 5.5.1 RCPT first\r\n"
        ),
        recipients=2,
    ),
    Case("mail-451-no-pipelining", Script(ehlo=PLAIN, mail=b"451 4.3.0 later\r\n")),
    Case("mail-354", Script(ehlo=PLAIN, mail=b"354 odd\r\n")),
    Case("mail-closed", Script(mail=CLOSE)),
    Case("mail-421-closed", Script(mail=b"421 4.3.2 bye\r\n" + CLOSE), recipients=2),
    Case("rcpt-550", Script(rcpt=b"550 5.1.1 <x>: no such user\r\n", data=b"554 5.5.1 no recipients\r\n")),
    Case("rcpt-550-no-pipelining", Script(ehlo=PLAIN, rcpt=b"550 5.1.1 no such user\r\n")),
    Case("rcpt-450", Script(rcpt=b"450 4.2.0 greylisted\r\n", data=b"554 5.5.1 no recipients\r\n")),
    Case("rcpt-550-data-354", Script(rcpt=b"550 no\r\n", dot=b"554 no recipients\r\n")),
    Case("rcpt-552", Script(rcpt=b"552 5.2.2 full\r\n", data=b"503 no\r\n")),
    Case("rcpt-mixed", Script(rcpt=_many(OK, b"550 5.1.1 no\r\n", b"450 4.2.1 later\r\n")), recipients=3),
    Case("rcpt-wrong-class", Script(rcpt=b"550 4.1.1 mixed up\r\n", data=b"503 no\r\n")),
    Case("rcpt-multi-line", Script(rcpt=b"550-5.7.1 one\r\n550-two\r\n550 5.7.27 three\r\n", data=b"503 no\r\n")),
    Case("rcpt-354", Script(ehlo=PLAIN, rcpt=b"354 odd\r\n")),
    Case("rcpt-closed", Script(rcpt=CLOSE), recipients=2),
    Case("rcpt-second-closed", Script(rcpt=_many(OK, CLOSE)), recipients=2),
    Case("rcpt-first-421", Script(rcpt=_many(b"421 4.4.2 bye\r\n" + CLOSE)), recipients=2),
    Case("rcpt-unprintable", Script(rcpt=b"550 5.1.1 b\x01d \xff \xc3\xa9\ttab\r\n", data=b"503 no\r\n")),
    Case("rcpt-long", Script(rcpt=b"550 5.1.1 " + b"long " * 100 + b"\r\n", data=b"503 no\r\n")),
    Case("data-550", Script(data=b"550 5.7.1 no\r\n"), recipients=2),
    Case("data-451", Script(data=b"451 4.3.0 no\r\n")),
    Case("data-250", Script(data=b"250 odd\r\n")),
    Case("data-closed", Script(data=CLOSE)),
    Case("data-silence", Script(data=SILENCE)),
    Case("dot-550", Script(dot=b"550 5.7.1 spam\r\n"), recipients=2),
    Case("dot-451", Script(dot=b"451 4.3.0 try again\r\n"), recipients=2),
    Case("dot-452-no-code", Script(dot=b"452 disk full\r\n")),
    Case("dot-354", Script(dot=b"354 odd\r\n")),
    Case("dot-closed", Script(dot=CLOSE)),
    Case("dot-silence", Script(dot=SILENCE)),
    Case("dot-mixed", Script(rcpt=_many(OK, b"550 5.1.1 no\r\n"), dot=b"554 5.7.1 no\r\n"), recipients=2),
    Case("body-closed", Script(close_in_data=2000), content=BIG),
    Case("body-552-closed", Script(close_in_data=2000, say_in_data=b"552 5.3.4 too big\r\n"), content=BIG),
    Case("size-exceeded", Script(ehlo=b"250-sink\r\n250 SIZE 100\r\n")),
    Case("size-bad", Script(ehlo=b"250-sink\r\n250 SIZE lots\r\n")),
    Case("null-sender", Script(), sender=""),
    Case("greeting-garbage", Script(greeting=b"hello there\r\n220 sink.test\r\n")),
    Case("rcpt-garbage", Script(rcpt=b"hm\r\n250 2.1.5 Ok\r\n")),
    Case("rcpt-garbage-no-pipelining", Script(ehlo=PLAIN, rcpt=b"hm\r\n550 5.1.1 no\r\n")),
    Case("dot-garbage", Script(dot=b"250ok\r\n250 2.0.0 Ok\r\n")),
    Case("dot-bare-line-feed", Script(dot=b"250 2.0.0 Ok\n")),
    Case("dot-999", Script(dot=b"999 odd\r\n")),
    Case("data-150", Script(ehlo=PLAIN, data=b"150 wait\r\n")),
    Case("mime-simple", SEVEN, content=EIGHT),
    Case("mime-multipart", SEVEN, content=PARTS),
    Case("mime-undeclared", SEVEN, content=b"Subject: x\n\ncaf\xc3\xa9\n"),
    Case("mime-8bit-server", Script(), content=EIGHT),
    Case("quit-refused", Script(quit=b"500 no\r\n")),
]
