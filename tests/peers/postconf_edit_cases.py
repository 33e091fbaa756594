"""Configuration files and postconf command lines, made by chance.

What the two do differently on purpose, or where Postfix's postconf (3.7) goes wrong, does not come up:

- a last line without line end, to which Postfix adds a new setting or service;
- an argument in braces right behind the options, which Postfix shows without them; "-" as an argument, behind which it
  writes what happens to be in its memory; braces that are not closed, empty fields;
- a name twice with -X or -#, an empty command: Postfix crashes;
- several new settings of main.cf in one call, which Postfix adds in the order of a hash table;
- -P or -x where two services have one name and type: Postfix shows the settings of both for both;
- -Fh for a command of four letters or less: Postfix leaves out the blank behind it.
"""

from __future__ import annotations

import random
import re

from postconf_pair import Case

MAIN_CF = b"myhostname = foo.example\na = A\n"
_NAMES = ("smtp", "relay", "a", "b", "127.0.0.1:25", "x/y")
_ASKED = (*_NAMES[:5], "nosuch")
_TYPES = ("inet", "unix", "unix", "fifo", "pass", "unix-dgram")
_FIELDS = ("service", "type", "private", "unprivileged", "chroot", "wakeup", "process_limit", "command")
_ARGUMENTS = (
    "-v", "-D", "-o a=1", "-o b=2", "-oa=3", "-vo c=4", "-o {a = 5  6}", "-o {b=7}", "-o a=$b", "-o a", "--", "foo",
    "argv=/bin/x", "flags=DR", "user=q", "${nexthop}", "foo {x  y}", "foo w{x y}z", "-o long=zzz",
    f"-o long={'z' * 30}", f"-o long={'z' * 70}", "word", f"word{'w' * 20}",
)  # fmt: skip
_JOINTS = (" ", "  ", "\n  ", "\n\t", "\n# c\n  ", "\n\n   ")
_MAIN_LINES = (
    "# c", "", "  ", "  # i", "a = 1", "b=2", "a=3\n  more", "b = \n x\n# y\n  z", "c", "c d = e", "a\t=4", "dd = $a",
    "  lead", "=x", " \tx", "a=b=c", "#a = 5", "q = \r", "c=\xe9",
)  # fmt: skip


def arguments(choose: random.Random, joint: str) -> str:
    """Return arguments of a service."""
    words = [choose.choice(_ARGUMENTS) for _ in range(choose.choice([0, 0, 1, 1, 2, 3, 5]))]
    return "".join(joint + word for word in words)


def service(choose: random.Random, joint: str, suffix: str = "") -> str:
    """Return a service of master.cf."""
    flags = " ".join(choose.choice("yn-") for _ in range(3))
    numbers = f"{choose.choice(['-', '0', '1', '30?'])} {choose.choice(['-', '0', '20'])}"
    blank = choose.choice([" ", "   ", "\t"])
    head = f"{choose.choice(_NAMES)}{suffix}{blank}{choose.choice(_TYPES)} {flags} {numbers}"
    return f"{head} {choose.choice(['smtpd', 'smtp', 'pipe'])}{arguments(choose, joint)}"


def master_cf(choose: random.Random, *, has_twins: bool = True) -> str:
    """Return a master.cf, in which services may have the same name and type or not."""
    lines: list[str] = []
    for number in range(choose.randint(1, 6)):
        if choose.random() < 0.4:
            lines.append(choose.choice(["# comment", "", "   ", "  # ind", "#smtp inet n - n - - smtpd"]))
        lines.append(service(choose, choose.choice(_JOINTS), "" if has_twins else str(number)))
    if choose.random() < 0.3:
        lines.append("# end")
    return "\n".join(lines) + "\n"


def pattern(choose: random.Random) -> str:
    """Return service/type, either of them perhaps a wildcard."""
    parts = (choose.choice(_ASKED), choose.choice(_TYPES))
    return "/".join("*" if choose.random() < 0.25 else part for part in parts)


def _rarely(choose: random.Random, usual: list[str], odd: list[str]) -> str:
    """Return a usual value, once in a while an odd one."""
    return choose.choice(odd if choose.random() < 0.05 else usual)


