"""How a table encrypts what it says to its server: the tls_ settings of mysql_table(5), redis_table(5), ldap_table(5).

Certificates are read when the table is opened, with the rights that the process has then.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final

from pyfix.base.failure import words_for
from pyfix.mail.maps.settings import Settings


@dataclass(frozen=True, slots=True)
class Names:
    """What the settings are called that name files."""

    certificate: str
    key: str
    ca_file: str
    ca_directory: str

    def all(self) -> tuple[str, str, str, str]:
        """Return the names in this order."""
        return self.certificate, self.key, self.ca_file, self.ca_directory


NAMES: Final = Names("tls_cert_file", "tls_key_file", "tls_CAfile", "tls_CApath")


def read_tls(settings: Settings, otherwise: dict[str, str]) -> ssl.SSLContext | None:
    """Return how to encrypt, None where nothing is said about it; raises ConfigError.

    otherwise: what stands for the files that have no setting.
    """
    given = {name: settings.string(name) or otherwise.get(name, "") for name in NAMES.all()}
    verify = settings.boolean("tls_verify_cert", False)
    if not any(given.values()) and not verify:
        return None
    context = load_context(settings, NAMES, given)
    if not verify:
        context.check_hostname = False
        if not given["tls_CAfile"] and not given["tls_CApath"]:
            context.verify_mode = ssl.CERT_NONE
    return context


def load_context(settings: Settings, names: Names, given: dict[str, str]) -> ssl.SSLContext:
    """Return a context that checks authority and host, with files loaded; raises ConfigError that names the setting."""
    name = names.ca_file if given[names.ca_file] else names.ca_directory
    try:
        context = ssl.create_default_context(
            cafile=given[names.ca_file] or None, capath=given[names.ca_directory] or None
        )
        name = names.certificate
        if given[name]:
            context.load_cert_chain(given[name], given[names.key] or None)
    except OSError as error:
        problem = words_for(error)
        if isinstance(error, ssl.SSLError):
            problem = "no certificate in PEM form, or not the key for it"
        raise settings.refuse(name, f"{name} = {given[name]}: {problem}") from None
    return context
