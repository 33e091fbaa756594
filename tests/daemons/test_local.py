"""local over its socket: aliases, .forward, mailboxes, commands, forwarding."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_rewrite import agent_service
from harness import make_queue_directory
from local_site import IS_ROOT, Site, make_site
from mail_agents import CONTENT, SENDER, deliver, enqueue, reachable_directory, verbs

from pyfix.base import accounts
from pyfix.daemons.local import users
from pyfix.mail.ipc.messages import (
    NOTIFY_FAILURE,
    NOTIFY_SUCCESS,
    TRACE_VERIFY,
    Deliver,
    Dsn,
    Outcome,
    Recipient,
)

needs_root = [pytest.mark.root, pytest.mark.skipif(not IS_ROOT, reason="needs root to act as several users")]
QUOTED = CONTENT.replace(b"\nFrom here", b"\n>From here")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory that other users reach too."""
    yield from reachable_directory()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Alice and Bob."""
    return make_site(tmp_path, monkeypatch)


# --- mailboxes


def test_user_gets_mail_in_the_spool_directory(site: Site) -> None:
    """An mbox file that the user owns."""
    with site.running() as worker:
        assert site.deliver(worker, "alice").outcomes == []
        assert worker.wait_for_line("dsn=2.0.0, status=sent (delivered to mailbox)")
    text = (site.spool / "alice").read_bytes()
    assert text.startswith(b"From sender@example.test ")
    assert text.endswith(
        b"\nReturn-Path: <sender@example.test>\nX-Original-To: alice@example.test\nDelivered-To: alice@example.test\n"
        + QUOTED + b"\n"
    )  # fmt: skip
    status = (site.spool / "alice").stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (site.uids["alice"], 0o600)
    assert site.done()


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT, reason="needs root to give files away")
@pytest.mark.parametrize("mode", [0o1777, 0o2775, 0o755])
def test_spool_directory_of_any_kind_works(site: Site, mode: int) -> None:
    """World-writable: as the user; group-writable: with the group's rights; else root makes the file and gives it."""
    os.chown(site.spool, 0, 8)
    site.spool.chmod(mode)
    with site.running() as worker:
        for _ in range(2):
            assert site.deliver(worker, "alice").outcomes == []
    assert (site.spool / "alice").stat().st_uid == site.uids["alice"]
    assert (site.spool / "alice").read_bytes().count(b"\nDelivered-To: alice@example.test\n") == 2
    assert [path.name for path in site.spool.iterdir()] == ["alice"]


@pytest.mark.parametrize(
    ("setting", "place"),
    [("home_mailbox = Maildir/", "home/alice/Maildir/new"), ("mail_spool_directory = {spool}/", "spool/alice/new")],
)
def test_maildir_is_chosen_by_a_slash(site: Site, setting: str, place: str) -> None:
    """home_mailbox and mail_spool_directory."""
    with site.running(setting.format(spool=site.spool)) as worker:
        site.deliver(worker, "alice")
        assert worker.wait_for_line("status=sent (delivered to maildir)")
    (message,) = (site.root / place).iterdir()
    assert message.read_bytes().endswith(b"Delivered-To: alice@example.test\n" + CONTENT)
    assert message.stat().st_uid == site.uids["alice"]


@pytest.mark.parametrize(
    ("place", "added"),
    [("Maildir/", 1), ("Maildir/.Lists/", 1), ("Maildir/.Trash/", 0), ("Other/", 0)],
)
def test_maildirsize_of_another_program_stays_right(site: Site, place: str, added: int) -> None:
    """A line for the message, but for the trash; no file is made where there is none."""
    site.write("alice", "1000S\n500 1\n", file="maildirsize")
    root = site.home("alice") / "Maildir"
    folder = site.home("alice") / place
    for path in (root, folder):
        path.mkdir(exist_ok=True)
        os.chown(path, site.uids["alice"], -1)
    (folder / "maildirfolder").touch()
    (site.home("alice") / "maildirsize").rename(root / "maildirsize")
    with site.running(f"home_mailbox = {place}") as worker:
        assert site.deliver(worker, "alice").outcomes == []
    (message,) = (folder / "new").iterdir()
    lines = (root / "maildirsize").read_text().splitlines()
    assert [line.split() for line in lines[2:]] == [[str(message.stat().st_size), "1"]] * added
    assert not (site.home("alice") / "Other" / "maildirsize").exists()


def test_home_mailbox_file(site: Site) -> None:
    """A file in the home directory, as the user."""
    with site.running("home_mailbox = mbox") as worker:
        site.deliver(worker, "alice+ext")
    assert b"\nDelivered-To: alice+ext@example.test\n" in (site.home("alice") / "mbox").read_bytes()


