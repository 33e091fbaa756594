"""Makes the helpers of this folder importable, and the two mail systems that are compared."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import account_stores
from databases import Database
from instance import free_port
from postfix_pair import STOCK_MASTER_CF, MailSystem, make_pair
from postmap_pair import Postmaps
from sink import Sink


def verdict(command: str) -> str:
    """Refuse one recipient in several lines."""
    if command.startswith("RCPT") and "refused" in command:
        return "550-5.1.1 no such user here, which takes some words to say\r\n550 5.1.1 see http://sink.test/"
    return ""


@pytest.fixture
def postmaps(tmp_path: Path, need: Callable[[str], str]) -> Postmaps:
    """Postfix's postmap and ours."""
    return Postmaps.make(need("postmap"), tmp_path)


@pytest.fixture
def pair(request: pytest.FixtureRequest, sink: Sink, need: Callable[[str], str]) -> Iterator[list[MailSystem]]:
    """Postfix and pyfix, running; an indirect parameter has further settings for both."""
    postfix = need("postfix")
    if not STOCK_MASTER_CF.exists():
        pytest.skip(f"needs {STOCK_MASTER_CF}")
    sink.answer = verdict
    directory = Path(tempfile.mkdtemp(prefix="pyfix-pair-"))
    directory.chmod(0o755)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        systems = make_pair(directory, free_port, sink.port, postfix, getattr(request, "param", {}))
        for system in systems:
            stack.callback(show_log, system)
            stack.callback(system.stop)
            system.start()
        yield systems


def show_log(system: MailSystem) -> None:
    """Print the log, which pytest shows when the test fails."""
    print((system.directory / "log").read_text(errors="replace"))  # noqa: T201 - see above


@pytest.fixture(scope="session")
def account_server(need: Callable[[str], str]) -> Iterator[Callable[[], Database]]:
    """What starts the MariaDB of the tests of accounts when the first of them needs it."""
    with contextlib.ExitStack() as stack:
        running: list[Database] = []

        def start() -> Database:
            if not running:
                running.append(stack.enter_context(account_stores.server(need)))
            return running[0]

        yield start
