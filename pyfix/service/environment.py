"""The environment of the mail system's processes: nothing of whoever started it but what import_environment names.

A command that local or pipe runs gets a part of it (export_environment), and may call sendmail: MAIL_CONFIG says for
which of several mail systems.
See: import_environment.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from pyfix.base.environment import choose


def clean_environment(names: Sequence[str], config_directory: str) -> None:
    """Leave this process with what the list names, and with the directory of the configuration."""
    kept = {**choose(names, os.environ), "MAIL_CONFIG": config_directory}
    os.environ.clear()
    os.environ.update(kept)