@pytest.mark.parametrize("name", ["Maildir/", "mbox"])
def test_user_without_home_directory_is_deferred(site: Site, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that is not complete yet: its mail goes neither back nor to a place of that name."""
    entry = accounts.find_user("alice")
    assert entry is not None
    homeless = pwd.struct_passwd((*entry[:5], "", entry.pw_shell))
    real = accounts.find_user
    monkeypatch.setattr(accounts, "find_user", lambda name: homeless if name == "alice" else real(name))
    with site.running(f"home_mailbox = {name}") as worker:
        assert verbs(site.deliver(worker, "alice")) == [("alice@example.test", "deferred", "4.3.0")]
        assert worker.wait_for_line(f"warning: user alice has no home directory, which home_mailbox = {name} needs")
        assert worker.wait_for_line("status=deferred (no home directory for user alice)")
    assert not (site.root / "None").exists()


def test_unknown_user_bounces(site: Site) -> None:
    """The name is the bare user, folded."""
    with site.running() as worker:
        assert verbs(site.deliver(worker, "NoSuch+x")) == [("NoSuch+x@example.test", "bounced", "5.1.1")]
        assert worker.wait_for_line('dsn=5.1.1, status=bounced (unknown user: "nosuch")')
    assert not site.done()


@pytest.mark.parametrize("setting", ["mailbox_transport = nosuch", "require_home_directory = yes", "forward_path ="])
def test_user_about_whom_nobody_can_tell_is_deferred(site: Site, setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory server that is down makes nobody unknown, and hides no .forward."""

    def ask_in_vain(name: str) -> None:
        raise OSError(111, "Connection refused")

    monkeypatch.setattr(accounts, "find_user", ask_in_vain)
    monkeypatch.setattr("pyfix.daemons.local.daemon.default_user", lambda *unused: users.User(7003, 7003))
    with site.running(setting) as worker:
        assert verbs(site.deliver(worker, "alice")) == [("alice@example.test", "deferred", "4.0.0")]
        assert worker.wait_for_line("warning: error looking up passwd info for alice: Connection refused")
        assert worker.wait_for_line("dsn=4.0.0, status=deferred (user lookup error)")
    assert not site.done()


def test_mail_to_postmaster_without_alias_is_discarded(site: Site) -> None:
    """And the log says that the alias is missing."""
    with site.running() as worker:
        assert site.deliver(worker, "Postmaster").outcomes == []
        assert worker.wait_for_line("warning: required alias not found: postmaster")
        assert worker.wait_for_line("status=sent (discarded)")


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT, reason="needs root to make files of somebody else's")
def test_mailbox_of_somebody_else_is_deferred(site: Site) -> None:
    """strict_mailbox_ownership."""
    (site.spool / "alice").touch()
    (site.spool / "alice").chmod(0o666)
    with site.running() as worker:
        assert verbs(site.deliver(worker, "alice")) == [("alice@example.test", "deferred", "4.2.0")]
        assert worker.wait_for_line(
            f"(cannot update mailbox {site.spool}/alice for user alice. destination {site.spool}/alice is not owned"
        )


def test_full_mailbox_bounces(site: Site) -> None:
    """mailbox_size_limit; the mailbox is as it was."""
    (site.spool / "alice").write_bytes(b"x" * 600)
    if IS_ROOT:
        os.chown(site.spool / "alice", site.uids["alice"], 0)
    with site.running("mailbox_size_limit = 700\nmessage_size_limit = 700") as worker:
        assert verbs(site.deliver(worker, "alice")) == [("alice@example.test", "bounced", "5.2.2")]
    assert (site.spool / "alice").read_bytes() == b"x" * 600


def test_mail_that_was_here_before_bounces(site: Site) -> None:
    """Delivered-To: headers end loops."""
    with site.running() as worker:
        answer = site.deliver(worker, "alice", content=b"delivered-TO: Alice@Example.test\n\nx\n")
        assert verbs(answer) == [("alice@example.test", "bounced", "5.4.6")]
        assert worker.wait_for_line("(mail forwarding loop for alice@example.test)")


# --- aliases


def test_alias_of_a_local_user_is_delivered_directly(site: Site) -> None:
    """orig_to= shows the alias; Delivered-To: too, since it is frozen."""
    site.aliases["info"] = "alice, Bob <bob@example.test>"
    with site.running() as worker:
        assert site.deliver(worker, "Info").outcomes == []
        assert worker.wait_for_line("to=<alice@example.test>, orig_to=<Info@example.test>, relay=local")
        assert worker.wait_for_line("to=<bob@example.test>, orig_to=<Info@example.test>, relay=local")
    for name in ("alice", "bob"):
        assert b"\nDelivered-To: Info@example.test\n" in (site.spool / name).read_bytes()
    assert site.done()


