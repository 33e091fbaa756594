"""Import a configuration: read, review, plan, copy, and look at what has come out."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from pyfix.commands.check.smtpd import check_access_tables
from pyfix.commands.findings import Finding, Severity
from pyfix.commands.import_postfix.directory import ImportRefused, check_target, copy_directory
from pyfix.commands.import_postfix.facts import read_source
from pyfix.commands.import_postfix.plan import make_plan
from pyfix.commands.review import explained_names, review
from pyfix.mail.config import Config, mastercf
from pyfix.mail.config.check import check_master_cf, check_parameters


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import has done."""

    imported: bool
    directory: str
    changes_mail: bool
    findings: list[Finding]

    @property
    def status(self) -> int:
        """The exit status."""
        if not self.imported:
            return 1
        return 2 if self.changes_mail else 0

    @property
    def summary(self) -> str:
        """What to say at the end."""
        if not self.imported:
            return "nothing is imported"
        differs = "some mail goes another way than with Postfix" if self.changes_mail else "mail goes as with Postfix"
        return f"{self.directory}: imported, {differs}; now: pyfix -c {self.directory} check"


def _check_source(source: str) -> None:
    """Raise ImportRefused where there is no configuration: -c, which other commands would point to, is not for this."""
    for path in (os.path.join(source, name) for name in ("main.cf", "master.cf")):
        if not os.path.lexists(path):
            raise ImportRefused(
                f"open {path}: No such file or directory;"
                " specify the directory of Postfix's configuration: pyfix import-postfix DIR"
            )


def import_postfix(source: str, target: str, accepted: Collection[str]) -> Imported:
    """Make a configuration in `target` of the one in `source`; raise ConfigError, ImportRefused."""
    target = os.path.abspath(target)
    _check_source(source)
    config = Config.load(source)
    check_target(target, config.directory)
    entries = mastercf.read(os.path.join(config.directory, "master.cf"))
    omissions = review(config, entries)
    plan = make_plan(read_source(config, entries), target, omissions, accepted)
    if plan.unknown:
        raise ImportRefused(
            f"--accept {plan.unknown[0]}: there is nothing of this name to accept;"
            " specify the first word of an error that was reported"
        )
    found = [*_others(config, explained_names(config, entries)), *plan.report]
    if plan.is_refused:
        return Imported(False, target, plan.changes_mail, found)
    found += copy_directory(config.directory, target, plan)
    held = list(_held(Config.load(target)))
    return Imported(True, target, plan.changes_mail or bool(held), [*found, *held])


def _held(config: Config) -> Iterator[Finding]:
    """Yield what holds mail up that gets there: results of access tables, which can only be read now."""
    for finding in check_access_tables(config, mastercf.read(os.path.join(config.directory, "master.cf"))):
        yield replace(finding, severity=Severity.WARNING)


def _others(config: Config, explained: Collection[str]) -> list[Finding]:
    """Return what is wrong for Postfix, too."""
    texts = [*config.warnings, *check_parameters(config, explained), *check_master_cf(config, explained)]
    return [Finding(Severity.WARNING, "", text) for text in texts]
