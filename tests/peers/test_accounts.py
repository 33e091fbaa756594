"""Accounts: one contract for the embedded file, for MariaDB, and for ExtMail's own tables there."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import account_stores
import pytest
from databases import Database, mariadb_run

from pyfix.base import clock
from pyfix.mail.accounts import (
    AccountsError,
    AccountsUnavailable,
    Alias,
    AppPassword,
    Domain,
    Login,
    Mailbox,
    Manager,
    NotFound,
    Quota,
    Refused,
    Role,
    Service,
    Standing,
    Store,
    open_store,
)
from pyfix.mail.accounts.database import Session
from pyfix.mail.accounts.schema import TABLES
from pyfix.mail.config import Config
from pyfix.mail.maps import TableError
from pyfix.mail.maps.opening import Opening
from pyfix.mail.maps.registry import open_table
from pyfix.mail.maps.table import Table

CREATED = "2026-11-26 12:00:00"
NOW = 1_795_694_400.0  # 2026-11-26, noon in any time zone near Greenwich
NASTY = (
    "'; DROP TABLE mailbox; -- ", "\\'; DROP TABLE mailbox; -- ", "a' OR '1'='1", '" OR ""="', "\\", "'", "%", "_",
    "\0", "a\0@x.test", "\udcff", "a\udcff@x.test", "x" * 10_000_000, "?", "%s", "/*", "😀@x.test",
)  # fmt: skip


@pytest.fixture(params=account_stores.KINDS)
def config(request: pytest.FixtureRequest, account_server: Callable[[], Database], tmp_path: Path) -> Config:
    """Empty accounts of each kind."""
    return account_stores.config(request.param, account_server, tmp_path)


@pytest.fixture
def store(config: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The accounts, on a day that stays the same, with two domains."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    opened = open_store(config, create=True)
    for name in ("x.test", "y.test"):
        opened.domains.add(Domain(name, created=CREATED))
    yield opened
    opened.close()


def mailbox(local: str, domain: str = "x.test", **more: object) -> Mailbox:
    """A mailbox where it would be."""
    fields = {"maildir": f"{domain}/{local}/Maildir/", "created": CREATED, **more}
    return Mailbox(f"{local}@{domain}", domain, **fields)  # type: ignore[arg-type]  # the caller knows the fields


def alias(address: str, *targets: str, **more: object) -> Alias:
    """An alias of x.test."""
    return Alias(address, "x.test", targets, CREATED, **more)  # type: ignore[arg-type]  # as above


def table(config: Config, name: str) -> Table:
    """One of the lookup tables."""
    return open_table(f"accounts:{name}", Opening.of_process(config))


def test_records_come_back_as_they_were(store: Store) -> None:
    """Every field, with letters that need no escape and some that do."""
    standing = Standing(False, date(2027, 1, 31), frozenset({Service.POP3, Service.SENDING}))
    domain = Domain(
        "z.test", 'O\'Neil \\ "Söhne"', 5, 6, 7 << 30, Quota(8 << 20), "1y", CREATED, Standing(True, date(2030, 1, 1))
    )
    box = Mailbox("a@z.test", "z.test", "{PLAIN}x'y\\z", "Ä 'b", "z.test/a/", Quota(1 << 20, 10), CREATED, standing)
    other = Alias("b@z.test", "z.test", ("a@z.test", "o'neil@q.test"), CREATED, Standing(False))
    boss = Manager(
        "boss@z.test", Role.ADMIN, "$1$x", "B", ("x.test", "z.test"), CREATED, Standing(True, date(2028, 2, 2))
    )
    store.domains.add(domain)
    store.mailboxes.add(box)
    store.aliases.add(other)
    store.managers.add(boss)
    assert store.domains.get("z.test") == domain
    assert store.mailboxes.get("a@z.test") == box
    assert store.aliases.get("b@z.test") == other
    assert store.managers.get("boss@z.test") == boss
    assert [store.domains.all()[-1], store.mailboxes.all(), store.aliases.all("z.test"), store.managers.all()] == [
        domain, [box], [other], [boss],
    ]  # fmt: skip
    assert store.mailboxes.all("x.test") == []


def test_change_is_of_what_it_names(store: Store) -> None:
    """And of one account alone."""
    for name in ("a", "b"):
        store.mailboxes.add(mailbox(name, password="{PLAIN}old"))
    store.mailboxes.change("a@x.test", lambda before: replace(before, password="{PLAIN}new", standing=Standing(False)))
    after = store.mailboxes.get("a@x.test")
    assert (after.password, after.standing.active, after.created) == ("{PLAIN}new", False, CREATED)
    assert store.mailboxes.get("b@x.test").password == "{PLAIN}old"
    store.managers.add(Manager("boss@x.test", Role.POSTMASTER, domains=("x.test",), created=CREATED))
    store.managers.change("boss@x.test", lambda before: replace(before, domains=("y.test",)))
    assert store.managers.get("boss@x.test").domains == ("y.test",)


def test_account_that_is_or_is_not_there_is_named(store: Store) -> None:
    """One line for each mistake."""
    store.mailboxes.add(mailbox("a"))
    with pytest.raises(Refused, match=r"^mailbox a@x\.test exists already$"):
        store.mailboxes.add(mailbox("a"))
    with pytest.raises(Refused, match=r"^domain x\.test exists already$"):
        store.domains.add(Domain("x.test", created=CREATED))
    for call in (store.mailboxes.get, store.mailboxes.remove, lambda name: store.mailboxes.change(name, lambda m: m)):
        with pytest.raises(NotFound, match=r"^no mailbox b@x\.test$"):
            call("b@x.test")
    with pytest.raises(NotFound, match=r"^no domain none\.test; add it first$"):
        store.mailboxes.add(mailbox("a", "none.test"))
    with pytest.raises(NotFound, match=r"^no domain none\.test; add it first$"):
        store.managers.add(Manager("boss@x.test", Role.ADMIN, domains=("none.test",), created=CREATED))


def test_domain_with_accounts_goes_only_with_them(store: Store) -> None:
    """Or not at all."""
    store.mailboxes.add(mailbox("a"))
    store.aliases.add(alias("b@x.test", "a@x.test"))
    store.mailboxes.add(mailbox("c", "y.test"))
    with pytest.raises(Refused, match=r"domain x\.test still has mailboxes \(1\) and aliases \(1\); remove them first"):
        store.domains.remove("x.test")
    assert [box.address for box in store.domains.remove_all("x.test")] == ["a@x.test"]
    assert [domain.name for domain in store.domains.all()] == ["y.test"]
    assert [box.address for box in store.mailboxes.all()] == ["c@y.test"]
    assert store.aliases.all() == []
    store.mailboxes.remove("c@y.test")
    store.domains.remove("y.test")


def test_limits_of_a_domain_hold(store: Store) -> None:
    """Number of mailboxes, number of aliases, and quotas together."""
    store.domains.change("x.test", lambda d: replace(d, max_users=2, max_aliases=1, max_quota=10 << 20))
    store.mailboxes.add(mailbox("a", quota=Quota(4 << 20)))
    with pytest.raises(Refused, match="of which 6M are left; 7M is too much"):
        store.mailboxes.add(mailbox("b", quota=Quota(7 << 20)))
    store.mailboxes.add(mailbox("b", quota=Quota(6 << 20)))
    with pytest.raises(Refused, match="max_users is 2"):
        store.mailboxes.add(mailbox("c", quota=Quota(1)))
    with pytest.raises(Refused, match="of which 4M are left; 5M is too much"):
        store.mailboxes.change("a@x.test", lambda before: replace(before, quota=Quota(5 << 20)))
    store.mailboxes.change("a@x.test", lambda before: replace(before, quota=Quota(3 << 20)))
    store.aliases.add(alias("d@x.test", "a@x.test"))
    with pytest.raises(Refused, match="max_aliases is 1"):
        store.aliases.add(alias("e@x.test", "a@x.test"))
    assert store.domains.usage("x.test").quota == 9 << 20


def test_limits_hold_when_many_add_at_once(config: Config, store: Store) -> None:
    """Each on a connection of its own: exactly as many as there is room for."""
    store.domains.change("x.test", lambda domain: replace(domain, max_users=3))

    def add(number: int) -> bool:
        own = open_store(config)
        try:
            own.mailboxes.add(mailbox(f"user{number}"))
        except Refused:
            return False
        finally:
            own.close()
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(add, range(16))) == 3
    assert len(store.mailboxes.all()) == 3


@pytest.mark.parametrize("config", account_stores.KINDS[:2], indirect=True)
def test_snapshot_sees_one_moment(config: Config, store: Store) -> None:
    """Whatever is changed in between; tables of type MyISAM have no such thing."""
    other = open_store(config)

    def look(session: Session) -> tuple[int, int]:
        before = len(session.query("SELECT domain FROM domain"))
        other.domains.add(Domain("z.test", created=CREATED))
        other.mailboxes.add(mailbox("a", "z.test"))
        return before, len(session.query("SELECT username FROM mailbox"))

    assert store.database.snapshot(look) == (2, 0)
    assert len(store.mailboxes.all()) == 1
    other.close()


def test_failed_change_leaves_nothing_behind(store: Store) -> None:
    """What `edit` raises is what the caller gets."""
    store.mailboxes.add(mailbox("a"))

    def fail(before: Mailbox) -> Mailbox:
        raise Refused("not now")

    with pytest.raises(Refused, match="not now"):
        store.mailboxes.change("a@x.test", fail)
    store.mailboxes.change("a@x.test", lambda before: replace(before, name="later"))


@pytest.mark.parametrize("name", ["domains", "mailboxes", "aliases", "limits", "senders"])
def test_nasty_key_is_not_there(config: Config, store: Store, name: str) -> None:
    """Whatever it says to a database."""
    store.mailboxes.add(mailbox("a"))
    maps = table(config, name)
    for key in (*NASTY, *(f"{key[:100]}@x.test" for key in NASTY)):
        assert maps.lookup(key) is None
    assert [box.address for box in store.mailboxes.all()] == ["a@x.test"]


def test_nasty_text_is_text(store: Store) -> None:
    """In any column that a store writes, without the checks of the commands."""
    for number, text in enumerate(text for text in NASTY if "\0" not in text and "\udcff" not in text):
        value = text[:200].replace("😀", "ä")
        store.mailboxes.add(mailbox(f"n{number}", name=value, password=value))
        found = store.mailboxes.get(f"n{number}@x.test")
        assert (found.name, found.password) == (value, value)
        with pytest.raises(NotFound):
            store.mailboxes.get(text[:200])
        with pytest.raises(NotFound):
            store.domains.remove_all(text[:200])


def test_tables_have_what_may_receive(config: Config, store: Store) -> None:
    """Active, not expired, not disabled; the same for its domain. The last day counts."""
    today, before = date(2026, 11, 26), date(2026, 11, 25)
    standings = {
        "good": Standing(),
        "last": Standing(expires=today),
        "gone": Standing(expires=before),
        "off": Standing(False),
        "deaf": Standing(disabled=frozenset({Service.RECEIVING})),
        "mute": Standing(disabled=frozenset({Service.SENDING})),
    }
    for name, standing in standings.items():
        store.mailboxes.add(mailbox(name, standing=standing, quota=Quota(1 << 20)))
    names = ("mailboxes", "limits", "senders", "domains")
    mailboxes, limits, senders, domains = (table(config, name) for name in names)
    receiving = ("good", "last", "mute")
    found = {name: mailboxes.lookup(f"{name.upper()}@X.test") for name in standings}
    assert found == {name: f"x.test/{name}/Maildir/" if name in receiving else None for name in standings}
    assert {name for name in standings if limits.lookup(f"{name}@x.test") == "1048576S"} == set(receiving)
    assert {name for name in standings if senders.lookup(f"{name}@x.test")} == {"good", "last", "deaf"}
    assert domains.lookup("X.Test") == "x.test"
    assert dict(mailboxes.entries()) == {f"{name}@x.test": path for name, path in found.items() if path}
    for standing in (standings["off"], standings["gone"], standings["deaf"]):
        store.domains.change("x.test", lambda domain, it=standing: replace(domain, standing=it))  # type: ignore[misc]
        assert domains.lookup("x.test") is None
        assert mailboxes.lookup("good@x.test") is None
    assert domains.lookup("y.test") == "y.test"


def test_aliases_and_who_may_send_with_them(config: Config, store: Store) -> None:
    """An inactive one is none; a login must be one of ours."""
    store.mailboxes.add(mailbox("a"))
    store.mailboxes.add(mailbox("b", standing=Standing(False)))
    store.aliases.add(alias("team@x.test", "a@x.test", "b@x.test", "c@elsewhere.test"))
    store.aliases.add(alias("off@x.test", "a@x.test", standing=Standing(False)))
    aliases, senders = table(config, "aliases"), table(config, "senders")
    assert aliases.lookup("Team@x.test") == "a@x.test,b@x.test,c@elsewhere.test"
    assert senders.lookup("team@x.test") == "a@x.test"
    for key in ("off@x.test", "a@x.test", "@x.test", "x.test", "none@x.test"):
        assert aliases.lookup(key) is None
    assert senders.lookup("off@x.test") is None
    store.domains.change("x.test", lambda domain: replace(domain, standing=Standing(False)))
    assert aliases.lookup("team@x.test") is None


def test_mailbox_goes_before_the_catch_all(config: Config, store: Store) -> None:
    """Postfix's order would give all of its mail to the catch-all."""
    store.mailboxes.add(mailbox("a"))
    store.mailboxes.add(mailbox("off", standing=Standing(False)))
    store.aliases.add(alias("@x.test", "a@x.test"))
    aliases = table(config, "aliases")
    assert aliases.lookup("@x.test") == "a@x.test"
    assert aliases.lookup("a@x.test") == "a@x.test"
    assert aliases.lookup("off@x.test") is None
    assert aliases.lookup("none@x.test") is None
    assert dict(aliases.entries()) == {"@x.test": "a@x.test", "a@x.test": "a@x.test"}


