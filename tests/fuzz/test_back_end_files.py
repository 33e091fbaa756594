"""Files of other programs that auth reads: any text is read or refused with the file's name; values stay in quotes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyfix.mail.auth.backend import Attempt, BackendUnavailable
from pyfix.mail.auth.backends.authmysqlrc_file import parse_authmysqlrc
from pyfix.mail.auth.backends.courier import courier_obstacle, courier_place
from pyfix.mail.auth.backends.dovecot_conf import parse_dovecot_conf
from pyfix.mail.auth.backends.dovecot_variables import BadVariable, Variables, values_of
from pyfix.mail.auth.backends.fields import Source, read_account, read_place
from pyfix.mail.auth.backends.passwd_file import BadLine, parse_passwd_file
from pyfix.mail.config import ConfigError

LINES = st.lists(
    st.one_of(
        st.text(max_size=40),
        st.sampled_from(
            ["driver = mysql", "a = 'b # c'", "x = \\", "MYSQL_SERVER x (y)", "a:b", "#", "u:{PLAIN}x:1:2"]
        ),
    )
).map("\n".join)
NAME = st.text(st.characters(exclude_characters="%"), max_size=20)
FIELD_NAMES = st.sampled_from(
    ["password", "user", "username", "domain", "allow_nets", "nologin", "proxy", "nopassword", "home", "mail", "uid",
     "gid", "quota_rule", "chroot", "userdb_mail", "other"]
)  # fmt: skip
FIELD_VALUES = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.sampled_from(["/h", "maildir:~/M", "mbox:/x:INBOX=/y", "1000", "0", "root", "*:storage=1G", "*:x", "y"]),
)
SOURCE = Source("file", lambda text: None)


@given(LINES)
def test_any_text_is_a_file_of_dovecot_or_an_error(text: str) -> None:
    """With file and line."""
    try:
        parse_dovecot_conf(text, "file")
    except ConfigError as error:
        assert str(error).startswith("file, line ")


@given(LINES)
def test_any_text_is_an_authmysqlrc_or_an_error(text: str) -> None:
    """That begins with the file."""
    try:
        parse_authmysqlrc(text, "file")
    except ConfigError as error:
        assert str(error).startswith("file")


@given(LINES)
def test_any_text_is_a_passwd_file_or_an_error(text: str) -> None:
    """With the line."""
    try:
        parse_passwd_file(text)
    except BadLine as error:
        assert str(error).startswith("line ")


@given(st.text(max_size=60), NAME, NAME)
def test_any_query_is_filled_or_refused(text: str, local: str, domain: str) -> None:
    """And nothing else happens."""
    try:
        variables = Variables.parse(text)
    except BadVariable:
        return
    variables.fill(values_of(f"{local}@{domain}", "smtp"))


@given(NAME, NAME, NAME)
def test_what_fills_a_query_is_quoted(before: str, user: str, after: str) -> None:
    """All of it, and only it."""
    variables = Variables.parse(f"{before}%u{after}")
    assert variables.fill(values_of(user, "smtp"), lambda text: f"<{text}>") == f"{before}<{user}>{after}"


@given(st.dictionaries(FIELD_NAMES, FIELD_VALUES))
def test_any_fields_are_an_account_and_a_place_or_unavailable(fields: dict[str, str | None]) -> None:
    """Never an exception that auth does not know; never the rights of root."""
    try:
        account = read_account(fields, Attempt("a@b.test", "smtp", "192.0.2.1"), "CRYPT", SOURCE)
        assert not account.secrets or fields["password"]
        place = read_place(fields, "a@b.test", lambda: None, lambda text, user, home: text, SOURCE)
    except BackendUnavailable:
        return
    assert place.uid != 0
    assert place.location.partition(":")[2].startswith("/")


@given(
    st.dictionaries(
        st.sampled_from(["HOME", "MAILDIR", "UID", "GID", "QUOTA"]),
        st.one_of(st.text(max_size=10), st.sampled_from(["/h", "../../x", "2525", "0", ""])),
    ),
    st.text(max_size=30),
)
def test_any_account_of_courier_is_a_place_or_unavailable(known: dict[str, str], options: str) -> None:
    """Never the rights of root."""
    courier_obstacle(options, "pop3")
    try:
        place = courier_place(known, None, "file")
    except BackendUnavailable:
        return
    assert place is None or place.uid != 0
