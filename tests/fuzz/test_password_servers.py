"""The protocols of saslauthd and authdaemond: any bytes end in a question or a protocol error."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyfix.mail.config import ConfigError
from pyfix.mail.sasl.smtpd_conf import parse_smtpd_conf
from pyfix.proto import authdaemond, saslauthd

FIELD = st.binary(max_size=80)
WORD = st.text(st.characters(exclude_characters="\n\0 \t\r", exclude_categories=["Cs"]), min_size=1, max_size=20)


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


@given(st.binary(max_size=3000), st.sampled_from([b"", b"AUTH 20\n", b"PRE . ", b"PASSWD "]))
def test_any_bytes_to_authdaemond_end_in_a_question_or_an_error(data: bytes, start: bytes) -> None:
    """And nothing else."""
    try:
        found = authdaemond.QuestionReader().receive(start + data)
    except authdaemond.AuthdaemondError:
        return
    assert found is None or isinstance(found, authdaemond.Question)


@given(WORD, WORD, WORD, st.integers(1, 100))
def test_a_login_of_authdaemond_survives_any_cut(service: str, user: str, password: str, size: int) -> None:
    """The empty line behind it is not waited for."""
    data = authdaemond.encode_login(service, user, password.encode())
    reader = authdaemond.QuestionReader()
    found = [reader.receive(data[at : at + size]) for at in range(0, len(data), size)]
    assert authdaemond.Login(service, user, password.encode()) in found


@given(st.dictionaries(st.sampled_from(["UID", "HOME", "MAILDIR", "OPTIONS"]), WORD))
def test_an_account_of_authdaemond_survives_the_way_there_and_back(values: dict[str, str]) -> None:
    """As ExtMail reads it."""
    lines = authdaemond.encode_account(values).split(b"\n")[:-1]
    assert authdaemond.parse_account(lines) == values


@given(st.text(max_size=500))
def test_any_text_is_an_smtpd_conf_or_an_error(text: str) -> None:
    """That names the file."""
    try:
        conf = parse_smtpd_conf(text, "smtpd.conf")
    except ConfigError as error:
        assert str(error).startswith("smtpd.conf, line ")
    else:
        assert all(setting.value for setting in conf.settings.values())
