"""The main.cf that ships."""

from __future__ import annotations

from pathlib import Path

from pyfix.daemons.smtpd.params import SmtpdParameters
from pyfix.mail.config import Config

SHIPPED = Path(__file__).parents[2] / "main.cf"


def test_strangers_cannot_smuggle_a_second_message() -> None:
    """Only <CR><LF>.<CR><LF> ends a message, but for the clients in mynetworks."""
    params = Config.from_text(SHIPPED.read_text()).read(SmtpdParameters)
    assert params.smtpd_forbid_bare_newline == "normalize"
    assert params.smtpd_forbid_bare_newline_exclusions == "127.0.0.1/32 [::1]/128"