APP_PASSWORD = AppPassword("a@x.test", "phone", "{PLAIN}app", frozenset({Service.SENDING, Service.POP3}), CREATED)


def test_app_passwords_from_their_beginning_to_their_end(store: Store) -> None:
    """Several of a mailbox; they go with it, and no mailbox of the same name inherits them."""
    with pytest.raises(NotFound, match="no mailbox a@x"):
        store.app_passwords.add(APP_PASSWORD)
    store.mailboxes.add(mailbox("a"))
    other = replace(APP_PASSWORD, name="Büro 'PC'", services=frozenset())
    for new in (APP_PASSWORD, other):
        store.app_passwords.add(new)
    assert store.app_passwords.all("a@x.test") == [other, APP_PASSWORD]
    with pytest.raises(Refused, match="has an app password phone already"):
        store.app_passwords.add(APP_PASSWORD)
    store.app_passwords.remove("a@x.test", "phone")
    with pytest.raises(NotFound, match="has no app password phone"):
        store.app_passwords.remove("a@x.test", "phone")
    assert store.app_passwords.all("a@x.test") == [other]
    store.mailboxes.remove("a@x.test")
    store.mailboxes.add(mailbox("a"))
    assert store.app_passwords.all("a@x.test") == []
    store.app_passwords.add(APP_PASSWORD)
    store.domains.remove_all("x.test")
    store.domains.add(Domain("x.test", created=CREATED))
    store.mailboxes.add(mailbox("a"))
    assert store.app_passwords.all("a@x.test") == []


