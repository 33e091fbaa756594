"""The protocol of saslauthd, and smtpd.conf: any bytes end in a question or a protocol error."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyfix.mail.config import ConfigError
from pyfix.mail.sasl.smtpd_conf import parse_smtpd_conf
from pyfix.proto import saslauthd

FIELD = st.binary(max_size=80)


@given(FIELD, FIELD, FIELD, FIELD, st.integers(1, 400))
def test_a_question_to_saslauthd_survives_any_cut(a: bytes, b: bytes, c: bytes, d: bytes, size: int) -> None:
    """Whatever bytes a password has."""
    question = saslauthd.Question(a, b, c, d)
    data = question.encode()
    reader = saslauthd.QuestionReader()
    found = [reader.receive(data[at : at + size]) for at in range(0, len(data), size)]
    assert found[-1] == question
    assert not any(found[:-1])


@given(st.binary(max_size=3000))
def test_any_bytes_to_saslauthd_end_in_a_question_or_an_error(data: bytes) -> None:
    """And nothing else."""
    try:
        found = saslauthd.QuestionReader().receive(data)
    except saslauthd.SaslauthdError:
        return
    assert found is None or isinstance(found, saslauthd.Question)


@given(st.text(max_size=500))
def test_any_text_is_an_smtpd_conf_or_an_error(text: str) -> None:
    """That names the file."""
    try:
        conf = parse_smtpd_conf(text, "smtpd.conf")
    except ConfigError as error:
        assert str(error).startswith("smtpd.conf, line ")
    else:
        assert all(setting.value for setting in conf.settings.values())
