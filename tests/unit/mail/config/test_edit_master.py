"""Changing master.cf: comments, order and layout stay."""

from __future__ import annotations

import pytest

from pyfix.mail.config import ConfigError
from pyfix.mail.config.edit_master import Action, Request, edit_services

SMTP = "smtp      inet  n       -       y       -       -       smtpd\n  -o a=b\n"
MASTER_CF = f"""\
# head
{SMTP}# between
  -o c=d

relay unix - - y - - smtp
#relay unix
a unix - - n - - pipe
   flags=R argv=x
"""
RELAY = "relay unix - - y - - smtp\n"


def request(pattern: str, value: str = "") -> Request:
    """Return a request as it is typed."""
    service, kind, item = [*pattern.split("/"), ""][:3]
    return Request(f"{pattern}={value}" if value else pattern, service, kind, item, value)


def edited(action: Action, *requests: Request, text: str = MASTER_CF) -> str:
    """Return the changed text."""
    return edit_services(text, action, requests, "master.cf").text


def test_service_is_replaced_in_its_place() -> None:
    """Its continuation lines go, comments between them stay; others of its name and type go too."""
    new = request("smtp/inet", "smtp inet n - n - 5 smtpd -o x=y")
    shown = "smtp       inet  n       -       n       -       5       smtpd\n    -o x=y\n"
    text = edited(Action.REPLACE, new)
    assert text == MASTER_CF.replace(SMTP, shown).replace("  -o c=d\n", "")
    assert edited(Action.REPLACE, new, text=text + SMTP) == text


def test_service_that_takes_the_name_of_another_replaces_it() -> None:
    """There is no second one of its name and type."""
    text = edited(Action.REPLACE, request("relay/unix", "a unix - - n - - smtp"))
    assert [line.split()[0] for line in text.splitlines() if " unix " in line] == ["a"]


def test_new_service_goes_to_the_end() -> None:
    """A last line without end is completed."""
    new = request("b/unix", "b unix - - n - - smtp")
    shown = "b          unix  -       -       n       -       -       smtp\n"
    assert edited(Action.REPLACE, new, text=MASTER_CF.rstrip("\n")) == MASTER_CF + shown


def test_last_of_several_requests_for_a_service_counts() -> None:
    """What the others asked for has no place any more."""
    requests = [request("*/unix", "x unix - - n - - error"), request("relay/unix", "y unix - - n - - error")]
    text = edited(Action.REPLACE, *requests)
    assert [line.split()[0] for line in text.splitlines() if " unix " in line] == ["y"]


def test_service_is_commented_out() -> None:
    """Every line of it, but not the comments in it."""
    assert edited(Action.COMMENT, request("smtp/*")) == MASTER_CF.replace("smtp  ", "#smtp  ").replace("  -o", "#  -o")


def test_service_is_removed() -> None:
    """Comments and empty lines stay."""
    assert edited(Action.DELETE, request("smtp/inet")) == MASTER_CF.replace(SMTP, "").replace("  -o c=d\n", "")


def test_changed_service_stands_below_its_comments() -> None:
    """It is written anew, the others are not."""
    text = edited(Action.SET_FIELD, request("relay/unix/chroot", "n"))
    shown = "relay      unix  -       -       n       -       -       smtp\n"
    assert text == MASTER_CF.replace(f"{RELAY}#relay unix\n", f"#relay unix\n{shown}")


def test_setting_is_changed_added_and_removed() -> None:
    """In one call for several services."""
    text = edited(Action.SET_PARAMETER, request("*/unix/q", "1"), request("smtp/inet/c", "2"))
    assert "smtpd\n    -o a=b\n    -o c=2\nrelay" not in text and "smtpd\n    -o a=b\n    -o c=2\n" in text
    assert "smtp\n    -o q=1\n" in text
    assert text.endswith("pipe\n    -o q=1\n    flags=R argv=x\n")
    assert "-o q" not in edited(Action.REMOVE_PARAMETER, request("*/*/q"), text=text)


def test_service_that_is_not_there_is_named() -> None:
    """What was to be removed is not missed."""
    requests = [request("nosuch/inet/a", "1"), request("smtp/inet/a", "1")]
    assert edit_services(MASTER_CF, Action.SET_PARAMETER, requests, "master.cf").unmatched == requests[:1]
    assert edit_services(MASTER_CF, Action.DELETE, [request("nosuch/inet")], "master.cf").unmatched == []


def test_no_match_changes_no_byte() -> None:
    """Whatever the layout."""
    text = "  lead\r\n\n a\nb unix - - n - - x \x0b\n# \u2028\n\ty"
    for action in Action:
        if action is not Action.REPLACE:
            assert edited(action, request("nosuch/inet/a"), text=text) == text + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("smtp\n inet n - n - - x\n", "file master.cf: line 2: specify service name and type on the same line"),
        ("a=b unix - - n - - x\n", 'line 2: service name syntax "a=b" is unsupported with -Me, -Fe, -Pe, -X, or -#'),
        ("a u=x - - n - - x\n", 'line 2: service type syntax "u=x" is unsupported with -Me, -Fe, -Pe, -X, or -#'),
        ("smtp inet n\n", 'file master.cf: line 2: bad field count: "smtp inet n"'),
        ("smtp inet n - n - - x {a\n", "file master.cf: line 2: missing '}' in \"{a\""),
        ("smtp inet n - n - - x -o\n", "file master.cf: line 2: option -o requires an argument"),
    ],
)
def test_line_that_cannot_be_changed_is_named(text: str, message: str) -> None:
    """File and line."""
    with pytest.raises(ConfigError) as refused:
        edited(Action.SET_PARAMETER, request("smtp/inet/a", "1"), text="# x\n" + text)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("action", "pattern", "value", "message"),
    [
        (Action.SET_FIELD, "relay/unix/service", "#x", 'a line that begins with "#x" is a comment'),
        (Action.SET_FIELD, "relay/unix/chroot", "", 'missing "chroot" field'),
        (Action.SET_FIELD, "relay/unix/command", "", 'missing "command" field'),
        (Action.SET_FIELD, "relay/unix/command", "pipe {a", "missing '}' in \"{a\""),
        (Action.SET_FIELD, "relay/unix/wakeup", "1s", 'invalid wakeup field "1s" in "1s"'),
        (Action.SET_PARAMETER, "relay/unix/{a", "b", "missing '}' in \"{{a=b}\""),
        (Action.SET_FIELD, "relay/unix/command", "pipe }{ x", "syntax error after '}'"),
        (Action.REPLACE, "x/unix", "#x unix - - n - - smtp", 'a line that begins with "#x" is a comment'),
        (Action.REPLACE, "x/unix", "x unix - - n - - smtp {", "missing '}' in \"{\""),
    ],
)
def test_value_that_would_break_the_file_is_refused(action: Action, pattern: str, value: str, message: str) -> None:
    """What Postfix writes so that it says something else, or cannot be read any more, is not written."""
    with pytest.raises(ConfigError) as refused:
        edited(action, request(pattern, value))
    assert message in str(refused.value)