def test_app_password_that_is_older_than_its_mailbox_is_nobodys(store: Store) -> None:
    """Another program has deleted the mailbox, and made one of the same name."""
    store.mailboxes.add(mailbox("a", created="2026-11-26 12:00:01"))
    store.app_passwords.add(APP_PASSWORD)
    found = store.logins.find("a@x.test", None)
    assert found is not None and found.app_passwords == ()
    store.app_passwords.add(replace(APP_PASSWORD, created="2026-11-26 12:00:01"))
    assert len(store.app_passwords.all("a@x.test")) == 1


def test_login_is_found_with_what_is_good_for_the_service(store: Store) -> None:
    """Its hash, its app passwords, where its mail is, and why it may not."""
    store.mailboxes.add(mailbox("a", password="{PLAIN}own", quota=Quota(1 << 20)))
    store.app_passwords.add(APP_PASSWORD)
    found = store.logins.find("A@x.test", Service.POP3)
    assert found is not None
    assert found == Login("a@x.test", "x.test", "x.test/a/Maildir/", "1048576S", "{PLAIN}own", (APP_PASSWORD,), "")
    imap = store.logins.find("a@x.test", Service.IMAP)
    assert imap is not None and (imap.app_passwords, imap.obstacle) == ((), "")
    assert store.logins.find("b@x.test", Service.POP3) is None
    for standing, service, reason in (
        (Standing(False), Service.SENDING, "the mailbox is: not active"),
        (Standing(expires=date(2026, 11, 25)), None, "the mailbox is: expired on 2026-11-25"),
        (Standing(disabled=frozenset({Service.POP3})), Service.POP3, "the mailbox is: pop3 is disabled"),
        (Standing(disabled=frozenset({Service.POP3})), Service.SENDING, ""),
        (Standing(disabled=frozenset({Service.RECEIVING})), Service.SENDING, ""),
        (Standing(expires=date(2026, 11, 26)), Service.SENDING, ""),
    ):
        store.mailboxes.change("a@x.test", lambda box, it=standing: replace(box, standing=it))  # type: ignore[misc]
        found = store.logins.find("a@x.test", service)
        assert found is not None and found.obstacle == reason
    store.mailboxes.change("a@x.test", lambda box: replace(box, standing=Standing()))
    store.domains.change("x.test", lambda domain: replace(domain, standing=Standing(False)))
    found = store.logins.find("a@x.test", None)
    assert found is not None and found.obstacle == "the domain is: not active"


