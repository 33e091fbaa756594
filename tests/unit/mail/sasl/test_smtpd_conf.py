"""Cyrus' smtpd.conf: what counts, where it is found, and which back ends it means."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyfix.mail.auth.backends.registry import backend_specs, specs_of
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.sasl.smtpd_conf import find_smtpd_conf, parse_smtpd_conf

TUTORIAL = """pwcheck_method: authdaemond  #原来是saslauthd，若装过courier-authlib后saslauthd这个服务就不用了
log_level: 3
mech_list:PLAIN LOGIN
authdaemond_path:/usr/local/courier-authlib/var/spool/authdaemon/socket
"""


def make_config(folder: Path, *settings: str) -> Config:
    """Return a configuration that looks for the file in a folder of the test's own."""
    text = f"cyrus_sasl_config_path = {folder}/nowhere:{folder}\ndata_directory = {folder}\n"
    return Config.from_text(text + "\n".join(settings))


def test_the_tutorials_file_names_authdaemond() -> None:
    """A remark behind a value is none of it; no space is needed behind the colon."""
    conf = parse_smtpd_conf(TUTORIAL, "smtpd.conf")
    assert conf.methods == ("authdaemond",)
    assert conf.mech_list == ("PLAIN", "LOGIN")
    assert specs_of(conf) == ["authdaemond:/usr/local/courier-authlib/var/spool/authdaemon/socket"]


def test_names_are_folded_and_the_first_of_two_lines_counts() -> None:
    """As in Cyrus' own reader."""
    conf = parse_smtpd_conf("# x\n\n  Mech_List: plain\t \nmech_list: LOGIN\n", "smtpd.conf")
    assert conf.mech_list == ("PLAIN",)


def test_several_methods_are_asked_in_their_order() -> None:
    """Each becomes a back end."""
    conf = parse_smtpd_conf(
        "pwcheck_method: saslauthd auxprop\nauxprop_plugin: sql\nsaslauthd_path: /run/x/mux\n", "/sasl/smtpd.conf"
    )
    assert specs_of(conf) == ["saslauthd:/run/x/mux", "cyrus-sql:/sasl/smtpd.conf"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mech_list PLAIN\n", 'smtpd.conf, line 1: need "name: value" instead of "mech_list PLAIN"'),
        ("\nmech_list:\n", 'smtpd.conf, line 2: need "name: value" instead of "mech_list:"'),
        ("a: b\npwcheck_method: alwaystrue\n", "smtpd.conf, line 2: pwcheck_method alwaystrue is not built"),
        ("pwcheck_method: auxprop\n", "smtpd.conf: auxprop_plugin sasldb is not built"),
        (
            "pwcheck_method: auxprop\nauxprop_plugin: ldapdb\n",
            "smtpd.conf, line 2: auxprop_plugin ldapdb is not built",
        ),
    ],
)
def test_what_is_wrong_or_not_built_is_named(text: str, problem: str) -> None:
    """With file and line."""
    with pytest.raises(ConfigError) as caught:
        specs_of(parse_smtpd_conf(text, "smtpd.conf"))
    assert str(caught.value).startswith(problem)


def test_the_first_directory_that_has_the_file_counts(tmp_path: Path) -> None:
    """cyrus_sasl_config_path is a list; smtpd_sasl_path is the name of the file."""
    (tmp_path / "submission.conf").write_text("mech_list: LOGIN\n")
    conf = find_smtpd_conf(make_config(tmp_path, "smtpd_sasl_path = submission"))
    assert conf is not None
    assert conf.mech_list == ("LOGIN",)
    assert find_smtpd_conf(make_config(tmp_path)) is None


def test_a_socket_of_dovecot_has_no_such_file(tmp_path: Path) -> None:
    """smtpd_sasl_path means something else then."""
    (tmp_path / "smtpd.conf").write_text("mech_list: LOGIN\n")
    assert find_smtpd_conf(make_config(tmp_path, "smtpd_sasl_type = dovecot")) is None


class TestBackends:
    """Which are asked."""

    def test_without_any_setting_the_accounts_are_asked(self, tmp_path: Path) -> None:
        """Also where there are none yet."""
        assert backend_specs(make_config(tmp_path)) == ["accounts"]

    def test_smtpd_conf_comes_after_accounts_that_are_there(self, tmp_path: Path) -> None:
        """A reader of the tutorial has no accounts of pyfix's own, and needs none."""
        (tmp_path / "smtpd.conf").write_text(TUTORIAL)
        daemon = "authdaemond:/usr/local/courier-authlib/var/spool/authdaemon/socket"
        assert backend_specs(make_config(tmp_path)) == [daemon]
        (tmp_path / "accounts.db").touch()
        assert backend_specs(make_config(tmp_path)) == ["accounts", daemon]

    def test_auth_backends_decides_where_it_is_set(self, tmp_path: Path) -> None:
        """smtpd.conf counts where it is named."""
        (tmp_path / "smtpd.conf").write_text("pwcheck_method: saslauthd\n")
        assert backend_specs(make_config(tmp_path, "auth_backends = shadow")) == ["shadow"]
        assert backend_specs(make_config(tmp_path, "auth_backends = smtpd.conf, shadow")) == ["saslauthd", "shadow"]

    def test_smtpd_conf_that_is_named_has_to_be_there(self, tmp_path: Path) -> None:
        """Nobody could log in otherwise, without a word."""
        with pytest.raises(ConfigError, match=r"there is no smtpd\.conf with pwcheck_method"):
            backend_specs(make_config(tmp_path, "auth_backends = smtpd.conf"))