def test_alias_that_names_itself_means_the_user(site: Site) -> None:
    """And a user who is named twice gets one copy."""
    site.aliases |= {"alice": "alice, bob, friends", "friends": "bob"}
    with site.running() as worker:
        assert site.deliver(worker, "alice").outcomes == []
    for name in ("alice", "bob"):
        assert (site.spool / name).read_bytes().count(b"\nSubject: hello\n") == 1


def test_alias_loop_bounces(site: Site) -> None:
    """Two aliases that name each other."""
    site.aliases |= {"one": "two", "two": "one"}
    with site.running() as worker:
        answer = site.deliver(worker, "one")
        assert [outcome.dsn.status for outcome in answer.outcomes] == ["5.4.6"]
        assert worker.wait_for_line("loop")


def test_extension_is_matched_and_propagated(site: Site) -> None:
    """name+ext first, then name; the extension goes on where propagate_unmatched_extensions says so."""
    site.aliases |= {"list": "far@relay.test", "list+x": "near@relay.test"}
    with site.running("propagate_unmatched_extensions = alias") as worker:
        site.deliver(worker, "list+x")
        site.deliver(worker, "list+y")
    assert site.cleanup is not None
    assert [message.recipients for message in site.cleanup.received] == [["near@relay.test"], ["far+y@relay.test"]]


def test_address_elsewhere_is_forwarded_as_a_new_message(site: Site) -> None:
    """Received: and Delivered-To: on top; the recipient is done when cleanup has it."""
    site.aliases["info"] = "far@relay.test, other@relay.test, alice"
    with site.running() as worker:
        assert site.deliver(worker, "info").outcomes == []
        assert site.cleanup is not None
        (message,) = site.cleanup.received
        assert worker.wait_for_line("to=<info@example.test>, relay=local, ")
        assert worker.wait_for_line(f"dsn=2.0.0, status=sent (forwarded as {message.queue_id})")
    assert message.recipients == ["far@relay.test", "other@relay.test"]
    assert message.envelope.sender == SENDER
    head, _, rest = message.content.partition(b"\nDelivered-To: info@example.test\n")
    assert head.startswith(f"Received: by mail.example.test (Postfix)\n\tid {message.queue_id}; ".encode())
    assert rest == CONTENT
    assert (site.spool / "alice").exists()
    assert site.done()


@pytest.mark.parametrize("failure", ["refuse", "reject", "hang up"])
def test_forwarding_that_cleanup_does_not_confirm_is_deferred(site: Site, failure: str) -> None:
    """Nothing is done that is not on stable storage, and no debris stays."""
    site.aliases["info"] = "far@relay.test"
    with site.running() as worker:
        assert site.cleanup is not None
        site.cleanup.answers.append(failure)
        assert verbs(site.deliver(worker, "info")) == [("info@example.test", "deferred", "4.3.0")]
        assert worker.wait_for_line("status=deferred (unable to forward message)")
    assert list((site.root / "incoming").iterdir()) == []
    assert not site.done()


@pytest.mark.parametrize("soft", ["", "soft_bounce = yes"])
def test_forwarding_that_cleanup_refuses_for_good_bounces(site: Site, soft: str) -> None:
    """Each retry would get the same answer, and deliver to alice once more; soft_bounce asks for just that."""
    site.aliases["info"] = "alice, far@relay.test"
    with site.running(soft) as worker:
        assert site.cleanup is not None
        site.cleanup.answers.append("never")
        verb, status = ("deferred", "4.1.3") if soft else ("bounced", "5.1.3")
        assert verbs(site.deliver(worker, "info")) == [("info@example.test", verb, status)]
        assert worker.wait_for_line("warning: unable to forward message: cleanup: Bad recipient address syntax")
        assert worker.wait_for_line("(unable to forward message: Bad recipient address syntax)")
    assert list((site.root / "incoming").iterdir()) == []


def test_forwarding_goes_on_after_one_part_was_refused_for_good(site: Site) -> None:
    """What is for others than the refused ones is queued: nothing is tried again."""
    site.aliases |= {"info": "far@relay.test, list", "list": "near@relay.test", "owner-list": "bob"}
    with site.running() as worker:
        assert site.cleanup is not None
        site.cleanup.answers.append("never")
        assert [outcome.verb for outcome in site.deliver(worker, "info").outcomes] == ["bounced"]
        assert [message.recipients for message in site.cleanup.received] == [["near@relay.test"]]


def test_nothing_is_forwarded_while_another_part_is_deferred(site: Site) -> None:
    """The retry delivers everything again: forwarding now would send twice."""
    site.aliases["info"] = '"|exit 75", far@relay.test'
    with site.running() as worker:
        assert verbs(site.deliver(worker, "info")) == [("info@example.test", "deferred", "4.3.0")]
        assert site.cleanup is not None
        assert site.cleanup.received == []


