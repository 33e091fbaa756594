"""A pattern that takes too long ends in a TableError, and nothing else does."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from pyfix.mail.config import Config
from pyfix.mail.maps import TableError, open_maps
from pyfix.mail.maps.pattern_file import PCRE, REGEXP, PatternReader
from pyfix.mail.maps.pattern_table import LIMIT_S, SUBJECT_LIMIT, PatternTable
from pyfix.mail.maps.source import LogicalLine

SLOW = "(.*)-(.*)-(.*)-(.*)-(.*)@x"
EXPONENTIAL = "([a-d-]+)+1@x"
ALTERNATIVES = "|".join(f"[a-f-]*{number}" for number in range(300))
"""At each character, hardly a step that the matcher counts, and each of them as long as the key."""


@pytest.mark.parametrize("kind", ["regexp", "pcre"])
@pytest.mark.parametrize("pattern", [SLOW, ALTERNATIVES, EXPONENTIAL])
def test_pattern_that_takes_too_long_makes_the_table_unusable_for_that_key(kind: str, pattern: str) -> None:
    """The answer is temporary and names the table; other keys are looked up as ever."""
    maps = open_maps([f"{kind}:{{{{/{pattern}/ found}}}}"], "test_maps", Config.from_text(""))
    begin = time.process_time()
    with pytest.raises(TableError, match=rf"^{kind}:.*: search for -{{100}} takes more than 1 seconds$"):
        maps.lookup("-" * SUBJECT_LIMIT)
    assert time.process_time() - begin < 3 * LIMIT_S
    assert maps.lookup("a-b-c-d-1@x") == "found"
    assert maps.lookup("postmaster@y") is None


@pytest.mark.parametrize("kind", ["regexp", "pcre"])
@pytest.mark.parametrize(
    "pattern",
    [
        "a{65535}", "((a{1000}){1000}){1000}", "(((a{99}){99}){99}){99}", "((a?){200}){200}$", "a{0,60000}b",
        "(a)" * 500, "(" * 5000 + "a" + ")" * 5000, "|".join(f"x{number}" for number in range(5000)), "a.*" * 1000,
        "[" + "".join(map(chr, range(0x4E00, 0x6E00))) + "]", r"(?<=a{500})b", "^(a?){30}a{30}$", "(a|aa)+$", "(a*)*$",
    ],
)  # fmt: skip
def test_pattern_that_is_large_when_compiled_is_read_in_time(kind: str, pattern: str) -> None:
    """Repetitions of repetitions, thousands of groups or alternatives: compiled, or skipped with a warning, at once."""
    warnings: list[str] = []
    begin = time.process_time()
    rules = PatternReader(REGEXP if kind == "regexp" else PCRE, "t", warnings.append).read(
        [LogicalLine(f"/{pattern}/ found", 1)]
    )
    assert len(rules) + len(warnings) == 1
    table = PatternTable(f"{kind}:t", rules)
    try:
        table.lookup("a" * 200)
    except TableError as error:
        assert "takes more than 1 seconds" in str(error)
    assert time.process_time() - begin < 4


def test_table_of_thousands_of_rules_is_read_in_time() -> None:
    """Each is examined before it is used, which takes a fraction of a millisecond."""
    begin = time.process_time()
    lines = [LogicalLine(f"/^user{number}@example[.]com$/ found", number) for number in range(5000)]
    rules = PatternReader(REGEXP, "t", pytest.fail).read(lines)
    assert PatternTable("regexp:t", rules).lookup("USER4999@example.com") == "found"
    assert time.process_time() - begin < 10


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
