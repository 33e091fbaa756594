"""A main.cf or master.cf that cannot be read, through every command that reads it: one line, no traceback.

The line names the program and the file, and where the content is broken also the line. tests/golden/config has the
exact words for what a repository can hold; here is the rest: rights, pipes, sockets, and very long lines.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest

from pyfix.mail.config import discover

MAIN_CF = "myhostname = mail.example.com\n"
MASTER_CF = "smtp inet n - n - - smtpd\n"
_NOBODY = 65534


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _socket(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.path.relpath(path))


def _add(data: bytes) -> Callable[[Path], None]:
    """Return what appends to a file."""

    def add(path: Path) -> None:
        with path.open("ab") as file:
            file.write(data)

    return add


UNREADABLE: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (Path.unlink, "No such file or directory; specify its directory with -c"),
    "directory": (_directory, "Is a directory; put a text file in its place"),
    "link": (_link_to_itself, "Too many levels of symbolic links; put a text file in its place"),
    "pipe": (_pipe, "not a regular file; put a text file in its place"),
    "socket": (_socket, "No such device or address"),
}
BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "long": (_add(b"x " * 5_000_000), "line is longer than 1048576 characters; use a table file"),
    "lines": (
        _add(b"x unix\n" + (b" " + b"x" * 9999 + b"\n") * 200),
        "line is longer than 1048576 characters; use a table file",
    ),
    "nul": (_add(b"# a\0b\n"), "line contains a NUL byte; remove it or restore the file"),
    "latin1": (_add(b"caf\xe9 = 1\n"), "line is not valid UTF-8 text; save the file as UTF-8"),
    "rubbish": (_add(bytes(range(128, 256)) * 100), "line is not valid UTF-8 text; save the file as UTF-8"),
    "returns": (_add(b"a unix\rb"), "line contains a carriage return; save the file with LF line ends"),
}
READ_MAIN = (
    "pyfix check", "pyfix status", "pyfix start", "pyfix reload", "pyfix stop", "pyfix abort", "pyfix flush",
    "pyfix logrotate", "pyfix explain a@b.test", "pyfix user list", "pyfix domain list", "postconf", "postconf -n",
    "postconf -x myhostname", "postconf -M", "postconf -Fj", "postconf -P */*/a", "postconf -b",
    "postmap -q a static:x", "postmap hash:nosuch", "postalias hash:nosuch", "newaliases", "mailq",
    "postqueue -p", "postqueue -j", "postqueue -f", "postsuper -s", "postcat -q 4ABC", "sendmail a@b.test",
    "sendmail -bs", "sendmail -q",
)  # fmt: skip
READ_MASTER = (
    "pyfix check", "pyfix explain a@b.test", "postconf -M", "postconf -Fj", "postconf -P */*/a",
)  # fmt: skip
CHANGE = {
    "main.cf": ("postconf a=b", "postconf -X a", "postconf -# a"),
    "master.cf": ("postconf -MX a/unix", "postconf -F */*/chroot=n", "postconf -P */*/a=b"),
}


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration directory that all commands use."""
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "main.cf").write_text(MAIN_CF)
    (etc / "master.cf").write_text(MASTER_CF)
    monkeypatch.setenv("MAIL_CONFIG", str(etc))
    monkeypatch.chdir(etc)
    return etc


def complaint(words: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a command that must fail, and return the only line that it prints."""
    monkeypatch.setattr(sys, "argv", words.split())
    with pytest.raises(SystemExit) as ended:
        import_module(f"pyfix.commands.{sys.argv[0]}").main()
    output, errors = capfd.readouterr()
    assert ended.value.code not in (0, None)
    assert (output, len(errors.splitlines())) == ("", 1), words
    assert len(errors) < 500
    return errors


@pytest.mark.parametrize("name", ["main.cf", "master.cf"])
@pytest.mark.parametrize("kind", UNREADABLE)
def test_file_that_cannot_be_opened_is_named(
    name: str, kind: str, etc: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By those that read it, and by those that change it; nothing is left beside it."""
    spoil, reason = UNREADABLE[kind]
    spoil(etc / name)
    for words in (*(READ_MAIN if name == "main.cf" else READ_MASTER), *CHANGE[name]):
        said = complaint(words, capfd, monkeypatch)
        assert said.endswith(f": fatal: open {etc / name}: {reason}\n"), words
    assert [path.name for path in etc.iterdir() if path.suffix == ".tmp"] == []


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that everybody may enter."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


@pytest.mark.parametrize("name", ["main.cf", "master.cf"])
def test_file_that_the_user_may_not_read_is_named(
    name: str, shared: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is it changed."""
    for file, text in (("main.cf", MAIN_CF), ("master.cf", MASTER_CF)):
        (shared / file).write_text(text)
    (shared / name).chmod(0)
    monkeypatch.setenv("MAIL_CONFIG", str(shared))
    commands = READ_MAIN if name == "main.cf" else READ_MASTER
    for words in commands:
        import_module(f"pyfix.commands.{words.split()[0]}")
    discover.declarations()
    with not_root():
        for words in commands:
            said = complaint(words, capfd, monkeypatch)
            reason = "Permission denied; make it readable for the user who runs this"
            assert said.endswith(f": fatal: open {shared / name}: {reason}\n"), words
        for words in CHANGE[name] if os.getuid() == 0 else ():
            said = complaint(words, capfd, monkeypatch)
            assert said == f"postconf: fatal: edit {shared / name}: Permission denied; the file is unchanged\n"


@contextmanager
def not_root() -> Iterator[None]:
    """Be somebody who may not read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("name", ["main.cf", "master.cf"])
@pytest.mark.parametrize("kind", BROKEN)
def test_content_that_cannot_be_read_is_named_with_its_line(
    name: str, kind: str, etc: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the command wants to know."""
    spoil, reason = BROKEN[kind]
    spoil(etc / name)
    for words in READ_MAIN if name == "main.cf" else (*READ_MASTER, "postconf", "postconf -n myhostname"):
        said = complaint(words, capfd, monkeypatch)
        assert said.endswith(f": fatal: {etc / name}, line 2: {reason}\n"), words


def test_byte_order_mark_is_named(
    etc: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In either file."""
    for name, commands in (("master.cf", READ_MASTER), ("main.cf", READ_MAIN)):
        (etc / name).write_bytes(b"\xef\xbb\xbf" + (etc / name).read_bytes())
        for words in commands:
            said = complaint(words, capfd, monkeypatch)
            assert f": fatal: {etc / name}, line 1: file starts with a byte order mark; " in said