def test_large_message_is_forwarded_whole(site: Site) -> None:
    """Spooled into the new queue file, not held in memory."""
    site.aliases["info"] = "far@relay.test"
    content = b"Subject: big\n\n" + b"0123456789abcde\n" * 100_000
    with site.running() as worker:
        assert site.deliver(worker, "info", content=content).outcomes == []
    assert site.cleanup is not None
    (message,) = site.cleanup.received
    assert message.was_spooled
    assert message.content.endswith(b"\nDelivered-To: info@example.test\n" + content)


def test_list_with_an_owner_gets_the_owner_as_sender(site: Site) -> None:
    """Members are forwarded, even local ones; ENVID and NOTIFY do not go along."""
    site.aliases |= {"list": "alice, far@relay.test", "owner-list": "bob"}
    with site.running() as worker:
        site.deliver(worker, "list", envid="E1", ret=1)
        site.deliver(worker, "list+x")
    assert site.cleanup is not None
    message = site.cleanup.received[0]
    assert message.envelope.sender == "owner-list@example.test"
    assert (message.envelope.envid, message.envelope.ret) == ("", 0)
    assert message.recipients == ["alice@example.test", "far@relay.test"]
    assert not (site.spool / "alice").exists()


def test_expand_owner_alias_uses_what_the_owner_stands_for(site: Site) -> None:
    """expand_owner_alias = yes."""
    site.aliases |= {"list": "far@relay.test", "owner-list": "bob"}
    with site.running("expand_owner_alias = yes") as worker:
        site.deliver(worker, "list")
    assert site.cleanup is not None
    assert site.cleanup.received[0].envelope.sender == "bob@example.test"


def test_success_notice_of_an_alias_says_expanded(site: Site) -> None:
    """NOTIFY=SUCCESS ends at the alias; FAILURE goes along."""
    site.aliases["info"] = "far@relay.test"
    with site.running() as worker:
        rcpt = Recipient("info@example.test", "info@example.test", notify=NOTIFY_SUCCESS | NOTIFY_FAILURE)
        answer = deliver(worker, enqueue(site.root, [rcpt]))
    assert verbs(answer) == [("info@example.test", "expanded", "2.0.0")]


def test_bad_alias_table_defers(site: Site) -> None:
    """A table that cannot be read hides aliases: nobody may be told that they do not exist."""
    with site.running("alias_maps = hash:/nonexistent/aliases") as worker:
        assert verbs(site.deliver(worker, "nosuch")) == [("nosuch@example.test", "deferred", "4.3.0")]
        assert worker.wait_for_line("status=deferred (alias database unavailable)")


def test_include_file_members_are_forwarded(site: Site) -> None:
    """Comments are skipped; a local member gets a queue file of its own."""
    members = site.root / "members"
    members.write_text("# friends\nalice\nBob <bob@example.test>, far@relay.test\n")
    members.chmod(0o644)
    site.aliases["list"] = f":include:{members}"
    with site.running() as worker:
        assert site.deliver(worker, "list").outcomes == []
    assert site.cleanup is not None
    (message,) = site.cleanup.received
    assert message.recipients == ["alice@example.test", "bob@example.test", "far@relay.test"]


