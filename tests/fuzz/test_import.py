"""Importing a Postfix configuration: whatever it says, what comes out is one that pyfix honours."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyfix.commands.import_postfix.facts import Source
from pyfix.commands.import_postfix.plan import Plan, make_plan
from pyfix.commands.review import Loss, Omission, review
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.config.mastercf import ServiceEntry, parse

DIRECTORY = "/etc/postfix"
NAMES = (
    "smtpd_client_restrictions", "smtpd_recipient_restrictions", "mine", "smtpd_milters", "content_filter",
    "smtpd_tls_security_level", "smtp_sasl_auth_enable", "queue_directory", "smtpd_restriction_classes", "myorigin",
    "mynetworks", "header_checks", "maildrop_destination_recipient_limit", "smtpd_bannr", "local_login_sender_maps",
)  # fmt: skip
WORDS = (
    "permit", "reject_rbl_client", "bl.example", "check_policy_service", "unix:p", "$mine", "${mine?{x}:{reject}}", ",",
    "reject_unknown_sender_domain", "permit_dnswl_client", "yes", "no", "encrypt", "/var/spool/postfix", "mine",
    "/etc/postfix/x", "hash:/etc/postfix/t", "warn_if_reject", "{ a b }", "#", "check_sender_access", "static:x",
    "sleep",
)  # fmt: skip
GAPS = (" ", ", ", ",", "\n  ", "\n# comment\n\t", "\n\n  ", "  ")
values = st.lists(st.tuples(st.sampled_from(GAPS), st.sampled_from(WORDS)), max_size=6).map(
    lambda parts: "".join(gap + word for gap, word in parts)
)
settings_ = st.tuples(st.sampled_from(NAMES), values).map(lambda pair: f"{pair[0]} ={pair[1]}\n")
main_files = st.lists(st.one_of(settings_, st.sampled_from(["# comment\n", "\n", "  # indented\n"])), max_size=8)
options = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(WORDS[:16]), st.sampled_from(["-o {}={}", "-o { {} = {} }"])),
    max_size=3,
).map(lambda found: "".join(f"\n  {form.replace('{}', '%s') % (name, word)}" for name, word, form in found))
services = st.tuples(
    st.sampled_from(["smtp inet n - n - -", "smtps inet n - n - -", "x unix - - n - -"]),
    st.sampled_from(["smtpd", "postscreen", "anvil", "smtp", "frobnicate"]),
    options,
).map(lambda parts: f"{parts[0]} {parts[1]}{parts[2]}\n")
master_files = st.lists(services, max_size=4)


def read(main_cf: str, master_cf: str) -> tuple[list[ServiceEntry], list[Omission]]:
    """Return the services, and what is not honoured; raises ConfigError for what no mail system could use."""
    entries = parse(master_cf.split("\n"), f"{DIRECTORY}/master.cf")
    config = Config.from_text(main_cf, directory=DIRECTORY)
    return entries, review(config, entries, lambda name: name in ("smtpd", "smtp"))


def imported(main_cf: str, master_cf: str, omissions: list[Omission]) -> Plan:
    """Return what becomes of it when everything is accepted."""
    values = {"queue_directory": "/var/spool/postfix", "data_directory": "/var/lib/postfix"}
    source = Source(DIRECTORY, main_cf, master_cf, values)
    return make_plan(source, "/etc/pyfix", omissions, {item.subject for item in omissions})


@given(main_files, master_files)
def test_whatever_is_imported_is_honoured_once_it_is(main: list[str], master: list[str]) -> None:
    """Nothing is left that a second look would find, and every line that goes is told of."""
    main_cf, master_cf = "".join(main), "".join(master)
    try:
        _, omissions = read(main_cf, master_cf)
    except ConfigError:
        return
    plan = imported(main_cf, master_cf, omissions)
    _, left = read(plan.main_cf, plan.master_cf)
    gone = {item.where.service for item in omissions if item.where.service and not item.where.parameter}
    assert [item for item in left if item.where.service not in gone and item.loss is not Loss.IMPOSSIBLE] == []
    assert len(plan.report) >= len(omissions)
    assert not plan.is_refused


@given(main_files, master_files)
def test_what_is_imported_keeps_all_comments_and_all_settings_that_are_honoured(
    main: list[str], master: list[str]
) -> None:
    """Each comment in its order; each setting with its value, but for what moves."""
    main_cf, master_cf = "".join(main), "".join(master)
    try:
        _, omissions = read(main_cf, master_cf)
        before = Config.from_text(main_cf, directory=DIRECTORY).main.settings
    except ConfigError:
        return
    plan = imported(main_cf, master_cf, omissions)
    comments = [line for line in main_cf.split("\n") if line.lstrip().startswith("#")]
    after = [line for line in plan.main_cf.split("\n") if line.lstrip().startswith("#")]
    assert comments == [line for line in after if line in comments]
    kept = Config.from_text(plan.main_cf, directory=DIRECTORY).main.settings
    touched = {item.where.parameter for item in omissions} | {"queue_directory"}
    for name, setting in before.items():
        if name not in touched:
            assert kept[name].value.replace("/etc/pyfix", DIRECTORY) == setting.value


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_reviewed_or_refused_in_one_line(main_cf: str, master_cf: str) -> None:
    """Rubbish is a ConfigError, never another exception."""
    try:
        _, omissions = read(main_cf, master_cf)
    except ConfigError as error:
        assert str(error).isprintable()
        return
    imported(main_cf, master_cf, omissions)
    assert all(str(item.finding).isprintable() for item in omissions)
