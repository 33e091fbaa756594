"""The pipe services of Debian's master.cf, and words in braces."""

from pathlib import Path

import pytest

from pyfix.daemons.pipe.attributes import parse
from pyfix.daemons.pipe.macros import expand_arguments
from pyfix.mail.config import mastercf

LINES = """\
maildrop  unix  -       n       n       -       -       pipe
  flags=DRXhu user=vmail argv=/usr/bin/maildrop -d ${recipient}
uucp      unix  -       n       n       -       -       pipe
  flags=Fqhu user=uucp argv=uux -r -n -z -a$sender - $nexthop!rmail ($recipient)
scalemail-backend unix -       n       n       -       2       pipe
  flags=R user=scalemail argv=/usr/lib/scalemail/bin/scalemail-store ${nexthop} ${user} ${extension}
own       unix  -       n       n       -       -       pipe
  user=x argv=/bin/sh -c { echo a b } ${sender}
"""


@pytest.mark.parametrize(
    ("name", "argv"),
    [
        ("maildrop", ["/usr/bin/maildrop", "-d", "r"]),
        ("uucp", ["uux", "-r", "-n", "-z", "-as", "-", "n!rmail", "(r)"]),
        ("scalemail-backend", ["/usr/lib/scalemail/bin/scalemail-store", "n", "u", "e"]),
        ("own", ["/bin/sh", "-c", "echo a b", "s"]),
    ],
)
def test_stock_service_is_understood(tmp_path: Path, name: str, argv: list[str]) -> None:
    """From the file to the command."""
    path = tmp_path / "master.cf"
    path.write_text(LINES)
    (entry,) = [entry for entry in mastercf.read(str(path)) if entry.name == name]
    found = expand_arguments(
        parse(entry.argv).argv, {"sender": "s", "nexthop": "n"}, [{"recipient": "r", "user": "u", "extension": "e"}]
    )
    assert found == argv
