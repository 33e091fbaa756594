"""newaliases(1): build the index of every table in alias_database.

    newaliases [-c DIR | -C DIR] [-oA TABLE] [-v]

To be run after each change of aliases. With -oA, of that table instead. `sendmail -I` and `sendmail -bi` are the same,
wherefore the options are sendmail's.

Environment: MAIL_CONFIG names the directory of main.cf where -c does not.

Exit status: 0 when all are built; the first failure ends it with 1.

See: aliases(5), postalias(1), sendmail(1), local(8)
"""

from __future__ import annotations

import click

from pyfix.commands import table_call, tables
from pyfix.commands.postalias import PROGRAM
from pyfix.mail.address.params import AddressParameters
from pyfix.mail.config import Config
from pyfix.mail.maps.maps import split_specs


def rebuild(config: Config, table: str = "", verbose: int = 0) -> None:
    """Build the given table, or what alias_database names; raises TableCommandError, ConfigError."""
    params = config.read(AddressParameters)
    warn = tables.warner(PROGRAM.name)
    for spec in [table] if table else split_specs(params.alias_database, "alias_database", config):
        target = tables.Target.parse(spec, params.default_database_type)
        tables.build(target, PROGRAM.read, tables.BuildOptions(), warn, PROGRAM.extra(params))
        if verbose:
            click.echo(f"newaliases: built {target.index}", err=True)


@click.command("newaliases", help="Build the tables that alias_database names.")
@click.option("-c", "-C", "directory", metavar="DIR", help="The directory of main.cf.")
@click.option("-o", "settings", metavar="ATABLE", multiple=True, help="-oATABLE: this table; others: no effect.")
@click.option("-v", "verbose", count=True, help="Say what is done.")
def command(directory: str | None, settings: tuple[str, ...], verbose: int) -> int:
    """Build what is asked for; return the exit status."""
    config = Config.load(directory)
    for warning in config.warnings:
        tables.warner(PROGRAM.name)(warning)
    named = [setting[1:] for setting in settings if setting.startswith("A")]
    rebuild(config, named[-1] if named else "", verbose)
    return 0


def main() -> None:
    """Run the program."""
    table_call.run("newaliases", "newaliases [-v] [-c config_dir] [-oAalias_database]", command)
