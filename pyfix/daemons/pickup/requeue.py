"""Submit a queue file again: what `postsuper -r` asks for, so that changed aliases and rules apply.

The message keeps its age, so its lifetime does not begin anew, and its recipients as they are now; those that are done
are left out.
"""

from __future__ import annotations

import errno
import os
from typing import Protocol

from pyfix.base.log import Log
from pyfix.daemons.pickup.params import PickupParameters
from pyfix.mail.ipc.messages import CLEANUP_FILTER, CLEANUP_LOCAL, CLEANUP_MAP, Recipient, Submit
from pyfix.mail.message.flaws import find_flaw
from pyfix.mail.message.generated import received_from_user
from pyfix.mail.queue import NewFile, Queue, QueueFile
from pyfix.mail.queue.maildrop import BadDropFile, DropFile


class Abortable(Protocol):
    """What has a queue file to remove."""

    def abort(self) -> None: ...


def requeue(queue: Queue, params: PickupParameters, log: Log, name: str, file: DropFile) -> tuple[Abortable, Submit]:
    """Copy a queue file in maildrop under a new id and return the request to cleanup.

    Raises CorruptFile, OSError (also when another file has its name by now), and BadDropFile for an envelope that
    nobody could have given us.
    """
    with queue.open("maildrop", name) as old:
        if not os.path.sameopenfile(old.fd, file.fd):  # whose owner was looked at: another one's envelope may lie
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        recipients, _ = old.read_recipients()
        if (flaw := find_flaw(old.envelope, recipients)) is not None:
            raise BadDropFile(flaw.reason)
        new = queue.create()
        try:
            log.info(f"{new.id}: uid={file.uid} from=<{old.envelope.sender}> orig_id={name}")
            new.spool(
                received_from_user(
                    hostname=params.myhostname,
                    mail_name=params.mail_name,
                    uid=file.uid,
                    queue_id=new.id,
                    arrival=file.mtime,
                ).encode()
            )
            return new, _copy(old, new, recipients)
        except BaseException:
            new.abort()
            raise
        finally:
            new.close()


def _copy(old: QueueFile, new: NewFile, recipients: list[Recipient]) -> Submit:
    for data in old.iter_content():
        new.spool(data)
    envelope = old.envelope
    envelope.filter = envelope.redirect = ""
    return Submit(new.id, envelope, recipients, None, CLEANUP_FILTER | CLEANUP_MAP | CLEANUP_LOCAL)
