"""What the options before a subcommand of pyfix say, and how those end that talk to the mail system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pyfix.commands.telling import fatal_errors, say
from pyfix.mail.config import Config, CoreParameters
from pyfix.mail.config.compatibility import old_defaults, tell_old_defaults
from pyfix.mail.ipc.client import IpcError
from pyfix.master import control
from pyfix.master.control import ControlError


@contextmanager
def control_errors(*others: type[Exception]) -> Iterator[None]:
    """End as fatal_errors does, also when the mail system can't be reached or does not do what it is told."""
    with fatal_errors(ControlError, IpcError, *others):
        yield


class Call:
    """What the options before the subcommand say."""

    def __init__(self, directory: str | None, verbose: int) -> None:
        self._directory = directory
        self.verbose = verbose

    def config(self) -> Config:
        """Read main.cf; its warnings go to standard error."""
        config = Config.load(self._directory)
        self.explain(f"configuration {os.path.join(config.directory, 'main.cf')}")
        for warning in config.warnings:
            say(f"warning: {warning}")
        return config

    def tell(self, params: CoreParameters, text: str) -> None:
        """Say what is done, and log it where the caller may write the log."""
        say(text)
        try:
            log = control.command_log(params)
        except OSError:
            return  # the caller's own terminal has it; the log is another user's
        log.info(text)
        log.flush()
        log.close()

    def tell_old_defaults(self, config: Config, params: CoreParameters) -> None:
        """Say and log which defaults are those of an old compatibility_level."""
        for text in tell_old_defaults(old_defaults(config, params.compatibility_level)):
            self.tell(params, text)

    def explain(self, text: str) -> None:
        """Say what goes on inside, with -v."""
        if self.verbose:
            say(text)

    def running(self, params: CoreParameters) -> int:
        """Return the process id of the master; raise ControlError without one."""
        pid = control.master_pid(params)
        self.explain(f"queue {params.queue_directory}: {f'master process {pid}' if pid else 'no master process'}")
        if pid is None:
            raise ControlError("the pyfix mail system is not running")
        return pid

    def params(self) -> CoreParameters:
        """Return the parameters that control needs."""
        return self.config().read(CoreParameters)
