"""The list of recipients of one message: expanded, without duplicates.

Two recipients are the same when the address and what the sender asked for it are the same, case aside. The original
address counts too (enable_original_recipient), since the recipient's own filters may look at it.
See: duplicate_filter_limit, beyond which the filter forgets nothing and learns nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from pyfix.mail.ipc.messages import NOTIFY_NEVER, NOTIFY_SUCCESS, Recipient

Expand = Callable[[str], list[str]]


class RecipientList:
    """Collects the recipients of one message."""

    def __init__(
        self, *, expand: Expand | None, keep_original: bool, duplicate_limit: int, is_remote: bool = False
    ) -> None:
        """`expand` is None when no aliases apply; `is_remote` is for mail that came over SMTP, whose recipients are
        told to the next server as the client gave them, even where the original address is not kept."""
        self.recipients: list[Recipient] = []
        self.expanded: list[Recipient] = []
        """Recipients with NOTIFY=SUCCESS that became several: the sender is told so (RFC 3461 section 5.2.7.3)."""
        self._expand = expand
        self._keep_original = keep_original
        self._limit = duplicate_limit
        self._is_remote = is_remote
        self._known: set[tuple[object, ...]] = set()

    def add(self, address: str, original: str, orcpt: str = "", notify: int = 0) -> None:
        """Add a recipient; `address` is complete, `original` as the sender gave it."""
        if not self._keep_original:
            orcpt = orcpt or (f"rfc822;{original}" if self._is_remote else "")
            original = ""
        addresses = [address] if self._expand is None else self._expand(address)
        if len(addresses) > 1 and notify & NOTIFY_SUCCESS:
            self.expanded.append(Recipient(address, original, orcpt, notify))
            notify = NOTIFY_NEVER if notify == NOTIFY_SUCCESS else notify & ~NOTIFY_SUCCESS
        for result in addresses:
            self._add_once(result, original, orcpt, notify)

    def _add_once(self, address: str, original: str, orcpt: str, notify: int) -> None:
        key: tuple[object, ...] = (address.lower(),)
        if self._keep_original:
            key = (address.lower(), original.lower(), orcpt.lower(), notify)
        if key in self._known:
            return
        if self._limit == 0 or len(self._known) < self._limit:
            self._known.add(key)
        self.recipients.append(Recipient(address, original, orcpt, notify))