@pytest.mark.parametrize(
    ("mode", "line", "verb", "text"),
    [
        (0o646, "alice\n", "bounced", "mail system configuration error"),
        (0o644, "|exit 0\n", "bounced", "mail to command is restricted"),
        (0o644, "/dev/null\n", "bounced", "mail to file is restricted"),
        (None, "", "bounced", "mail system configuration error"),
    ],
)
def test_include_file_that_is_not_trusted(site: Site, mode: int | None, line: str, verb: str, text: str) -> None:
    """World-writable or missing; commands and files are not allowed in it."""
    members = site.root / "members"
    if mode is not None:
        members.write_text(line)
        members.chmod(mode)
    site.aliases["list"] = f":include:{members}"
    with site.running() as worker:
        assert [outcome.verb for outcome in site.deliver(worker, "list").outcomes] == [verb]
        assert worker.wait_for_line(f"({text})")


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT, reason="needs root to give files away")
@pytest.mark.parametrize("swap", [False, True])
def test_include_file_runs_nothing_as_somebody_else(site: Site, monkeypatch: pytest.MonkeyPatch, swap: bool) -> None:
    """Whoever chooses where a link leads, before or while the file is opened, gets no other rights than the file's.

    The list is in alice's home. Her link leads to a file of bob's; or she puts her own file in its place in the moment
    after the first look at it.
    """
    out = site.root / "out"
    out.mkdir()
    out.chmod(0o777)
    command = f'"|id -u >> {out}/uid"\n'
    site.home("bob").chmod(0o755)
    site.home("alice").chmod(0o755)
    bobs = site.write("bob", command, mode=0o644, file="list")
    alices = site.write("alice", command, mode=0o644, file="own")
    name = site.home("alice") / "list"
    name.symlink_to(bobs)
    os.chown(name, site.uids["alice"], site.uids["alice"], follow_symlinks=False)
    if swap:
        real = os.stat, os.lstat

        def looked(path: object, found: os.stat_result) -> os.stat_result:
            if str(path) == str(name) and alices.exists():
                os.replace(alices, name)
            return found

        monkeypatch.setattr(os, "stat", lambda path, **more: looked(path, real[0](path, **more)))
        monkeypatch.setattr(os, "lstat", lambda path, **more: looked(path, real[1](path, **more)))
    site.aliases["list"] = f":include:{name}"
    with site.running("allow_mail_to_commands = alias, forward, include") as worker:
        site.deliver(worker, "list")
        site.deliver(worker, "list")
    ran = set((out / "uid").read_text().split()) if (out / "uid").exists() else set()
    assert ran <= {str(site.uids["alice"])}


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT, reason="needs root to give files away")
def test_include_file_runs_commands_as_its_owner(site: Site) -> None:
    """Also through a link of root's."""
    out = site.root / "out"
    out.mkdir()
    out.chmod(0o777)
    site.home("bob").chmod(0o755)
    bobs = site.write("bob", f'"|id -u >> {out}/uid"\n', mode=0o644, file="list")
    (site.root / "link").symlink_to(bobs)
    site.aliases |= {"list": f":include:{bobs}", "link": f":include:{site.root}/link"}
    with site.running("allow_mail_to_commands = include") as worker:
        assert site.deliver(worker, "list").outcomes == []
        assert site.deliver(worker, "link").outcomes == []
    assert (out / "uid").read_text().split() == ["7002", "7002"]


def test_failure_in_a_list_with_an_owner_names_the_owner(site: Site) -> None:
    """qmgr passes that on to bounce; a list without an owner names nobody."""
    site.aliases |= {"list": '"|exit 67"', "owner-list": "bob", "plain": '"|exit 67"'}
    with site.running() as worker:
        (outcome,) = site.deliver(worker, "list").outcomes
        assert (outcome.verb, outcome.sender) == ("bounced", "owner-list@example.test")
        (outcome,) = site.deliver(worker, "plain").outcomes
        assert (outcome.verb, outcome.sender) == ("bounced", None)


# --- commands and files


def test_command_of_an_alias(site: Site) -> None:
    """From_, headers, content unquoted, no empty line; environment censored."""
    out = site.root / "out"
    out.mkdir()
    out.chmod(0o777)
    site.aliases["prog"] = f'"|cat > {out}/message; env > {out}/environment"'
    with site.running() as worker:
        site.deliver(worker, "prog+x!$y", sender="a`b@x.test")
        assert worker.wait_for_line(f"status=sent (delivered to command: cat > {out}/message; env")
    text = (out / "message").read_bytes()
    assert text.startswith(b"From a`b@x.test ")
    assert text.endswith(b"\nDelivered-To: prog+x!$y@example.test\n" + CONTENT)
    environment = dict(line.split("=", 1) for line in (out / "environment").read_text().splitlines())
    assert environment["SENDER"] == "a_b@x.test"
    assert environment["EXTENSION"] == "x!_y"
    assert environment["USER"] == environment["LOGNAME"] == "prog"
    assert environment["LOCAL"] == "prog+x!_y"
    assert environment["RECIPIENT"] == environment["ORIGINAL_RECIPIENT"] == "prog+x!_y@example.test"
    assert environment["DOMAIN"] == "example.test"
    assert environment["PATH"] == "/usr/bin:/bin"
    assert (environment["LANG"], environment["MAIL_CONFIG"]) == ("C", str(site.root / "etc"))
    assert ("HOME" in environment) is not IS_ROOT, "root's aliases have no home; without root the table's owner does"


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT, reason="needs root to run commands as somebody else")
def test_commands_run_with_the_right_rights(site: Site) -> None:
    """Root's alias: default_privs; a .forward: its user."""
    site.aliases["prog"] = '"|id -u; exit 70"'
    site.write("alice", '"|id -u; id -G; exit 70"\n')
    with site.running() as worker:
        site.deliver(worker, "prog")
        site.deliver(worker, "alice")
        nobody = pwd.getpwnam("nobody").pw_uid
        assert worker.wait_for_line(f"(internal software error. Command output: {nobody} )")
        assert worker.wait_for_line("(internal software error. Command output: 7001 7001 )")