def test_nasty_login_is_nobodys(store: Store) -> None:
    """Whatever it says to a database; also in the names of app passwords."""
    store.mailboxes.add(mailbox("a", password="{PLAIN}own"))
    for key in (*NASTY, "", "a", "@x.test", *(f"{key[:100]}@x.test" for key in NASTY)):
        assert store.logins.find(key, None) is None
    for name in (text for text in NASTY if len(text) < 64 and text.isprintable() and text != "😀@x.test"):
        store.app_passwords.add(replace(APP_PASSWORD, name=name.strip()))
    assert len(store.app_passwords.all("a@x.test")) == len({app.name for app in store.app_passwords.all("a@x.test")})
    store.app_passwords.remove("a@x.test", "%")
    assert "_" in {app.name for app in store.app_passwords.all("a@x.test")}


def test_login_is_renewed_unless_it_was_changed(store: Store) -> None:
    """A hash that is made anew never overwrites another password."""
    store.mailboxes.add(mailbox("a", password="{PLAIN}own"))
    before = store.logins.find("a@x.test", None)
    assert before is not None
    store.logins.renew(before, "{SHA}new")
    assert store.mailboxes.get("a@x.test").password == "{SHA}new"
    store.logins.renew(before, "{SHA}newer")
    assert store.mailboxes.get("a@x.test").password == "{SHA}new"


