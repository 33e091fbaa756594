"""The protocol in which servers ask an auth service whether somebody may log in: Dovecot's auth client protocol.

    server  VERSION 1 2, MECH name property..., SPID pid, CUID number, COOKIE 32 digits, DONE
    client  VERSION 1 2, CPID pid
    client  AUTH id mechanism service=name parameter... resp=base64      server  CONT id base64
    client  CONT id base64                                              server  OK id user=name parameter...
    client  CANCEL id                                                   server  FAIL id parameter...

Fields are separated by tabs, lines end with LF. An id is the client's, and free again after OK, FAIL or CANCEL. The
server speaks first, and whoever connects need not wait for it. pyfix's own auth service serves two more requests, to
processes of the system itself:

    client  TICKET id ticket                                            server  USER id name parameter...
    client  USER id name service=name                                   server  NOTFOUND id, FAIL id

Sans-IO: ServerSession and ClientSession take bytes and give messages; messages.py has these, lines.py the fields.
See: Dovecot's "Authentication Protocol", version 1.2; Dovecot 2.3.19 for what that leaves open.
"""

from pyfix.proto.dovecot_auth.client import ClientSession, Greeting
from pyfix.proto.dovecot_auth.lines import LINE_LIMIT, ProtocolError
from pyfix.proto.dovecot_auth.messages import (
    Authenticate,
    Cancel,
    Challenge,
    Continue,
    Failed,
    FindUser,
    Found,
    Malformed,
    Mechanism,
    NotFound,
    RedeemTicket,
    Succeeded,
)
from pyfix.proto.dovecot_auth.server import ServerSession, greet

__all__ = [
    "LINE_LIMIT",
    "Authenticate",
    "Cancel",
    "Challenge",
    "ClientSession",
    "Continue",
    "Failed",
    "FindUser",
    "Found",
    "Greeting",
    "Malformed",
    "Mechanism",
    "NotFound",
    "ProtocolError",
    "RedeemTicket",
    "ServerSession",
    "Succeeded",
    "greet",
]
