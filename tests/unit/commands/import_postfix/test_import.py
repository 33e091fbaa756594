"""What `pyfix import-postfix` refuses, and what it does with files."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pyfix.commands.import_postfix.paths import is_below, move_below, own_path
from pyfix.commands.pyfix import main
from pyfix.mail.maps.index_file import open_index

BERKELEY_HASH = b"\0" * 12 + (0x00061561).to_bytes(4, "little") + b"\0" * 4080


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A Postfix configuration."""
    directory = tmp_path / "postfix"
    directory.mkdir()
    (directory / "main.cf").write_text("myhostname = mail.example.com\nalias_maps =\nalias_database =\n")
    (directory / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    return directory


def run(source: Path, *arguments: str) -> Result:
    """Import it to a directory beside it."""
    return CliRunner().invoke(main, ["import-postfix", str(source), "--to", str(source.parent / "pyfix"), *arguments])


def add(source: Path, text: str) -> None:
    with open(source / "main.cf", "a") as file:
        file.write(text)


def test_what_needs_no_change_is_copied_to_the_byte(source: Path) -> None:
    """And nothing is left beside it."""
    result, target = run(source), source.parent / "pyfix"
    expected = f"pyfix: {target}: imported, mail goes as with Postfix; now: pyfix -c {target} check\n"
    assert (result.exit_code, result.stderr) == (0, expected)
    for name in ("main.cf", "master.cf"):
        assert (target / name).read_bytes() == (source / name).read_bytes()
    assert sorted(os.listdir(source.parent)) == ["postfix", "pyfix"]


def test_directory_with_something_in_it_is_left_alone(source: Path) -> None:
    """An empty one will do."""
    target = source.parent / "pyfix"
    target.mkdir()
    (target / "x").touch()
    expected = (
        f"pyfix: fatal: {target}: exists and is not empty; specify another directory with --to, or move it away\n"
    )
    assert (run(source).exit_code, run(source).stderr) == (1, expected)
    (target / "x").unlink()
    assert run(source).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--to", "DIR/postfix/pyfix"], "DIR/postfix/pyfix: inside DIR/postfix; specify another directory with --to"),
        (["--to", "DIR/nowhere/pyfix"], "DIR/nowhere: no such directory; make it"),
        (
            ["--accept", "smtpd_miltres"],
            "--accept smtpd_miltres: there is nothing of this name to accept; specify the first word of an error that"
            " was reported",
        ),
    ],
)
def test_request_that_makes_no_sense_is_refused(source: Path, arguments: list[str], expected: str) -> None:
    """In one line, and nothing is made."""
    here = str(source.parent)
    result = run(source, *(word.replace("DIR", here) for word in arguments))
    assert (result.exit_code, result.stderr) == (1, f"pyfix: fatal: {expected.replace('DIR', here)}\n")
    assert os.listdir(here) == ["postfix"]


def test_missing_and_broken_configurations_are_one_line(source: Path) -> None:
    """With file and line."""
    (source / "master.cf").write_text("smtp inet n\n")
    assert run(source).stderr.startswith(f"pyfix: fatal: {source}/master.cf: line 1: missing ")
    (source / "main.cf").unlink()
    assert run(source).stderr == (
        f"pyfix: fatal: open {source}/main.cf: No such file or directory;"
        " specify the directory of Postfix's configuration: pyfix import-postfix DIR\n"
    )


def test_index_of_postfix_is_built_anew_from_its_source(source: Path) -> None:
    """The one that is copied is no use; a table that nobody names keeps its source alone."""
    add(source, f"virtual_alias_maps = hash:{source}/virtual, btree:$config_directory/more\n")
    for name in ("virtual", "more", "other"):
        (source / name).write_text(f"a@example.com {name}\n")
        (source / f"{name}.db").write_bytes(BERKELEY_HASH)
    result = run(source)
    target = source.parent / "pyfix"
    assert result.exit_code == 0, result.stderr
    assert sorted(os.listdir(target)) == ["main.cf", "master.cf", "more", "more.db", "other", "virtual", "virtual.db"]
    assert open_index(f"{target}/virtual.db").get("a@example.com") == "virtual"
    assert open_index(f"{target}/more.db").get("a@example.com") == "more"
    assert (source / "virtual.db").read_bytes() == BERKELEY_HASH


def test_index_without_a_source_is_told_of(source: Path) -> None:
    """With the command of Postfix's that makes one."""
    add(source, f"virtual_alias_maps = hash:{source}/virtual\n")
    (source / "virtual.db").write_bytes(BERKELEY_HASH)
    result = run(source)
    assert result.exit_code == 2
    assert (
        f"pyfix: warning: {source}/main.cf, line 4: virtual_alias_maps: hash:{source}/virtual has an index for Postfix"
        f" and no source: mail that needs it waits; write the source with Postfix's postmap -s hash:{source}/virtual"
        f" > {source}/virtual\n" in result.stderr
    )


def test_default_alias_table_becomes_one_that_both_mail_systems_can_have(source: Path, tmp_path: Path) -> None:
    """Where main.cf does not name it, a line is added; Postfix's index stays."""
    aliases = tmp_path / "aliases"
    aliases.write_text("root: admin\n")
    (tmp_path / "aliases.db").write_bytes(BERKELEY_HASH)
    (source / "main.cf").write_text(f"alias_maps = hash:{aliases} hash:{source}/more\nalias_database = $alias_maps\n")
    (source / "more").write_text("a: b\n")
    assert run(source).exit_code == 0
    assert (tmp_path / "aliases.db").read_bytes() == BERKELEY_HASH
    assert open_index(f"{aliases}.lmdb").get("root") == "admin"
    assert (tmp_path / "pyfix/main.cf").read_text().splitlines()[-2:] == [
        f"alias_maps = lmdb:{aliases} hash:{tmp_path}/pyfix/more",
        "alias_database = $alias_maps",
    ]


