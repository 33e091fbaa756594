"""Take log lines and append them to maillog_file."""

from __future__ import annotations

from pyfix.base.log import FileSink
from pyfix.daemons.postlogd.params import PostlogdParameters
from pyfix.service.service import DatagramDaemon, Service


class PostlogDaemon(DatagramDaemon[PostlogdParameters]):
    """Owns the open log file."""

    permanent = True

    def before_jail(self) -> None:
        """Open the file with the rights of the master."""
        params = self.params
        path = params.maillog_file
        if not path:
            self.log.fatal("service postlog is in use but maillog_file is empty; set it in main.cf")
        self._file = FileSink(path, params.myhostname.split(".", 1)[0])
        self._path = path

    def is_ready(self) -> bool:
        """A file that was moved away is followed by a new process: this one may no longer have the right to open it."""
        return self._path == "/dev/stdout" or not self._file.is_moved()

    def lines(self, data: bytes) -> None:
        """Append lines that come from the mail system's own processes."""
        self._file.append(data)

    def datagrams(self, batch: list[bytes]) -> None:
        """Append all in one write; a datagram that is no text of lines (a stranger's) is dropped."""
        self._file.append(b"".join(data for data in batch if data.endswith(b"\n") and b"\0" not in data))


SERVICE = Service("postlogd", PostlogDaemon, PostlogdParameters)
