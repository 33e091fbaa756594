"""Changing main.cf: comments, order and layout stay."""

from __future__ import annotations

from pyfix.mail.config.edit_main import Removal, edit_text

TEXT = """\
# head
myhostname=a
  # inner comment
  b

   continued
# after
mydomain = x
smtpd_banner = 1
mydomain = y
#mynetworks = 3
last = 1
"""


def test_value_is_replaced_in_its_place() -> None:
    """Continuations of the old value go, comments between them stay; a new name goes to the end."""
    edited = edit_text(TEXT, {"myhostname": "new   v", "mydomain": "z", "mynetworks": "7"})
    assert edited.text == (
        "# head\nmyhostname = new   v\n  # inner comment\n\n# after\nmydomain = z\nsmtpd_banner = 1\n"
        "mydomain = z\n#mynetworks = 3\nlast = 1\nmynetworks = 7\n"
    )
    assert edited.repeated == ["mydomain"]


def test_setting_is_commented_out() -> None:
    """Every line of it, every time it is set."""
    edited = edit_text(TEXT, dict.fromkeys(["myhostname", "mydomain", "nosuch"], Removal.COMMENT))
    assert edited.text == (
        "# head\n#myhostname=a\n  # inner comment\n#  b\n\n#   continued\n# after\n#mydomain = x\nsmtpd_banner = 1\n"
        "#mydomain = y\n#mynetworks = 3\nlast = 1\n"
    )


def test_setting_is_removed() -> None:
    """The comments around it stay."""
    edited = edit_text(TEXT, dict.fromkeys(["myhostname", "mydomain"], Removal.DELETE))
    assert edited.text == "# head\n  # inner comment\n\n# after\nsmtpd_banner = 1\n#mynetworks = 3\nlast = 1\n"


def test_no_change_changes_no_byte() -> None:
    """Whatever the layout."""
    text = "a=1\r\n\tb\n\n \nc  =  2 \x0b\n# \u2028 x\nlast"
    assert edit_text(text, {}).text == text + "\n"


def test_last_line_without_end_is_completed() -> None:
    """A new setting does not run into it."""
    assert edit_text("a = 1", {"b": "2"}).text == "a = 1\nb = 2\n"


def test_name_ends_at_white_space() -> None:
    """Also where the line makes no sense, so that it can be removed."""
    assert (
        edit_text("a b = c\nnoequals\n  more\n= x\n", dict.fromkeys(["a", "noequals"], Removal.DELETE)).text == "= x\n"
    )
