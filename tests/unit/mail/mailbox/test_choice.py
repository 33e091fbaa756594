"""Where a local user's mail goes, and where the mailboxes of virtual users are."""

from __future__ import annotations

import pytest

from pyfix.mail.config import Config
from pyfix.mail.mailbox.choice import Place, choose_place
from pyfix.mail.mailbox.locate import LookupFailed, Mailbox, open_locator
from pyfix.mail.mailbox.params import LocalMailboxParameters, VirtualMailboxParameters
from pyfix.mail.maps import open_maps


def choose(main_cf: str, home: str | None = "/home/u") -> Place:
    """Return where the mail of user u goes."""
    config = Config.from_text(main_cf)
    params = config.read(LocalMailboxParameters)
    return choose_place("u", home, params, open_maps(params.mailbox_command_maps, "mailbox_command_maps", config))


@pytest.mark.parametrize(
    ("main_cf", "place", "is_maildir"),
    [
        ("", Place("mail_spool_directory", path="/var/mail/u"), False),
        ("mail_spool_directory = /m/\n", Place("mail_spool_directory", path="/m/u/"), True),
        ("home_mailbox = Mailbox\n", Place("home_mailbox", path="/home/u/Mailbox"), False),
        ("home_mailbox = Maildir/\n", Place("home_mailbox", path="/home/u/Maildir/"), True),
        ("home_mailbox = M\nmailbox_command = c $USER\n", Place("mailbox_command", "c $USER"), False),
        ("mailbox_command = c\nmailbox_command_maps = inline:{u=d}\n", Place("mailbox_command_maps", "d"), False),
        ("mailbox_command = c\nmailbox_command_maps = inline:{v=d}\n", Place("mailbox_command", "c"), False),
    ],
)
def test_the_first_parameter_that_is_set_decides(main_cf: str, place: Place, is_maildir: bool) -> None:
    """In the order of local(8)."""
    found = choose(main_cf)
    assert (found, found.is_maildir, found.is_in_home) == (place, is_maildir, place.parameter == "home_mailbox")


def test_a_user_without_home_has_no_mailbox_there() -> None:
    """The path is empty, and never one below the root directory."""
    assert choose("home_mailbox = Maildir/\n", None) == Place("home_mailbox")


VIRTUAL = """
recipient_delimiter = +
virtual_mailbox_base = /v
virtual_mailbox_maps = inline:{u@d.test=d/u/ @all.test=all bad@d.test=x}
virtual_uid_maps = inline:{u@d.test=1000 all@all.test=50 @all.test=99}
virtual_gid_maps = static:8
"""


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("u@d.test", Mailbox("/v/d/u/", 1000, 8)),
        ("u+x@d.test", Mailbox("/v/d/u/", 1000, 8)),
        ("v@d.test", None),
    ],
)
def test_a_virtual_mailbox_has_path_and_owner(address: str, mailbox: Mailbox | None) -> None:
    """Extensions are tried with and without."""
    config = Config.from_text(VIRTUAL)
    assert open_locator(config, config.read(VirtualMailboxParameters), with_ids=True).find(address) == mailbox


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("bad@d.test", "recipient bad@d.test: not found in virtual_uid_maps"),
        ("u@all.test", "recipient u@all.test: bad uid 99 in virtual_uid_maps"),
    ],
)
def test_an_owner_that_can_not_be_is_a_mistake_in_the_tables(address: str, reason: str) -> None:
    """Mail waits until it is corrected."""
    config = Config.from_text(VIRTUAL)
    with pytest.raises(LookupFailed, match=reason):
        open_locator(config, config.read(VirtualMailboxParameters), with_ids=True).find(address)


def test_without_rights_to_switch_owners_do_not_count() -> None:
    """Everything is then written as one user; only the tables that are asked are watched."""
    config = Config.from_text(VIRTUAL)
    locator = open_locator(config, config.read(VirtualMailboxParameters), with_ids=False)
    assert locator.find("u@all.test") == Mailbox("/v/all", -1, -1)
    assert [maps.parameter for maps in locator.maps] == ["virtual_mailbox_maps"]
