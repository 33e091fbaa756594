"""Dovecot's list of a Maildir's messages, `dovecot-uidlist`: the unique ids that its POP3 clients know.

Read, and continued: a message that is not in it gets the next number, and a line, as Dovecot gives them, so that either
server tells a client the same. Where there is no such file none is made, and unique ids are made of file names.

    3 V1700000000 N4 G2d8f...        version, UIDVALIDITY, next UID, id of the mailbox
    2 W1234 :1700000001.M1P2.host    UID, fields (W octets, S bytes, P saved unique id, O place in POP3), file name

A line that cannot be read is passed over; a header that cannot be read makes the whole file unusable, which is an
error: to give messages other ids would make clients fetch all of them again.

See: Dovecot's documentation, "Maildir mailbox format: IMAP UID mapping"; pop3_uidl_format.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pyfix.base import clock
from pyfix.mail.mailbox.reading.errors import MailboxUnavailable, unavailable
from pyfix.mail.mailbox.reading.names import base_of, hashed, is_uidl

FILE: Final = "dovecot-uidlist"
_HEADER = re.compile(
    r"(?:3(?P<fields>(?: {1,8}[A-Za-z][^ \n]{0,255}){0,16}) *|1 (?P<old_validity>\d{1,10}) (?P<old_next>\d{1,10}))\n"
)
_ENTRY = re.compile(r"^([1-9]\d{0,9}) {1,8}((?:[A-Za-z][^ \n]{0,255} {1,8}){0,16}):?([^\n/]{1,1024})$", re.MULTILINE)
_LARGEST: Final = 256 * 1024 * 1024
_LAST_UID: Final = 2**32 - 2
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_APPEND: Final = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LOCK: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_STALE_AFTER_S: Final = 120.0
_ATTEMPTS: Final = 20
_WAIT_S: Final = 0.05


@dataclass(slots=True)
class UidList:
    """What the file says, by base name."""

    validity: int
    next_uid: int
    uids: dict[str, int] = field(default_factory=dict)
    octets: dict[str, int] = field(default_factory=dict)
    saved: dict[str, bytes] = field(default_factory=dict)
    """Unique ids that were brought along from another server (pop3_save_uidl, dsync)."""
    order: dict[str, int] = field(default_factory=dict)

    def uidl(self, base: str) -> bytes:
        """Return the unique id: the saved one, or Dovecot's default format; a hash where no line can name the file."""
        uid = self.uids.get(base)
        if uid is None:
            return hashed(base.encode("utf-8", "surrogateescape"))
        return self.saved.get(base) or format_uidl(uid, self.validity)

    def place(self, base: str) -> tuple[int, int]:
        """Return what messages are sorted by: those with a place come first, the others by UID."""
        return self.order.get(base, _LAST_UID + 1), self.uids.get(base, _LAST_UID + 1)

    def give(self, bases: Sequence[str]) -> str:
        """Give UIDs to messages that have none; return the lines that say so."""
        lines = []
        for base in bases:
            self.uids[base] = self.next_uid
            lines.append(f"{self.next_uid} :{base}\n")
            self.next_uid += 1
        return "".join(lines)


def format_uidl(uid: int, validity: int) -> bytes:
    """Return the unique id in Dovecot's default format."""
    return b"%08x%08x" % (uid, validity)


def parse(text: str) -> UidList | None:
    """Return the list, or None when the header makes no sense. Pure."""
    header = _HEADER.match(text)
    found = _parse_header(header) if header else None
    if header is None or found is None:
        return None
    for uid, fields, name in _ENTRY.findall(text, header.end()):
        base, number = base_of(name), int(uid)
        if number > _LAST_UID:
            continue
        found.uids[base] = number
        if fields:
            _note_fields(found, base, fields)
    found.next_uid = max(found.next_uid, max(found.uids.values(), default=0) + 1)
    return found


def _parse_header(header: re.Match[str]) -> UidList | None:
    if header["old_validity"]:
        return UidList(int(header["old_validity"]), int(header["old_next"]))
    values = {word[0]: word[1:] for word in header["fields"].split()}
    validity, following = values.get("V", ""), values.get("N", "")
    if not all(re.fullmatch("[0-9]{1,10}", value) for value in (validity, following)) or not int(validity):
        return None
    return UidList(int(validity), int(following))


