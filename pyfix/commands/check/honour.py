"""Lines that pyfix does not honour, as `pyfix check` and `pyfix start` tell of them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence

from pyfix.commands.findings import Finding, Severity
from pyfix.commands.params import ReviewParameters
from pyfix.commands.review import Loss, Omission, review
from pyfix.commands.review.review import ACCEPTED
from pyfix.mail.config import Config, ConfigError, mastercf
from pyfix.mail.config.mastercf import ServiceEntry


class LossRefused(Exception):
    """The configuration asks for guards that pyfix lacks, and nobody has said that it may go without."""


def read_entries(config: Config) -> list[ServiceEntry]:
    """Return the services of master.cf; none when it can't be read, which others tell of."""
    try:
        return mastercf.read(os.path.join(config.directory, "master.cf"))
    except ConfigError:
        return []


def find_omissions(config: Config, entries: Sequence[ServiceEntry]) -> list[Omission]:
    """Return the lines that are not honoured; none where main.cf can't be understood, which others tell of."""
    try:
        return review(config, entries)
    except ConfigError:
        return []


def report_omissions(omissions: Sequence[Omission], accepted: Collection[str]) -> Iterator[Finding]:
    """Yield a finding for each; what run_without names is no more than a note."""
    for omission in omissions:
        if _needs_consent(omission) and omission.subject in accepted:
            yield Finding(Severity.NOTE, omission.place, omission.text, f"{ACCEPTED} accepts that")
        else:
            yield omission.finding


def accepted_names(config: Config) -> Collection[str]:
    """Return what run_without names; nothing where it can't be read, which others tell of."""
    try:
        return config.read(ReviewParameters).run_without
    except ConfigError:
        return ()


def refuse_losses(config: Config) -> list[Finding]:
    """Return the findings that whoever starts the mail system should see; raise LossRefused for what must not be.

    What smtpd itself answers with 451 is no reason not to start: nothing gets through, and the log tells.
    """
    omissions = find_omissions(config, read_entries(config))
    accepted = accepted_names(config)
    refused = [item for item in omissions if _needs_consent(item) and item.subject not in accepted]
    if refused:
        rest = f" (and {len(refused) - 1} more: pyfix check)" if len(refused) > 1 else ""
        raise LossRefused(f"{refused[0].finding.line}{rest}")
    return [finding for finding in report_omissions(omissions, accepted) if finding.severity is not Severity.NOTE]


def _needs_consent(omission: Omission) -> bool:
    return omission.loss in (Loss.GUARD, Loss.LOST)
