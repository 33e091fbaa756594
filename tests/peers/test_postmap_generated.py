"""Tables without an index: patterns, networks and tables made of tables, made by chance, answer as Postfix's do.

Pairs of table and key: regexp, pcre and cidr 5 x 2,000 each; inline, static, randmap, internal, unionmap and pipemap
2,000 each, and 6 x 1,000 for trees of tables; unix some 200; environ and fail a dozen. The other types have files of
their own: test_postmap_indexes (hash, btree, lmdb, cdb, texthash: 10 x 8,000), test_postmap_servers (tcp, socketmap,
memcache: 4 x 1,000), test_postmap_mysql, _pgsql, _sqlite, _ldap. TYPES_ELSEWHERE says so to a test.
"""

from __future__ import annotations

import ipaddress
import pwd
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from postmap_pair import Postmaps, some_keys, some_value

from pyfix.mail.maps.registry import LATER

pytestmark = pytest.mark.peer("postmap")
COUNT = 2000
_PIECES = [
    "alice", "bob", "[a-m]", "[^@]", ".", "(a|b)", "(info)", r"\.", "@", "example", "test$", "^a", "[[:digit:]]", "x?",
    "0*", "1+", "[0-4]{1,2}",
]  # fmt: skip


def some_pattern(chance: random.Random) -> tuple[str, int]:
    """Return a pattern that both dialects understand, and how many groups it has."""
    pieces = [chance.choice(_PIECES) for _ in range(chance.randrange(1, 4))]
    return "".join(pieces), sum(piece.startswith("(") for piece in pieces)


def some_rules(chance: random.Random, count: int) -> str:
    """Return the text of a pattern table with conditions, negations, flags and substitutions."""
    lines = []
    depth = 0
    for number in range(count):
        pattern, groups = some_pattern(chance)
        negated = chance.choice(["", "", "", "", "", "!"])
        flags = chance.choice(["", "", "i", "m"])
        if chance.random() < 0.1:
            lines.append(f"if {negated}/{pattern}/{flags}")
            depth += 1
        elif depth and chance.random() < 0.3:
            lines.append("endif")
            depth -= 1
        else:
            result = f"{number}: {some_value(chance)}".replace("%", "$$")
            if groups and not negated:
                result += chance.choice([" <$1>", " ${1}x", " $(1)"])
            lines.append(f"{negated}/^{pattern}{chance.choice(['', '.*5'])}/{flags} {result}")
    return "\n".join([*lines, *["endif"] * depth]) + "\n"


def some_networks(chance: random.Random, count: int) -> str:
    """Return the text of a cidr table."""
    lines = []
    for number in range(count):
        negated = chance.choice(["", "", "", "", "!"])
        network = some_network(chance)
        lines += [f"{negated}{network} network {number}"]
        if chance.random() < 0.1:
            lines += [f"if {some_network(chance)}", f"{some_network(chance)} inner {number}", "endif"]
    return "\n".join(lines) + "\n"


def some_network(chance: random.Random) -> str:
    """Return an address block of either family, all of them close together."""
    if chance.random() < 0.5:
        return str(ipaddress.ip_network((0x0A000000 + chance.randrange(4096), chance.randrange(20, 33)), strict=False))
    start = 0x20010DB8 << 96
    return str(ipaddress.ip_network((start + chance.randrange(2**20), chance.randrange(108, 129)), strict=False))


