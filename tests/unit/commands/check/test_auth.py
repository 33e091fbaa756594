"""What `pyfix check` tells of who checks passwords."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.commands.check.auth import check_auth
from pyfix.mail.config import Config, mastercf

MASTER = "auth unix - n n - 1 auth\n"


def told(folder: Path, *settings: str, master: str = MASTER) -> list[str]:
    """Return what is found, with the folder as DIR."""
    own = (
        f"cyrus_sasl_config_path = {folder}\ndata_directory = {folder}\n"
        f"saslauthd_config_files = {folder}/saslauthd\nauthdaemond_config_files = {folder}/authdaemonrc\n"
    )
    config = Config.from_text(own + "\n".join(settings))
    findings = check_auth(config, mastercf.parse(master.splitlines(), "master.cf"))
    return [str(finding).replace(str(folder), "DIR") for finding in findings]


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """Cyrus' file."""
    return tmp_path / "smtpd.conf"


def test_where_auth_does_not_run_nothing_is_told(conf: Path, tmp_path: Path) -> None:
    """Nobody logs in."""
    conf.write_text("pwcheck_method: nonsense\n")
    assert told(tmp_path, master="smtp inet n - n - - smtpd\n") == []


def test_what_stands_in_for_a_daemon_is_told(conf: Path, tmp_path: Path) -> None:
    """The tutorial's saslauthd, which does not run."""
    conf.write_text(f"pwcheck_method: saslauthd authdaemond\nsaslauthd_path: {tmp_path}/mux\n")
    (tmp_path / "saslauthd").write_text("MECH=shadow\n")
    (tmp_path / "authdaemonrc").write_text('authmodulelist="authmysql authpam"\n')
    path = f"authdaemond_path: {tmp_path}/socket\n"
    conf.write_text(conf.read_text() + path)
    assert told(tmp_path) == [
        "note: DIR/smtpd.conf: passwords are checked by saslauthd:DIR/mux, authdaemond:DIR/socket, in this order",
        "note: no saslauthd listens: shadow is asked in its place, as DIR/saslauthd says",
        "note: no authdaemond listens: authmysql authpam is asked in its place, as DIR/authdaemonrc says",
    ]
    (tmp_path / "authdaemonrc").unlink()
    assert told(tmp_path)[-1] == (
        "error: no authdaemond listens, and authdaemond_config_files names no modules: nobody can log in;"
        ' start it, or write authmodulelist="authmysql"'
    )


def test_a_back_end_that_can_not_be_opened_is_an_error(conf: Path, tmp_path: Path) -> None:
    """With the line."""
    conf.write_text("pwcheck_method: sasldb\n")
    assert told(tmp_path) == [
        "error: DIR/smtpd.conf, line 1: pwcheck_method sasldb is not built; specify saslauthd, authdaemond or auxprop;"
        " nobody can log in until then"
    ]
    assert told(tmp_path, "auth_backends = shadows") == [
        'error: /etc/pyfix/main.cf, line 5: auth_backends: there is no back end "shadows"; specify some of accounts'
        " authdaemond authmysqlrc cyrus-sql dovecot dovecot-ldap dovecot-sql pam passwd-file saslauthd shadow"
        " smtpd.conf; nobody can log in until then"
    ]


def test_a_file_that_is_not_where_main_cf_says_is_warned_about(tmp_path: Path) -> None:
    """Its mech_list and its methods have no effect."""
    assert told(tmp_path, "auth_backends = shadow") == [
        "warning: /etc/pyfix/main.cf, line 1: cyrus_sasl_config_path: there is no smtpd.conf in DIR; correct it or"
        " remove it",
        "note: /etc/pyfix/main.cf, line 5: passwords are checked by shadow, in this order",
    ]


def test_a_socket_of_dovecot_goes_past_the_back_ends(tmp_path: Path) -> None:
    """What smtpd asks is somebody else's."""
    assert told(tmp_path, "auth_backends = shadow", "smtpd_sasl_type = dovecot", "smtpd_sasl_path = private/x") == [
        "note: /etc/pyfix/main.cf, line 6: smtpd asks the socket private/x for logins, whatever auth_backends says",
        "note: /etc/pyfix/main.cf, line 5: passwords are checked by shadow, in this order",
    ]


def test_smtpd_that_has_nobody_to_ask_is_an_error(tmp_path: Path) -> None:
    """Unless it asks a Dovecot, or takes no logins."""
    master = "25 inet n - n - - smtpd\n587 inet n - n - - smtpd -o smtpd_sasl_auth_enable=yes\n"
    assert told(tmp_path, master=master) == [
        "error: master.cf: line 2: service 587: smtpd_sasl_auth_enable, but master.cf has no service auth: nobody can"
        " log in; add the line: auth unix - n n - 1 auth"
    ]
    assert told(tmp_path, "smtpd_sasl_type = dovecot", master=master) == []


@pytest.mark.root
def test_auth_without_rights_is_an_error(tmp_path: Path) -> None:
    """It would call everybody unknown."""
    found = told(tmp_path, "auth_backends = shadow", master="auth unix - y n - 1 auth\nx unix - n y - 1 auth\n")
    assert found[:2] == [
        "error: master.cf: line 1: service auth: unprivileged, auth can't read stored passwords;"
        " make it: auth unix - n n - 1 auth",
        "error: master.cf: line 2: service x: chrooted, auth finds neither accounts nor users;"
        " make it: auth unix - n n - 1 auth",
    ]


def test_passwords_that_everybody_may_read_are_warned_about(tmp_path: Path) -> None:
    """With what to do."""
    (tmp_path / "users").write_text("a:b\n")
    (tmp_path / "users").chmod(0o644)
    warning = "warning: DIR/users: everybody may read the passwords in it; chmod 600 DIR/users"
    assert warning in told(tmp_path, f"auth_backends = passwd-file:{tmp_path}/users")
    (tmp_path / "users").chmod(0o600)
    assert warning not in told(tmp_path, f"auth_backends = passwd-file:{tmp_path}/users")
