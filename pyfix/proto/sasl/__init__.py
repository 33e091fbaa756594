"""SASL, the server's side: one class for each mechanism, without sockets, accounts or threads.

    mechanism = make("PLAIN", Scene(hostname="mail.example.com"))
    step = mechanism.begin(initial)         a response that came with the request, or None
    step = mechanism.receive(data)          the response to a Challenge

A step says what the caller has to do: send a Challenge, have a password or token verified (CheckPassword, CheckToken),
look for the keys of a login (FetchKeys, answered with `use`), or that it is over (Accept, Refuse). Whoever asks for a
login that is nobody's sees the same steps as for one with another password.
See: RFC 4422; steps.py, keys.py.
"""

from pyfix.proto.sasl.keys import CramKey, Key, PlainKey, ScramKeys
from pyfix.proto.sasl.mechanism import KeyMechanism, Mechanism, Scene, TokenMechanism
from pyfix.proto.sasl.mechanisms import MECHANISMS, make
from pyfix.proto.sasl.steps import Accept, Challenge, CheckPassword, CheckToken, FetchKeys, Refuse, Step

__all__ = [
    "MECHANISMS",
    "Accept",
    "Challenge",
    "CheckPassword",
    "CheckToken",
    "CramKey",
    "FetchKeys",
    "Key",
    "KeyMechanism",
    "Mechanism",
    "PlainKey",
    "Refuse",
    "Scene",
    "ScramKeys",
    "Step",
    "TokenMechanism",
    "make",
]
