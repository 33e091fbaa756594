"""postconf(1): show and change the configuration.

    postconf [-dfhHjnx] [-c DIR] [-C CLASS,...] [-o NAME=VALUE] [name...]
    postconf [-e] [-c DIR] name=value ...
    postconf -# | -X [-c DIR] parameter ...
    postconf -M [-fjox] [-c DIR] [service[/type]] ...
    postconf -M [-e] [-c DIR] service/type=value ...
    postconf -M# | -MX [-c DIR] service/type ...
    postconf -F [-fhHjox] [-c DIR] [service[/type[/field]]] ...
    postconf -F [-e] [-c DIR] service/type/field=value ...
    postconf -P [-fhHjox] [-c DIR] [service[/type[/parameter]]] ...
    postconf -P [-e] [-c DIR] service/type/parameter=value ...
    postconf -PX [-c DIR] service/type/parameter ...
    postconf -b | -t [-c DIR] [template_file]
    postconf -T compile-version | run-version | public-key-algorithms
    postconf -m | -l | -a | -A

In this order: shows parameters of main.cf, all without a name; sets some; comments some out, or removes them; shows the
services of master.cf as whole lines, replaces some or adds them, comments some out, or removes them; shows them field
by field, and changes fields; shows their -o settings, sets some, or removes them; shows the texts of notices with
all names replaced, or their templates, of bounce_template_file or of a file to try, where "" stands for the built-in
ones; tells of TLS (the OpenSSL that pyfix uses, the kinds of keys); lists the types of tables, the ways to lock a
mailbox, and the SASL plug-ins (there are none).

The fields of a service: service, type, private, unprivileged, chroot, wakeup, process_limit, command; command holds the
arguments too. A service or type of * stands for all, as does what is left out where something is shown.

With -j each line is a JSON object: {"name": "value"}, with -M {"service/type": "line"}, with -F {"service/type/field":
"value"}, with -P {"service/type/parameter": "value"}. Name and value are what the same command takes as name=value.

A change keeps everything else in the file as it is, comments and order included, and is atomic: a reader sees the old
file or the new one, and of two changes at once none is lost. Of a service that changes, the lines are written anew. A
running mail system hears of it by `pyfix reload`.

What nothing reads is warned about, with the nearest known name.

Environment: MAIL_CONFIG names the directory of main.cf where -c does not.

Exit status: 1 when a request is refused, 0 otherwise.

Different from Postfix: an argument in braces is shown in braces wherever it stands; a change that would leave a line
that reads as something else, or not at all, is refused.

Example:

    postconf -n
    postconf -d message_size_limit
    postconf message_size_limit=50000000 'mynetworks=127.0.0.0/8 [::1]'
    postconf -P submission/inet
    postconf -M 'submission/inet=submission inet n - n - - smtpd'
    postconf -F '*/unix/chroot=n'
    postconf -P submission/inet/syslog_name=postfix/submission

See: postconf(5), master(5), pyfix(1)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import click

from pyfix.commands.failures import describe_failure, discard_output
from pyfix.commands.postconf_call import EDITS, LISTS, MODES, TEMPLATES, Call, read_call
from pyfix.commands.postconf_main import read_both, show_main_cf, warn, warn_about_services
from pyfix.commands.postconf_master import edit_master_cf, show_master_cf
from pyfix.commands.postconf_requests import main_assignments, main_names
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.config.edit import edit_file
from pyfix.mail.config.edit_main import Change, Removal, edit_text

Decorated = TypeVar("Decorated", bound=Callable[..., object])

_FLAGS: Final = {
    "a": "List the SASL plug-ins of the SMTP server.",
    "A": "List the SASL plug-ins of the SMTP client.",
    "b": "Show the texts of notices.",
    "d": "Show defaults instead of actual settings.",
    "e": "Change settings; not needed where a value is given.",
    "f": "Fold long lines.",
    "F": "Show or change master.cf field by field.",
    "h": "Show values without names.",
    "H": "Show names without values.",
    "j": "Show JSON, an object of a name and its value a line.",
    "l": "List the mailbox locking methods.",
    "m": "List the lookup table types.",
    "M": "Show or change services of master.cf.",
    "n": "Show only what main.cf sets.",
    "p": "Show or change main.cf; the default.",
    "P": "Show or change the -o settings of master.cf.",
    "t": "Show the templates of notices.",
    "v": "Accepted and ignored.",
    "x": "Expand $name in values.",
    "X": "Remove settings or services.",
    "#": "Comment out settings or services.",
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
    except BrokenPipeError:
        discard_output()
        sys.exit(1)
    except OSError as error:
        click.echo(f"postconf: fatal: {describe_failure(error)}", err=True)
        discard_output()
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
        show_main_cf(call)


def _print_list(call: Call) -> None:
    """Print what there is of TLS, table types, locks, texts of notices and SASL plug-ins; smtp has none of the last.

    Only these requests load the code of tables, mailboxes and notices, so that the others answer sooner.
    """
    if call.tls is not None:
        from pyfix.commands.postconf_tls import tell_of_tls

        click.echo(tell_of_tls(call.tls))
    if call.flags & set(TEMPLATES):
        _print_templates(call)
    if "a" in call.flags:
        click.echo("cyrus\ndovecot")
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
    """Change main.cf or master.cf."""
    edit = next(letter for letter in EDITS if letter in call.flags)
    mode = next((letter for letter in MODES if letter in call.flags), None)
    if mode is not None:
        edit_master_cf(call, mode, edit, warn)
    else:
        _edit_main_cf(call, edit)


def _edit_main_cf(call: Call, edit: str) -> None:
    """Change main.cf."""
    if not call.words:
        raise ConfigError("-e requires name=value argument" if edit == "e" else "missing service argument")
    changes: Mapping[str, Change]
    if edit == "e":
        changes = main_assignments(call.words, warn)
    else:
        changes = dict.fromkeys(main_names(call.words), Removal.DELETE if edit == "X" else Removal.COMMENT)
    path = f"{call.directory}/main.cf"
    for name in edit_file(path, lambda text: edit_text(text, changes)).repeated:
        warn(f'{path}: multiple entries for "{name}"')


def _show_master_cf(call: Call) -> None:
    """Print services, fields or overrides, then the warnings."""
    mode = next(letter for letter in MODES if letter in call.flags)
    config, services = read_both(call)
    show_master_cf(call, mode, config, warn)
    warn_about_services(config, services)


if __name__ == "__main__":
    main()
