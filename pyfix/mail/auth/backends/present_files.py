"""Read the configuration of a daemon that does not run, where it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyfix.base.failure import words_for
from pyfix.mail.auth.backend import BackendUnavailable


def read_present(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield path and text of the files that are there; raises BackendUnavailable for one that can't be read."""
    for path in paths:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise BackendUnavailable(f"open {path}: {words_for(error)}") from error
        yield path, text
