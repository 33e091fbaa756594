"""Check a password through PAM, the modules that the system's administrator has chosen for a service.

    refusal = PamLibrary().authenticate("smtp", "alice", b"secret", "192.0.2.1")    "" when it is right

Nothing here limits the time that a module takes: see mail/auth/backends/pam.py. Modules delay failures so that guessing
takes long; who calls this does that itself, for all passwords alike, and the delay is not waited for.
See: pam_start(3), pam_conv(3), pam_fail_delay(3).
"""

from __future__ import annotations

import ctypes
import os
from enum import Enum
from typing import Final

_LIBRARY: Final = "libpam.so.0"
_SUCCESS, _BUF_ERR, _CONV_ERR = 0, 5, 19
_PROMPT_ECHO_OFF, _PROMPT_ECHO_ON = 1, 2
_RHOST, _FAIL_DELAY = 4, 10
_SILENT: Final = 0x8000
_WRONG: Final = frozenset({6, 7, 8, 10, 11, 13})
"""PERM_DENIED, AUTH_ERR, CRED_INSUFFICIENT, USER_UNKNOWN, MAXTRIES, ACCT_EXPIRED."""
_OF_NO_USE: Final = frozenset({*_WRONG, 12})
"""The same of an account whose password is right, and NEW_AUTHTOK_REQD."""


class _Message(ctypes.Structure):
    """struct pam_message."""

    _fields_ = (("style", ctypes.c_int), ("text", ctypes.c_char_p))


class _Response(ctypes.Structure):
    """struct pam_response."""

    _fields_ = (("text", ctypes.c_void_p), ("code", ctypes.c_int))


_Converse = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(_Message)),
    ctypes.POINTER(ctypes.POINTER(_Response)),
    ctypes.c_void_p,
)
_Delay = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


class _Conversation(ctypes.Structure):
    """struct pam_conv."""

    _fields_ = (("function", _Converse), ("data", ctypes.c_void_p))


class Verdict(Enum):
    """What PAM says."""

    RIGHT = "right"
    WRONG = "wrong"
    OF_NO_USE = "of no use"
    """The password is right, but the account or the password has expired."""


class PamError(Exception):
    """PAM could not tell; the text is for the log."""


class PamLibrary:
    """The system's library."""

    def __init__(self) -> None:
        """Load it; raises PamError."""
        try:
            self._pam = ctypes.CDLL(_LIBRARY)
        except OSError as error:
            raise PamError(f"there is no {_LIBRARY}: {error}; install PAM, or specify shadow instead") from error
        self._libc = ctypes.CDLL(None)
        self._libc.calloc.restype = ctypes.c_void_p
        self._libc.calloc.argtypes = (ctypes.c_size_t, ctypes.c_size_t)
        self._libc.strdup.restype = ctypes.c_void_p
        self._pam.pam_strerror.restype = ctypes.c_char_p

    def check(self, service: str, user: str, password: bytes, remote: str = "") -> Verdict:
        """Return what PAM says of a user and a password; raises PamError."""
        converse = _Converse(self._answers(user.encode(), password))
        conversation = _Conversation(converse, None)
        handle = ctypes.c_void_p()
        code = self._pam.pam_start(
            service.encode(), user.encode(), ctypes.byref(conversation), ctypes.byref(handle)
        )  # fmt: skip
        if code != _SUCCESS:
            raise PamError(f"pam_start for service {service}: error {code}")
        try:
            code = self._authenticate(handle, remote)
            if code in _WRONG:
                return Verdict.WRONG
            if code == _SUCCESS:
                code = self._pam.pam_acct_mgmt(handle, _SILENT)
                if code == _SUCCESS:
                    return Verdict.RIGHT
                if code in _OF_NO_USE:
                    return Verdict.OF_NO_USE
            raise self._error(handle, service, code)
        finally:
            self._pam.pam_end(handle, code)

    def _authenticate(self, handle: ctypes.c_void_p, remote: str) -> int:
        delay = _Delay(lambda status, microseconds, data: None)
        self._pam.pam_set_item(handle, _FAIL_DELAY, delay)
        if remote:
            self._pam.pam_set_item(handle, _RHOST, remote.encode())
        code = int(self._pam.pam_authenticate(handle, _SILENT))
        self._pam.pam_set_item(handle, _FAIL_DELAY, None)
        return code

    def _error(self, handle: ctypes.c_void_p, service: str, code: int) -> PamError:
        text = os.fsdecode(self._pam.pam_strerror(handle, code) or b"")
        return PamError(f"service {service}: {text or f'error {code}'}")

    def _answers(self, user: bytes, password: bytes):  # type: ignore[no-untyped-def]
        """Return the conversation: the password for whatever is asked without echo, the name otherwise."""
        # ctypes makes the types of the callback and its arguments at run time: there are none to write down.

        def converse(count: int, messages, responses, data: object) -> int:  # type: ignore[no-untyped-def]
            block = self._libc.calloc(count, ctypes.sizeof(_Response))
            if not block:
                return _BUF_ERR
            answers = ctypes.cast(block, ctypes.POINTER(_Response))
            for index in range(count):
                style = messages[index].contents.style
                if style in (_PROMPT_ECHO_OFF, _PROMPT_ECHO_ON):
                    answers[index].text = self._libc.strdup(password if style == _PROMPT_ECHO_OFF else user)
            responses[0] = answers
            return _SUCCESS

        return converse