@pytest.mark.parametrize(
    ("command", "verb", "status"), [("exit 67", "bounced", "5.1.1"), ("exit 75", "deferred", "4.3.0")]
)
def test_exit_status_of_a_command_decides(site: Site, command: str, verb: str, status: str) -> None:
    """sysexits.h."""
    site.aliases["prog"] = f'"|{command}"'
    with site.running() as worker:
        assert verbs(site.deliver(worker, "prog")) == [("prog@example.test", verb, status)]


def test_file_of_an_alias(site: Site) -> None:
    """Appended in mbox form; /dev/null takes everything; a Maildir by its slash."""
    out = site.root / "out"
    out.mkdir()
    out.chmod(0o777)
    site.aliases["archive"] = f"{out}/mbox, {out}/dir/, /dev/null"
    with site.running() as worker:
        assert site.deliver(worker, "archive").outcomes == []
        lines = "\n".join(worker.log_lines())
    assert f"(delivered to file: {out}/mbox)" in lines
    assert "(delivered to file: /dev/null)" in lines
    assert (out / "mbox").read_bytes().endswith(QUOTED + b"\n")
    assert len(list((out / "dir" / "new").iterdir())) == 1


@pytest.mark.parametrize("setting", ["allow_mail_to_files = forward", "allow_mail_to_commands = forward"])
def test_destinations_may_be_forbidden(site: Site, setting: str) -> None:
    """allow_mail_to_files, allow_mail_to_commands."""
    site.aliases["x"] = "/dev/null" if "files" in setting else '"|exit 0"'
    with site.running(setting) as worker:
        assert [outcome.dsn.status for outcome in site.deliver(worker, "x").outcomes] == ["5.7.1"]


# --- .forward


def test_forward_file_redirects(site: Site) -> None:
    """The address goes to a new message, also when it is local."""
    site.write("alice", "# away\nbob, far@relay.test\n")
    with site.running() as worker:
        assert site.deliver(worker, "alice").outcomes == []
    assert site.cleanup is not None
    assert site.cleanup.received[0].recipients == ["bob@example.test", "far@relay.test"]
    assert not (site.spool / "alice").exists()


@pytest.mark.parametrize("own", ["alice", "\\alice", '"alice"', "alice@example.test"])
def test_forward_file_that_names_its_user_keeps_a_copy(site: Site, own: str) -> None:
    """Into the mailbox, not around again."""
    site.write("alice", f"{own}, far@relay.test\n")
    with site.running() as worker:
        assert site.deliver(worker, "alice").outcomes == []
    assert site.cleanup is not None
    assert site.cleanup.received[0].recipients == ["far@relay.test"]
    assert (site.spool / "alice").read_bytes().count(b"\nSubject: hello\n") == 1


@pytest.mark.parametrize("written", ["\\\\alice", '"\\\\alice"', "\\\\alice@example.test"])
def test_backslash_in_front_of_a_user_means_his_mailbox(site: Site, written: str) -> None:
    """Neither the alias nor the .forward of that name; in an alias the backslash is written twice."""
    site.aliases = {"box": written, "alice": "far@relay.test", "none": "\\\\nosuch"}
    site.write("alice", "near@relay.test\n")
    with site.running() as worker:
        assert site.deliver(worker, "box").outcomes == []
        assert worker.wait_for_line("to=<alice@example.test>, orig_to=<box@example.test>, relay=local")
        assert verbs(site.deliver(worker, "none")) == [("nosuch@example.test", "bounced", "5.1.1")]
        assert worker.wait_for_line('unknown user: "nosuch"')
    assert site.cleanup is not None
    assert site.cleanup.received == []
    assert (site.spool / "alice").read_bytes().count(b"\nSubject: hello\n") == 1


def test_empty_forward_file_means_no_forwarding(site: Site) -> None:
    """Comments only count as empty."""
    site.write("alice", "# nothing\n\n")
    with site.running() as worker:
        site.deliver(worker, "alice")
    assert (site.spool / "alice").exists()


def test_forward_file_of_an_extension_is_preferred(site: Site) -> None:
    """~/.forward+ext before ~/.forward."""
    site.write("alice", "far@relay.test\n")
    site.write("alice", "near@relay.test\n", file=".forward+news")
    with site.running() as worker:
        for local in ("alice+news", "alice+other", "alice", "alice+../news"):
            site.deliver(worker, local)
        assert worker.wait_for_line("address with illegal extension: alice+../news")
    assert site.cleanup is not None
    assert [message.recipients[0] for message in site.cleanup.received] == [
        "near@relay.test", "far@relay.test", "far@relay.test", "far@relay.test",
    ]  # fmt: skip


