"""The environment of the mail system's processes: nothing of whoever started it but what import_environment names.

A command that local or pipe runs gets a part of it (export_environment), and may call sendmail: MAIL_CONFIG says for
which of several mail systems.
See: import_environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping


def imported(names: str, own: Mapping[str, str], config_directory: str) -> dict[str, str]:
    """Return what is kept: names, and name=value as given."""
    found: dict[str, str] = {}
    for word in names.replace(",", " ").split():
        name, equals, value = word.partition("=")
        if equals or name in own:
            found[name] = value if equals else own[name]
    return {**found, "MAIL_CONFIG": config_directory}


def clean_environment(names: str, config_directory: str) -> None:
    """Leave this process with that environment."""
    kept = imported(names, os.environ, config_directory)
    os.environ.clear()
    os.environ.update(kept)