def test_table_of_a_type_that_is_lacking_can_be_taken_out_of_a_list(source: Path) -> None:
    """Of aliases that another table has, too, say; out of restrictions it can't."""
    (source / "main.cf").write_text("alias_maps = texthash:/etc/aliases, nis:mail.aliases\nalias_database =\n")
    refused = run(source)
    assert refused.stderr.startswith(
        f"pyfix: error: {source}/main.cf, line 1: alias_maps=nis:mail.aliases: nis tables are not in this release:"
        " what is in it is not found; if that is all right: --accept alias_maps\n"
    )
    assert run(source, "--accept", "alias_maps").exit_code == 2
    assert "\nalias_maps = texthash:/etc/aliases,\n" in (source.parent / "pyfix/main.cf").read_text()


def test_table_of_restrictions_that_is_lacking_is_fatal(source: Path) -> None:
    """--accept is no way out."""
    add(source, "smtpd_client_restrictions = check_client_access nis:hosts\n")
    assert run(source).stderr.startswith(f"pyfix: fatal: {source}/main.cf, line 4: smtpd_client_restrictions=nis:hosts")
    assert run(source, "--accept", "smtpd_client_restrictions").exit_code == 1


def test_file_without_a_name_can_not_take_its_place(source: Path, tmp_path: Path) -> None:
    """Nobody knows what addresses would end in; with --accept it is the default again."""
    (tmp_path / "mailname").write_text("not a name\n")
    add(source, f"myorigin = {tmp_path}/mailname\n")
    result = run(source)
    assert result.exit_code == 1
    assert "addresses end in the name of the file; if that is all right: --accept myorigin\n" in result.stderr
    assert run(source, "--accept", "myorigin").exit_code == 2


def test_results_of_access_tables_are_told_of_once_they_can_be_read(source: Path) -> None:
    """The index of Postfix's can't be."""
    (source / "access").write_text("a@example.com PREPEND X-A: b\n")
    (source / "access.db").write_bytes(BERKELEY_HASH)
    add(source, f"smtpd_data_restrictions = check_sender_access hash:{source}/access\n")
    result, target = run(source), source.parent / "pyfix"
    assert result.exit_code == 2
    assert (
        f"pyfix: warning: {target}/main.cf, line 6: smtpd_data_restrictions: hash:{target}/access: a@example.com:"
        " PREPEND is not in this release: mail that has the key is answered with 451 4.3.5; write another result\n"
        in result.stderr
    )


def test_rights_and_links_are_kept(source: Path) -> None:
    """A password stays where only its group reads it; a fifo is nothing to copy."""
    (source / "mysql.cf").write_text("password = x\n")
    (source / "mysql.cf").chmod(0o640)
    (source / "private").mkdir(0o700)
    (source / "private/key").write_text("k")
    (source / "link").symlink_to("mysql.cf")
    os.mkfifo(source / "fifo")
    if os.getuid() == 0:
        os.chown(source / "mysql.cf", 0, 12)
    assert run(source).exit_code == 0
    target = source.parent / "pyfix"
    for name in ("mysql.cf", "private", "private/key", "link"):
        there, here = os.lstat(source / name), os.lstat(target / name)
        assert (here.st_uid, here.st_gid, stat.S_IMODE(here.st_mode)) == (
            there.st_uid,
            there.st_gid,
            stat.S_IMODE(there.st_mode),
        )
    assert os.readlink(target / "link") == "mysql.cf"
    assert not (target / "fifo").exists()


def test_file_that_can_not_be_copied_is_named_and_nothing_is_left(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password that only root may read."""
    (source / "secret").touch()

    def refuse(path: str, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("shutil.copy2", refuse)
    result = run(source)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"pyfix: fatal: copy {source}/")
    assert result.stderr.endswith(": Permission denied; make it readable for who imports, or become root\n")
    assert os.listdir(source.parent) == ["postfix"]


def test_report_as_json(source: Path) -> None:
    """For programs: whether it is done, and everything that is told."""
    add(source, "header_checks = regexp:/etc/postfix/header_checks\n")
    result = run(source, "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["imported"], report["changes_mail"]) == (1, False, True)
    assert report["findings"] == [
        {
            "severity": "error",
            "place": f"{source}/main.cf, line 4",
            "text": "header_checks=regexp:/etc/postfix/header_checks: header and body checks are not in this release:"
            " mail that they refuse is taken",
            "remedy": "if that is all right: --accept header_checks",
        }
    ]
    assert json.loads(run(source, "--json", "--accept", "header_checks").stdout)["imported"] is True


def test_directories_of_postfix_lead_to_others() -> None:
    """Never to the same one, whatever its name."""
    assert own_path("/var/spool/postfix") == "/var/spool/pyfix"
    assert own_path("/var/spool/postfix-out/") == "/var/spool/pyfix-out"
    assert own_path("/srv/queue") == "/srv/queue-pyfix"
    assert (is_below("/etc/postfix/a", "/etc/postfix"), is_below("/etc/postfix2/a", "/etc/postfix")) == (True, False)
    assert move_below("/etc/postfix/a/b", "/etc/postfix/", "/etc/pyfix") == "/etc/pyfix/a/b"