def _note_fields(found: UidList, base: str, fields: str) -> None:
    for word in fields.split():
        key, value = word[0], word[1:]
        if key == "P":
            saved = value.encode("utf-8", "surrogateescape")
            found.saved[base] = saved if is_uidl(saved) else hashed(saved)
        elif key in "WO" and re.fullmatch("[0-9]{1,15}", value):
            (found.octets if key == "W" else found.order)[base] = int(value)


def read_uidlist(root: int, path: str) -> UidList | None:
    """Return the list of the Maildir that is open as `root`, or None without one. Raises MailboxUnavailable."""
    try:
        fd = os.open(FILE, _READ, dir_fd=root)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unavailable("cannot open", path + FILE, error) from error
    try:
        return _read(fd, path)
    finally:
        os.close(fd)


def _read(fd: int, path: str) -> UidList | None:
    """Return the list in an open file; None for an empty one, which Dovecot fills when it comes."""
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            raise MailboxUnavailable(f"{path + FILE!r} is not a regular file, or too large (remove it)")
        data = bytearray()
        while part := os.pread(fd, 1 << 20, len(data)):
            data += part
    except OSError as error:
        raise unavailable("cannot read", path + FILE, error) from error
    if not data:
        return None
    found = parse(data.decode("utf-8", "surrogateescape"))
    if found is None:
        raise MailboxUnavailable(f"{path + FILE!r}: the first line is not Dovecot's (restore the file, or remove it)")
    return found


def complete(
    root: int, path: str, bases: Sequence[str], listed: UidList, sleep: Callable[[float], None] = time.sleep
) -> UidList:
    """Give UIDs to those of `bases` that have none, in order, durably in the file; return the list as it is now.

    Dovecot's lock is taken meanwhile. Raises MailboxUnavailable.
    """
    if all(map(listed.uids.__contains__, bases)):
        return listed
    _lock(root, path, sleep)
    try:
        return _append(root, path, bases)
    except OSError as error:
        raise unavailable("cannot append to", path + FILE, error) from error
    finally:
        _unlock(root)


def _append(root: int, path: str, bases: Sequence[str]) -> UidList:
    fd = os.open(FILE, _APPEND, dir_fd=root)
    try:
        listed = _read(fd, path)
        if listed is None:
            raise MailboxUnavailable(f"{path + FILE!r} has become empty (try again)")
        missing = [base for base in bases if base not in listed.uids and "\n" not in base]
        if listed.next_uid + len(missing) > _LAST_UID:
            raise MailboxUnavailable(f"{path + FILE!r}: no unique ids are left (remove it)")
        size = os.fstat(fd).st_size
        data = listed.give(missing).encode("utf-8", "surrogateescape")
        if size and os.pread(fd, 1, size - 1) != b"\n":
            data = b"\n" + data
        _write_or_undo(fd, data, size)
        return listed
    finally:
        os.close(fd)


def _write_or_undo(fd: int, data: bytes, size: int) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError:
        os.ftruncate(fd, size)
        raise


def _lock(root: int, path: str, sleep: Callable[[float], None]) -> None:
    """Make Dovecot's lock file; one older than two minutes is forgotten, as Dovecot has it."""
    for _ in range(_ATTEMPTS):
        try:
            fd = os.open(f"{FILE}.lock", _LOCK, 0o600, dir_fd=root)
        except FileExistsError:
            _remove_stale(root)
            sleep(_WAIT_S)
        except OSError as error:
            raise unavailable("cannot create", f"{path}{FILE}.lock", error) from error
        else:
            os.close(fd)
            return
    raise MailboxUnavailable(f"{path + FILE!r} is locked by another program ({FILE}.lock; try again)")


def _remove_stale(root: int) -> None:
    try:
        status = os.stat(f"{FILE}.lock", dir_fd=root, follow_symlinks=False)
        if clock.now() > status.st_mtime + _STALE_AFTER_S:
            _unlock(root)
    except FileNotFoundError:
        pass  # just released


def _unlock(root: int) -> None:
    try:
        os.unlink(f"{FILE}.lock", dir_fd=root)
    except FileNotFoundError:
        pass  # another program thought it forgotten
