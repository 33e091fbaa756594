"""What ps(1) shows of a process: the program and its service, in the words that Postfix's processes show.

`smtpd -n 127.0.0.1:2525 -t inet -u` is a process without privileges that serves this line of master.cf, `-c` one in a
chroot, `-l` the only one of its service. A public service shows `-o stress=`, and `-o stress=yes` under stress. Without
this every process would show the interpreter's command line.
"""

from __future__ import annotations

import shlex

import setproctitle

from pyfix.mail.config.mastercf import ServiceEntry


def worker_title(entry: ServiceEntry, program: str, stress: bool | None = None) -> str:
    """Return the title of a process that serves one line of master.cf; stress is None where the service knows none."""
    words = [program]
    if entry.maxproc == 1:
        words.append("-l")
    if entry.name != program:
        words += ["-n", entry.name]
    words += ["-t", entry.type]
    if entry.unprivileged:
        words.append("-u")
    if entry.chroot:
        words.append("-c")
    words += ["-v"] * entry.verbose
    if stress is not None:
        words += ["-o", "stress=yes" if stress else "stress="]
    for name, value in entry.overrides:
        words += ["-o", shlex.quote(f"{name}={value}")]
    return " ".join(words)


def show_title(title: str) -> None:
    """Have ps, top and pgrep show this process under `title`."""
    setproctitle.setproctitle(title)
