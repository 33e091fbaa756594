"""saslauthd: which name it is asked for."""

from __future__ import annotations

import socket
from pathlib import Path
from threading import Thread

import pytest

from pyfix.mail.auth.backend import Attempt
from pyfix.mail.auth.backends.context import Context
from pyfix.mail.auth.backends.saslauthd import SaslauthdBackend
from pyfix.mail.config import Config
from pyfix.proto.saslauthd import Question, QuestionReader, encode_answer


def ask(path: str, login: str, service: str) -> Question:
    """Have the back end ask a saslauthd that lets everybody in; return the question."""
    questions: list[Question] = []

    def serve(listener: socket.socket) -> None:
        client, _ = listener.accept()
        reader, question = QuestionReader(), None
        with client:
            while question is None:
                question = reader.receive(client.recv(4096))
            questions.append(question)
            client.sendall(encode_answer())

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.settimeout(10)
        thread = Thread(target=serve, args=(listener,))
        thread.start()
        backend = SaslauthdBackend([path], Context(Config.from_text("mydestination = unix.test\n")))
        account = backend.verify(Attempt(login, service), b"secret")
        thread.join()
    assert account is not None and account.user == login
    return questions[0]


@pytest.mark.parametrize(
    ("login", "service", "name", "realm"),
    [
        ("alice", "pop3", b"alice", b""),
        ("alice@unix.test", "pop3", b"alice", b"unix.test"),
        ("alice@virtual.test", "pop3", b"alice@virtual.test", b""),
        ("alice@virtual.test", "smtp", b"alice", b"virtual.test"),
    ],
)
def test_unix_password_opens_no_mailbox_of_another_domain(
    tmp_path: Path, login: str, service: str, name: bytes, realm: bytes
) -> None:
    """A saslauthd that ignores the realm would take it for that of every alice."""
    question = ask(f"{tmp_path}/mux", login, service)
    assert (question.login, question.realm) == (name, realm)
