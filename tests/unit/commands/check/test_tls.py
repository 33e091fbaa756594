"""Services that offer TLS and can't have it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tls_material import issue

from pyfix.commands.check.certificates import check_certificates
from pyfix.commands.check.tls import check_tls
from pyfix.mail.config import Config, mastercf

MASTER_CF = """\
smtp inet n - n - - smtpd
submissions inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
submission inet n - n - - smtpd -o smtpd_tls_security_level=encrypt
pop3s inet n - n - - pop3-login -o pop3_tls_wrappermode=yes
"""


def told(directory: Path, main_cf: str, master_cf: str = MASTER_CF) -> list[str]:
    """Return what is found."""
    path = directory / "master.cf"
    path.write_text(master_cf)
    config = Config.from_text(main_cf)
    return [str(item).replace(str(directory), "DIR") for item in check_tls(config, mastercf.read(str(path)))]


def test_services_in_order_are_passed_over(tmp_path: Path) -> None:
    """So are those that offer no TLS."""
    certificate, key = issue("mail.test").write(tmp_path, "own")
    lines = f"smtpd_tls_cert_file = {certificate}\nsmtpd_tls_key_file = {key}\nsmtpd_tls_security_level = may\n"
    assert told(tmp_path, lines) == []
    assert told(tmp_path, "", "smtp inet n - n - - smtpd\n") == []


@pytest.mark.root
def test_each_service_is_told_of_with_what_becomes_of_its_clients(tmp_path: Path) -> None:
    """An error where nothing works without TLS."""
    found = told(tmp_path, "smtpd_tls_security_level = may\nsmtpd_tls_cert_file = /nosuch.pem\n")
    assert os.getuid() == 0 and len(found) == 4
    problem = (
        'cannot get certificate from file "/nosuch.pem": No such file or directory; correct the file, or its name in'
    )
    assert found[0] == (
        f"warning: DIR/master.cf: line 1: service smtp: {problem} smtpd_tls_cert_file: its clients can't encrypt"
    )
    assert found[1].startswith("error: DIR/master.cf: line 2: service submissions: ")
    assert found[1].endswith(": its clients are dropped")
    assert found[2].endswith(": its clients must encrypt, and can't") and found[2].startswith("error: ")
    assert found[3].endswith(" pop3_tls_cert_file: its clients are dropped")


def test_level_that_does_not_exist_is_fatal(tmp_path: Path) -> None:
    """No process would start."""
    assert told(tmp_path, "smtpd_tls_security_level = maybe\n", "smtp inet n - n - - smtpd\n") == [
        'fatal: /etc/pyfix/main.cf, line 1: Invalid TLS level "maybe"; specify none, may or encrypt'
    ]


def test_certificates_in_options_of_services_are_looked_at(tmp_path: Path) -> None:
    """As those of main.cf are."""
    certificate, key = issue("old.test", days=-1).write(tmp_path, "old")
    path = tmp_path / "master.cf"
    path.write_text(f"pop3s inet n - n - - pop3-login -o pop3_tls_cert_file={certificate} -o pop3_tls_key_file={key}\n")
    (found,) = check_certificates(Config.from_text(""), mastercf.read(str(path)))
    assert "pop3_tls_cert_file" in found.text and "the certificate of old.test has expired on" in found.text
