"""Who reads which parameter: the rules, on made-up modules, with parameters that there are."""

from __future__ import annotations

from pyfix.daemons.local.params import LocalParameters
from pyfix.daemons.smtpd.params import SmtpdParameters
from pyfix.manual.sources import Module, parse_module
from pyfix.manual.usage import find_usage


def module(*words: str, imports: tuple[str, ...] = (), page: str = "") -> Module:
    """Return a module."""
    return Module(f"{page}: does it" if page else "", frozenset(imports), frozenset(words))


MODULES = {
    "pyfix.service.run": module("max_use", imports=("pyfix.mail.queue",)),
    "pyfix.daemons.local": module(page="local(8)"),
    "pyfix.daemons.local.daemon": module(
        "biff", "max_use", "smtpd_banner", "luser_relay",
        imports=("pyfix.mail.maps", "pyfix.mail.config.defaults", "pyfix.daemons.smtpd"),
    ),
    "pyfix.daemons.local.format": module("home_mailbox", page="aliases(5)"),
    "pyfix.daemons.smtpd": module(page="smtpd(8)"),
    "pyfix.daemons.smtpd.daemon": module("relay_recipient_maps", "mailbox_command"),
    "pyfix.mail.maps": module("propagate_unmatched_extensions", "alias_database", imports=("pyfix.mail.more",)),
    "pyfix.mail.more": module("local_recipient_maps", imports=("pyfix.mail.maps",)),
    "pyfix.mail.queue": module("hash_queue_depth"),
    "pyfix.mail.config.defaults": module("mydestination", "mynetworks"),
    "pyfix.commands.first": module(
        "queue_directory", imports=("pyfix.commands.second", "pyfix.mail.maps"), page="a(1)"
    ),
    "pyfix.commands.second": module("alias_database", page="b(1)"),
}  # fmt: skip
SETS = {"pyfix.daemons.local": LocalParameters, "pyfix.daemons.smtpd": SmtpdParameters}
USAGE = find_usage(MODULES, SETS)


def test_a_process_reads_what_its_modules_mention_and_its_room_declares() -> None:
    """Also modules with a page of their own, also what they import; not what belongs to other rooms."""
    read = USAGE.read["pyfix.daemons.local"]
    assert {"biff", "luser_relay", "home_mailbox", "propagate_unmatched_extensions"} <= read
    assert not read & {"smtpd_banner", "mailbox_command", "relay_recipient_maps"}


def test_what_a_default_refers_to_is_read_too() -> None:
    """local_recipient_maps has $alias_maps."""
    assert "alias_maps" in USAGE.read["pyfix.daemons.local"]


def test_what_the_skeleton_reads_is_all_processes() -> None:
    """And nobody's in particular; other rooms that it imports are not followed."""
    assert "max_use" in USAGE.shared and "hash_queue_depth" not in USAGE.shared
    assert not any("max_use" in names for names in USAGE.read.values())


def test_the_language_reads_nothing_for_anybody() -> None:
    """pyfix.mail.config computes defaults of all."""
    assert not USAGE.read["pyfix.daemons.local"] & {"mydestination", "mynetworks"}


def test_a_command_reads_what_commands_mention() -> None:
    """Not what another command that it calls does, nor the rooms below."""
    assert USAGE.read["pyfix.commands.first"] == {"queue_directory"}
    assert USAGE.readers("alias_database") == ["pyfix.daemons.local", "pyfix.commands.second"]


def test_a_module_is_read_without_being_imported() -> None:
    """Imports, attributes and strings, wherever they stand."""
    text = 'from pyfix.base import log\ndef f(p):\n    from a.b import c\n    return p.x, "y"\n'
    found = parse_module(f'"""one(8): x."""\nimport os.path\n{text}'.encode())
    assert found.has_page and found.docstring == "one(8): x."
    assert found.imports == {"os.path", "pyfix.base", "pyfix.base.log", "a.b", "a.b.c"}
    assert {"x", "y"} <= found.words
