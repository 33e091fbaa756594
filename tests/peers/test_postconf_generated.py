"""Against Postfix's own postconf: what is shown of configurations that are made at random.

Standard output, standard error and exit status are equal, but for what is listed here, and for our suggestions of the
nearest name. Postfix shows -o settings and warns in the order of a hash table, so that those are compared without it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from postconf_cases import SETTINGS_CF, Case, make_case

from pyfix.commands.postconf import main

pytestmark = pytest.mark.peer("postfix")

CASES = 40
REQUESTS = 5
AT_ONCE = 40
UNLIKE = {
    "alias_maps", "local_recipient_maps",  # Postfix built with NIS has one more table
    "proxy_read_maps", "proxy_write_maps",  # refer to these, and to parameters that pyfix does not have
    "queue_directory", "data_directory", "config_directory",  # pyfix has its own
    "mail_version", "process_id", "process_name", "process_client_limit",
}  # fmt: skip
"""Defaults that differ on purpose."""
CHECKED = {
    "mynetworks_style", "inet_interfaces", "inet_protocols", "myhostname", "mydomain", "compatibility_level",
    "service_name", "smtpd_restriction_classes",
}  # fmt: skip
"""Parameters whose value must make sense for postconf to show anything."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command printed, and its exit status."""

    shown: list[str]
    told: set[str]
    status: int


class Pair:
    """The two commands, on one directory."""

    def __init__(self, directory: Path) -> None:
        postfix = shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin")
        self._postconf = os.path.join(os.path.dirname(postfix or "/usr/sbin/postfix"), "postconf")
        self._directory = directory
        (directory / "settings.cf").write_text(SETTINGS_CF)

    def lay_out(self, main_cf: str, master_cf: str) -> None:
        """Write the files; Postfix waits for a main.cf that has just been written."""
        for name, text in (("main.cf", main_cf), ("master.cf", master_cf)):
            (self._directory / name).write_text(text)
            os.utime(self._directory / name, (1, 1))

    def theirs(self, *words: str) -> Output:
        """Run Postfix's."""
        command = [self._postconf, "-c", str(self._directory), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        return _output(done.stdout, done.stderr, done.returncode)

    def all_of_theirs(self, requests: Iterable[Sequence[str]]) -> list[Output]:
        """Run Postfix's with each of some requests, at once: it sleeps for a second before it ends with an error."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda words: self.theirs(*words), requests))

    def ours(self, *words: str) -> Output:
        """Run pyfix's, in this process."""
        done = CliRunner().invoke(main, ["-c", str(self._directory), *words], catch_exceptions=False)
        return _output(done.stdout, done.stderr, done.exit_code)


def _output(stdout: str, stderr: str, status: int) -> Output:
    told = {re.sub(r"^\S*postconf: ", "", line).partition("; did you mean")[0] for line in stderr.splitlines()}
    # In a field of its own, Postfix puts no blank between a command of four letters and its arguments.
    stdout = re.sub(r"(?m)^(smtp|lmtp|pipe|qmgr)(?=-|flags=|user=)", r"\1 ", stdout)
    return Output(stdout.replace("\n    ", "\0").splitlines(), told, status)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """The two commands."""
    return Pair(tmp_path)


@pytest.fixture(scope="module")
def common(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The parameters that both list, whatever the services are."""
    pair = Pair(tmp_path_factory.mktemp("common"))
    pair.lay_out("", "")
    theirs, ours = (set(output.shown) for output in (pair.theirs("-dH"), pair.ours("-dH")))
    return sorted((theirs & ours) - UNLIKE)


def compared(output: Output, request: list[str], names: set[str]) -> Output:
    """Return what must be equal: of a list of everything the names that both have."""
    shown = output.shown
    if all(word in ("-d", "-df", "-f", "-x", "-C", "user") for word in request):
        shown = [line for line in shown if line.split(" =")[0] in names]
    if any(word.startswith("-P") for word in request):
        shown = sorted(shown)
    return Output(shown, output.told, output.status)


@pytest.mark.parametrize("number", range(CASES))
def test_generated_configuration_is_shown_as_by_postfix(
    pair: Pair, common: list[str], tmp_path: Path, number: int
) -> None:
    """Hundreds of comparisons: every way to show, on values with tables, references, braces and comments."""
    settable = [name for name in common if name not in CHECKED]
    case: Case = make_case(number, settable, str(tmp_path), REQUESTS)
    pair.lay_out(case.main_cf, case.master_cf)
    names = set(common) | set(re.findall(r"(?m)^(\w+)\s*=", case.main_cf))
    for request, output in zip(case.requests, pair.all_of_theirs(case.requests), strict=True):
        theirs, ours = (compared(found, request, names) for found in (output, pair.ours(*request)))
        text = f"{case.main_cf}---\n{case.master_cf}---\npostconf {' '.join(request)}"
        assert ours.shown == theirs.shown, text
        assert ours.told == theirs.told, text
        assert ours.status == theirs.status, text


FLAGS = "ndxfeoChH#X"
OPERANDS = {"o": ["a=b"], "C": ["all"], "T": ["run-version"]}


@pytest.mark.parametrize("subject", ["", "p", "M", "F", "P", "b", "t", "m", "l", "T"])
def test_options_that_exclude_each_other_are_those_of_postfix(pair: Pair, subject: str) -> None:
    """Each with each, and the message too."""
    pair.lay_out("", "smtp inet n - n - - smtpd\n")
    groups = [{subject, first, second} - {""} for first in FLAGS for second in FLAGS if first <= second]
    requests = [[word for flag in sorted(group) for word in (f"-{flag}", *OPERANDS.get(flag, []))] for group in groups]
    for words, theirs in zip(requests, pair.all_of_theirs(requests), strict=True):
        clash = {line for line in theirs.told if "specify" in line}
        if clash:
            assert (words, pair.ours(*words)) == (words, Output([], clash, 1))


BROKEN = (
    "relay_domains = ${a\n", "relay_domains = $a\na=$b\nb=$a\n", "relay_domains = ${a?{x}y}\n", "foo = ${a\n",
    "relay_domains = ${a.b}\n", "relay_domains = $\n", "relay_domains = $relay_domains\n", "forward_path=${a\n",
    "relay_domains = ${{1} = {1}?x}\n", "myhostname = $mydomain\nmydomain = $myhostname\n",
    "relay_domains=${{$compatibility_level} <level {x} ? {a} : {b}}\n", "compatibility_level = x\n",
    "compatibility_level =\n", "compatibility_level = 3.6.1.2\n", "compatibility_level = 9999.1\n",
    "compatibility_level = 3.-1\n", "compatibility_level = 3.6 \n", "compatibility_level = $foo\nfoo=3.6\n",
)  # fmt: skip


@pytest.mark.parametrize("main_cf", BROKEN)
def test_value_in_use_that_cannot_be_expanded_is_fatal(pair: Pair, main_cf: str) -> None:
    """Whatever is asked for, as for Postfix; a value that nothing uses may be broken. -d does not look."""
    pair.lay_out(main_cf, "smtp inet n - n - - smtpd\n")
    requests = [["-n"], ["-nx"], ["relay_domains"], ["-M"], ["-d", "relay_domains"]]
    for words, theirs in zip(requests, pair.all_of_theirs(requests), strict=True):
        ours = pair.ours(*words)
        assert (words, ours.shown, ours.status) == (words, theirs.shown, theirs.status)
