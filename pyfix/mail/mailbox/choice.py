"""Choose what a local user's mail is delivered to: a command, a mailbox in the home directory or one in the spool.

Only mailbox_command_maps is asked; nothing on disk is looked at. local delivers there; `pyfix explain` tells where
that will be.
See: local(8) MAILBOX DELIVERY.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyfix.mail.mailbox.params import LocalMailboxParameters
from pyfix.mail.maps import Maps


@dataclass(frozen=True, slots=True)
class Place:
    """Where the mail of one user goes: `command`, or else `path`."""

    parameter: str
    """What says so."""
    command: str = ""
    path: str = ""
    """"" for a mailbox in the home directory of a user who has none."""

    @property
    def is_in_home(self) -> bool:
        """True for a mailbox in the home directory."""
        return self.parameter == "home_mailbox"

    @property
    def is_maildir(self) -> bool:
        """True for a Maildir, False for an mbox file."""
        return self.path.endswith("/")


def choose_place(user: str, home: str | None, params: LocalMailboxParameters, commands: Maps) -> Place:
    """Return where the mail of a user goes; `commands` is mailbox_command_maps. Raises TableError."""
    if command := commands.lookup(user):
        return Place("mailbox_command_maps", command)
    if params.mailbox_command:
        return Place("mailbox_command", params.mailbox_command)
    return choose_mailbox(user, home, params)


def choose_mailbox(user: str, home: str | None, params: LocalMailboxParameters) -> Place:
    """Return the mailbox of a user, whatever command delivers to it."""
    if params.home_mailbox:
        return Place("home_mailbox", path="" if home is None else f"{home}/{params.home_mailbox}")
    spool = params.mail_spool_directory
    return Place("mail_spool_directory", path=f"{spool}{user}/" if spool.endswith("/") else f"{spool}/{user}")
