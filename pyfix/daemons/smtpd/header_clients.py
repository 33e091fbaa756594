"""local_header_rewrite_clients: whose headers get our domain.

    permit_inet_interfaces   permit_mynetworks   check_address_map type:table   type:table (static:all: everybody)
    permit_sasl_authenticated   permit_tls_clientcerts   permit_tls_all_clientcerts

A table is asked for the client's address, not for its networks; what it says is ignored. Whether a client has logged in
or shown a certificate is not known yet when the list is read: `with_login` and `with_certificate` say that it counts.
When a table can't be asked, the client is none of ours: to change the headers of a stranger's mail would be worse than
to leave ours as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyfix.daemons.smtpd.params import SmtpdParameters
from pyfix.mail.address.valid import parse_hostaddr
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.config.networks import select_interfaces
from pyfix.mail.maps import MatchList
from pyfix.mail.restrictions.parse import Kind, OpenMaps

PARAMETER: Final = "local_header_rewrite_clients"
_CERTIFICATES: Final = (Kind.PERMIT_TLS_CLIENTCERTS, Kind.PERMIT_TLS_ALL_CLIENTCERTS)
Check = Callable[[str, str], bool]
"""Is the client of this name and address meant?"""


class HeaderClients:
    """The list, with its tables open; raises ConfigError for what is none of the above."""

    def __init__(self, params: SmtpdParameters, config: Config, networks: MatchList, open_maps: OpenMaps) -> None:
        self._config = config
        self._networks = networks
        self._open = open_maps
        chosen = select_interfaces(
            config.host.interfaces(), params.inet_interfaces, params.inet_protocols, config.host.resolve
        )
        self._own = frozenset(parse_hostaddr(interface.address) for interface in chosen)
        self.blocking = False
        """True when some table may have to wait."""
        self.with_login = False
        """Clients that have logged in are meant, too."""
        self.with_certificate: list[Kind] = []
        """Clients that these permit are meant, too."""
        rest = iter(params.local_header_rewrite_clients)
        self._checks = [check for word in rest if (check := self._check(word, rest.__next__)) is not None]

    def holds(self, name: str, address: str) -> bool:
        """True when the headers of this client's mail are rewritten; raises TableError."""
        return any(check(name, address) for check in self._checks)

    def _check(self, word: str, take_next: Callable[[], str]) -> Check | None:
        match word.lower():
            case "permit_mynetworks":
                self.blocking |= self._networks.blocking
                return self._networks.matches
            case "permit_inet_interfaces":
                return self._is_own
            case "permit_sasl_authenticated":
                self.with_login = True
                return None
            case "check_address_map":
                try:
                    return self._table(take_next())
                except StopIteration:
                    raise self._refuse("check_address_map needs type:table") from None
            case name if name in [kind.value for kind in _CERTIFICATES]:
                self.with_certificate.append(Kind(name))
                return None
            case _ if ":" in word:
                return self._table(word)
            case _:
                raise self._refuse(f"{word} is not supported")

    def _refuse(self, problem: str) -> ConfigError:
        return self._config.refuse(PARAMETER, f"{PARAMETER}: {problem}")

    def _table(self, spec: str) -> Check:
        maps = self._open(spec)
        self.blocking |= maps.blocking
        return lambda name, address: maps.lookup(address) is not None

    def _is_own(self, name: str, address: str) -> bool:
        return parse_hostaddr(address) in self._own
