"""smtpd.conf(5): Cyrus SASL's file for smtpd, as far as pyfix follows it.

    pwcheck_method: saslauthd
    mech_list: PLAIN LOGIN

Tutorials configure logins here. The file is smtpd_sasl_path and .conf, and is looked for in cyrus_sasl_config_path; if
that is empty, in the directory sasl of config_directory, in /etc/postfix/sasl, /etc/sasl2, /etc/sasl, /usr/lib64/sasl2,
/usr/lib/sasl2 and /usr/local/lib/sasl2. The first one that is there counts; none need be there. With smtpd_sasl_type =
dovecot there is nothing to look for.

These settings have an effect:

    pwcheck_method       some of saslauthd, authdaemond, auxprop
    saslauthd_path       saslauthd's socket; /run/saslauthd/mux otherwise
    authdaemond_path     authdaemond's socket
    auxprop_plugin       sql
    sql_engine           mysql, pgsql, sqlite or sqlite3
    sql_hostnames        the servers, with commas between; host:port
    sql_user, sql_passwd, sql_database
    sql_select           the query: %u is the user, %r the realm
    mech_list            the mechanisms that are offered; all otherwise

Where the socket of saslauthd is not there, pyfix does what saslauthd would do by its own configuration
(saslauthd_config_files): MECH or MECHANISMS shadow or pam; pam where nothing is said. Where that of authdaemond is not
there, authmodulelist of authdaemond_config_files counts, and authmysqlrc beside it. Thus a tutorial's files work
without these daemons.

A remark behind " #" belongs to no value, but for those of sql_.

A change counts a few seconds later, without a reload.

Rights: auth and smtpd read the file when they start, with root's rights.

Failures: a line that is no "name: value", and what is not built (sasldb, ldapdb, alwaystrue), is an error that names
file and line: auth does not start, and logins are temporary failures.

Different from Postfix: other settings have no effect; log_level has none, since auth has a log of its own.

See: auth_backends(5), auth(8), saslauthd(8), authdaemond(8), testsaslauthd(1), pyfix-check(1)
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final

from pyfix.mail.config import Config, ConfigError, lines
from pyfix.mail.config.errors import one_line
from pyfix.mail.config.settings_file import Setting, SettingsFile
from pyfix.mail.sasl.params import SaslPathParameters

USUAL: Final = (
    "/etc/postfix/sasl", "/etc/sasl2", "/etc/sasl", "/usr/lib64/sasl2", "/usr/lib/sasl2", "/usr/local/lib/sasl2",
)  # fmt: skip
"""Where Postfix and Cyrus look, on one system or another."""
SETTINGS: Final = frozenset(
    {
        "pwcheck_method", "saslauthd_path", "authdaemond_path", "auxprop_plugin", "mech_list", "sql_engine",
        "sql_hostnames", "sql_user", "sql_passwd", "sql_database", "sql_select",
    }
)  # fmt: skip
"""Those that have an effect."""
_LINE: Final = re.compile(r"[ \t]*([A-Za-z0-9_-]+):[ \t]*(.*?)[ \t\r]*", re.DOTALL)
_REMARK: Final = re.compile(r"[ \t]#.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SmtpdConf(SettingsFile):
    """The file."""

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words of a value."""
        return tuple(self.get(name).split())

    @property
    def methods(self) -> tuple[str, ...]:
        """Who knows the passwords; none where the file does not say."""
        return tuple(word.lower() for word in self.words("pwcheck_method"))

    @property
    def mech_list(self) -> tuple[str, ...]:
        """The mechanisms that may be offered, in capitals; none where the file does not say."""
        return tuple(word.upper() for word in self.words("mech_list"))


def find_smtpd_conf(config: Config) -> SmtpdConf | None:
    """Return Cyrus' file for smtpd if there is one; raises ConfigError for one that is wrong."""
    path = smtpd_conf_path(config)
    return parse_smtpd_conf(lines.decode(lines.read_file(path), path), path) if path else None


def smtpd_conf_path(config: Config) -> str:
    """Return the path of the file, empty if there is none."""
    return next(filter(os.path.isfile, smtpd_conf_candidates(config)), "")


def smtpd_conf_candidates(config: Config) -> list[str]:
    """Return where the file may be, in the order in which it is looked for."""
    params = config.read(SaslPathParameters)
    if params.smtpd_sasl_type != "cyrus" or "/" in params.smtpd_sasl_path:
        return []
    folders = params.cyrus_sasl_config_path.split(":") if params.cyrus_sasl_config_path else _usual(config)
    return [os.path.join(folder, f"{params.smtpd_sasl_path}.conf") for folder in folders if folder]


def _usual(config: Config) -> list[str]:
    return [os.path.join(config.directory, "sasl"), *USUAL]


def parse_smtpd_conf(text: str, path: str) -> SmtpdConf:
    """Read the text of the file; of two lines for a setting the first counts, as in Cyrus. Raises ConfigError."""
    settings: dict[str, Setting] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if lines.is_comment(line):
            continue
        found = _LINE.fullmatch(line)
        if found is None or not found[2]:
            raise ConfigError(f'{path}, line {number}: need "name: value" instead of "{one_line(line.strip(), 60)}"')
        name = found[1].lower()
        value = found[2] if name.startswith("sql_") else _REMARK.sub("", found[2]).rstrip()
        settings.setdefault(name, Setting(value, number))
    return SmtpdConf(path, settings)