def test_forward_file_that_others_may_write_is_ignored(site: Site) -> None:
    """With a warning; the mailbox gets the mail."""
    path = site.write("alice", "far@relay.test\n", mode=0o602)
    with site.running() as worker:
        site.deliver(worker, "alice")
        assert worker.wait_for_line(f"warning: file {path} is world writable")
    assert (site.spool / "alice").exists()


@pytest.mark.root
@pytest.mark.skipif(not IS_ROOT, reason="needs root to give files away")
def test_forward_file_of_somebody_else_is_ignored(site: Site) -> None:
    """Neither the user's nor root's."""
    path = site.write("alice", "far@relay.test\n", mode=0o644)
    os.chown(path, site.uids["bob"], site.uids["bob"])
    with site.running() as worker:
        site.deliver(worker, "alice")
        assert worker.wait_for_line(f"warning: file {path} has bad owner uid 7002")
    assert (site.spool / "alice").exists()


def test_forward_file_in_another_encoding(site: Site) -> None:
    """Bytes reach the command and the file as they are; the log, qmgr and addresses get something legible."""
    path = site.home("alice") / ".forward"
    path.write_bytes(b'"|echo caf\xe9 > $HOME/said; exit 67"\n~/bo\xeete\njos\xe9@example.test\n')
    path.chmod(0o600)
    if IS_ROOT:
        os.chown(path, site.uids["alice"], site.uids["alice"])
    with site.running() as worker:
        outcomes = site.deliver(worker, "alice").outcomes
        assert worker.wait_for_line("status=sent (delivered to file: ")
    assert [outcome.dsn.status for outcome in outcomes] == ["5.1.1", "5.1.3"]
    assert outcomes[1].dsn.reason == "bad recipient address syntax: jos?@example.test"
    home = os.fsencode(site.home("alice"))
    with open(home + b"/said", "rb") as file:
        assert file.read() == b"caf\xe9\n"
    assert os.path.exists(home + b"/bo\xeete")


def test_command_that_is_named_in_another_encoding_fails_legibly(site: Site) -> None:
    """Its text is in the reason."""
    path = site.write("alice", "")
    path.write_bytes(b'"|kill -9 $$ # caf\xe9"\n')
    with site.running() as worker:
        (outcome,) = site.deliver(worker, "alice").outcomes
    assert outcome.dsn == Dsn(
        "4.3.0", 'Command died with signal 9: "kill -9 $$ # caf?"', "x-unix",
        'Command died with signal 9: "kill -9 $$ # caf?"',
    )  # fmt: skip


def test_long_lines_of_lists_are_cut(site: Site) -> None:
    """line_length_limit: what is behind it is a line of its own."""
    site.write("alice", "#" + "x" * 511 + "far@relay.test\n")
    with site.running("line_length_limit = 512") as worker:
        assert site.deliver(worker, "alice").outcomes == []
    assert site.cleanup is not None
    assert [message.recipients for message in site.cleanup.received] == [["far@relay.test"]]


@pytest.mark.parametrize(("limit", "copies"), [(1000, 1), (1, 2)])
def test_duplicates_are_found_as_far_as_the_filter_remembers(site: Site, limit: int, copies: int) -> None:
    """duplicate_filter_limit."""
    site.aliases["twice"] = "bob, bob"
    with site.running(f"duplicate_filter_limit = {limit}") as worker:
        assert site.deliver(worker, "twice").outcomes == []
    assert (site.spool / "bob").read_bytes().count(b"\nSubject: hello\n") == copies


def test_forward_file_that_is_a_link_or_directory_is_ignored(site: Site) -> None:
    """Not a regular file."""
    (site.home("alice") / ".forward").symlink_to("/etc/passwd")
    (site.home("bob") / ".forward").mkdir()
    with site.running() as worker:
        site.deliver(worker, "alice")
        site.deliver(worker, "bob")
        assert worker.wait_for_line(f"warning: file {site.home('alice')}/.forward is not a regular file")
    assert (site.spool / "alice").exists()
    assert (site.spool / "bob").exists()


def test_forward_to_home_file_and_command(site: Site) -> None:
    """~/file is in the home directory; the command has its user's environment."""
    site.write("alice", '~/archive\n"|env > $HOME/environment"\n')
    with site.running() as worker:
        assert site.deliver(worker, "alice").outcomes == []
    assert (site.home("alice") / "archive").read_bytes().endswith(QUOTED + b"\n")
    environment = (site.home("alice") / "environment").read_text()
    assert f"HOME={site.home('alice')}\n" in environment
    assert "SHELL=/bin/sh\n" in environment
    assert (site.home("alice") / "environment").stat().st_uid == site.uids["alice"]


# --- mailbox_command and other transports


