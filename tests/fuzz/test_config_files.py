"""Any bytes as main.cf or master.cf give a configuration or a ConfigError of one line, never anything else."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pyfix.mail.config import Config, ConfigError, CoreParameters, mastercf
from pyfix.mail.config.check import check_master_cf, check_parameters
from pyfix.mail.config.edit_main import Removal, edit_text
from pyfix.mail.config.edit_master import Action, Request, edit_services
from pyfix.mail.config.expand import ExpandError, expand
from pyfix.mail.config.lines import is_comment
from pyfix.mail.config.maincf import parse
from pyfix.mail.config.service_line import ServiceLine, read_services

NAMES = ["myhostname", "mydomain", "myorigin", "max_use", "max_idle", "smtpd_helo_required", "mynetworks_style", "own"]
SCRAPS = [
    *(f"${name}" for name in NAMES), "${", "}", "$(", ")", "{", "?", ":", "==", "<", "<=level", "$", "$$", " ", "\n",
    "\n ", "\n#", "=", "{1}", "yes", "no", "1", "3.6", "\0", "\r\n", "\ufeff", "caf\u00e9", "\t", ",", "-",
    "inline:{a=b}",
]  # fmt: skip
WORDS = [
    "smtp",
    "inet",
    "unix",
    "n",
    "y",
    "-",
    "60",
    "1?",
    "-o",
    "a=b",
    "{",
    "}",
    "{ c = d }",
    "-v",
    "smtpd",
    "[::1]:25",
    ":",
]

soup = st.lists(st.sampled_from([*SCRAPS, *(f"\n{name} = " for name in NAMES)]), max_size=40).map("".join)
services = st.lists(st.sampled_from([*WORDS, "\n", "\n  ", "#", "\0"]), max_size=40).map(" ".join)
file_bytes = st.one_of(st.binary(max_size=300), soup.map(str.encode), services.map(str.encode))


def is_line(error: ConfigError) -> bool:
    """Return whether an error is a line that can be logged."""
    return bool(str(error)) and str(error).isprintable() and len(str(error)) < 1000


@settings(max_examples=300)
@given(file_bytes)
def test_any_main_cf_is_read_or_refused(data: bytes) -> None:
    """Reading, reading a set, and checking everything."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "main.cf").write_bytes(data)
        try:
            config = Config.load(directory)
        except ConfigError as error:
            assert is_line(error)
            return
        assert all(text.isprintable() for text in [*config.warnings, *check_parameters(config)])
        try:
            assert isinstance(config.read(CoreParameters).max_use, int)
        except ConfigError as error:
            assert is_line(error)


@settings(max_examples=300)
@given(file_bytes)
def test_any_master_cf_is_read_or_refused(data: bytes) -> None:
    """Every service that is read has a name, a type and a program."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "master.cf").write_bytes(data)
        assert all(text.isprintable() for text in check_master_cf(Config.from_text("", directory=directory)))
        try:
            entries = mastercf.read(f"{directory}/master.cf")
        except ConfigError as error:
            assert is_line(error)
            return
        assert all(entry.name and entry.program and entry.line > 0 for entry in entries)


@settings(max_examples=500)
@given(soup, st.dictionaries(st.sampled_from(NAMES), soup))
def test_any_expression_has_a_value_or_an_error(text: str, values: dict[str, str]) -> None:
    """However the pieces are put together."""
    try:
        assert isinstance(expand(text, values.get), str)
    except ExpandError as error:
        assert str(error)


@settings(max_examples=300)
@given(soup, st.sampled_from(NAMES), st.sampled_from(["new", "", Removal.COMMENT, Removal.DELETE]))
def test_edit_changes_one_setting_and_no_other(text: str, name: str, change: str | Removal) -> None:
    """Whatever the file looks like, the others keep their values."""
    try:
        before = parse(text, "main.cf").settings
        after = parse(edit_text(text, {name: change}).text, "main.cf").settings
    except ConfigError:
        return
    assert {key: item.value for key, item in after.items() if key != name} == {
        key: item.value for key, item in before.items() if key != name
    }
    assert (after[name].value if name in after else change) == change


service_lines = st.one_of(
    st.sampled_from(["# comment", "", "  ", " # inner"]),
    st.tuples(
        st.sampled_from(["smtp", "relay", "a/b", "127.0.0.1:25"]),
        st.sampled_from(["inet", "unix"]),
        st.lists(st.sampled_from(["-v", "-o a=b", "-oc=d", "-o {e = f  g}", "\n  x", "{y  z}", "--", "{"]), max_size=5),
    ).map(lambda parts: f"{parts[0]} {parts[1]} n - n - 1 smtpd {' '.join(parts[2])}"),
)  # fmt: skip
edits = st.tuples(
    st.sampled_from(list(Action)),
    st.sampled_from(["smtp", "a/b", "nosuch", "*"]),
    st.sampled_from(["inet", "unix", "*"]),
)


def edited(text: str, edit: tuple[Action, str, str]) -> str:
    """Return a text after an edit."""
    action, service, kind = edit
    item, value = ("chroot", "y") if action is Action.SET_FIELD else ("a", "1")
    if action is Action.REPLACE:
        value = "new unix - - n - - smtp"
    return edit_services(text, action, [Request("", service, kind, item, value)], "master.cf").text


def services_of(text: str, edit: tuple[Action, str, str]) -> list[ServiceLine]:
    """Return the services that an edit leaves alone."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(text)
        file.flush()
        found = read_services(file.name, lambda _: None)
    _, service, kind = edit
    return [
        item
        for item in found
        if (item.name, item.type) != ("new", "unix") and not Request("", service, kind).matches(item.name, item.type)
    ]


@settings(max_examples=500)
@given(st.lists(service_lines, max_size=8).map("\n".join), edits)
def test_edit_changes_the_services_that_are_asked_for_and_no_other(text: str, edit: tuple[Action, str, str]) -> None:
    """The others stay as they are, and so do comments."""
    try:
        after = edited(text, edit)
    except ConfigError as error:
        assert is_line(error)
        return
    assert services_of(after, edit) == services_of(text, edit)
    comments = [line for line in text.split("\n") if is_comment(line) and line]
    assert [line for line in after.split("\n") if line in comments] == comments
    assert after.endswith("\n") or not after


@settings(max_examples=300)
@given(services, edits)
def test_any_master_cf_is_edited_or_refused(text: str, edit: tuple[Action, str, str]) -> None:
    """In one line."""
    try:
        edited(text, edit)
    except ConfigError as error:
        assert is_line(error)


values = st.text(st.sampled_from([*"ab=,${}()\"'#-/\\*", "\u00e9", "\x0c"]), max_size=12)


@settings(max_examples=500)
@given(values.filter(str.strip), values)
def test_setting_of_a_service_is_read_back_as_it_was_given(name: str, value: str) -> None:
    """Or refused: never written so that it says something else."""
    if "=" in name or value != value.strip() or len(f"{name} {value}".split()) > 2 or name != name.strip():
        return
    request = Request("", "smtp", "inet", name, value)
    text = "smtp inet n - n - 1 smtpd -v foo {bar  x}\nrelay unix - - n - - smtp\n"
    try:
        after = edit_services(text, Action.SET_PARAMETER, [request], "master.cf").text
    except ConfigError as error:
        assert is_line(error)
        return
    smtp, relay = services_of(after, (Action.DELETE, "nosuch", "*"))
    assert (smtp.overrides, smtp.arguments[-2:]) == ({name: value}, ("foo", "bar  x"))
    assert relay.name == "relay"
