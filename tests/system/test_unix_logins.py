"""Unix users log in, as a tutorial has them do it with saslauthd.

Setup: a Unix user with a password; the tutorial's smtpd.conf and MECH=shadow, but no saslauthd. Path: AUTH at smtpd ->
auth -> shadow(5). Check: EHLO tells of mech_list alone, the right password lets in, the log says who it was.
"""

from __future__ import annotations

import base64
import os
import smtplib
from collections.abc import Iterator

import pytest
from instance import Instance, wait_until
from unix_user import unix_user

pytestmark = [pytest.mark.system, pytest.mark.root, pytest.mark.skipif(os.getuid() != 0, reason="needs root")]
PASSWORD = "openstack"
SMTPD_CONF = """log_level: 3  #日志级别，一般不用
pwcheck_method: saslauthd   #基于saslauthd完成用户
mech_list: PLAIN   #认证功能
saslauthd_path: {folder}/mux
"""


@pytest.fixture
def user() -> Iterator[str]:
    """A Unix user with a password."""
    with unix_user(PASSWORD) as name:
        yield name


def client_that_may_log_in(instance: Instance) -> smtplib.SMTP | None:
    """Connect; None while smtpd does not know yet what auth offers."""
    client = smtplib.SMTP("127.0.0.1", instance.port, timeout=30)
    client.ehlo("client.test")
    if "auth" in client.esmtp_features:
        return client
    client.close()
    return None


def test_the_tutorials_saslauthd_need_not_run(instance: Instance, user: str) -> None:
    """The first login of the tutorial."""
    folder = instance.directory
    (folder / "smtpd.conf").write_text(SMTPD_CONF.format(folder=folder))
    (folder / "saslauthd").write_text("SOCKETDIR=/run/saslauthd\nMECH=shadow\nFLAGS=\n")
    instance.set(
        smtpd_sasl_auth_enable="yes", cyrus_sasl_config_path=str(folder), saslauthd_config_files=f"{folder}/saslauthd",
        auth_failure_delay="0", smtpd_tls_auth_only="no",
    )  # fmt: skip
    told = instance.pyfix("check").stderr
    assert f"no saslauthd listens: shadow is asked in its place, as {folder}/saslauthd says" in told
    instance.start()
    with wait_until(lambda: client_that_may_log_in(instance), "auth is there") as client:
        assert client.esmtp_features["auth"].split() == ["PLAIN"]
        assert client.docmd("AUTH LOGIN")[0] == 535
        wrong = base64.b64encode(f"\0{user}\0wrong".encode()).decode()
        assert client.docmd(f"AUTH PLAIN {wrong}")[0] == 535
        client.user, client.password = user, PASSWORD
        assert client.auth("PLAIN", client.auth_plain)[0] == 235
        assert client.sendmail("me@client.test", [instance.address], b"Subject: x\r\n\r\n") == {}
    instance.wait_for_log(rf"sasl_method=PLAIN, sasl_username={user}")
    assert instance.command("testsaslauthd", "-u", user, "-p", "x").stdout == '0: NO "authentication failed"\n'
    account = instance.command("authtest", user).stdout
    assert f"     Authenticated: {user}  (uid " in account
    assert f"           Maildir: mbox:/var/mail/{user}\n" in account
