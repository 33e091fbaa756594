"""`pyfix import-postfix` over a folder of configurations that people have.

A case is a folder with a configuration directory as Postfix has it, the arguments, what is printed, and what main.cf
and master.cf become. In all of them /etc/postfix and /etc/pyfix stand for the directories of the test.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from tls_material import issue

from pyfix.commands.check import refuse_losses
from pyfix.commands.check.instance import check_instance
from pyfix.commands.findings import Severity
from pyfix.commands.pyfix import main
from pyfix.mail.config import Config

CASES = Path(__file__).parents[3] / "golden" / "import"
NAMES = sorted(path.name for path in CASES.iterdir() if path.is_dir())


class Place:
    """Where a case is laid out."""

    def __init__(self, top: Path) -> None:
        self.source = top / "etc-postfix"
        self.target = top / "etc-pyfix"
        self.top = top
        self._paths = {
            "/etc/postfix": str(self.source),
            "/etc/pyfix": str(self.target),
            "/etc/aliases": f"{top}/aliases",
            "/etc/mailname": f"{top}/mailname",
            "/var/spool/p": f"{top}/spool-p",
            "/etc/ssl/certs/ssl-cert-snakeoil.pem": f"{top}/own.pem",
            "/etc/ssl/private/ssl-cert-snakeoil.key": f"{top}/own.key",
            "/etc/pki/tls/certs/postfix.pem": f"{top}/redhat.pem",
            "/etc/pki/tls/private/postfix.key": f"{top}/redhat.key",
        }

    def real(self, text: str) -> str:
        """Return a text of a case with the directories of the test."""
        for path, real in self._paths.items():
            text = text.replace(path, real)
        return text

    def shown(self, text: str) -> str:
        """Return a text of the test as the case has it."""
        for path, real in self._paths.items():
            text = text.replace(real, path)
        return text

    def lay_out(self, case: Path) -> list[str]:
        """Write the files of a case; return the arguments."""
        (self.top / "aliases").write_text("postmaster: root\n")
        (self.top / "mailname").write_text("example.com\n")
        for name in ("own", "redhat"):
            issue("mail.example.com").write(self.top, name)
        self.source.mkdir()
        for path in (case / "postfix").iterdir():
            (self.source / path.name).write_text(self.real(path.read_text()))
        return shlex.split((case / "arguments").read_text())


@pytest.fixture
def place(reachable: Path) -> Place:
    return Place(reachable)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_told_and_what_becomes_of_the_files(name: str, place: Place) -> None:
    """To the letter."""
    case = CASES / name
    arguments = place.lay_out(case)
    result = CliRunner().invoke(
        main, ["import-postfix", str(place.source), "--to", str(place.target), *arguments], catch_exceptions=False
    )
    told = place.shown(result.stderr) + f"exit status {result.exit_code}\n"
    becomes = {
        f: place.shown((place.target / f).read_text()) for f in ("main.cf", "master.cf") if (place.target / f).exists()
    }
    assert told == (case / "expected").read_text()
    assert becomes == {path.name.removeprefix("expected-"): path.read_text() for path in case.glob("expected-*")}


@pytest.mark.parametrize("name", [name for name in NAMES if (CASES / name / "expected-main.cf").exists()])
def test_what_is_imported_can_be_started(name: str, place: Place) -> None:
    """No guard is missing that nobody has accepted, and check has nothing to say about it.

    But for a name of one's own to which only a line referred that is gone.
    """
    arguments = place.lay_out(CASES / name)
    CliRunner().invoke(main, ["import-postfix", str(place.source), "--to", str(place.target), *arguments])
    with open(place.target / "main.cf", "a") as file:
        file.write(f"queue_directory = {place.top}/spool\ndata_directory = {place.top}/data\n")
    config = Config.load(str(place.target))
    assert refuse_losses(config) == []
    found = [item for item in check_instance(config) if item.severity is not Severity.NOTE]
    assert [item.line for item in found if "unused parameter: mua_client_restrictions" not in item.line] == []