def _field_value(choose: random.Random, field: str) -> str:
    """Return a value for a field."""
    match field:
        case "service":
            return choose.choice(["new", "q:25"])
        case "type":
            return _rarely(choose, ["unix", "inet"], ["tcp", "unix inet"])
        case "wakeup":
            return _rarely(choose, ["-", "5", "7?", "?"], ["x", "5s", "-1"])
        case "process_limit":
            return _rarely(choose, ["-", "0", "17"], ["5?", "many"])
        case "command":
            return "smtpd" + arguments(choose, choose.choice([" ", "   "]))
        case _:
            return _rarely(choose, ["y", "n", "-"], ["x", "y n"])


def _edit_word(choose: random.Random, edit: str) -> str:
    """Return one argument of a change."""
    asked = pattern(choose)
    match edit:
        case "Me":
            return f"{asked}={_rarely(choose, [service(choose, ' ')], ['x inet n', '', 'a inet n - x - - q'])}"
        case "Fe":
            field = _rarely(choose, list(_FIELDS), ["*", "bad", ""])
            return f"{asked}/{field}={_field_value(choose, field)}"
        case "Pe":
            name = _rarely(choose, ["a", "b", "c", "new", "long"], ["*", ""])
            return (
                f"{asked}/{name}{choose.choice(['=', ' = '])}{_rarely(choose, ['1', '', 'x,y', '$z', '{q}'], ['a b'])}"
            )
        case "PX":
            return f"{asked}/{choose.choice(['a', 'b', 'c', 'new'])}"
        case _:
            return _rarely(choose, [asked], ["smtp", "a/b/c", "#a/b", "", "x\ny"])


def master_edit(choose: random.Random) -> Case:
    """Return a change of master.cf."""
    edit = choose.choice(["Me", "M#", "MX", "Fe", "Pe", "PX"])
    words = [_edit_word(choose, edit) for _ in range(choose.choice([1, 1, 2, 3]))]
    flags = edit.removesuffix("e") if "=" in words[0] and choose.random() < 0.5 else edit
    return Case(MAIN_CF, master_cf(choose).encode(), [f"-{flags}", *words])


def master_show(choose: random.Random) -> Case:
    """Return a request to show services, fields or parameters."""
    mode = choose.choice("MFP")
    flags = mode + "".join(flag for flag in ("f", "x") if choose.random() < 0.4)
    text = master_cf(choose, has_twins=mode != "P" and "x" not in flags)
    if mode != "M":
        flags += choose.choice(["", "h", "H"])
    if mode == "F" and "h" in flags:
        text = re.sub(r"\b(smtp|pipe)(?=\s)(?! *\t?(inet|unix|fifo|pass))", "smtpd", text)
    words = [_shown_word(choose, mode, text) for _ in range(choose.choice([0, 1, 1, 2]))]
    return Case(MAIN_CF, text.encode(), [f"-{flags}", *words])


def _shown_word(choose: random.Random, mode: str, text: str) -> str:
    """Return what to show."""
    parts = [choose.choice([*re.findall(r"(?m)^[^\s#/]+(?=\s)", text), "*", "nosuch"])]
    if choose.random() < 0.7:
        parts.append(choose.choice([*_TYPES, "*"]))
        if mode != "M" and choose.random() < 0.7:
            parts.append(choose.choice([*_FIELDS, "*"] if mode == "F" else ["a", "b", "c", "*"]))
    return _rarely(choose, ["/".join(parts)], ["a/b/c/d", "smtp/inet/bad", "/", ""])


def main_edit(choose: random.Random) -> Case:
    """Return a change of main.cf."""
    lines = [choose.choice(_MAIN_LINES) for _ in range(choose.randint(0, 7))]
    text = "".join(f"{line}\n" for line in lines)
    names = {line.split("=")[0].split()[0] for line in lines if line[:1].isalpha()}
    edit = choose.choice(["e", "", "#", "X"])
    asked = [choose.choice([*sorted(names), "a", "new"]), *(choose.choice([*sorted(names), "a"]) for _ in range(2))]
    asked = [name for name in asked if name in names] + [name for name in asked if name not in names][:1]
    words = asked[: choose.randint(1, 3)]
    if edit in ("#", "X"):
        words = [_rarely(choose, [word], ["", " ", "a b", "#a", "a=b"]) for word in dict.fromkeys(words)]
    else:
        values = ["1", "x  y", "", " lead", "#h", "$a", "{", "é"]
        words = [f"{word}{choose.choice(['=', ' = '])}{choose.choice(values)}" for word in words]
        odd = ["=", "x y=1", "#a=b", "a=b\nc=d", *(["noequals"] if edit else [])]
        words = [_rarely(choose, [word], odd) for word in words]
    return Case(text.encode(), b"", [*([f"-{edit}"] if edit else []), *words])
