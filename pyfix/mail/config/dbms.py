"""Tables whose settings are parameters: mysql:NAME reads NAME_user, NAME_query ... of main.cf, mysql:/FILE a file.

Pure but for reading such files. Tables are found where a value has words: behind proxy:, in { }, also behind the type
of another table, as with pipemap: and unionmap:. The names are those of Postfix's clients, and timeout, which pyfix's
mysql: has besides.
See: mysql_table(5), pgsql_table(5), sqlite_table(5), ldap_table(5), memcache_table(5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyfix.mail.config import lines, maincf
from pyfix.mail.config.errors import ConfigError, one_line
from pyfix.mail.config.values import ValueRefused, words

_LISTS: Final = {
    "mysql": "additional_conditions dbname domain expansion_limit hosts option_file option_group password query "
    "require_result_set result_format select_field table timeout tls_CAfile tls_CApath tls_cert_file tls_ciphers "
    "tls_key_file tls_verify_cert user where_field",
    "pgsql": "additional_conditions dbname domain expansion_limit hosts password query result_format select_field "
    "select_function table user where_field",
    "sqlite": "additional_conditions dbpath domain expansion_limit query result_format select_field table where_field",
    "ldap": "bind bind_dn bind_pw cache cache_expiry cache_size chase_referrals debuglevel dereference domain "
    "expansion_limit leaf_result_attribute query_filter recursion_limit result_attribute result_filter result_format "
    "sasl_authz_id sasl_mechs sasl_minssf sasl_realm scope search_base server_host server_port size_limit "
    "special_result_attribute start_tls terminal_result_attribute timeout tls_ca_cert_dir tls_ca_cert_file tls_cert "
    "tls_cipher_suite tls_key tls_random_file tls_require_cert version",
    "memcache": "backup data_size_limit domain flags key_format line_size_limit max_try memcache retry_pause timeout "
    "ttl",
}
_NAMES: Final = {kind: frozenset(words(names, kind)) for kind, names in _LISTS.items()}


@dataclass(frozen=True, slots=True)
class _Table:
    """A table with settings; source is a file or what the names of its parameters begin with."""

    type: str
    source: str

    @property
    def is_file(self) -> bool:
        """Whether the settings are in a file."""
        return self.source.startswith(("/", "."))


def setting_names(text: str) -> set[str]:
    """Return the parameters that belong to the tables in the expanded value of a parameter."""
    return {f"{table.source}_{name}" for table in _tables(text) if not table.is_file for name in _NAMES[table.type]}


def file_problems(text: str) -> Iterator[str]:
    """Yield a line for each setting that the tables in a value have no use for, and for a file that can't be read."""
    for table in _tables(text):
        if table.is_file:
            yield from _problems(table)


def _problems(table: _Table) -> Iterator[str]:
    try:
        with open(table.source, "rb") as file:
            main = maincf.parse(lines.decode(file.read(), table.source), table.source)
    except OSError as error:
        yield f'open "{table.type}" configuration "{table.source}": {error.strerror}'
    except ConfigError as error:
        yield str(error)
    else:
        for name, setting in main.settings.items():
            if name not in _NAMES[table.type]:
                value = "..." if "pass" in name else one_line(setting.value)
                yield f"{table.type}:{table.source}: unused parameter: {one_line(name)}={value}"


def _tables(text: str) -> Iterator[_Table]:
    """Yield the tables with settings that a value names; a value whose braces don't match names none."""
    if ":" not in text:
        return
    try:
        found = words(text, "")
    except ValueRefused:
        return
    for word in found:
        if word.startswith("{"):
            yield from _tables(word[1:-1])
            continue
        kind, _, source = word.removeprefix("proxy:").partition(":")
        if source.startswith("{"):
            yield from _tables(source[1:-1])
        elif kind in _NAMES and source:
            yield _Table(kind, source)
