"""Configurations and requests for a comparison of the two postconf commands, made at random from a number.

No value refers in a circle, no service is there twice: what Postfix does then depends on the order of a hash table.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

USER = ("mine", "my_own", "foo_bar", "x", "wombat", "relay_x", "a1")
"""Names of users' own; the value of one refers to later ones only."""
LEGACY = ("virtual_maps", "fallback_relay")
FAMILIES = (
    "relay_destination_concurrency_limit", "maildrop_destination_recipient_limit", "maildrop_time_limit",
    "lmtp_time_limit", "nosuch_destination_rate_delay", "custom_initial_destination_concurrency", "custom_time_limit",
    "smtp_time_limit", "smtp_destination_recipient_limit",
)  # fmt: skip
TABLES = ("acct_user", "acct_query", "acct2_hosts", "l1_server_host", "pg_dbname", "acct_bogus", "nosuch_param")
WORDS = (
    "a", "b.example", "127.0.0.0/8", "[::1]", "hash:/x/y", "{ a, b }", "{a b}", "$myhostname", "$mydomain", "$nosuch",
    "mysql:{directory}/settings.cf", "mysql:/nonexistent", "mysql:acct", "pgsql:pg", "ldap:l1", "proxy:mysql:acct2",
    "$$", "regexp:{ {/x y/ z} }", "inline:{a=b, {c = d e}}", "unionmap:{mysql:acct, static:a}", "!mysql:acct2",
    "check_policy_service",
)  # fmt: skip
REFERENCES = ("${0}", "$({0})", "${{{0}}}", "${{{0}?{{{1}}}:{{q}}}}", "${{{0}:{1}}}", "static:{{${0}}}")
SEPARATORS = (" ", ",", ", ", "  ", "\t", "\n  ", "\n\t", "\n# c\n  ", " \n\n ")
PROGRAMS = ("smtpd", "smtp", "pipe", "local", "virtual", "lmtp", "error", "qmgr", "cleanup")
REQUESTS = (
    "-n", "-nf", "-nx", "-nH", "-nh", "-C user", "-n -C service", "-n -C user,builtin", "-C user -d", "", "-f", "-x",
    "-M", "-Mf", "-Mx", "-Mfx", "-F", "-Ff", "-Fx", "-FH", "-Fh", "-P", "-Pf", "-Px", "-PH", "-Ph",
    "-M smtp/inet relay", "-M */unix", "-F */*/command", "-F smtp", "-P */*/x", "-P relay", "-Px custom/unix", "-d",
    "-df", "-o mine=7 -nx",
    "-o x= -n", "NAMES", "-d NAMES", "-x NAMES", "-h NAMES", "-n NAMES", "-H NAMES", "-fx NAMES", "-o mine=zz NAMES",
    "-p NAMES", "-C builtin NAMES", "-M nosuch", "-P nosuch/*", "-F */inet/chroot", "-Mxo x=y", "-Px -o mine=5",
)  # fmt: skip
SETTINGS_CF = "user = x\nbogus = 3\nquery = $foo\nhosts = localhost\n"
"""What the file of a table holds."""


@dataclass(frozen=True, slots=True)
class Case:
    """One configuration, and what is asked of it."""

    main_cf: str
    master_cf: str
    requests: list[list[str]]


def make_case(number: int, names: Sequence[str], directory: str, requests: int) -> Case:
    """Return a case; `names` are parameters that both know."""
    choose = random.Random(number)
    main_cf, master_cf = _main_cf(choose, names), _master_cf(choose, names)
    lists = [_words(choose, request, names) for request in choose.sample(REQUESTS, requests)]
    return Case(main_cf.replace("{directory}", directory), master_cf.replace("{directory}", directory), lists)


def _words(choose: random.Random, request: str, names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for word in request.split():
        some = choose.sample([*names, *USER, *LEGACY, *FAMILIES, "nosuch"], 6)
        found += some if word == "NAMES" else [word]
    return found


def _value(choose: random.Random, name: str) -> str:
    later = USER[USER.index(name) + 1 :] if name in USER else USER
    parts: list[str] = []
    for _ in range(choose.choice([0, 1, 1, 1, 2, 3, 8, 20])):
        word = choose.choice([*WORDS, "x" * choose.randint(1, 70)])
        if later and name not in LEGACY and choose.random() < 0.3:
            word = choose.choice(REFERENCES).format(choose.choice(later), choose.choice(["b", f"${later[-1]}"]))
        if name in LEGACY:
            word = re.sub("mysql:|pgsql:|ldap:", "static:", word)
        parts += [word, choose.choice(SEPARATORS)]
    return "".join(parts).strip()


def _main_cf(choose: random.Random, names: Sequence[str]) -> str:
    lines: list[str] = []
    for _ in range(choose.randint(0, 14)):
        kinds: list[Sequence[str]] = [names, names, names, USER, USER, FAMILIES, LEGACY, TABLES]
        name = choose.choice(choose.choice(kinds))
        lines.append(name + choose.choice([" = ", "=", " =", "= ", "  =  "]) + _value(choose, name))
        if choose.random() < 0.15:
            lines.append(choose.choice(["", "# comment", "   # indented comment", "   "]))
    return "\n".join([*lines, ""])


def _master_cf(choose: random.Random, names: Sequence[str]) -> str:
    lines: list[str] = []
    seen: set[tuple[str, str]] = set()
    for _ in range(choose.randint(0, 8)):
        kind = choose.choice(["inet", "unix", "fifo", "unix", "unix-dgram"])
        places = ["smtp", "25", "127.0.0.1:2525", "[::1]:smtp", "submission"]
        name = choose.choice(places if kind == "inet" else [*places, "relay", "custom", "maildrop", "lmtp", "local"])
        if (name, kind) in seen:
            continue
        seen.add((name, kind))
        lines.append(_service(choose, name, kind, names))
        if choose.random() < 0.15:
            lines.append(choose.choice(["", "# comment", "   # indented"]))
    return "\n".join([*lines, ""])


def _service(choose: random.Random, name: str, kind: str, names: Sequence[str]) -> str:
    flags = ["n" if kind == "inet" else choose.choice("-yn"), choose.choice("-yn"), choose.choice("-yn")]
    numbers = [choose.choice(["-", "60", "300?", "0"]), choose.choice(["-", "0", "1", "100"])]
    program = choose.choice(PROGRAMS)
    line = choose.choice(["  ", "\t", " "]).join([name, kind, *flags, *numbers, program])
    for _ in range(choose.choice([0, 0, 1, 2, 4])):
        line += _override(choose, choose.choice([*names, *USER * 8, *LEGACY, *FAMILIES]))
    if choose.random() < 0.2:
        line += " -v"
    if program == "pipe":
        argv = ["flags=R user=vmail argv=/bin/x ${recipient} {a b}", "user=nobody argv=/bin/y", "user=$x argv=/a"]
        line += choose.choice(["\n  ", " "]) + choose.choice(argv)
    return line


def _override(choose: random.Random, name: str) -> str:
    value = re.sub(r"\n(# c\n)?", " ", _value(choose, name))
    if not value or re.search(r"\s", value) or choose.random() < 0.2:
        pad = choose.choice(["", " "])
        return f"{choose.choice([' ', chr(10) + '  '])}-o {{{pad}{name}{choose.choice(['=', ' = '])}{value}{pad}}}"
    return f"{choose.choice([' ', chr(10) + '  '])}-o {name}={value}"
