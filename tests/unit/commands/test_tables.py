"""postmap, postalias and newaliases, called as from a shell."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pyfix.commands import newaliases, postalias, postmap, sendmail
from pyfix.mail.maps import TableError
from pyfix.mail.maps.index_file import NotAnIndex, open_index
from pyfix.mail.maps.registry import TYPES

CDB_IS_CONSTANT = (
    "dict_cdb_open: inappropriate open flags for cdb database - specify O_RDONLY or O_WRONLY|O_CREAT|O_TRUNC; "
    'build it anew with "postmap '
)
Shell = Callable[..., tuple[int, str, str]]
PROGRAMS = {
    "postmap": postmap.main, "postalias": postalias.main, "newaliases": newaliases.main, "sendmail": sendmail.main
}  # fmt: skip


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shell:
    """Return a function that runs a program in tmp_path: (status, standard output, standard error)."""
    (tmp_path / "main.cf").write_text(f"alias_database = hash:{tmp_path}/aliases\nmyhostname = mail.example.test\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAIL_CONFIG", str(tmp_path))

    def run(program: str, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", [program, *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        status = 0
        try:
            PROGRAMS[program]()
        except SystemExit as ended:
            status = int(ended.code or 0)
        out, err = capfd.readouterr()
        return status, out, err

    return run


def test_built_table_answers_queries(shell: Shell, tmp_path: Path) -> None:
    """The default type is hash; keys fold; status 1 when there is no such key."""
    (tmp_path / "t").write_text("Key value of it\n")
    assert shell("postmap", "t") == (0, "", "")
    assert shell("postmap", "-q", "KEY", "t") == (0, "value of it\n", "")
    assert shell("postmap", "-q", "other", "hash:t") == (1, "", "")
    assert shell("postmap", "-q", "-", "t", stdin="key\nother\n") == (0, "key\tvalue of it\n", "")
    assert shell("postmap", "-q", "-", "t", stdin="other\n") == (1, "", "")
    assert shell("postmap", "-s", "t") == (0, "key\tvalue of it\n", "")


def test_table_is_opened_when_it_is_asked(shell: Shell, tmp_path: Path) -> None:
    """A missing one behind one that has the key is nobody's trouble, as in Postfix."""
    (tmp_path / "t").write_text("a 1\n")
    assert shell("postmap", "-q", "a", "texthash:t", "hash:nowhere") == (0, "1\n", "")
    status, out, err = shell("postmap", "-q", "-", "texthash:t", "hash:nowhere", stdin="a\nb\n")
    assert (status, out) == (1, "a\t1\n")
    assert err.startswith("postmap: fatal: open database nowhere.db: No such file or directory")


def test_each_type_has_its_own_index(shell: Shell, tmp_path: Path) -> None:
    """hash and btree: FILE.db, lmdb: FILE.lmdb, cdb: FILE.cdb."""
    (tmp_path / "t").write_text("a 1\n")
    for kind in ("hash", "btree", "lmdb", "cdb"):
        assert shell("postmap", f"{kind}:t")[0] == 0
        assert shell("postmap", "-q", "a", f"{kind}:t") == (0, "1\n", "")
    assert sorted(path.name for path in tmp_path.glob("t.*")) == ["t.cdb", "t.db", "t.lmdb"]


def test_type_of_a_bare_name_is_a_parameter(shell: Shell, tmp_path: Path) -> None:
    """default_database_type, for postmap and postalias, and for alias_database."""
    (tmp_path / "t").write_text("")
    with open(tmp_path / "main.cf", "a") as main_cf:
        main_cf.write("default_database_type = lmdb\nalias_database = t\n")
    for program in (("postmap", "t"), ("postalias", "t"), ("newaliases",)):
        (tmp_path / "t").write_text("a: 1\n")
        assert shell(*program)[0] == 0
        assert [path.name for path in tmp_path.glob("t.*")] == ["t.lmdb"]
        (tmp_path / "t.lmdb").unlink()


def test_keys_can_be_removed(shell: Shell, tmp_path: Path) -> None:
    """Status 1 when none was there; the others stay."""
    (tmp_path / "t").write_text("a 1\nb 2\nc 3\n")
    shell("postmap", "t")
    assert shell("postmap", "-d", "A", "t") == (0, "", "")
    assert shell("postmap", "-d", "a", "t") == (1, "", "")
    assert shell("postmap", "-d", "-", "t", stdin="b\nx\n") == (0, "", "")
    assert shell("postmap", "-s", "t") == (0, "c\t3\n", "")


