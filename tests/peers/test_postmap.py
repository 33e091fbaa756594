"""Tables give what Postfix's own postmap gives for them: values, and whether there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pyfix.mail.config import Config
from pyfix.mail.maps import TableError, open_maps

POSTMAP = shutil.which("postmap", path="/usr/sbin:/usr/bin")
pytestmark = [
    pytest.mark.peer("postfix"),
    pytest.mark.skipif(POSTMAP is None and os.environ.get("CI") != "true", reason="needs Debian package postfix"),
]

REGEXP = rb"""
/^a(.*)b$/ <${1}|$(1)|$1>
/^CASE$/ folded
/^exact$/i exact
!/[a-z0-9]/ no letters
if /^q/
/qq/ double
if !/z/
/^q./ no z
endif
/^qz/ z
endif
/[[:alpha:]]+[[:digit:]]$/ class
/[]x]y/ bracket
/^\.dot/ cost $$5
|^/path| path
/^(x)?(w)/ <$1$2>
/un(closed v
/^m{2,3}$/ interval
/^p++$/ plus
/^[^@]+@[^@]+$/ address
/^group (a|b)+$/ $1
bare
"""
REGEXP_KEYS = [
    "aHELLOb", "CASE", "case", "exact", "EXACT", "---", "qq", "qzq", "qx", "qz",
    "ab1", "]y", "xy", ".dot", "xdot", "/path", "w", "xw", "m", "mm", "mmmm",
    "pp", "u@d", "u@d@e", "none", "é",
]  # fmt: skip
TEXT = rb"""
# comment
key value of the key
UPPER Case
 continued   line
"quoted key" q1
"quoted \" key"@x q2
tab	tabbed
empty
dup one
dup two
colon: alias
a@b.c  x@y.z,  w@v.u
"""
TEXT_KEYS = ["key", "KEY", "upper", '"quoted key"', "quoted key", "tab", "empty", "dup", "colon:", "colon", "A@b.C", ""]
CIDR = rb"""
10.1.0.0/16 inner
!10.0.0.0/8 not ten
10.0.0.1/8 bad
2001:db8::/32 six
[2001:db8:1::1] never
::1 self
if 10.2.0.0/16
10.2.2.2 two
endif
10.0.0.0/8 outer
"""
CIDR_KEYS = ["10.1.2.3", "10.2.2.2", "10.2.2.3", "192.168.0.1", "2001:db8:1::1", "::1", "fe80::1", "name", "1.2.3"]
PCRE = rb"""
/^(\w+)\.(\d+)$/ $2-$1
/a b/x verbose
/^(?!no)x/ ahead
/^y.z$/s dot
"""
PCRE_KEYS = ["ab.12", "AB.12", "ab", "x", "nox", "yaz"]
FILES = {
    "regexp": (REGEXP, REGEXP_KEYS),
    "texthash": (TEXT, TEXT_KEYS),
    "cidr": (CIDR, CIDR_KEYS),
    "pcre": (PCRE, PCRE_KEYS),
}
SPECIFICATIONS = [
    ("static:some text", ["a"]),
    ("static:{ some text }", ["a"]),
    ("inline:{a=b, { c = d e, f }, G=h, a=last}", ["a", "A", "c", "g", "G", "x"]),
    ("unionmap:{static:one, inline:{a=two}}", ["a", "b"]),
    ("pipemap:{inline:{a=two}, inline:{two=three}}", ["a", "two"]),
    ("cidr:{{10.0.0.0/8 ten}, {!11.0.0.0/8 rest}}", ["10.1.1.1", "11.1.1.1", "12.1.1.1"]),
    ("regexp:{{/^a/ ok}}", ["abc", "bc"]),
]


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """A main.cf for Postfix's commands."""
    directory = tmp_path / "etc"
    directory.mkdir()
    (directory / "main.cf").write_text("compatibility_level = 3.7\nmyhostname = mail.example.test\n")
    for path in Path("/etc/postfix").glob("dynamicmaps.cf*"):
        (shutil.copytree if path.is_dir() else shutil.copy)(path, directory / path.name)
    return directory


def postfix_value(configuration: Path, spec: str, key: str) -> str | None:
    """Ask Postfix's postmap."""
    assert POSTMAP is not None, "postmap is not installed"
    command = [POSTMAP, "-c", str(configuration), "-q", key, spec]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert "fatal" not in done.stderr, done.stderr
    return done.stdout.removesuffix("\n") if done.returncode == 0 else None


def our_value(spec: str, key: str) -> str | None:
    """Ask the same of our tables."""
    try:
        return open_maps([spec], "test_maps", Config.from_text("")).lookup(key)
    except TableError as error:
        return str(error)


@pytest.mark.parametrize("kind", sorted(FILES))
def test_table_file_gives_the_values_of_postfix(kind: str, tmp_path: Path, configuration: Path) -> None:
    """Good rules and bad ones, hits and misses."""
    content, keys = FILES[kind]
    (tmp_path / "table").write_bytes(content)
    spec = f"{kind}:{tmp_path}/table"
    asked = [key for key in keys if key]
    assert {key: our_value(spec, key) for key in asked} == {
        key: postfix_value(configuration, spec, key) for key in asked
    }


@pytest.mark.parametrize(("spec", "keys"), SPECIFICATIONS)
def test_table_without_file_gives_the_values_of_postfix(spec: str, keys: list[str], configuration: Path) -> None:
    """static, inline and tables made of tables."""
    assert {key: our_value(spec, key) for key in keys} == {key: postfix_value(configuration, spec, key) for key in keys}
