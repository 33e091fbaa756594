"""Where services listen."""

from __future__ import annotations

from pyfix.commands.check.ports import judge_ports, read_listeners
from pyfix.mail.config import Config
from pyfix.mail.config.mastercf import parse


def told(master_cf: str, lowest: int = 1, *, receives: bool = True, main_cf: str = "") -> list[str]:
    entries = parse(master_cf.splitlines(), "master.cf")
    listeners = read_listeners(Config.from_text(main_cf), entries)
    return [str(finding) for finding in judge_ports(listeners, lowest, receives=receives)]


def test_usual_ports_are_passed_over_in_silence() -> None:
    """25, submission, submissions with TLS, one port on two addresses, services that do not listen."""
    assert (
        told(
            "smtp inet n - n - - smtpd\nsubmission inet n - n - - smtpd\n"
            "submissions inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n"
            "127.0.0.1:10025 inet n - n - - smtpd\n[::1]:10025 inet n - n - - smtpd\nsmtp unix - - n - - smtp\n"
        )
        == []
    )


def test_two_lines_on_one_port() -> None:
    """By name and number; the addresses of inet_interfaces hold every other."""
    assert told("smtp inet n - n - - smtpd\n127.0.0.1:25 inet n - n - - smtpd\n") == [
        "error: master.cf: line 2: service 127.0.0.1:25: port 25 is that of service smtp, master.cf: line 1; give one"
        " of them another port, or comment it out"
    ]


def test_port_that_only_root_may_have() -> None:
    """Where the caller is not root."""
    assert told("smtp inet n - n - - smtpd\n2525 inet n - n - - smtpd\n", 1024) == [
        "error: master.cf: line 1: service smtp: port 25 is out of reach for other users than root; start as root, or"
        " specify a port from 1024 on"
    ]


def test_port_of_encrypted_sessions_without_encryption_and_the_reverse() -> None:
    """The client waits for the server, and the server for the client; wrappermode may stand in main.cf."""
    assert told("smtp inet n - n - - smtpd\nsmtps inet n - n - - smtpd\n") == [
        "warning: master.cf: line 2: service smtps: clients of port 465 begin with TLS, and this service does not; add"
        " -o smtpd_tls_wrappermode=yes, or use port 587"
    ]
    expected = [
        f"warning: master.cf: line 1: service {name}: clients of port {port} ({kind}) do not begin with TLS; take"
        " smtpd_tls_wrappermode=yes out, or use port 465"
        for name, port, kind in (("smtp", 25, "smtp"), ("587", 587, "submission"))
    ]
    assert told("smtp inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n") == expected[:1]
    main_cf = "smtpd_tls_wrappermode = yes\n"
    assert told("587 inet n - n - - smtpd\n", receives=False, main_cf=main_cf) == [expected[1]]


def test_nobody_on_port_25_is_a_note_where_mail_is_received() -> None:
    """A private system has another port, and knows it."""
    assert told("2525 inet n - n - - smtpd\n", receives=False) == []
    assert told("2525 inet n - n - - smtpd\n") == [
        "note: no service listens on port 25: other servers find nobody to give mail for mydestination to; add"
        ' "smtp inet n - n - - smtpd" to master.cf'
    ]
