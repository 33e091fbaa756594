"""newaliases(1): build the index of every table in alias_database.

    newaliases [-c DIR | -C DIR] [-oA TABLE] [-v]

To be run after each change of aliases. This is sendmail(1) with -I, the same as `sendmail -bi`, wherefore all of its
options may be given, and most have nothing to say here.

Options:

    -c DIR, -C DIR    the directory of main.cf
    -oA TABLE         build that table instead
    -v                say what is done

Environment: MAIL_CONFIG names the directory of main.cf where -c does not.

Exit status: 0 when all are built; the first failure ends it with 1. As with sendmail 64 for a mistake in the options,
and 78 for one in main.cf.

See: aliases(5), postalias(1), sendmail(1), local(8)
"""

from __future__ import annotations

import sys

from pyfix.commands import tables
from pyfix.commands.postalias import PROGRAM
from pyfix.commands.table_target import TableCommandError, Target
from pyfix.mail.address.params import AddressParameters
from pyfix.mail.config import Config
from pyfix.mail.maps.maps import split_specs


def rebuild(config: Config, table: str = "", verbose: int = 0) -> None:
    """Build the given table, or what alias_database names; raises TableCommandError, ConfigError."""
    params = config.read(AddressParameters)
    warn = tables.warner(PROGRAM.name)
    options = tables.BuildOptions(utf8=params.smtputf8_enable)
    for spec in [table] if table else split_specs(params.alias_database, "alias_database", config):
        target = Target.parse(spec, params.default_database_type)
        tables.build(target, PROGRAM.read, options, warn, PROGRAM.extra(params))
        if verbose:
            tables.informer(PROGRAM.name)(f"built {target.index}")


def carry_out(directory: str | None, table: str, verbose: int) -> None:
    """Build what is asked for, and end the program when that fails; raises ConfigError."""
    config = Config.load(directory)
    for warning in config.warnings:
        tables.warner(PROGRAM.name)(warning)
    try:
        rebuild(config, table, verbose)
    except TableCommandError as error:
        tables.informer(PROGRAM.name)(f"fatal: {error}")
        sys.exit(1)


def main() -> None:
    """Run the program."""
    from pyfix.commands import sendmail

    sendmail.main(program="newaliases")
