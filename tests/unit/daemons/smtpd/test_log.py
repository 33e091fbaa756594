"""Log lines, in Postfix's words."""

from pyfix.base.log import MemoryLog
from pyfix.daemons.smtpd import log
from pyfix.mail.restrictions.questions import Context

ORDER = ("HELO", "MAIL", "QUIT")


def test_disconnect_counts_successes_of_all() -> None:
    """A fraction only where something failed."""
    sink = MemoryLog()
    log.disconnected(sink, "h[1.2.3.4]", {"MAIL": [1, 2], "HELO": [1, 1]}, ORDER)
    log.disconnected(sink, "h[1.2.3.4]", {}, ORDER)
    assert sink.lines == [
        "disconnect from h[1.2.3.4] helo=1 mail=1/2 commands=2/3",
        "disconnect from h[1.2.3.4] commands=0/0",
    ]


def test_refusal_tells_what_is_known() -> None:
    """from, to and helo appear once they are known; the null sender is known."""
    sink = MemoryLog()
    log.refused(sink, "", "CONNECT", Context("h", "1.2.3.4"), "SMTP", "554 no")
    log.refused(sink, "ABC", "RCPT", Context("h", "1.2.3.4", "x", "", "a@b.c"), "ESMTP", "554 no")
    assert sink.lines == [
        "NOQUEUE: reject: CONNECT from h[1.2.3.4]: 554 no; proto=SMTP",
        "ABC: reject: RCPT from h[1.2.3.4]: 554 no; from=<> to=<a@b.c> proto=ESMTP helo=<x>",
    ]


def test_bytes_of_strangers_are_escaped() -> None:
    """Nothing can forge a line."""
    assert log.escape(b"a\r\n\x00\xe9\\") == "a\\r\\n\\000\\351\\\\"
