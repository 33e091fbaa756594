"""Rows of calls of postmap, postalias and newaliases, with the files that they need. @/ stands for a directory."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    "newaliases": Case(
        [
            call(*words, program="newaliases")
            for words in (
                (),
                ("-oA@/one",),
                ("-oAhash:@/one",),
                ("-oA@/none",),
                ("-i",),
                ("-XV",),
                ("-XV+=",),
                ("-N", "never"),
                ("extra",),
                ("-t",),
                ("-bi",),
                ("-I",),
                ("-f", "a"),
                ("-o7",),
                ("-oi", "-om"),
                ("-o", "x"),
                ("-R", "hdrs"),
                ("-O", "a=b"),
                ("-r", "x"),
                ("-V", "env"),
                ("-G",),
                ("-h", "3"),
                ("-m",),
                ("-U",),
                ("-B", "8BITMIME"),
                ("-Fname",),
                ("-L", "tag"),
                ("-C", "@/"),
                ("-C", "/nonexistent"),
                ("-bx",),
                ("-oA",),
                ("-Gim",),
                ("-p", "x"),
                ("-e", "m"),
                ("-A", "c"),
            )
        ],
        files={
            "main.cf": "compatibility_level = 3.7\nmyhostname = mail.example.test\ndefault_database_type = lmdb\n"
            "alias_database = lmdb:@/one, cdb:@/two @/three\n",
            "one": "a: b\n",
            "two": "a: b\n",
            "three": "bad\na: b\na: c\n",
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
