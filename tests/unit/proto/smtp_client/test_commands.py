"""MAIL and RCPT with parameters."""

from pyfix.proto.smtp_client.commands import Mail, Rcpt, mail_command, rcpt_command, xtext
from pyfix.proto.smtp_client.features import Features, parse_features

ALL = Features("h", esmtp=True, pipelining=True, size=True, eight_bit=True, dsn=True, smtputf8=True)


def test_plain_server_gets_plain_commands() -> None:
    """No extension, no parameter."""
    mail = Mail("a@b.test", 100, "8bit", True, "FULL", "id")
    assert mail_command(mail, Features()) == "MAIL FROM:<a@b.test>\r\n"
    assert rcpt_command(Rcpt("c@d.test", "rfc822;x@y", "NEVER"), Features()) == "RCPT TO:<c@d.test>\r\n"


def test_extensions_get_their_parameters() -> None:
    """In Postfix's order."""
    mail = Mail("", 100, "8bit", True, "HDRS", "a+b=c d")
    assert mail_command(mail, ALL) == ("MAIL FROM:<> SIZE=100 BODY=8BITMIME ENVID=a+2Bb+3Dc+20d RET=HDRS SMTPUTF8\r\n")
    assert rcpt_command(Rcpt("c@d.test", "rfc822;x+y@z", "SUCCESS,DELAY"), ALL) == (
        "RCPT TO:<c@d.test> ORCPT=rfc822;x+2By@z NOTIFY=SUCCESS,DELAY\r\n"
    )


def test_body_of_unknown_kind_is_not_declared() -> None:
    """Only 7bit and 8bit have a word."""
    assert "BODY" not in mail_command(Mail("a@b", 1, ""), ALL)
    assert mail_command(Mail("a@b", 1, "7bit"), ALL).endswith(" BODY=7BIT\r\n")


def test_internationalized_orcpt_keeps_its_letters() -> None:
    """utf-8 addresses are written as themselves, with backslash escapes for the rest (RFC 6533 section 3)."""
    command = rcpt_command(Rcpt("j\xfcrgen@d.test", "utf-8;j\xfcrgen+x@d.test"), ALL)
    assert command == "RCPT TO:<j\xfcrgen@d.test> ORCPT=utf-8;j\xfcrgen\\x{2B}x@d.test\r\n"


def test_xtext_encodes_every_byte_of_other_letters() -> None:
    """As UTF-8, in capital hexadecimal digits."""
    assert xtext("\xe9 =") == "+C3+A9+20+3D"


def test_features_are_read_without_regard_to_case() -> None:
    """Unknown keywords are passed over, odd separators borne."""
    found = parse_features("250-mx.test hello\n250-pipelining\n250-Size 1000\n250-X-ODD 1\n250-AUTH=PLAIN\n250 dsn")
    assert (found.server_name, found.pipelining, found.size, found.size_limit, found.dsn) == (
        "mx.test", True, True, 1000, True,
    )  # fmt: skip
    assert not found.eight_bit


def test_size_without_a_number_is_reported() -> None:
    """The extension counts, its limit does not."""
    found = parse_features("250-h\n250 SIZE huge")
    assert (found.size, found.size_limit, found.bad_size) == (True, 0, "huge")
    assert parse_features("250-h\n250 SIZE").size


def test_smtputf8_implies_8bitmime() -> None:
    """A server that forgets to say so is believed to mean it."""
    found = parse_features("250-h\n250 SMTPUTF8")
    assert found.smtputf8
    assert found.eight_bit
    assert found.lacks_8bitmime


def test_discarded_keywords_are_not_there() -> None:
    """smtp_discard_ehlo_keywords."""
    found = parse_features("250-h\n250-PIPELINING\n250 SIZE 5", frozenset({"PIPELINING", "SIZE"}))
    assert found == Features("h", esmtp=True)
