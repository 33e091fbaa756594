"""Arguments of MAIL and RCPT."""

import pytest

from pyfix.mail.ipc.messages import NOTIFY_DELAY, NOTIFY_NEVER, NOTIFY_SUCCESS, RET_FULL, RET_HDRS
from pyfix.mail.smtp import replies
from pyfix.mail.smtp.commands import (
    CommandError,
    Features,
    MailCommand,
    RcptCommand,
    decode_uxtext,
    decode_xtext,
    parse_mail,
    parse_notify,
    parse_orcpt,
    parse_rcpt,
)

ALL = Features()


def test_mail_with_every_parameter_is_understood() -> None:
    """SIZE, BODY, SMTPUTF8, RET, ENVID and AUTH, in any case."""
    command = parse_mail("FROM:<a@b.c> size=5 BODY=8bitmime SMTPUTF8 RET=hdrs ENVID=x+41 AUTH=<>", ALL)
    assert command == MailCommand("a@b.c", 5, "8bit", True, RET_HDRS, "xA")


def test_null_sender_is_a_sender() -> None:
    """MAIL FROM:<> is the sender of notices."""
    assert parse_mail("from: <>", ALL).sender == ""


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("", replies.SYNTAX_MAIL),
        ("FROM", replies.SYNTAX_MAIL),
        ("FROM:", replies.SYNTAX_MAIL),
        ("FROM : <a@b.c>", replies.SYNTAX_MAIL),
        ("TO:<a@b.c>", replies.SYNTAX_MAIL),
        ("FROM:<a@b.c", replies.BAD_SENDER),
        ("FROM:<a@>", replies.BAD_SENDER),
        ("FROM:<a@b..c>", replies.BAD_SENDER),
        ("FROM:<a@-b.c>", replies.BAD_SENDER),
        ("FROM:<a@1.2.3.4>", replies.BAD_SENDER),
        ("FROM:<a@[1.2.3]>", replies.BAD_SENDER),
        ("FROM:<a@b.c> SIZE", replies.unsupported_option("SIZE")),
        ("FROM:<a@b.c> SIZE=", replies.BAD_SIZE),
        ("FROM:<a@b.c> SIZE=-1", replies.BAD_SIZE),
        ("FROM:<a@b.c> SIZE=\u0661", replies.BAD_SIZE),
        ("FROM:<a@b.c> SIZE=9999999999999999999", replies.SIZE_UNREASONABLE),
        ("FROM:<a@b.c> BODY=BINARYMIME", replies.unsupported_option("BODY=BINARYMIME")),
        ("FROM:<a@b.c> RET=FULL RET=FULL", replies.BAD_RET),
        ("FROM:<a@b.c> RET=x", replies.BAD_RET),
        ("FROM:<a@b.c> ENVID=", replies.BAD_ENVID),
        ("FROM:<a@b.c> ENVID=+4", replies.BAD_ENVID),
        ("FROM:<a@b.c> ENVID=+zz", replies.BAD_ENVID),
        ("FROM:<a@b.c> NOTIFY=NEVER", replies.unsupported_option("NOTIFY=NEVER")),
    ],
)
def test_bad_mail_is_refused_in_postfix_words(argument: str, reply: str) -> None:
    """The reply names the fault."""
    with pytest.raises(CommandError) as refused:
        parse_mail(argument, ALL)
    assert refused.value.reply == reply


def test_parameters_of_extensions_that_are_off_are_refused() -> None:
    """What EHLO does not announce is not accepted."""
    off = Features(smtputf8=False, dsn=False)
    with pytest.raises(CommandError, match="Unsupported option: SMTPUTF8"):
        parse_mail("FROM:<a@b.c> SMTPUTF8", off)
    with pytest.raises(CommandError, match="DSN support is disabled"):
        parse_mail("FROM:<a@b.c> RET=FULL", off)
    with pytest.raises(CommandError, match="DSN support is disabled"):
        parse_rcpt("TO:<a@b.c> ORCPT=rfc822;x", off)


def test_rcpt_with_dsn_parameters_is_understood() -> None:
    """NOTIFY and ORCPT, decoded."""
    command = parse_rcpt("TO:<a@b.c> NOTIFY=success,DELAY ORCPT=rfc822;x+2By@z", ALL)
    assert command == RcptCommand("a@b.c", NOTIFY_SUCCESS | NOTIFY_DELAY, "rfc822;x+y@z")


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("", replies.SYNTAX_RCPT),
        ("TO:", replies.SYNTAX_RCPT),
        ("TO:<>", replies.BAD_RCPT),
        ("TO:<a@b.c> NOTIFY=NEVER,SUCCESS", replies.BAD_NOTIFY),
        ("TO:<a@b.c> NOTIFY=DELAY NOTIFY=DELAY", replies.BAD_NOTIFY),
        ("TO:<a@b.c> ORCPT=rfc822", replies.BAD_ORCPT),
        ("TO:<a@b.c> ORCPT=;x", replies.BAD_ORCPT),
        ("TO:<a@b.c> SIZE=1", replies.unsupported_option("SIZE=1")),
        ("TO:<a@b.c> NOTIFY", replies.unsupported_option("NOTIFY")),
    ],
)
def test_bad_rcpt_is_refused_in_postfix_words(argument: str, reply: str) -> None:
    """The reply names the fault."""
    with pytest.raises(CommandError) as refused:
        parse_rcpt(argument, ALL)
    assert refused.value.reply == reply


def test_never_stands_alone() -> None:
    """RFC 3461 section 4.1."""
    assert parse_notify("NEVER") == NOTIFY_NEVER
    assert parse_notify("NEVER,DELAY") == 0
    assert parse_notify("") == 0


def test_xtext_decodes_to_utf8() -> None:
    """A plus sign begins two hexadecimal digits, and nothing else."""
    assert decode_xtext("a+2Bb") == "a+b"
    assert decode_xtext("+C3+A9") == "\u00e9"
    assert decode_xtext("+FF") == "\ufffd"
    assert [decode_xtext(bad) for bad in ("+", "a+4", "+4x", "++4")] == [None] * 4


def test_utf8_orcpt_is_decoded() -> None:
    """RFC 6533 section 3; no surrogate and no number past Unicode gets through."""
    assert parse_orcpt(r"utf-8;x\x{e9}@y") == "utf-8;x\u00e9@y"
    assert decode_uxtext(r"\x{d800}") is None
    assert decode_uxtext(r"\x{110000}") is None


def test_size_counts_full_value() -> None:
    """A big but possible size is a number."""
    assert parse_mail("FROM:<a@b.c> SIZE=0000000000000000000000012 RET=FULL", ALL) == MailCommand(
        "a@b.c", 12, ret=RET_FULL
    )
