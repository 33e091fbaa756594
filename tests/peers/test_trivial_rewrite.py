"""Rewriting and resolving give what Postfix's own trivial-rewrite answers.

Each question starts a trivial-rewrite of its own, stand-alone on a socket pair: no mail system need run, no rights
are needed.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from pyfix.mail.address.params import TrivialRewriteParameters
from pyfix.mail.address.quote import quote_address, unquote_address
from pyfix.mail.address.rewrite import rewrite
from pyfix.mail.address.routing import make_contexts, make_resolver
from pyfix.mail.config import Config
from pyfix.mail.restrictions.recipient import is_source_routed

PROGRAM = shutil.which("trivial-rewrite", path="/usr/lib/postfix/sbin:/usr/libexec/postfix")
pytestmark = [
    pytest.mark.peer("postfix"),
    pytest.mark.skipif(PROGRAM is None and os.environ.get("CI") != "true", reason="needs Debian package postfix"),
]

MAIN_CF = """\
compatibility_level = 3.7
myhostname = mail.origin.test
mydomain = origin.test
myorigin = origin.test
mydestination = local.test, localhost
append_dot_mydomain = yes
recipient_delimiter = +
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_alias_maps =
virtual_alias_domains = alias.test
virtual_mailbox_domains = virtual.test
relay_domains = relay.test
parent_domain_matches_subdomains = relay_domains
relocated_maps = inline:{moved@relay.test=new@place.test}
transport_maps = inline:{{user@t.test=foo:}, t.test=:hop, {e.test=error:}, {.sub.test=x:y}, {n.test=:}, p.test=plain}
sender_dependent_relayhost_maps = inline:{a@hub.test=[hub.test]}
"""


def words(text: str) -> list[str]:
    """Return the words of a text."""
    return text.split()


REWRITE = words(r"""
user user@host user@host. user@x.y. user@ @ @x @a.b:user@c.d @a.b,@c.d:u@e.f a!b a!b!c a%b a%b%c a!b%c a%b@c a!b@c
"ab"@c.d a\b@c.d a..b@c.d .a@c.d a@c..d a@[1.2.3.4] a@[1.2.3.4 a@b@c "a@b"@c.d <a@b.c> a,b@c.d é@x.y u@ü "" ""@x.y
u@x.y.. u@. . a:b a;b@c.d a<b@c.d "a A@B.C u@host%x u%h. u%h@ u% !u u! %x a.@b.c a@[IPv6:::1] x@[foo\]bar]
"a"."b"@c.d "a"b@c.d
""")
REWRITE += ["a b@c.d", "a@b .c", 'a "b"@c.d', "a (c) b@c.d", '"a b"@c', "a@b.c, d@e.f", ' "x y"!z ']
RESOLVE = words(r"""
user@local.test user@LOCAL.test. user@virtual.test user@alias.test user@relay.test moved@relay.test
moved+x@relay.test user@sub.relay.test x@t.test user@t.test user+e@t.test x@a.t.test x@sub.test x@b.sub.test
x@e.test x@n.test x@p.test x@other.test user @ a%b.c@local.test a!b@local.test a@b.c@local.test
a%local.test@local.test u@[127.0.0.1] u@[1.2.3.4] u@[IPv6:::1] u@[x] u@1.2.3.4 u@-x.y u@x..y u@x. u@ u@local.test@
a@b@c.d a%b@c.d a!b@c.d -x@local.test -x@other.test u@localhost u@under_score.x u@ü.example u@local.test..
@local.test .@local.test a..b@local.test a,b@local.test a%b@ a%@local.test a%b%c.d@local.test a!b!c@local.test
a!b%c.d@local.test u@[127.0.0.1]@other.test u@other.test@[127.0.0.1] @@local.test a@@local.test X@OTHER.test
x@RELAY.test
""")
RESOLVE += ["x y@c.d", "x y@c.d@local.test", "x y%c.d@local.test", "x!y z@local.test", "a b@local.test", "user@a b", ""]
CLASSES = {256: "local", 512: "alias", 1024: "virtual", 2048: "relay", 4096: "default"}
ROUTED, ERROR = 2, 4


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """A main.cf and the directories it names."""
    for name in ("etc", "queue", "data"):
        (tmp_path / name).mkdir()
    directories = f"queue_directory = {tmp_path}/queue\ndata_directory = {tmp_path}/data\n"
    (tmp_path / "etc" / "main.cf").write_text(MAIN_CF + directories)
    return tmp_path / "etc"


def ask(configuration: Path, **attributes: str) -> dict[str, str]:
    """Send one request in Postfix's null-terminated attribute form and return the reply."""
    assert PROGRAM is not None, "trivial-rewrite is not installed"
    ours, theirs = socket.socketpair()
    environment = {"MAIL_CONFIG": str(configuration), "PATH": os.environ["PATH"], "MAIL_LOGTAG": "test"}
    command = [PROGRAM, "-S", "-n", "rewrite", "-t", "unix", "-u"]
    quiet = subprocess.DEVNULL
    with ours, subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=quiet, env=environment) as run:
        theirs.close()
        ours.settimeout(30)
        request = "".join(f"{name}\0{value}\0" for name, value in attributes.items()) + "\0"
        ours.sendall(request.encode())
        reply = b""
        while chunk := ours.recv(4096):
            reply += chunk
        run.terminate()
    parts = reply.decode().split("\0")
    return dict(zip(parts[:-2:2], parts[1:-2:2], strict=False))


def our_config() -> tuple[Config, TrivialRewriteParameters]:
    """The same configuration, read by us."""
    config = Config.from_text(MAIN_CF)
    return config, config.read(TrivialRewriteParameters)


@pytest.mark.parametrize("context", ["local", "remote"])
def test_addresses_are_rewritten_as_postfix_does(context: str, configuration: Path) -> None:
    """All at once: what differs shows in the comparison."""
    rules = make_contexts(our_config()[1]).of(context)
    theirs = {
        address: ask(configuration, request="rewrite", rule=context, address=address)["address"] for address in REWRITE
    }
    assert {address: rewrite(address, rules) for address in REWRITE} == theirs


@pytest.mark.parametrize("sender", ["", "a@hub.test"])
def test_recipients_are_resolved_as_postfix_does(sender: str, configuration: Path) -> None:
    """Transport, next hop, recipient, class; bad syntax; routing operators."""
    config, params = our_config()
    resolver = make_resolver(config, params, lambda text: None)
    theirs, ours = {}, {}
    for address in RESOLVE:
        reply = ask(configuration, request="resolve", sender=sender, address=address)
        flags = int(reply["flags"])
        found = resolver.resolve(sender, quote_address(address))
        if flags & ERROR:
            theirs[address] = ("error",)
            ours[address] = (found.address_class,)
            continue
        theirs[address] = (
            reply["transport"], reply["nexthop"], reply["recipient"], CLASSES[flags & ~0xFF], bool(flags & ROUTED),
        )  # fmt: skip
        ours[address] = (
            found.transport, found.nexthop, unquote_address(found.recipient), found.address_class,
            is_source_routed(found.recipient),
        )  # fmt: skip
    assert ours == theirs
