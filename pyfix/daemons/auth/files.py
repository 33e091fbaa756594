"""Notice that a file with queries or settings of other programs is edited.

A fresh process reads it, as after an edit of a table. A file that is wrong is told of and left alone: the process that
has read the former one goes on, so that a slip of the editor keeps nobody out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pyfix.base.filewatch import QUIET_S, FileWatch
from pyfix.mail.config import ConfigError


class SettingsFiles:
    """Some files; begin to watch before you read them."""

    def __init__(
        self, paths: Iterable[str], read: Callable[[], None], warn: Callable[[str], object], quiet_s: float = QUIET_S
    ) -> None:
        """`read` reads them all and raises ConfigError for one that is wrong; `warn` is told of that."""
        self._paths = tuple(paths)
        self._read = read
        self._warn = warn
        self._quiet_s = quiet_s
        self._watch = FileWatch(self._paths, quiet_s)

    def find_changed(self) -> Iterator[str]:
        """Yield the path of a file that has changed, where all are in order."""
        for path in self._watch.find_changed():
            self._watch.close()
            self._watch = FileWatch(self._paths, self._quiet_s)
            try:
                self._read()
            except ConfigError as error:
                self._warn(f"{error}; what was read before stays in force")
            else:
                yield path
            return
