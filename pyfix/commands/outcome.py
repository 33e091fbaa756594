"""How a command ends: one line on standard error and in the log, and an exit status of sysexits.h."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pyfix.base.log import FACILITIES, Log, PostlogSink, Sink, StderrSink, SyslogSink
from pyfix.commands.failures import describe_failure, discard_output
from pyfix.mail.config import Config, ConfigError, CoreParameters


class CommandError(Exception):
    """The command can't do what it was asked to."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


class CommandLog:
    """What a command says: on standard error with its name, and in the mail log once the configuration is known."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._logs = [Log(StderrSink(), program)]

    def open(self, config: Config) -> None:
        """Write to the mail log from now on. The current directory must be the queue directory."""
        params = config.read(CoreParameters)
        self._logs.append(Log(_mail_log_sink(params), f"{params.syslog_name}/{self._program}"))

    def info(self, text: str) -> None:
        """Tell what was done."""
        for log in self._logs:
            log.info(text)
            log.flush()

    def warning(self, text: str) -> None:
        """Tell what is wrong."""
        self.info(f"warning: {text}")

    def fatal(self, text: str) -> None:
        """Tell why the command ends; the caller ends it."""
        self.info(f"fatal: {text}")


def _mail_log_sink(params: CoreParameters) -> Sink:
    """Return what the daemons write to; not through the skeleton, whose event loop would cost each sendmail 70 ms."""
    if params.maillog_file:
        return PostlogSink(f"public/{params.postlog_service_name}", params.myhostname.split(".", 1)[0])
    return SyslogSink(FACILITIES[params.syslog_facility])


@contextmanager
def reported(log: CommandLog, status: int = 0) -> Iterator[None]:
    """End the program with one line for every failure that a user can cause; with `status`, always with that."""
    try:
        yield
    except CommandError as error:
        log.fatal(str(error))
        sys.exit(status or error.status)
    except ConfigError as error:
        log.fatal(str(error))
        sys.exit(status or os.EX_CONFIG)
    except BrokenPipeError:
        discard_output()
        sys.exit(1)
    except OSError as error:
        log.fatal(describe_failure(error))
        discard_output()
        sys.exit(status or 1)
