"""How a table encrypts what it says to its server: the tls_ settings of mysql_table(5) and redis_table(5).

Certificates are read when the table is opened, with the rights that the process has then.
"""

from __future__ import annotations

import ssl
from typing import Final

from pyfix.base.failure import words_for
from pyfix.mail.maps.settings import Settings

FILES: Final = ("tls_cert_file", "tls_key_file", "tls_CAfile", "tls_CApath")


def read_tls(settings: Settings, otherwise: dict[str, str]) -> ssl.SSLContext | None:
    """Return how to encrypt, None where nothing is said about it; raises ConfigError.

    otherwise: what stands for the FILES that have no setting.
    """
    given = {name: settings.string(name) or otherwise.get(name, "") for name in FILES}
    verify = settings.boolean("tls_verify_cert", False)
    if not any(given.values()) and not verify:
        return None
    context = _load(settings, given)
    if not verify:
        context.check_hostname = False
        if not given["tls_CAfile"] and not given["tls_CApath"]:
            context.verify_mode = ssl.CERT_NONE
    return context


def _load(settings: Settings, given: dict[str, str]) -> ssl.SSLContext:
    """Return a context with certificates loaded; raises ConfigError that names the setting."""
    name = "tls_CAfile" if given["tls_CAfile"] else "tls_CApath"
    try:
        context = ssl.create_default_context(cafile=given["tls_CAfile"] or None, capath=given["tls_CApath"] or None)
        name = "tls_cert_file"
        if given[name]:
            context.load_cert_chain(given[name], given["tls_key_file"] or None)
    except OSError as error:
        problem = words_for(error)
        if isinstance(error, ssl.SSLError):
            problem = "no certificate in PEM form, or not the key for it"
        raise settings.refuse(name, f"{name} = {given[name]}: {problem}") from None
    return context
