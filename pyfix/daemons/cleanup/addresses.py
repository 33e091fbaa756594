"""The one stage that changes addresses: of the envelope, and in the headers.

An address is completed first (append_at_myorigin and its sisters, which trivial-rewrite knows), then mapped
(mapping.py), where the message allows that.

Nearly every address is user@fully.qualified.domain already and costs one regular expression; trivial-rewrite is asked,
once for all addresses of a header, about the others. The connection is not kept: it would hold one of its processes.
"""

from __future__ import annotations

from pyfix.daemons.cleanup.headers import AddressHeaderResult
from pyfix.mail.address.rewrite import STANDARD
from pyfix.mail.address.tokens import normalize_address
from pyfix.mail.ipc.client import Channel
from pyfix.mail.ipc.messages import Rewrite, Rewritten
from pyfix.mail.message.address_header import AddressHeader, is_plain
from pyfix.mail.message.flaws import is_clean
from pyfix.mail.message.generated import NULL_SENDER_NAME
from pyfix.mail.rewrite.mapping import NULL_ADDRESS, Mapper, Use, Warn


class AddressStage:
    """Completes and maps addresses; raises IpcError when trivial-rewrite can't be asked, MapError."""

    def __init__(self, rewrite_service: Channel, token_limit: int, origin: str) -> None:
        self._service = rewrite_service
        self._token_limit = token_limit
        self._daemon = f"{NULL_SENDER_NAME}@{origin}".lower()

    def prepare_sender(self, sender: str, mapper: Mapper | None) -> str:
        """Return the envelope sender as it is to be; mail from MAILER-DAEMON@$myorigin is from nobody, like ours."""
        (address,) = self.complete([sender])
        if address.lower() == self._daemon:
            address = ""
        return _map([address], Use.ENVELOPE_SENDER, mapper)[0]

    def prepare(self, recipients: list[str], mapper: Mapper | None) -> list[str]:
        """Return envelope recipients as they are to be; `mapper` is None when nothing is mapped."""
        return _map(self.complete(recipients), Use.ENVELOPE_RECIPIENT, mapper)

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

    def rewrite_header(
        self, name: bytes, value: bytes, use: Use, *, context: str, mapper: Mapper | None, extract: bool, warn: Warn
    ) -> AddressHeaderResult:
        """Complete and map the addresses in a header; with `extract` tell what they were."""
        if mapper is None and not extract and len(value) <= self._token_limit and is_plain(value):
            return AddressHeaderResult(None, [])
        header = AddressHeader(value, self._token_limit)
        addresses = [normalize_address(address) for address in header.addresses if address] if extract else []
        changed = self.complete(header.addresses, context)
        if mapper is not None:
            changed = mapper.map_all(use, changed)
        if changed == header.addresses:
            return AddressHeaderResult(None, addresses)
        text = header.render(changed, len(name))
        for item in header.stripped:
            warn(f"stripping too many comments from address: {item[:100]}...")
        return AddressHeaderResult(text, addresses)


def _map(addresses: list[str], use: Use, mapper: Mapper | None) -> list[str]:
    if mapper is None:
        return addresses
    return ["" if address == NULL_ADDRESS else address for address in mapper.map_all(use, addresses)]
