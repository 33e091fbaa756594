"""postmap and postalias, option by option: the same calls give the same output, messages and exit status as Postfix's.

Each case is a row of calls on files that it lays out for both. @ stands for the directory of either. What ours adds to
a message is a remedy behind Postfix's text, which REMEDY takes away. 200 calls and more on each side.
"""

from __future__ import annotations

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from many_calls import Call, Result, run_calls
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
TABLE = "Key value of it\nother  two  words \n# comment\nkey again\n\ncont\n  inued\n"


@dataclass
class Step:
    """One call."""

    arguments: tuple[str, ...]
    stdin: bytes = b""
    program: str = "postmap"


@dataclass
class Case:
    """A row of calls."""

    steps: list[Step]
    independent: bool = False
    """No call depends on one before it: they run side by side, since Postfix waits a second after each failure."""
    files: dict[str, str | bytes] = field(default_factory=lambda: {"t": TABLE})


def call(*arguments: str, stdin: str | bytes = b"", program: str = "postmap") -> Step:
    """Return a call."""
    return Step(arguments, stdin.encode() if isinstance(stdin, str) else stdin, program)


def of_each_type(name: str, *options: str, stdin: str = "") -> list[Step]:
    """Return the call for each type that has an index."""
    return [call(*options, f"{kind}:{name}", stdin=stdin) for kind in ("lmdb", "hash", "cdb")]