def some_addresses(chance: random.Random, count: int) -> list[str]:
    """Return addresses in and around those blocks, and a few keys that are no address."""
    near = [str(ipaddress.ip_address(0x0A000000 + chance.randrange(8192))) for _ in range(count // 2)]
    far = [str(ipaddress.ip_address((0x20010DB8 << 96) + chance.randrange(2**21))) for _ in range(count // 2)]
    return [*near, *far, "10.0.0", "10.0.0.0.1", "host.test", "[10.0.0.1]", "2001:db8::", "::ffff:10.0.0.1"]


@pytest.mark.parametrize("kind", ["regexp", "pcre"])
@pytest.mark.parametrize("seed", range(5))
def test_pattern_tables(kind: str, seed: int, postmaps: Postmaps) -> None:
    """The first rule that matches, with what its groups have matched."""
    chance = random.Random(f"{kind} {seed}")
    table = postmaps.directory.parent / "t"
    table.write_text(some_rules(chance, 60))
    assert postmaps.assert_same_answers(f"{kind}:{table}", some_keys(chance, COUNT)) > 100


@pytest.mark.parametrize("seed", range(5))
def test_network_tables(seed: int, postmaps: Postmaps) -> None:
    """The first block that holds the address."""
    chance = random.Random(f"cidr {seed}")
    table = postmaps.directory.parent / "t"
    table.write_text(some_networks(chance, 50))
    assert postmaps.assert_same_answers(f"cidr:{table}", some_addresses(chance, COUNT)) > 100


def test_tables_in_main_cf(postmaps: Postmaps) -> None:
    """inline, static, randmap with one value, internal, and tables made of them."""
    chance = random.Random("inline")
    keys = [key for key in some_keys(chance, COUNT) if not set(key) & set("{}$,=")]
    first, second = (
        "inline:{" + ", ".join(f"{{ {key} = {some_value(chance)} }}" for key in some) + "}"
        for some in (keys[:400], keys[200:600])
    )
    assert postmaps.assert_same_answers(first, keys) >= 300
    assert postmaps.assert_same_answers(f"unionmap:{{{first},{second}}}", keys) >= 500
    assert postmaps.assert_same_answers(f"pipemap:{{{first},regexp:{{{{/(.)@/ <$1>}}}}}}", keys) >= 50
    assert postmaps.assert_same_answers("static:{a value, of words}", keys) == len(keys)
    assert postmaps.assert_same_answers("randmap:{ the-only-one }", keys) == len(keys)
    assert postmaps.assert_same_answers("internal:x", keys) == 0


def some_tree(chance: random.Random, folder: Path, keys: list[str], depth: int) -> str:
    """Return a table made of tables, with leaves of all kinds that know some of the keys."""
    kind = chance.choice(["unionmap", "pipemap", "unionmap"]) if depth else "leaf"
    if kind != "leaf":
        parts = [some_tree(chance, folder, keys, depth - 1) for _ in range(chance.randrange(1, 4))]
        return f"{kind}:{{{chance.choice([', ', ' ', ','])[0].join(parts)}}}"
    some = chance.sample(keys, 60)
    values = [chance.choice([chance.choice(keys), "x", "10.0.0.1", "a, b"]) for _ in some]
    match chance.choice(["inline", "texthash", "regexp", "pcre", "static", "cidr"]):
        case "inline":
            entries = (f"{{ {key} = {value} }}" for key, value in zip(some, values, strict=True))
            return f"inline:{{{', '.join(entries)}}}"
        case "texthash":
            path = folder / f"t{chance.randrange(10**9)}"
            path.write_text("".join(f"{key} {value}\n" for key, value in zip(some, values, strict=True)))
            return f"texthash:{path}"
        case "static":
            return f"static:{chance.choice(['word', '{two words}'])}"
        case "cidr":
            return "cidr:{{10.0.0.0/8 ten}, {!10.0.0.0/8 none}}"
        case kind:
            return f"{kind}:{{{{/^([a-m])(.*)/ $1-$2}}, {{!/@/ no at}}}}"


@pytest.mark.parametrize("seed", range(6))
def test_trees_of_tables(seed: int, postmaps: Postmaps, tmp_path: Path) -> None:
    """unionmap and pipemap inside each other. No capitals: in Postfix the first table may fold for the others."""
    chance = random.Random(f"trees {seed}")
    keys = [key.lower() for key in some_keys(chance, COUNT) if not set(key) & set("{}$,= ")][: COUNT // 2]
    postmaps.assert_same_answers(some_tree(chance, tmp_path, keys, 2), [*keys, "10.0.0.1", "192.0.2.1", "x"])


def test_each_of_several_values_comes(postmaps: Postmaps) -> None:
    """randmap: by chance, thus all of them before long, and no others."""
    values = {f"value{number}" for number in range(4)}
    spec = f"randmap:{{{', '.join(sorted(values))}}}"
    for run in (postmaps.theirs, postmaps.ours):
        lines = run("-q", "-", spec, stdin="key\n" * 400).stdout.splitlines()
        assert (len(lines), {line.partition("\t")[2] for line in lines}) == (400, values)


TYPES_HERE = {
    "cidr", "environ", "fail", "inline", "internal", "pcre", "pipemap", "randmap", "regexp", "static", "unionmap",
    "unix",
}  # fmt: skip
TYPES_ELSEWHERE = {
    "btree", "cdb", "hash", "ldap", "lmdb", "memcache", "mysql", "pgsql", "proxy", "socketmap", "sqlite", "tcp",
    "texthash",
}  # fmt: skip


def test_every_type_of_postfix_is_compared_or_not_built(postmaps: Postmaps, need: Callable[[str], str]) -> None:
    """`postconf -m` of the installed Postfix has no others."""
    listed = subprocess.run(
        [need("postconf"), "-c", postmaps.postfix_directory, "-m"], capture_output=True, text=True, check=True
    )
    assert set(listed.stdout.split()) - TYPES_HERE - TYPES_ELSEWHERE <= LATER


def test_accounts_of_the_system(postmaps: Postmaps) -> None:
    """unix: knows who is there, whatever the case of the name."""
    users = [entry.pw_name for entry in pwd.getpwall()]
    keys = [*users, *map(str.upper, users), "no-such-user", "root:x", "wheel", "Staff", "adm"]
    assert postmaps.assert_same_answers("unix:passwd.byname", keys) >= len(users)
    assert postmaps.assert_same_answers("unix:group.byname", keys) > 3


@pytest.mark.parametrize("options", [[], ["-f"]])
def test_environment(options: list[str], postmaps: Postmaps, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names fold unless told otherwise."""
    for name, value in (("lower_case", "a b"), ("UPPER_CASE", "x"), ("empty_value", "")):
        monkeypatch.setenv(name, value)
    for key in ("lower_case", "LOWER_case", "UPPER_CASE", "upper_case", "no_such_name"):
        theirs, ours = (run(*options, "-q", key, "environ:x") for run in (postmaps.theirs, postmaps.ours))
        assert (theirs.stdout, theirs.returncode) == (ours.stdout, ours.returncode)


def test_table_that_always_fails(postmaps: Postmaps) -> None:
    """Status 1 and a reason, for a key and for all of them."""
    for arguments in (("-q", "a", "fail:x"), ("-q", "-", "fail:x")):
        for run in (postmaps.theirs, postmaps.ours):
            done = run(*arguments, stdin="a\nb\n")
            assert (done.stdout, done.returncode) == ("", 1)
            assert "fatal: table fail:x: query error" in done.stderr