def test_mailbox_command(site: Site) -> None:
    """Its words are the shell's: $USER and $EXTENSION are in the environment."""
    with site.running('mailbox_command = echo "$USER" "$EXTENSION" > $HOME/said; cat >> $HOME/said') as worker:
        assert site.deliver(worker, "alice+box").outcomes == []
        assert worker.wait_for_line("status=sent (delivered to command: echo ")
    said = (site.home("alice") / "said").read_text()
    assert said.startswith("alice box\nFrom sender@example.test ")


def test_mailbox_command_maps_win(site: Site) -> None:
    """By user."""
    with site.running("mailbox_command = exit 67\nmailbox_command_maps = inline:{{alice = exit 0}}") as worker:
        assert site.deliver(worker, "alice").outcomes == []
        assert [outcome.dsn.status for outcome in site.deliver(worker, "bob").outcomes] == ["5.1.1"]


def test_mailbox_transport_takes_over(site: Site) -> None:
    """One recipient without a position; its outcome counts for ours."""
    seen: list[Deliver] = []
    outcome = Outcome(-1, "bounced", Dsn("5.2.2", "full"), "alice@example.test")
    make_queue_directory(site.root)
    with (
        agent_service(site.root, "lmtp", seen, [outcome]),
        site.running("mailbox_transport = lmtp:unix:private/dovecot") as worker,
    ):
        answer = site.deliver(worker, "alice")
    assert verbs(answer) == [("alice@example.test", "bounced", "5.2.2")]
    assert answer.outcomes[0].position == 0
    (request,) = seen
    assert (request.nexthop, [rcpt.position for rcpt in request.recipients]) == ("unix:private/dovecot", [-1])
    assert not site.done()


def test_mailbox_transport_that_delivers_ends_the_recipient(site: Site) -> None:
    """We mark it done."""
    make_queue_directory(site.root)
    with (
        agent_service(site.root, "lmtp", [], []),
        site.running("mailbox_transport_maps = inline:{alice=lmtp:}") as worker,
    ):
        assert site.deliver(worker, "alice").outcomes == []
        assert site.done()
        site.deliver(worker, "bob")
    assert (site.spool / "bob").exists()


def test_no_connection_to_a_neighbour_is_kept(site: Site) -> None:
    """Each of them would hold a process of a service that has no more of them than there are of ours."""
    site.aliases["info"] = "far@relay.test"
    make_queue_directory(site.root)
    with (
        agent_service(site.root, "lmtp", [], []) as agent,
        site.running("mailbox_transport_maps = inline:{alice=lmtp:}") as worker,
    ):
        assert site.deliver(worker, "info", "alice").outcomes == []
        assert site.rewrite is not None
        assert site.rewrite.is_left_alone(10)
        assert agent.is_left_alone(10)


def test_mailbox_transport_that_is_missing_defers(site: Site) -> None:
    """A temporary error."""
    with site.running("mailbox_transport = nosuch") as worker:
        assert verbs(site.deliver(worker, "alice")) == [("alice@example.test", "deferred", "4.3.0")]


def test_fallback_transport_takes_unknown_names(site: Site) -> None:
    """And only those."""
    seen: list[Deliver] = []
    make_queue_directory(site.root)
    with (
        agent_service(site.root, "cyrus", seen, []),
        site.running("fallback_transport = cyrus") as worker,
    ):
        site.deliver(worker, "nosuch")
        site.deliver(worker, "alice")
    assert [request.recipients[0].address for request in seen] == ["nosuch@example.test"]


def test_luser_relay_takes_unknown_names(site: Site) -> None:
    """With $local and the like expanded."""
    with site.running("luser_relay = $local@other.test") as worker:
        assert site.deliver(worker, "nosuch+x").outcomes == []
    assert site.cleanup is not None
    assert site.cleanup.received[0].recipients == ["nosuch+x@other.test"]


def test_require_home_directory_defers(site: Site) -> None:
    """An unmounted home is no reason to deliver elsewhere."""
    site.home("alice").rmdir()
    with site.running("require_home_directory = yes") as worker:
        assert verbs(site.deliver(worker, "alice")) == [("alice@example.test", "deferred", "4.3.0")]
        assert worker.wait_for_line(f"(cannot access home directory {site.home('alice')}: No such file or directory)")


def test_trace_only_message_changes_nothing(site: Site) -> None:
    """sendmail -bv says what would be done."""
    site.aliases["all"] = 'alice, "|exit 0", far@relay.test, /tmp/nofile'
    with site.running() as worker:
        site.deliver(worker, "all", trace=TRACE_VERIFY)
        lines = "\n".join(worker.log_lines())
    for text in ("mailbox", "command: exit 0", "file: /tmp/nofile"):
        assert f"status=deliverable (delivers to {text})" in lines
    assert "status=deliverable (forwards to far@relay.test)" in lines
    assert list(site.spool.iterdir()) == []
