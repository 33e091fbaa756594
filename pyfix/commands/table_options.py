"""The options of postmap and postalias.

See: postmap(1), postalias(1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import click

from pyfix.commands.table_keys import MessageKeys
from pyfix.commands.table_target import TableCommandError
from pyfix.commands.tables import BuildOptions
from pyfix.mail.address.params import AddressParameters


def _flag(letter: str, name: str, text: str) -> click.Option:
    return click.Option([f"-{letter}", name], is_flag=True, help=text)


def _choice(letter: str, name: str, value: str, text: str) -> click.Option:
    """Return one of several options that exclude each other: the last one counts."""
    return click.Option([f"-{letter}", name], flag_value=value, help=text)


def _value(letter: str, name: str, metavar: str, text: str, *, multiple: bool = False) -> click.Option:
    return click.Option([f"-{letter}", name], metavar=metavar, help=text, multiple=multiple)


OPTIONS: Final = (
    _value("c", "directory", "DIR", "The directory of main.cf."),
    _value("d", "delete_keys", "KEY", "Remove a key; -: the keys on standard input.", multiple=True),
    _flag("f", "no_fold", "Leave the case of keys as it is."),
    _flag("i", "incremental", "Add the entries on standard input."),
    _choice("n", "null", "no", "No NUL byte at the end of keys and values; cdb has none unless told so."),
    _choice("N", "null", "yes", "A NUL byte there; hash, btree and lmdb have it unless told otherwise."),
    _flag("o", "keep_root", "As root, keep root's rights for files of others."),
    _flag("p", "own_mode", "Mode 0644 for a new index, not that of its source."),
    _value("q", "query_keys", "KEY", "Print the value of a key; -: of those on standard input.", multiple=True),
    _flag("r", "replace", "An entry replaces one with the same key."),
    _flag("s", "sequence", "Print all entries."),
    _flag("u", "no_utf8", "Take bytes as they come; otherwise text is UTF-8, with smtputf8_enable."),
    click.Option(["-v", "verbose"], count=True, help="Say what is done."),
    _flag("w", "quiet", "No warning about keys that come twice."),
    click.Argument(["files"], nargs=-1),
)
"""What both programs have."""
POSTMAP_OPTIONS: Final = (
    _flag("b", "body", "With -q -: a message comes, and the lines of its body are keys."),
    _flag("F", "files_hold_values", "Values name files whose content is meant; an index holds it in BASE64."),
    _flag("h", "headers", "With -q -: a message comes, and its headers are keys."),
    _flag("m", "mime", "With -b and -h: look into the parts of the message."),
    _flag("U", "force_utf8", "With -b and -h: keys and values must be UTF-8 all the same."),
)
"""What postmap has besides."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the user gave."""

    directory: str | None
    delete_keys: tuple[str, ...]
    no_fold: bool
    incremental: bool
    null: str | None
    keep_root: bool
    own_mode: bool
    query_keys: tuple[str, ...]
    replace: bool
    sequence: bool
    no_utf8: bool
    verbose: int
    quiet: bool
    files: tuple[str, ...]
    body: bool = False
    files_hold_values: bool = False
    headers: bool = False
    mime: bool = False
    force_utf8: bool = False

    def check(self) -> None:
        """Raise TableCommandError for options that do not go together."""
        if self.sequence + len(self.query_keys) + len(self.delete_keys) > 1:
            raise TableCommandError("specify only one of -s -q or -d")
        if (self.body or self.headers or self.mime) and self.query_keys != ("-",):
            raise TableCommandError('specify -b -h or -m only with "-q -"')

    @property
    def message(self) -> MessageKeys | None:
        """Which lines of a message are keys; None where every line is one."""
        return MessageKeys(self.headers, self.body, self.mime) if self.headers or self.body else None

    @property
    def has_null(self) -> bool | None:
        """Whether keys and values have a NUL byte at their end; None: as the type has it."""
        return None if self.null is None else self.null == "yes"

    def is_utf8(self, params: AddressParameters) -> bool:
        """Tell whether text must be UTF-8."""
        if self.message and not self.force_utf8:
            return False
        return params.smtputf8_enable and not self.no_utf8

    def build_options(self, params: AddressParameters) -> BuildOptions:
        """Return what concerns the making of an index."""
        return BuildOptions(
            fold=not self.no_fold,
            incremental=self.incremental,
            replace=self.replace,
            warn_duplicates=not self.quiet,
            own_mode=self.own_mode,
            keep_root=self.keep_root,
            null=self.has_null,
            utf8=self.is_utf8(params),
            files_hold_values=self.files_hold_values,
        )


def usage_problem(program: str, error: click.UsageError) -> str:
    """Return what getopt says of a mistake in the options; "" where the usage alone tells enough."""
    match error:
        case click.NoSuchOption():
            return f"{program}: invalid option -- '{error.option_name.lstrip('-')[:1] or '-'}'"
        case click.BadOptionUsage():
            return f"{program}: option requires an argument -- '{error.option_name.lstrip('-')}'"
        case _:
            return ""


def make_command(name: str, usage: str, options: tuple[click.Parameter, ...], callback: Any) -> click.Command:
    """Return the click command; its result is the exit status. What follows the first table is a table, too."""
    settings = {"allow_interspersed_args": False}
    return click.Command(
        name, context_settings=settings, callback=callback, params=list(options), help=f"usage: {usage}"
    )
