"""An auth service of the test's own: one user with one password, and logins that it can't tell about."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from pyfix.proto import dovecot_auth as protocol
from pyfix.proto.dovecot_auth.messages import Answer, Request, encode

USER, PASSWORD = "alice@x.test", b"se cret"
PLACE = {"uid": "1000", "gid": "1001", "home": "/mail/alice", "mail": "maildir:/mail/alice/Maildir", "quota": "5S"}


class FakeAuth:
    """The service; `asked` are the requests that came."""

    def __init__(self) -> None:
        self.asked: list[Request | protocol.Malformed] = []
        self.client: socket.socket | None = None

    def answer(self, request: Request | protocol.Malformed) -> Answer:
        """Return what auth would say."""
        self.asked.append(request)
        match request:
            case protocol.Authenticate(initial=initial):
                _, login, password = (initial or b"").split(b"\0")
                if login == b"later":
                    return protocol.Failed(request.id, {"temp": ""})
                if (login, password) == (USER.encode(), PASSWORD):
                    return protocol.Succeeded(request.id, {"user": USER, "ticket": "7" * 32})
                return protocol.Failed(request.id, {"user": login.decode(errors="replace")})
            case protocol.RedeemTicket(ticket=ticket) if ticket == "7" * 32:
                return protocol.Found(request.id, USER, PLACE)
            case protocol.FindUser(name=name) if name == USER:
                return protocol.Found(request.id, USER, PLACE)
            case protocol.FindUser(name="later"):
                return protocol.Failed(request.id)
        return protocol.NotFound(request.id)


@contextlib.contextmanager
def one_user_auth(path: Path) -> Iterator[FakeAuth]:
    """Serve at a path, one client at a time."""
    auth = FakeAuth()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=_serve, args=(auth, listener))
        thread.start()
        try:
            yield auth
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError, AttributeError):
                auth.client.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
            thread.join(10)


def _serve(auth: FakeAuth, listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            auth.client = client
            with client:
                client.sendall(protocol.greet([protocol.Mechanism("PLAIN")], 1, 1, "0" * 32))
                session = protocol.ServerSession()
                while data := client.recv(65536):
                    for request in session.receive(data):
                        client.sendall(encode(auth.answer(request)))
