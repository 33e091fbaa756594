"""What `pyfix check` tells of accounts."""

from __future__ import annotations

from pathlib import Path

from pyfix.commands.check.accounts import Facts, check_accounts, judge_accounts
from pyfix.mail.accounts import Alias, Domain, Mailbox, open_store
from pyfix.mail.config import Config

TABLES = "virtual_alias_maps = static:x,\n  proxy:accounts:aliases\n"


def told(mode: int = 0o600, mailboxes: tuple[str, ...] = (), aliases: dict[str, str] | None = None) -> list[str]:
    """Return what is found with a domain x.test."""
    facts = Facts(
        "/a.db",
        mode,
        frozenset({"x.test"}),
        tuple(Mailbox(name, name.rpartition("@")[2]) for name in ("postmaster@x.test", *mailboxes)),
        tuple(Alias(name, name.rpartition("@")[2], (target,)) for name, target in (aliases or {}).items()),
    )
    return [str(finding) for finding in judge_accounts(facts)]


def test_good_accounts_are_passed_over() -> None:
    """Targets elsewhere, a target that a catch-all gets, a domain that leads to another."""
    assert told(mailboxes=("a@x.test",), aliases={"b@x.test": "A@x.test", "c@x.test": "c@elsewhere.test"}) == []
    assert told(aliases={"@x.test": "@y.test", "b@x.test": "whoever@x.test"}) == []


def test_file_that_others_may_read_is_named() -> None:
    """It holds stored passwords."""
    assert told(0o100640) == ["warning: /a.db: not for its owner alone; chmod 600 /a.db"]


def test_account_without_its_domain_is_named() -> None:
    """It gets no mail."""
    assert told(mailboxes=("a@lost.test",)) == [
        "warning: mailbox a@lost.test: there is no domain lost.test, so that it gets no mail;"
        " pyfix domain add lost.test"
    ]


def test_alias_that_leads_nowhere_is_named() -> None:
    """Its target would be returned as unknown; a hundred of them are not listed."""
    assert told(aliases={"b@x.test": "none@x.test"}) == [
        "warning: alias b@x.test: its target none@x.test is neither mailbox nor alias; mail for it is returned;"
        " pyfix alias set b@x.test --remove none@x.test"
    ]
    lines = told(aliases={f"b{number}@x.test": "none@x.test" for number in range(100)})
    assert (len(lines), lines[-1]) == (11, "warning: 90 more accounts of which the same is true")


def test_domain_without_postmaster_is_noted(tmp_path: Path) -> None:
    """In the accounts as they are."""
    config = Config.from_text(f"{TABLES}data_directory = {tmp_path}\n")
    store = open_store(config, create=True)
    store.domains.add(Domain("x.test"))
    store.close()
    assert [str(finding) for finding in check_accounts(config)] == [
        "note: domain x.test: postmaster@x.test is nobody's; pyfix alias add postmaster@x.test ADDRESS"
    ]


def test_accounts_that_can_not_be_read_are_named(tmp_path: Path) -> None:
    """With the line that uses them; nobody else needs a database."""
    config = Config.from_text(f"data_directory = {tmp_path}\n{TABLES}")
    assert [str(finding) for finding in check_accounts(config)] == [
        f"warning: /etc/pyfix/main.cf, line 2: sqlite:{tmp_path}/accounts.db: No such file or directory;"
        ' make it with "pyfix domain add"'
    ]
    assert list(check_accounts(Config.from_text(f"data_directory = {tmp_path}\n"))) == []
