"""notify_classes as trouble of sessions."""

from __future__ import annotations

import pytest

from pyfix.mail.config import Config, ConfigError
from pyfix.mail.notices.params import NoticeParameters
from pyfix.mail.notices.trouble import Trouble, select_trouble


def classes(value: str) -> frozenset[str]:
    """Return what notify_classes with this value means."""
    return Config.from_text(f"notify_classes = {value}\n").read(NoticeParameters).notify_classes


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("", Trouble.NONE),
        ("2bounce, delay", Trouble.NONE),
        ("resource, software", Trouble.RESOURCE | Trouble.SOFTWARE),
        ("Policy bounce", Trouble.POLICY | Trouble.BOUNCE),
        ("data,protocol", Trouble.DATA | Trouble.PROTOCOL),
    ],
)
def test_classes_are_trouble_of_sessions(value: str, wanted: Trouble) -> None:
    """All but those about messages, 2bounce and delay."""
    assert select_trouble(classes(value)) == wanted


def test_every_trouble_can_be_asked_for() -> None:
    """By its own name."""
    assert all(select_trouble(classes(trouble.name or "")) == trouble for trouble in Trouble)


def test_unknown_class_is_refused_with_those_there_are() -> None:
    """In Postfix's words, and a remedy."""
    with pytest.raises(
        ConfigError, match=r'unknown notify_classes value "polcy" in "bounce, polcy"; specify some of: '
    ):
        classes("bounce, polcy")
