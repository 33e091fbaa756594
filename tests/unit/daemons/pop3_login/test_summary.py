"""Lines for the log, in Dovecot's words."""

from __future__ import annotations

import pytest

from pyfix.daemons.pop3_login.summary import Client, end_line, explain, login_line
from pyfix.proto.pop3.authorization import History

CLIENT = Client("192.0.2.1", "192.0.2.9", "Wr1kz0")


def test_a_login() -> None:
    assert login_line(CLIENT, "alice", "PLAIN", 721, "TLS") == (
        "Login: user=<alice>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, mpid=721, TLS, session=<Wr1kz0>"
    )


def test_names_cannot_end_the_field_that_they_stand_in() -> None:
    history = History(user="x>, rip=198.51.100.7, session=<y")
    assert end_line(CLIENT, "Inactivity", "", history, "") == (
        "Disconnected: Inactivity: user=<x?, rip=198.51.100.7, session=?y>,"
        " rip=192.0.2.1, lip=192.0.2.9, session=<Wr1kz0>"
    )


@pytest.mark.parametrize(
    ("history", "why"),
    [
        (History(), "no auth attempts in 3 secs"),
        (History(attempts=2, has_tried_plaintext=True), "auth failed, 2 attempts in 3 secs"),
        (History(had_trouble=True), "auth service reported temporary failure"),
        (History(has_tried_plaintext=True), "tried to use disallowed plaintext auth"),
        (History(has_tried_unknown=True), "tried to use unsupported auth mechanism"),
        (History(has_sent_garbage=True), "sent invalid base64 in response"),
        (History(has_cancelled=True), "client didn't finish SASL auth, waited 3 secs"),
    ],
)
def test_what_was_tried(history: History, why: str) -> None:
    assert explain(history, 3.2) == why


def test_how_far_a_login_came() -> None:
    assert explain(History(), 3, is_busy=True) == "disconnected while authenticating, waited 3 secs"
    assert explain(History(), 3, has_logged_in=True) == "internal failure, 1 successful auths"
    lost = explain(History(), 3, has_logged_in=True, is_lost=True)
    assert lost == "disconnected while finishing login, waited 3 secs"
