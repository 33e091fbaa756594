"""postconf(1): show and change the configuration.

    postconf [-dfhHnx] [-c DIR] [-C class,...] [-o name=value] [name ...]
    postconf [-e] [-c DIR] name=value ...
    postconf -# | -X [-c DIR] parameter ...
    postconf -M [-fx] [service[/type]] ...
    postconf -F [-fhHx] [service[/type[/field]]] ...
    postconf -P [-fhHx] [service[/type[/parameter]]] ...
    postconf -b | -t [-c DIR] [template_file]
    postconf -T compile-version | run-version | public-key-algorithms
    postconf -m | -l | -a | -A

In this order: shows parameters of main.cf, all without a name; sets some; comments some out, or removes them; shows the
services of master.cf as whole lines, field by field, or their -o settings; shows the texts of notices with all names
replaced, or their templates, of bounce_template_file or of a file to try, where "" stands for the built-in ones; tells
of TLS (the OpenSSL that pyfix uses, the kinds of keys); lists the types of tables, the ways to lock a mailbox, and the
SASL plug-ins (there are none).

A change keeps everything else in the file as it is, comments and order included, and is atomic: a reader sees the old
file or the new one, and of two changes at once none is lost. A running mail system hears of it by `pyfix reload`.

What nothing reads is warned about, with the nearest known name.

Environment: MAIL_CONFIG names the directory of main.cf where -c does not.

Exit status: 1 when a request is refused, 0 otherwise.

Not built: changes of master.cf (-Me, -Fe, -Pe, -M#, -MX, -PX).

Example:

    postconf -n
    postconf -d message_size_limit
    postconf message_size_limit=50000000 'mynetworks=127.0.0.0/8 [::1]'
    postconf -P submission/inet

See: postconf(5), master(5), pyfix(1)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

import click

from pyfix.commands.postconf_call import EDITS, LISTS, MODES, TEMPLATES, Call, read_call
from pyfix.mail.config import Config, ConfigError, discover, listing, mastercf, show
from pyfix.mail.config.edit import Removal, edit_file, parse_assignment
from pyfix.mail.config.host import this_host
from pyfix.mail.config.maincf import MainCf
from pyfix.mail.config.mastercf import ServiceEntry
from pyfix.mail.config.unused import suggestion, undefined_references, unused_overrides, unused_settings

Decorated = TypeVar("Decorated", bound=Callable[..., object])

_FLAGS: Final = {
    "a": "List the SASL plug-ins of the SMTP server.",
    "A": "List the SASL plug-ins of the SMTP client.",
    "b": "Show the texts of notices.",
    "d": "Show defaults instead of actual settings.",
    "e": "Change settings in main.cf.",
    "f": "Fold long lines.",
    "F": "Show master.cf field by field.",
    "h": "Show values without names.",
    "H": "Show names without values.",
    "l": "List the mailbox locking methods.",
    "m": "List the lookup table types.",
    "M": "Show master.cf.",
    "n": "Show only what main.cf sets.",
    "p": "Show or change main.cf; the default.",
    "P": "Show the -o settings of master.cf.",
    "t": "Show the templates of notices.",
    "v": "Accepted and ignored.",
    "x": "Expand $name in values.",
    "X": "Remove settings from main.cf.",
    "#": "Comment out settings in main.cf.",
}


def _flag_options(command: Decorated) -> Decorated:
    """Give a command the options without operand; those given arrive as a tuple of letters."""
    for letter, text in _FLAGS.items():
        command = click.option(f"-{letter}", "flags", flag_value=letter, multiple=True, help=text)(command)
    return command


@click.command(context_settings={"help_option_names": ["--help"]})
@click.option("-c", "directory", metavar="DIR", help="The directory of main.cf and master.cf.")
@click.option("-C", "classes", metavar="CLASS,...", help="Only builtin, service or user parameters, or all.")
@click.option("-o", "overrides", multiple=True, metavar="NAME=VALUE", help="Override a setting of main.cf.")
@click.option("-T", "tls", metavar="MODE", help="Tell of TLS: compile-version, run-version, public-key-algorithms.")
@_flag_options
@click.argument("words", nargs=-1)
def main(
    flags: tuple[str, ...],
    directory: str | None,
    classes: str | None,
    overrides: tuple[str, ...],
    tls: str | None,
    words: tuple[str, ...],
) -> None:
    """Show or change the configuration of the mail system."""
    try:
        run(read_call(flags, directory, classes, overrides, tls, words))
    except ConfigError as error:
        click.echo(f"postconf: fatal: {error}", err=True)
        sys.exit(1)


def run(call: Call) -> None:
    """Carry out one request."""
    if call.flags & {*LISTS, *TEMPLATES} or call.tls is not None:
        _print_list(call)
    elif call.flags & set(EDITS):
        _edit(call)
    elif call.flags & set(MODES):
        _show_master_cf(call)
    else:
        _show_main_cf(call)


def _print_list(call: Call) -> None:
    """Print what there is of table types, locks or texts of notices; there are no SASL plug-ins, and there is no TLS.

    Only these requests load the code of tables, mailboxes and notices, so that the others answer sooner.
    """
    if call.tls is not None:
        raise ConfigError(f"-T {call.tls}: pyfix has no TLS")
    if call.flags & set(TEMPLATES):
        _print_templates(call)
    if "m" in call.flags:
        from pyfix.mail.maps.registry import TYPES

        click.echo("".join(f"{name}\n" for name in TYPES), nl=False)
    if "l" in call.flags:
        from pyfix.mail.mailbox.lock import METHODS

        click.echo("".join(f"{name}\n" for name in METHODS), nl=False)


def _print_templates(call: Call) -> None:
    """Print the texts of notices, or their templates."""
    from pyfix.commands.postconf_templates import templates_shown, texts_shown

    config = Config.load(call.directory, program="postconf")
    shown = texts_shown if "b" in call.flags else templates_shown
    text = shown(config, call.words[0] if call.words else None, warn)
    click.echo(text.encode("utf-8", "surrogateescape"), nl=False)


def _edit(call: Call) -> None:
    """Change main.cf."""
    path = f"{call.directory}/main.cf"
    if not call.words:
        raise ConfigError("-e requires name=value argument" if "e" in call.flags else "missing parameter name argument")
    changes: Mapping[str, str | Removal]
    if "e" in call.flags:
        changes = _assignments(call.words)
    else:
        changes = dict.fromkeys(call.words, Removal.DELETE if "X" in call.flags else Removal.COMMENT)
    for name in edit_file(path, changes):
        warn(f'{path}: multiple entries for "{name}"')


def _assignments(words: Iterable[str]) -> dict[str, str]:
    """Return the assignments of the command line; the last of a name counts."""
    found: dict[str, str] = {}
    for name, value in map(parse_assignment, words):
        if name in found:
            warn(f"ignoring earlier request: '{name} = {found[name]}'")
        found[name] = value
    return found


def _show_main_cf(call: Call) -> None:
    """Print parameters, then the warnings."""
    defaults = "d" in call.flags
    config = _config(call, MainCf() if defaults else None)
    entries = _entries(call, required=False)
    if call.words:
        names = list(_known_names(call.words, config, entries, only_set="n" in call.flags))
    else:
        names = listing.select(config, entries, call.classes, only_set="n" in call.flags)
    for name in names:
        text = config.get(name) or ""
        click.echo(show.show_value(name, config.expand(text) if "x" in call.flags else text, call.style))
    if not defaults:
        _warn_all([*unused_settings(config, entries), *unused_overrides(entries)])


def _known_names(
    words: Iterable[str], config: Config, entries: Sequence[ServiceEntry], *, only_set: bool
) -> Iterator[str]:
    """Yield the words that are names of parameters, warn about the others."""
    known = listing.parameter_names(config, entries)
    for word in words:
        if word not in known:
            warn(f"{word}: unknown parameter{suggestion(word, list(known))}")
        elif not only_set or config.is_set(word):
            yield word


def _show_master_cf(call: Call) -> None:
    """Print services, fields or overrides."""
    mode = next(letter for letter in MODES if letter in call.flags)
    config = _config(call, None)
    entries = _entries(call, required=True)
    for pattern in call.words or ("*",):
        name, kind, item = _split_pattern(pattern, mode)
        matching = [entry for entry in entries if name in ("*", entry.name) and kind in ("*", entry.type)]
        lines = [line for entry in matching for line in _service_lines(entry, config, mode, item, call)]
        for line in lines:
            click.echo(line)
        if not lines and call.words:
            warn(f'unmatched request: "{pattern}"')
    _warn_all(unused_overrides(entries))


def _split_pattern(pattern: str, mode: str) -> tuple[str, str, str]:
    """Return service, type and field or parameter of a pattern, "*" for what is left out."""
    parts = pattern.split("/")
    item = {"M": "", "F": "/field", "P": "/parameter"}[mode]
    if len(parts) > (2 if mode == "M" else 3):
        raise ConfigError(f"-{mode} option requires service_name[/type{f'[{item}]' if item else ''}]")
    name, kind, wanted = [*parts, "*", "*"][:3]
    if mode == "F" and wanted not in ("*", *show.FIELDS):
        raise ConfigError(f'invalid service attribute name: "{wanted}"')
    return name, kind, wanted


def _service_lines(entry: ServiceEntry, config: Config, mode: str, item: str, call: Call) -> Iterable[str]:
    """Return what is shown of a service."""
    if "x" in call.flags:
        entry = show.expanded(entry, config.overridden(entry.overrides, entry.name, entry.program).expand)
    match mode:
        case "M":
            return [show.show_service(entry, call.style)]
        case "F":
            return show.show_fields(entry, item, call.style)
        case _:
            return show.show_overrides(entry, item, call.style)


def _config(call: Call, main: MainCf | None) -> Config:
    """Return the configuration, or the given main.cf instead of the file's."""
    if main is not None:
        return Config(main, discover.default_text("config_directory") or "", this_host(), program="postconf")
    config = Config.load(call.directory, call.overrides, program="postconf")
    entries = _entries(call, required=False)
    _warn_all([*config.warnings, *(text for _, text in undefined_references(config, entries))])
    return config


def _entries(call: Call, *, required: bool) -> list[ServiceEntry]:
    """Return the services of master.cf; without need for them none, where it cannot be read."""
    try:
        return mastercf.read(f"{call.directory}/master.cf")
    except ConfigError:
        if required:
            raise
        return []


def _warn_all(texts: Iterable[str]) -> None:
    """Warn about several things."""
    for text in texts:
        warn(text)


def warn(text: str) -> None:
    """Write a warning to standard error."""
    click.echo(f"postconf: warning: {text}", err=True)


if __name__ == "__main__":
    main()
