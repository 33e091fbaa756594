"""What pop3-login and pop3d share: what CAPA says about the server, and how failures of a login are told."""

from __future__ import annotations

import re
from typing import Final

from pyfix.mail.config import Config, CoreParameters, Integer, Seconds, String
from pyfix.proto.pop3.capabilities import Policy

AUTH_SOCKET: Final = "private/auth"
"""Of auth(8), in the queue directory."""
_EXPIRE: Final = re.compile(r"|NEVER|[0-9]{1,9}")
_IMPLEMENTATION: Final = re.compile(r"[\x21-\x7e]{0,80}")


class Pop3Parameters(CoreParameters):
    """What both programs need to know."""

    pop3_expire = String("NEVER", "EXPIRE in CAPA: days until mail that was retrieved goes, or NEVER; empty: not told.")
    pop3_login_delay = Seconds("0s", "The shortest time between two logins of a user (LOGIN-DELAY).", low=0)
    pop3_implementation = String("pyfix", "IMPLEMENTATION in CAPA; empty: not told.")
    mail_max_userip_connections = Integer(
        "10", "Sessions of one user from one address at the same time, in each process; 0: no limit.", low=0
    )


def capability_policy(config: Config, params: Pop3Parameters) -> Policy:
    """Return what CAPA tells about the server; raises ConfigError."""
    expire = params.pop3_expire.upper()
    if not _EXPIRE.fullmatch(expire):
        raise config.refuse("pop3_expire", "bad pop3_expire: need NEVER, a number of days, or nothing")
    if not _IMPLEMENTATION.fullmatch(params.pop3_implementation):
        raise config.refuse("pop3_implementation", "bad pop3_implementation: need one word, in ASCII, or nothing")
    return Policy(params.pop3_implementation, expire, int(params.pop3_login_delay))