def test_use_is_noted_now_and_then(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for each login: that would be a write for each."""
    store.mailboxes.add(mailbox("a"))
    store.app_passwords.add(APP_PASSWORD)

    def note(after_s: float) -> str:
        monkeypatch.setattr(clock, "now", lambda: NOW + after_s)
        found = store.logins.find("a@x.test", None)
        assert found is not None
        store.logins.note_use(found, "phone")
        return store.app_passwords.all("a@x.test")[0].used

    first = note(1)
    assert first
    assert note(299) == first
    later = note(302)
    assert later > first
    assert note(0) < later, "the clock was put back"


@pytest.mark.parametrize("kind", account_stores.KINDS[2:])
def test_database_without_app_passwords_serves(
    kind: str, account_server: Callable[[], Database], tmp_path: Path
) -> None:
    """ExtMail's own, as it is: nobody has any until the first is made."""
    main = account_stores.config(kind, account_server, tmp_path)
    store = open_store(main)
    store.domains.add(Domain("x.test", created=CREATED))
    store.mailboxes.add(mailbox("a", password="{PLAIN}own"))
    found = store.logins.find("a@x.test", Service.POP3)
    assert found is not None and (found.password, found.app_passwords) == ("{PLAIN}own", ())
    assert store.app_passwords.all("a@x.test") == []
    store.mailboxes.remove("a@x.test")
    store.mailboxes.add(mailbox("a"))
    open_store(main, create=True).app_passwords.add(APP_PASSWORD)
    assert store.app_passwords.all("a@x.test") == [APP_PASSWORD]


@pytest.mark.parametrize("kind", account_stores.KINDS[1:])
def test_rows_of_other_programs_are_understood(
    kind: str, account_server: Callable[[], Database], tmp_path: Path
) -> None:
    """NULL is 0, 1000-01-01 is never, quotas have an S; what pyfix does not know stays when it changes something."""
    running = account_server()
    name = account_stores.new_database(running, kind)
    for statement in (
        "INSERT INTO domain (domain, expiredate, default_quota) VALUES ('Old.test', '1000-01-01', '5242880')",
        "INSERT INTO mailbox (username, password, domain, maildir, quota, expiredate, mailhost, question, answer)"
        " VALUES ('Post@Old.test', '$1$x', 'Old.test', 'o/Maildir/', '104857600S', '1000-01-01', 'mx1', 'q', 'a')",
    ):
        mariadb_run(running.path, statement, database=name)
    main = Config.from_text(f"accounts_database = mysql:{account_stores.settings(running, name, tmp_path)}\n")
    store = open_store(main)
    found = store.mailboxes.get("post@old.test")
    assert (found.quota, found.standing) == (Quota(104857600), Standing())
    assert store.domains.get("old.test").default_quota == Quota(5242880)
    assert table(main, "mailboxes").lookup("post@old.test") == "o/Maildir/"
    store.mailboxes.change("post@old.test", lambda before: replace(before, name="new"))
    rows = store.database.read(lambda s: s.query("SELECT name, mailhost, question, expiredate, quota FROM mailbox"))
    assert rows == [("new", "mx1", "q", "1000-01-01", "104857600S")]


@pytest.mark.parametrize("mode", ["NO_BACKSLASH_ESCAPES", "ANSI", "TRADITIONAL", ""])
@pytest.mark.parametrize("kind", account_stores.KINDS[1:])
def test_mode_of_the_server_makes_no_difference(
    kind: str, mode: str, account_server: Callable[[], Database], tmp_path: Path
) -> None:
    """Neither to what is an escape, nor to the day that means never."""
    main = account_stores.config(kind, account_server, tmp_path)
    path = account_server().path
    mariadb_run(path, f"SET GLOBAL sql_mode = '{mode}'")
    try:
        store = open_store(main)
        store.domains.add(Domain("x.test", "\\' \"", created=CREATED))
        store.mailboxes.add(mailbox("a", name="back\\slash 'x'"))
        assert store.mailboxes.get("a@x.test").name == "back\\slash 'x'"
        assert store.mailboxes.get("a@x.test").standing.expires is None
        store.close()
        for name in ("mailboxes", "aliases"):
            maps = table(main, name)
            assert not any(maps.lookup(key) for key in NASTY)
        assert table(main, "mailboxes").lookup("a@x.test") == "x.test/a/Maildir/"
    finally:
        mariadb_run(path, "SET GLOBAL sql_mode = DEFAULT")


@pytest.mark.parametrize("kind", account_stores.KINDS[1:2])
def test_mail_needs_no_right_to_read_passwords(
    kind: str, account_server: Callable[[], Database], tmp_path: Path
) -> None:
    """A user of the server who may read every column but that one serves all tables."""
    running = account_server()
    main = account_stores.config(kind, account_server, tmp_path)
    store = open_store(main)
    store.domains.add(Domain("x.test", created=CREATED))
    store.mailboxes.add(mailbox("a", password="{PLAIN}secret"))
    store.aliases.add(alias("b@x.test", "a@x.test"))
    (path,) = tmp_path.glob("*.cf")
    columns = "username, domain, maildir, quota, active, expiredate, disablesmtpd, disablesmtp, disablewebmail,"
    columns += " disablenetdisk, disableimap, disablepop3"
    mariadb_run(running.path, "CREATE OR REPLACE USER reader@localhost IDENTIFIED BY 'secret'")
    mariadb_run(running.path, f"GRANT SELECT ({columns}) ON {path.stem}.mailbox TO reader@localhost")
    for name in ("domain", "alias"):
        mariadb_run(running.path, f"GRANT SELECT ON {path.stem}.{name} TO reader@localhost")
    path.write_text(path.read_text().replace("user = mail", "user = reader"))
    found = {name: table(main, name).lookup(key) for name, key in (
        ("domains", "x.test"), ("mailboxes", "a@x.test"), ("aliases", "b@x.test"), ("limits", "a@x.test"),
        ("senders", "b@x.test"),
    )}  # fmt: skip
    assert found == {
        "domains": "x.test", "mailboxes": "x.test/a/Maildir/", "aliases": "a@x.test", "limits": "0",
        "senders": "a@x.test",
    }  # fmt: skip
    with pytest.raises(AccountsUnavailable, match="SELECT command denied to user 'reader'@'localhost' for column"):
        open_store(main).mailboxes.all()


@pytest.mark.parametrize("kind", account_stores.KINDS[1:2])
def test_what_a_collation_takes_for_equal_is_not(
    kind: str, account_server: Callable[[], Database], tmp_path: Path
) -> None:
    """é is not e, and a blank behind a name is a blank."""
    main = account_stores.config(kind, account_server, tmp_path)
    store = open_store(main)
    store.domains.add(Domain("x.test", created=CREATED))
    store.mailboxes.add(mailbox("rene"))
    mailboxes = table(main, "mailboxes")
    assert mailboxes.lookup("rene@x.test") == "x.test/rene/Maildir/"
    assert mailboxes.lookup("rené@x.test") is None
    assert mailboxes.lookup("rene@x.test ") is None
    assert table(main, "domains").lookup("x.test ") is None


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("quota", "lots", 'row a@x.test, column quota: bad quota "lots"'),
        ("maildir", "../../etc/", 'row a@x.test: bad maildir "../../etc/"'),
    ],
)
def test_broken_row_is_a_temporary_failure(config: Config, store: Store, column: str, value: str, problem: str) -> None:
    """Never an account without limits, never a file outside the base."""
    store.mailboxes.add(mailbox("a"))
    store.database.write(lambda session: session.update(TABLES["mailbox"], {column: value}, "a@x.test"))
    with pytest.raises((TableError, AccountsError)) as caught:
        table(config, "mailboxes").lookup("a@x.test")
        store.mailboxes.get("a@x.test")
    assert problem in str(caught.value)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", account_stores.KINDS[1:2])
def test_trouble_with_a_server_is_told(kind: str, account_server: Callable[[], Database], tmp_path: Path) -> None:
    """No server, no rights, no tables: one line each, and temporary for mail."""
    running = account_server()
    name = account_stores.new_database(running, kind)
    path = account_stores.settings(running, name, tmp_path)
    main = Config.from_text(f"accounts_database = mysql:{path}\n")
    text = path.read_text()
    mariadb_run(running.path, "DROP TABLE mailbox", database=name)
    cases = {
        text: "doesn't exist; make the tables with",
        text.replace("secret", "wrong"): "Access denied for user 'mail'@'localhost'",
        text.replace(str(running.path), f"{tmp_path}/none"): "connect to mysql server",
    }
    for content, message in cases.items():
        path.write_text(content)
        with pytest.raises(AccountsUnavailable, match=message) as caught:
            open_store(main).mailboxes.all()
        assert "\n" not in str(caught.value)
        with pytest.raises(TableError, match=message):
            table(main, "mailboxes").lookup("a@x.test")
    caught = None  # type: ignore[assignment]  # what holds the sockets of refused logins, which pymysql leaves open
    gc.collect()
