"""maildirfilter(5): what the owner of a mailbox wants done with mail, by its headers.

    virtual_maildir_filter = yes
    virtual_maildir_extended = yes

The file maildirfilter in a Maildir (above virtual_maildir_suffix, where there is one) is a table of regexp_table(5),
which virtual(8) asks for each message. The key is the whole header in lower case, as it will be in the mailbox: its
lines with a line feed between them, continuation lines joined to the line that they continue, 4096 characters at the
most. With the flag m, ^ and $ match at each line. The first rule that matches decides:

    REJECT text     return the message with this text
    DISCARD text    pretend to deliver
    MOVE folder     deliver into a folder, which is made where it is missing (with virtual_maildir_extended)
    WARN text       deliver, and log a warning; LOG is the same
    INFO text       deliver, and log it

With virtual_maildir_filter_maps the rules come from tables instead, looked up as mailboxes are. Such a value is one
line: a rule begins where /^ does, and what stands before the first, as in "# M1700000000", does not count.

A folder is named without its leading dot, or with it; blanks, slashes and two dots in its name are left out.

Rights: the file is read with those of the mailbox's owner, links are not followed, 64 KB at the most.

Failures: a rule that is wrong is skipped, a file or a table that can't be read has no rules, and one that takes more
than 0.2 seconds of processor time has none for this message: mail is delivered, and the log says why.

Example: a list into a folder of its own

    /^list-id:.*announce/m    MOVE Announcements
    /^x-spam-flag: yes/m      MOVE Junk

See: virtual(8), regexp_table(5), postconf(5)
"""

from __future__ import annotations

import enum
import errno
import os
import re
import stat
from dataclasses import dataclass
from typing import Final

from pyfix.mail.address.domains import LocalDomains
from pyfix.mail.config import Boolean, Config, String
from pyfix.mail.delivery.content import Content
from pyfix.mail.mailbox.locate import LookupFailed, find_value
from pyfix.mail.mailbox.params import VirtualMailboxParameters
from pyfix.mail.maps import Maps, TableError, open_maps
from pyfix.mail.maps.address_lookup import IsLocal
from pyfix.mail.maps.pattern_file import REGEXP, PatternReader
from pyfix.mail.maps.pattern_table import SUBJECT_LIMIT, PatternTable
from pyfix.mail.maps.source import logical_lines
from pyfix.mail.maps.table import Warn

FILE: Final = "maildirfilter"
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MOST_BYTES: Final = 65536
_LIMIT_S: Final = 0.2
_FOLDED: Final = re.compile(r"\n[ \t]")
_NOT_IN_A_NAME: Final = re.compile(r"[\s/\0]|\.\.")


class FilterParameters(VirtualMailboxParameters):
    """Filters of users."""

    virtual_maildir_filter = Boolean("no", "Obey the file maildirfilter in a Maildir: see maildirfilter(5).")
    virtual_maildir_filter_maps = String("", "Tables with such rules, by recipient, instead of the files.")


class Verb(enum.Enum):
    """What is done with a message."""

    REJECT = "REJECT"
    DISCARD = "DISCARD"
    MOVE = "MOVE"
    WARN = "WARN"
    INFO = "INFO"


@dataclass(frozen=True, slots=True)
class Action:
    """The result of a rule."""

    verb: Verb
    text: str
    """Of MOVE the name of the directory: ".Junk"."""


def parse_action(value: str) -> Action | None:
    """Return what a result says, None for what is no action."""
    word, _, text = value.strip().partition(" ")
    word, text = word.upper(), text.strip()
    if word == "LOG":
        word = "WARN"
    if word not in Verb.__members__:
        return None
    if word == "MOVE":
        text = "." + _NOT_IN_A_NAME.sub("", text).lstrip(".")
        return Action(Verb.MOVE, text) if len(text) > 1 else None
    return Action(Verb[word], text)


def header_key(head: bytes, content: Content) -> str:
    """Return the key for a message with these lines before its content."""
    data = head + content.read_range(0, SUBJECT_LIMIT)
    text = data.partition(b"\n\n")[0].decode("utf-8", "replace")
    return _FOLDED.sub(" ", text.replace("\r", "")).lower()[:SUBJECT_LIMIT]


def rules_of_value(value: str) -> str:
    """Return the value of a table as lines of a file."""
    return "".join(f"/^{rule.strip()}\n" for rule in value.replace("\r", "").split("/^")[1:])


class Filters:
    """Where rules are found."""

    def __init__(self, maps: Maps, suffix: str, delimiter: str, is_local: IsLocal, warn: Warn) -> None:
        """`suffix` is virtual_maildir_suffix as paths of mailboxes end with it."""
        self.maps = maps
        self._suffix = suffix
        self._delimiter = delimiter
        self._is_local = is_local
        self._warn = warn

    @classmethod
    def open(cls, config: Config, params: FilterParameters, suffix: str, warn: Warn) -> Filters | None:
        """Open the tables; None where users have no filters. Raises ConfigError."""
        if not params.virtual_maildir_filter:
            return None
        name = "virtual_maildir_filter_maps"
        maps = open_maps(params.virtual_maildir_filter_maps, name, config)
        is_local = LocalDomains(config, params).is_local_part_domain
        return cls(maps, suffix, params.recipient_delimiter, is_local, warn)

    def decide(self, address: str, maildir: str, key: str) -> Action | None:
        """Return what is to be done with a message, None to deliver it as usual. The owner's rights are in force."""
        try:
            text, path = self._rules(address, maildir)
            return self._ask(text, path, key) if text else None
        except (LookupFailed, TableError) as problem:
            self._warn(str(problem))
        except OSError as error:
            self._warn(f"{maildir}{FILE}: {error.strerror}")
        return None

    def _ask(self, text: bytes, path: str, key: str) -> Action | None:
        lines = logical_lines(text.splitlines(keepends=True), path, self._warn)
        rules = PatternReader(REGEXP, path, self._warn).read(lines)
        value = PatternTable(f"regexp:{path}", rules, limit_s=_LIMIT_S).lookup(key)
        action = parse_action(value) if value is not None else None
        if value is not None and action is None:
            self._warn(f"{path}: ignoring unknown action: {value[:60]}")
        return action

    def _rules(self, address: str, maildir: str) -> tuple[bytes, str]:
        """Return the text of the rules, and what it is called in the log."""
        if not self.maps.is_empty:
            value = find_value(self.maps, address, self._delimiter, self._is_local)
            return rules_of_value(value or "").encode("utf-8", "replace"), f"{self.maps.name} {address}"
        path = f"{maildir.removesuffix(self._suffix)}{FILE}"
        return _read(path), path


def _read(path: str) -> bytes:
    try:
        fd = os.open(path, _OPEN)
    except FileNotFoundError:
        return b""
    try:
        return os.read(fd, _MOST_BYTES) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    finally:
        os.close(fd)


def make_folder(maildir: str, name: str) -> str:
    """Make a folder of a Maildir where it is missing, and return its path. Raises OSError."""
    path = f"{maildir}{name}/"
    if os.path.islink(path[:-1]):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path[:-1])
    for directory in ("tmp", "new", "cur"):
        os.makedirs(f"{path}{directory}", 0o700, exist_ok=True)
    try:
        os.close(os.open(f"{path}maildirfolder", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        pass  # a folder already
    return path
