"""The one stage that changes addresses: of the envelope, and in the headers.

Today an address is completed here (append_at_myorigin and its sisters, which trivial-rewrite knows). What else will
change addresses (canonical mapping, masquerading) belongs into `complete`, and nowhere else.

Nearly every address is user@fully.qualified.domain already and costs one regular expression; trivial-rewrite is asked,
once for all addresses of a header, about the others. The connection is not kept: it would hold one of its processes.
"""

from __future__ import annotations

from pyfix.daemons.cleanup.headers import AddressHeaderResult
from pyfix.mail.address.rewrite import STANDARD
from pyfix.mail.ipc.client import Channel
from pyfix.mail.ipc.messages import Rewrite, Rewritten
from pyfix.mail.message.address_header import AddressHeader, is_plain
from pyfix.mail.message.flaws import is_clean


class AddressStage:
    """Completes addresses; raises IpcError when trivial-rewrite can't be asked."""

    def __init__(self, rewrite_service: Channel, token_limit: int) -> None:
        self._service = rewrite_service
        self._token_limit = token_limit

    def complete(self, addresses: list[str], context: str = "local") -> list[str]:
        """Return the addresses in standard form; the null address stays, and what no address can be."""
        is_standard = STANDARD.match
        unusual = [address for address in addresses if address and not is_standard(address) and is_clean(address)]
        if not unusual:
            return addresses
        answers = self._ask(unusual, context)
        return [answers.get(address, address) for address in addresses]

    def _ask(self, unusual: list[str], context: str) -> dict[str, str]:
        try:
            reply = self._service.call(Rewrite(context, unusual), Rewritten)
        finally:
            self._service.close()
        return dict(zip(unusual, reply.addresses, strict=False))

    def rewrite_header(self, name: bytes, value: bytes, context: str) -> AddressHeaderResult:
        """Complete the addresses in a header."""
        if is_plain(value):
            return AddressHeaderResult(None, [])
        return self._rewrite(AddressHeader(value, self._token_limit), name, context)

    def rewrite_and_extract(self, name: bytes, value: bytes, context: str) -> AddressHeaderResult:
        """Complete the addresses in a header and tell what they were."""
        header = AddressHeader(value, self._token_limit)
        result = self._rewrite(header, name, context)
        return AddressHeaderResult(result.value, [address for address in header.addresses if address])

    def _rewrite(self, header: AddressHeader, name: bytes, context: str) -> AddressHeaderResult:
        completed = self.complete(header.addresses, context)
        if completed == header.addresses and not header.is_routed:
            return AddressHeaderResult(None, [])
        return AddressHeaderResult(header.render(completed, len(name)), [])
