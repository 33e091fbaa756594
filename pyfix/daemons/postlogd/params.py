"""Parameters of postlogd: maillog_file and its prefixes are shared with all processes that log."""

from __future__ import annotations

from pyfix.service.params import ServiceParameters


class PostlogdParameters(ServiceParameters):
    """None of its own."""
