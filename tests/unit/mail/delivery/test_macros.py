"""$name in forward_path and its like."""

import pytest

from pyfix.mail.delivery.macros import ExpandError, censor, expand_names

VALUES = {"user": "joe", "home": "/home/joe", "extension": None, "recipient_delimiter": "+", "local": "joe"}
FORWARD = "$home/.forward${recipient_delimiter}${extension}"


def test_path_with_an_unset_name_is_marked() -> None:
    """forward_path leaves such an element out."""
    assert expand_names(FORWARD, VALUES).undefined
    found = expand_names(FORWARD, {**VALUES, "extension": "box"})
    assert (found.text, found.undefined, found.used_extension) == ("/home/joe/.forward+box", False, True)


def test_condition_on_an_unset_name_is_no_use_of_it() -> None:
    """${name?text} and ${name:text} ask whether it is set."""
    found = expand_names("$home/.forward${extension?{+$extension}}${extension:-none}", VALUES)
    assert (found.text, found.undefined, found.used_extension) == ("/home/joe/.forward-none", False, False)


def test_value_is_filtered_and_never_expanded() -> None:
    """The extension comes from a stranger's address; $home in it is text."""
    values = {**VALUES, "extension": "../$home;x"}
    assert expand_names("$extension", values, "./abcdefghijklmnopqrstuvwxyz").text == ".._home_x".replace("_h", "/_h")
    assert expand_names("$extension", values).text == "../$home;x"


def test_text_of_the_administrator_is_not_filtered() -> None:
    """Only what values bring in."""
    assert expand_names("$user;$$", VALUES, "abc").text == "___;$"


@pytest.mark.parametrize("text", ["${home", "$", "${extension?{a}b}"])
def test_broken_syntax_is_an_error(text: str) -> None:
    """Told to the administrator."""
    with pytest.raises(ExpandError):
        expand_names(text, VALUES)


def test_censor_replaces_what_is_not_allowed() -> None:
    """An empty filter allows everything."""
    assert censor("a`b", "ab") == "a_b"
    assert censor("a`b", "") == "a`b"