READ_ONLY = [
    "cidr:@/t", "regexp:@/t", "pcre:@/t", "texthash:@/t", "static:x", "environ:x", "internal:x", "inline:{a=b}",
    "randmap:{a}", "unionmap:{static:x}", "pipemap:{static:x}", "unix:passwd.byname", "tcp:127.0.0.1:1",
    "socketmap:inet:127.0.0.1:1:n", "sqlite:@/t", "mysql:@/t", "fail:x", "nosuch:x",
]  # fmt: skip
CASES = {
    "usage": Case(
        [
            call(),
            call("-z", "lmdb:@/t"),
            call("-q"),
            call("-q", "a"),
            call("lmdb:@/t", "-q", "a"),
            call("-s", "-z"),
            call("-s", "-q", "a", "lmdb:@/t"),
            call("-d", "a", "-q", "a", "lmdb:@/t"),
            call("-s", "-d", "a", "x"),
            call("-q", "a", "-q", "b", "lmdb:@/t"),
            call("-d", "a", "-d", "b", "lmdb:@/t"),
            call("-b", "lmdb:@/t"),
            call("-bh", "lmdb:@/t"),
            call("-m", "lmdb:@/t"),
            call("-hq", "x", "lmdb:@/t"),
            call(program="postalias"),
            call("-b", "x", program="postalias"),
            call("-F", "x", program="postalias"),
            call("-sqa", "x", program="postalias"),
            call("-c", "/nonexistent", "x"),
            call("-q", "-s", "static:x"),
        ],
        independent=True,
    ),
    "build": Case(
        [
            *of_each_type("@/t"),
            *of_each_type("@/t", "-w"),
            *of_each_type("@/t", "-r"),
            *of_each_type("@/t", "-q", "key"),
            *of_each_type("@/t", "-f"),
            *of_each_type("@/t", "-fq", "Key"),
            *of_each_type("@/t", "-q", "Key"),
            *of_each_type("@/none"),
            call("@/t"),
            call("-q", "KEY", "@/t"),
            call("lmdb:"),
            call("lmdb:@/t", "hash:@/t"),
            call("-nNfoprw", "lmdb:@/t"),
            call("lmdb:@/no/dir"),
            call("--", "lmdb:@/t"),
            call("-fwr", "-o", "cdb:@/t"),
        ]
    ),
    "query": Case(
        [
            *of_each_type("@/t", "-q", "key"),
            *of_each_type("@/t", "-w"),
            *of_each_type("@/t", "-q", "KEY"),
            *of_each_type("@/t", "-q", "none"),
            *of_each_type("@/t", "-q", "-", stdin="key\nKEY\n\nnone\ncont\ncont"),
            *of_each_type("@/t", "-q", "-", stdin="none\n"),
            *of_each_type("@/t", "-q", "-"),
            call("-q", "a", "hash:@/t", "static:x"),
            call("-q", "key", "static:x", "hash:@/t"),
            call("-q", "-", "hash:@/t", "inline:{none=n}", stdin="none\nkey\n"),
            call("-q", "a", ":x"),
            call("-q", "a", ""),
            call("-q", "a", "inline:{a=}"),
            call("-q", "root", "unix:passwd.byname", "static:x"),
        ]
    ),
    "sequence": Case(
        [
            call("-w", "lmdb:@/t"),
            call("-s", "lmdb:@/t"),
            call("-s", "internal:x"),
            call("-s", "static:x"),
            call("-s", "fail:x"),
            call("-s", "cidr:@/t"),
            call("-s", "lmdb:@/none"),
            call("-s", "-s", "lmdb:@/none"),
            call("-s", "unix:passwd.byname"),
            call("-w", "lmdb:@/t", program="postalias"),
            call("-s", "randmap:{a}"),
            call("-s", "unionmap:{static:x}"),
        ]
    ),
    "delete": Case(
        [
            *of_each_type("@/t", "-w"),
            *of_each_type("@/t", "-d", "KEY"),
            *of_each_type("@/t", "-d", "KEY"),
            *of_each_type("@/t", "-fd", "OTHER"),
            *of_each_type("@/t", "-d", "-", stdin="cont\nnone\n"),
            *of_each_type("@/t", "-d", "-", stdin="cont\nnone\n"),
            *of_each_type("@/t", "-d", "-"),
            call("-s", "lmdb:@/t"),
            call("-d", "x", "hash:@/none"),
            call("-d", "-", "lmdb:@/t", "hash:@/t", stdin="other\n"),
        ]
    ),
    "increment": Case(
        [
            *of_each_type("@/t", "-w"),
            *of_each_type("@/t", "-i", stdin="new 1\nkey 2\nbad\n  more\n"),
            *of_each_type("@/t", "-iw", stdin="new 3\n"),
            *of_each_type("@/t", "-q", "new"),
            *of_each_type("@/t", "-ir", stdin="new 3\n"),
            *of_each_type("@/t", "-q", "new"),
            call("-s", "lmdb:@/t"),
            *of_each_type("@/fresh", "-i", stdin="a b\n"),
            *of_each_type("@/fresh", "-q", "a"),
        ]
    ),
    "NUL": Case(
        [
            step
            for options in (["-N"], ["-n"], [])
            for step in (
                *of_each_type("@/t", "-w", *options),
                *of_each_type("@/t", "-nq", "key"),
                *of_each_type("@/t", "-Nq", "key"),
                *of_each_type("@/t", "-nNq", "key"),
                *of_each_type("@/t", "-q", "key"),
            )
        ]
        + [
            call("-N", "-w", "lmdb:@/t"),
            call("-d", "key", "lmdb:@/t"),
            call("-nd", "cont", "lmdb:@/t"),
            call("-s", "lmdb:@/t"),
            call("-n", "-w", "lmdb:@/t"),
            call("-d", "key", "lmdb:@/t"),
            call("-Nd", "cont", "lmdb:@/t"),
            call("-s", "lmdb:@/t"),
        ]
    ),
    "types that are only read": Case(
        [
            step
            for spec in READ_ONLY
            for step in (
                call(spec),
                call(spec.replace("@/t", "@/no")),
                call("-d", "a", spec),
                call("-s", spec),
                *([] if spec.startswith("nosuch") else [call("-i", spec, stdin="a b\n")]),
            )
        ],
        independent=True,
    ),
    "UTF-8": Case(
        [
            step
            for options in ([], ["-u"], ["-U"])
            for step in (
                *of_each_type("@/t", *options),
                *of_each_type("@/t", *options, "-q", "-", stdin="é\nÉ\ne\n"),
                call("-s", *options, "lmdb:@/t"),
                call(*options, "-s", "texthash:@/t"),
                *[call(*options, "-q", "-", f"{kind}:@/t", stdin=b"e\nb\xff\nd\n") for kind in ("lmdb", "hash", "cdb")],
                *[call(*options, "-q", "d", f"{kind}:@/t") for kind in ("lmdb", "hash", "cdb")],
            )
        ]
        + [call("-u", "lmdb:@/t"), call("-s", "lmdb:@/t"), call("-q", "d", "lmdb:@/t"), call("-uq", "d", "lmdb:@/t")],
        files={"t": b"a 1\nb\xff c\nd \xfe\n# \xff\n\xc3\x89 5\ne 6\n"},
    ),
    "files": Case(
        [
            *of_each_type("@/t", "-F"),
            *of_each_type("@/t", "-q", "a"),
            *of_each_type("@/t", "-Fq", "a"),
            *of_each_type("@/t", "-Fq", "-", stdin="a\nb\nd\nmissing\n"),
            call("-Fs", "lmdb:@/t"),
            call("-Fq", "x", "static:one"),
            call("-Fq", "x", "static:{one two}"),
            call("-Fq", "x", "inline:{x=one}"),
            call("-Fq", "x", "regexp:{{/x/ one}}"),
            call("-Fq", "10.0.0.1", "cidr:{{10.0.0.1 one}}"),
            call("-Fq", "x", "randmap:{one}"),
            call("-Fq", "x", "static:nofile"),
            call("-Fq", "x", "static:empty"),
            call("-Fq", "nobody", "inline:{nobody=one}"),
            call("-Fi", "lmdb:@/t", stdin="z one\n"),
            call("-Fq", "z", "lmdb:@/t"),
        ],
        files={
            "t": "a one, two\nb one\nmissing nofile\nd one,,one ,two\n",
            "one": "1\nof one\n",
            "two": "no line end",
            "empty": "",
        },
    ),
    "aliases": Case(
        [
            call(option, f"{kind}:@/t", *more, program="postalias", stdin=stdin)
            for kind in ("lmdb", "hash", "cdb")
            for option, more, stdin in (
                ("-o", (), b""),
                ("-w", (), b""),
                ("-f", (), b""),
                ("-qROOT", (), b""),
                ("-fqROOT", (), b""),
                ("-u", (), b""),
                (
                    "-q-",
                    (),
                    b"root\nquoted name\na:b\nx,y\nlong\n@\nyp_master_name\nYP_MASTER_NAME\n\xc3\xa9\ncaf\xe9\nempty\n",
                ),
                ("-uq-", (), b"root\ncaf\xe9\n"),
                ("-dup", (), b""),
                ("-i", (), b"new: one\nbad line\n"),
                ("-ir", (), b"new: two\n"),
                ("-iw", (), b"new: three\n"),
                ("-i", (), b"new: three\n"),
                ("-qnew", (), b""),
            )
        ],
        files={
            "t": b'root: a@b, c\n# c\n"quoted name": x\nQ: |"/bin/x y", /file\n:include:/x: y\nbad line\n@d: x\n'
            b'dup: a\ndup: b\nempty:\nempty2:   # c\nx: y # c\n  cont, z\n"a: b\na\\:b: c\nA B: c\na@b.c: d\nx y: z\n'
            b'"x,y": d\na,b: c\n(c) e: f\n\xc3\xa9: g\ncaf\xe9: h\nlong: "(ab)" <x@y> , (c) d\n n: m\n<a>: x\nz: ""\n'
            b'ok: a , b,c,,d\ninc:  :include:/some/file , "|cmd  with  blanks", \\user, "a b"@c\n'
            b'"a@b": c\na.b: c\nroot+x: y\n'
        },
    ),
}


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
            [folder / program, *arguments], input=stdin, capture_output=True, check=False, timeout=60, cwd=directory,
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
            (directory / file).write_bytes(content.encode() if isinstance(content, str) else content)
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
