"""Parameters of pop3d, by Dovecot's names where it has them."""

from __future__ import annotations

from typing import Final

from pyfix.mail.config import Boolean, Raw, Seconds, SomeOf
from pyfix.mail.mailbox.lock import ReaderLockParameters
from pyfix.mail.mailbox.params import VirtualMailboxParameters
from pyfix.mail.mailbox.quota.params import ScopeParameters
from pyfix.mail.pop3 import Pop3Parameters

NO_NULS: Final = "outlook-no-nuls"
END_OF_HEADERS: Final = "oe-ns-eoh"


class Pop3dParameters(ReaderLockParameters, ScopeParameters, VirtualMailboxParameters, Pop3Parameters):
    """How sessions are served."""

    pop3_lock_session = Boolean("yes", "One session at a time has a mailbox.")
    pop3_timeout = Seconds("600s", "How long a client may be silent, or take nothing of what it is sent.", low=1)
    pop3_client_workarounds = SomeOf(
        "",
        (NO_NULS, END_OF_HEADERS),
        "outlook-no-nuls: NUL becomes 0x80; oe-ns-eoh: an empty line is added to a header without end.",
    )
    pop3_no_flag_updates = Boolean("no", "Messages that were retrieved are not marked as seen.")
    pop3_enable_last = Boolean("no", "Serve LAST, which RFC 1460 has removed.")
    pop3_logout_format = Raw(
        "top=%t/%p, retr=%r/%b, del=%d/%m, size=%s",
        "What the log tells at the end of a session: %t %p number and bytes of TOP, %r %b of RETR, %d messages removed,"
        " %m messages at the beginning, %s their size, %i %o bytes received and sent.",
    )