def test_entries_can_be_added(shell: Shell, tmp_path: Path) -> None:
    """-i keeps what is there; with -r a new value replaces the old one."""
    (tmp_path / "t").write_text("a 1\n")
    shell("postmap", "t")
    assert shell("postmap", "-i", "t", stdin="b 2\na 9\n") == (0, "", 'postmap: warning: t.db: duplicate entry: "a"\n')
    assert shell("postmap", "-s", "t")[1] == "a\t1\nb\t2\n"
    assert shell("postmap", "-i", "-r", "t", stdin="a 9\n") == (0, "", "")
    assert shell("postmap", "-s", "t")[1] == "a\t9\nb\t2\n"
    assert shell("postmap", "-i", "new", stdin="a 1\n") == (0, "", "")
    assert shell("postmap", "-q", "a", "new")[1] == "1\n"


def test_duplicates_are_warned_about_unless_quiet(shell: Shell, tmp_path: Path) -> None:
    """The first value stays; -r takes the last; -w says nothing; -f keeps both cases apart."""
    (tmp_path / "t").write_text("a 1\nA 2\n")
    assert shell("postmap", "t") == (0, "", 'postmap: warning: t.db: duplicate entry: "a"\n')
    assert shell("postmap", "-w", "t") == (0, "", "")
    assert shell("postmap", "-q", "a", "t")[1] == "1\n"
    assert shell("postmap", "-r", "t") == (0, "", "")
    assert shell("postmap", "-q", "a", "t")[1] == "2\n"
    assert shell("postmap", "-f", "t") == (0, "", "")
    assert shell("postmap", "-s", "-f", "t")[1] == "A\t2\na\t1\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nofile",), "open nofile: No such file or directory"),
        (("-q", "a", "texthash:nofile"), "open database nofile: No such file or directory"),
        (("-d", "a", "nofile"), "open database nofile.db: No such file or directory"),
        (("-d", "a", "cdb:x"), f'{CDB_IS_CONSTANT}cdb:x"'),
        (("-i", "cdb:x"), f'{CDB_IS_CONSTANT}cdb:x"'),
        (("-d", "a", "cidr:x"), "cidr:x map requires O_RDONLY access mode"),
        (("-d", "a", "static:x"), "table static:x: delete operation is not supported"),
        (("-s", "static:x"), "table static:x: sequence operation is not supported"),
        (("-q", "a", "-s", "static:x"), "specify only one of -s -q or -d"),
        (("-q", "a", "-d", "a", "static:x"), "specify only one of -s -q or -d"),
        (("-b", "-q", "a", "static:x"), 'specify -b -h or -m only with "-q -"'),
        (
            ("-i", "texthash:t"),
            "unsupported dictionary type: texthash does not support bulk-mode creation. "
            "Specify one of: btree cdb hash lmdb",
        ),
        (
            ("-i", "nis:t"),
            "unsupported dictionary type: nis (pyfix does not have it yet). Supported types are: " + " ".join(TYPES),
        ),
    ],
)
def test_failures_are_one_line_and_status_1(shell: Shell, arguments: tuple[str, ...], message: str) -> None:
    """Postfix's words where it has them."""
    assert shell("postmap", *arguments) == (1, "", f"postmap: fatal: {message}\n")


def test_wrong_usage_shows_the_usage(shell: Shell) -> None:
    """Unknown option, missing file."""
    status, _, err = shell("postmap", "-x")
    assert (status, err.splitlines()[-1]) == (1, f"postmap: fatal: usage: {postmap.PROGRAM.usage}")
    assert shell("postalias")[0] == 1


def test_empty_value_is_shown_with_a_warning(shell: Shell) -> None:
    """As Postfix does."""
    assert shell("postmap", "-q", "a", "inline:{a=}") == (
        0,
        "\n",
        "postmap: warning: table inline:{a=}: key a: empty string result is not allowed\n"
        "postmap: warning: table inline:{a=} should return NO RESULT in case of NOT FOUND\n",
    )


def test_failed_build_leaves_the_old_index(shell: Shell, tmp_path: Path) -> None:
    """And nothing half-made beside it."""
    (tmp_path / "t").write_text("a 1\n")
    shell("postmap", "t")
    (tmp_path / "t").unlink()
    assert shell("postmap", "t")[0] == 1
    assert shell("postmap", "-q", "a", "t")[1] == "1\n"
    assert [path.name for path in tmp_path.glob("t*")] == ["t.db"]


