"""Quotas of Maildirs: how much is in one, how much may be, and who writes that down.

    with Ledger.open(maildir, scope) as ledger:                # locked until the end of the block
        used = ledger.used(limit, clock.now(), Usage(size, 1)) # maildirsize, or a recount where that can't be trusted
        if judge(limit, used, Usage(size, 1)) is Verdict.FITS:
            os.rename(temporary, new)
            ledger.charge(Usage(size, 1))

    with Ledger.open(maildir, scope) as ledger:                # who removes mail need not know the limit
        for message in messages:
            os.unlink(message.path)                            # add up those of which counts(name, scope) is true
        ledger.note_removed(size, number)

One implementation for whoever adds or removes mail: deliveries, readers and commands.
usage.py, names.py, sizefile.py and decide.py are pure; count.py and ledger.py touch the disk, with the rights in force
(the caller has become the owner of the mailbox).

maildirsize, as the Courier README on maildir quotas has it: the limit, then a line "bytes messages" for each change.
It is a copy for speed and never more: what is missing, too long, garbage, no plain file or of another limit leads to a
recount, and so do numbers that would refuse mail.

Locking. The README does without locks, and counts wrong when a recount and a change meet. Here each change (rename and
line, or removal and line) and each recount holds flock(2) on the directory of the Maildir, so that among pyfix's own
processes maildirsize always is what a recount would give. No other program sees this lock, nor a file for it; those
that follow the README are met as it says: after a recount the directories are looked at once more, and a maildirsize
that was replaced under a change is thrown away. Rejected: a lock on maildirsize itself, which a recount replaces; a
lock file, which would be one more thing in everybody's mailbox.

See: virtual(8)
"""

from pyfix.mail.mailbox.quota.decide import Verdict, judge, percents_crossed
from pyfix.mail.mailbox.quota.ledger import Ledger, MaildirBusy
from pyfix.mail.mailbox.quota.names import WHOLE_TREE, Scope, counts, size_in_name
from pyfix.mail.mailbox.quota.usage import Usage

__all__ = [
    "WHOLE_TREE",
    "Ledger",
    "MaildirBusy",
    "Scope",
    "Usage",
    "Verdict",
    "counts",
    "judge",
    "percents_crossed",
    "size_in_name",
]
