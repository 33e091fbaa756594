"""The message that tells of a full mailbox."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path

import pytest

from pyfix.mail.accounts.quota import Quota
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.mailbox.quota import Usage
from pyfix.mail.mailbox.quota.warning import BUILT_IN, State, WarningText, human_limit, human_size

STATE = State("a@b.test", Quota(100 << 20, 500), Usage(90 << 20, 10))


def test_built_in_text() -> None:
    """A complete message, marked as nothing to answer."""
    message = message_from_bytes(WarningText(BUILT_IN, "mail.b.test").compose(STATE, 0.0, "Q1"), policy=policy.default)
    assert message["Subject"] == "Your mailbox is 90 % full"
    assert message["To"] == "a@b.test"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-Id"] == "<19700101000000.Q1@mail.b.test>"
    assert "it holds 10 messages,\n90.0 MB of 100.0 MB, 500 messages." in message.get_content()


def test_text_of_a_file(tmp_path: Path) -> None:
    """Its headers go before ours; unknown names stay."""
    path = tmp_path / "text"
    path.write_text("From: Post <post@b.test>\nSubject: voll:\n $percent\n\nGrüße, $nobody $$5\n", encoding="utf-8")
    text = WarningText.open(Config.from_text(""), str(path), "h").compose(STATE, 0.0, "Q1").decode()
    assert text.count("From:") == 1
    assert "\nSubject: voll:\n 90\n" in text
    assert text.endswith("\n\nGrüße, $nobody $5\n")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"no header\n\ntext\n", "specify header lines, an empty line, and the text"),
        (b"Subject: x\n", "specify header lines, an empty line, and the text"),
        (b"Subject: \xff\n\nx\n", "not UTF-8 text"),
        (b"Subject: x\n\n" + b"x" * 300_000, "larger than 262144 bytes"),
    ],
)
def test_file_that_is_no_message(tmp_path: Path, data: bytes, problem: str) -> None:
    """Named, before anybody gets it."""
    (tmp_path / "text").write_bytes(data)
    with pytest.raises(ConfigError, match=problem):
        WarningText.open(Config.from_text(""), str(tmp_path / "text"), "h")


def test_sizes_for_people() -> None:
    """In powers of 1024."""
    assert [human_size(size) for size in (0, 1023, 1024, 1536 << 10, 5 << 40)] == [
        "0 bytes", "1023 bytes", "1.0 KB", "1.5 MB", "5.0 TB",
    ]  # fmt: skip
    assert human_limit(Quota()) == "unlimited"
    assert human_limit(Quota(0, 5)) == "5 messages"
