"""postmap and postalias, option by option: the same calls give the same output, messages and exit status as Postfix's.

431 calls stand in postmap_cases.py; @ is the directory of either. What ours adds to a message is a remedy behind
Postfix's text, which REMEDY takes away.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from many_calls import Call, Result, run_calls
from postmap_cases import CASES, Step, call
from postmap_pair import Postmaps

pytestmark = pytest.mark.peer("postmap")
REMEDY = re.compile(
    rb"; (?:specify \"name = value\"|build it (?:anew )?with|specify its directory|or newaliases).*?$"
    rb"|(?<=bulk-mode creation\.) Specify one of: .*$|\. Supported types are: .*$",
    re.MULTILINE,
)
QUIRKS = [
    (rb"(table|:) (hash|btree|cdb):(\S+?)\.(?:db|cdb)\b", rb"\1 \2:\3"),
    (rb"(?<=non-UTF-8 value \"\?\"): malformed UTF-8 or invalid codepoint$", b""),
]
"""Where Postfix names the index in the place of the table."""


@dataclass
class Answer:
    """What a call gave, without that in which the two may differ."""

    status: int
    output: list[bytes]
    messages: list[bytes]


def answer(step: Step, directory: Path, result: Result) -> Answer:
    """Return what is compared."""
    status, output, messages = result
    messages = REMEDY.sub(b"", messages.replace(str(directory).encode(), b"@"))
    for pattern, replacement in QUIRKS:
        messages = re.sub(pattern, replacement, messages, flags=re.MULTILINE)
    lines = re.sub(rb"\d{10}$", b"TIME", output, flags=re.MULTILINE).splitlines()
    unordered = any(argument.startswith("-s") for argument in step.arguments)
    return Answer(status, sorted(lines) if unordered else lines, _told(messages))


def _told(messages: bytes) -> list[bytes]:
    """Return the messages, each once; a failed lookup is one line of ours, a warning and a fatal error of Postfix's."""
    failed = re.compile(rb"^\w+: (?:warning|fatal): .*(?:non-UTF-8 value|query error)")
    return [line for line in dict.fromkeys(messages.splitlines()) if not failed.search(line)]


def calls_in(directory: Path, steps: list[Step]) -> list[Call]:
    """Return the calls with the directory in the place of @."""
    return [
        (step.program, [word.replace("@/", f"{directory}/") for word in step.arguments], step.stdin, str(directory))
        for step in steps
    ]


def run_theirs(folder: Path, calls: list[Call], threads: int) -> list[Result]:
    """Run Postfix's programs."""

    def run(one: Call) -> Result:
        program, arguments, stdin, directory = one
        done = subprocess.run(
            [shutil.which(program, path=f"{folder}:/usr/bin") or program, *arguments],
            input=stdin, capture_output=True, check=False, timeout=60, cwd=directory,
            env={**os.environ, "MAIL_CONFIG": directory},
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, calls))


@pytest.mark.parametrize("name", CASES)
def test_calls_give_what_postfix_gives(name: str, postmaps: Postmaps) -> None:
    """Output, messages and status of each call of the row."""
    case = CASES[name]
    for directory in (postmaps.postfix_directory, postmaps.directory):
        for file, content in case.files.items():
            text = content if isinstance(content, bytes) else content.replace("@/", f"{directory}/").encode()
            (directory / file).write_bytes(text)
        os.utime(directory / "main.cf", (1_700_000_000, 1_700_000_000))
    calls = calls_in(postmaps.postfix_directory, case.steps)
    theirs = run_theirs(Path(postmaps.postfix).parent, calls, 16 if case.independent else 1)
    ours = run_calls(calls_in(postmaps.directory, case.steps))
    differing = []
    for step, their_result, our_result in zip(case.steps, theirs, ours, strict=True):
        expected = answer(step, postmaps.postfix_directory, their_result)
        got = answer(step, postmaps.directory, our_result)
        if expected != got:
            differing.append(f"{step}\n  theirs {expected}\n  ours   {got}")
    assert not differing, "\n".join(differing)


BROKEN: dict[str, bytes | None] = {
    "crlf": b"key value\r\n\r\nother x\r\n", "byte order mark": b"\xef\xbb\xbfkey value\n", "empty": b"",
    "binary": bytes(range(1, 256)) * 9, "NUL": b"ke\0y value\n", "UTF-16": "key value\n".encode("utf-16"),
    "one long line": b"x" * 10_000_000, "no line end": b"key", "missing": None,
}  # fmt: skip
"""What stands in the place of a table; None: nothing."""


def test_broken_tables_end_with_the_same_status(postmaps: Postmaps) -> None:
    """Built and asked, for each kind of text; ours names the file in every message, and shows no traceback."""
    theirs_at, ours_at = postmaps.postfix_directory, postmaps.directory
    steps = []
    for number, content in enumerate(BROKEN.values()):
        for directory in (theirs_at, ours_at):
            if content is not None:
                (directory / f"t{number}").write_bytes(content)
        steps += [call("-q", "key", f"{kind}:@/t{number}") for kind in ("texthash", "regexp", "pcre", "cidr")]
        steps += [call(f"{kind}:@/t{number}") for kind in ("lmdb", "hash", "cdb")]
        steps += [call(f"lmdb:@/t{number}", program="postalias")]
        steps += [call("-q", "key", f"{kind}:@/t{number}") for kind in ("sqlite", "mysql", "pgsql")]
    theirs = run_theirs(Path(postmaps.postfix).parent, calls_in(theirs_at, steps), 16)
    ours = run_calls(calls_in(ours_at, steps))
    for step, (expected, _, _), (status, _, messages) in zip(steps, theirs, ours, strict=True):
        assert (step, status) == (step, expected), messages
        for line in messages.splitlines():
            assert re.search(rb"^post\w+: (?:warning|fatal): .*/pyfix/t\d", line), line
