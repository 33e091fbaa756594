"""What commands say, and where."""

from __future__ import annotations

import pytest

from pyfix.base.log import MemorySink, Sink
from pyfix.commands import outcome
from pyfix.commands.outcome import CommandLog
from pyfix.mail.config import Config


@pytest.mark.parametrize(
    ("setting", "number"), [("", 2), ("syslog_facility = local3", 19), ("syslog_facility = LPR", 6)]
)
def test_facility_of_syslog_is_a_parameter(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], setting: str, number: int
) -> None:
    """syslog_facility; what is told there is told on standard error, too."""
    memory = MemorySink()
    facilities: list[int] = []

    def sink(facility: int) -> Sink:
        facilities.append(facility)
        return memory

    monkeypatch.setattr(outcome, "SyslogSink", sink)
    log = CommandLog("postsuper")
    log.open(Config.from_text(setting))
    log.warning("odd")
    assert (facilities, len(memory.lines)) == ([number], 1)
    assert capsys.readouterr().err == "postsuper: warning: odd\n"