def test_index_has_the_mode_of_its_source(shell: Shell, tmp_path: Path) -> None:
    """Passwords in a table stay private; -p makes it 0644."""
    (tmp_path / "t").write_text("a 1\n")
    (tmp_path / "t").chmod(0o640)
    shell("postmap", "t")
    assert (tmp_path / "t.db").stat().st_mode & 0o777 == 0o640
    umask = os.umask(0o077)
    shell("postmap", "-p", "lmdb:t")
    os.umask(umask)
    assert (tmp_path / "t.lmdb").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(("source", "index"), [(0o600, 0o600), (0o666, 0o644), (0o444, 0o644), (0o751, 0o640)])
def test_new_index_is_read_by_who_may_read_its_source(shell: Shell, tmp_path: Path, source: int, index: int) -> None:
    """And written by its owner alone; an index that is there keeps its mode."""
    (tmp_path / "t").write_text("a 1\n")
    (tmp_path / "t").chmod(source)
    shell("postmap", "t")
    assert (tmp_path / "t.db").stat().st_mode & 0o777 == index
    (tmp_path / "t.db").chmod(0o620)
    shell("postmap", "t")
    assert (tmp_path / "t.db").stat().st_mode & 0o777 == 0o620


def test_readers_never_miss_a_key_while_the_table_is_rebuilt(shell: Shell, tmp_path: Path) -> None:
    """Every open finds a whole table."""
    (tmp_path / "t").write_text("".join(f"key{number} value\n" for number in range(500)))
    shell("postmap", "t")
    missing: list[str] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            try:
                if open_index("t.db").get("key499") != "value":
                    missing.append("key")
            except (OSError, TableError, NotAnIndex) as error:
                missing.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        shell("postmap", "t")
    over.set()
    reader.join()
    assert missing == []


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="needs root: it is root whose rights are put down")
def test_root_builds_with_the_rights_of_the_owner(shell: Shell, tmp_path: Path) -> None:
    """The index belongs to the owner of the source; -o keeps root's rights."""
    (tmp_path / "t").write_text("a 1\n")
    os.chown(tmp_path / "t", 2525, 2525)
    assert shell("postmap", "t")[0] == 1
    assert shell("postmap", "-o", "t")[0] == 0
    for path in (tmp_path, *list(tmp_path.parents)[:3]):
        path.chmod(0o777)
    assert shell("postmap", "t")[0] == 0
    assert (tmp_path / "t.db").stat().st_uid == 2525
    assert os.geteuid() == 0


def test_alias_table(shell: Shell, tmp_path: Path) -> None:
    """name: value, quoted names, continuation lines; with the entries that sendmail expects."""
    (tmp_path / "aliases").write_text(
        '# aliases\nRoot: alice,\n  bob\n"full name" : carol\ncmd: "|/usr/bin/prog arg"\n\n:bad\n'
    )
    assert shell("newaliases") == (0, "", f"postalias: warning: {tmp_path}/aliases, line 7: need name:value pair\n")
    assert shell("postalias", "-q", "root", "aliases") == (0, "alice, bob\n", "")
    assert shell("postalias", "-q", "FULL name", "aliases")[1] == "carol\n"
    assert shell("postalias", "-q", "cmd", "aliases")[1] == '"|/usr/bin/prog arg"\n'
    listed = shell("postalias", "-s", "aliases")[1]
    assert "@:\t@\n" in listed
    assert "YP_MASTER_NAME:\tmail.example.test\n" in listed


@pytest.mark.parametrize("option", ["-oAhash:other", "-oAother"])
@pytest.mark.parametrize("program", ["newaliases", "sendmail -bi", "sendmail -I -v"])
def test_another_alias_table_can_be_built(shell: Shell, tmp_path: Path, option: str, program: str) -> None:
    """-oA, with or without a type, of newaliases and of sendmail."""
    (tmp_path / "other").write_text("root: alice\n")
    name, *more = program.split()
    status, _, err = shell(name, *more, option)
    assert (status, err) == (0, "postalias: built other.db\n" if "-v" in more else "")
    assert shell("postalias", "-q", "root", "other")[1] == "alice\n"
    assert not (tmp_path / "aliases.db").exists()


def test_newaliases_without_source_says_so(shell: Shell, tmp_path: Path) -> None:
    """Status 1, in Postfix's words."""
    assert shell("newaliases") == (
        1,
        "",
        f"postalias: fatal: open {tmp_path}/aliases: No such file or directory\n",
    )
