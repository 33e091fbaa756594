"""Tables that proxymap is asked for in vain."""

from __future__ import annotations

import pytest

from pyfix.commands.check.proxymap import check_proxymap
from pyfix.mail.config import Config
from pyfix.mail.config.mastercf import parse

SERVICE = "proxymap unix - - n - - proxymap\n"


def told(main_cf: str, master_cf: str = SERVICE) -> list[str]:
    config = Config.from_text(f"compatibility_level = 3.7\n{main_cf}")
    return [str(finding) for finding in check_proxymap(config, parse(master_cf.splitlines(), "master.cf"))]


@pytest.mark.parametrize(
    "main_cf",
    [
        "",
        "virtual_mailbox_maps = proxy:mysql:/etc/boxes.cf\n",
        "proxy_read_maps = proxy:unix:passwd.byname proxy:hash:/a\nvirtual_alias_maps = proxy:hash:/a\n",
        "smtpd_recipient_restrictions = check_client_access { proxy:cidr:/etc/clients }\n",
    ],
)
def test_tables_that_are_served_are_passed_over(main_cf: str) -> None:
    """By default all that parameters name with proxy: in front."""
    assert told(main_cf) == []


def test_missing_service_is_an_error_with_the_line_to_add() -> None:
    """local_recipient_maps needs it in an unchanged configuration; what main.cf sets is named first."""
    problem = (
        "error: /etc/pyfix/master.cf: there is no service proxymap, which {} needs: mail that needs it is deferred;"
        ' add the line "proxymap unix - - n - - proxymap"'
    )
    assert told("", "") == [problem.format("local_recipient_maps = proxy:unix:passwd.byname")]
    assert told("virtual_alias_maps = proxy:hash:/a\n", "") == [
        problem.format("virtual_alias_maps = proxy:hash:/a"),
    ]
    assert told("local_recipient_maps =\n", "") == []


def test_table_that_is_not_listed_is_an_error() -> None:
    """proxymap would refuse it."""
    assert told("proxy_read_maps = proxy:unix:passwd.byname\nvirtual_alias_maps = proxy:hash:/a\n") == [
        "error: /etc/pyfix/main.cf, line 3: virtual_alias_maps: proxy:hash:/a: proxy_read_maps does not list it: mail"
        " that needs it is deferred; add proxy:hash:/a to proxy_read_maps"
    ]
