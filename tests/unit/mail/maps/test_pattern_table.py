"""A pattern that takes too long ends in a TableError, and nothing else does."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from pyfix.mail.config import Config
from pyfix.mail.maps import TableError, open_maps
from pyfix.mail.maps.pattern_table import LIMIT_S, SUBJECT_LIMIT

SLOW = "(.*)-(.*)-(.*)-(.*)-(.*)@x"
ALTERNATIVES = "|".join(f"[a-f-]*{number}" for number in range(300))
"""At each character, hardly a step that the matcher counts, and each of them as long as the key."""


@pytest.mark.parametrize("kind", ["regexp", "pcre"])
@pytest.mark.parametrize("pattern", [SLOW, ALTERNATIVES])
def test_pattern_that_takes_too_long_makes_the_table_unusable_for_that_key(kind: str, pattern: str) -> None:
    """The answer is temporary and names the table; other keys are looked up as ever."""
    maps = open_maps([f"{kind}:{{{{/{pattern}/ found}}}}"], "test_maps", Config.from_text(""))
    begin = time.process_time()
    with pytest.raises(TableError, match=rf"^{kind}:.*: search for -{{100}} takes more than 1 seconds$"):
        maps.lookup("-" * SUBJECT_LIMIT)
    assert time.process_time() - begin < 3 * LIMIT_S
    assert maps.lookup("a-b-c-d-1@x") == "found"
    assert maps.lookup("postmaster@y") is None


def test_signal_that_comes_late_harms_nobody() -> None:
    """Between two lookups, say: the handler does nothing there."""
    maps = open_maps(["regexp:{{/a/ found}}"], "test_maps", Config.from_text(""))
    signal.raise_signal(signal.SIGVTALRM)
    assert maps.lookup("a") == "found"
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_other_thread_has_its_patterns_searched_in_this_one() -> None:
    """Only the main thread can be interrupted; tables of tables pass that on."""
    maps = open_maps(["unionmap:{static:x, regexp:{{/a/ found}}}"], "test_maps", Config.from_text(""))
    asked: list[str] = []
    maps.lend(lambda find, key: asked.append(key) or "by another")
    found: list[str | None] = []
    thread = threading.Thread(target=lambda: found.append(maps.lookup("a")))
    thread.start()
    thread.join()
    assert (asked, found) == (["a"], ["x,by another"])
    assert maps.lookup("a") == "x,found"
