"""A session with its mailbox: from the login to QUIT or the end of the connection.

What is deleted, and what was read, is only remembered here; QUIT makes an Update of it. A session that ends any other
way changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pyfix.proto.pop3.actions import Action, Close, Fetch, Listing, Reply, Update
from pyfix.proto.pop3.arguments import Refused, message_number, number_and_lines, printable, split_command
from pyfix.proto.pop3.capabilities import Policy, capability_list
from pyfix.proto.pop3.languages import answer_lang
from pyfix.proto.pop3.lines import LineReader, LineTooLong

LINE_LIMIT: Final = 2048
BAD_COMMAND_LIMIT: Final = 20
BLOCK: Final = 512
"""Messages in one block of a listing."""
_TROUBLE: Final = b"-ERR [SYS/TEMP] Internal error occurred. Refer to server log for more information.\r\n"


class Maildrop(Protocol):
    """The mailbox, as far as the answers need it. Messages have numbers from 1."""

    def __len__(self) -> int: ...

    @property
    def total_octets(self) -> int: ...

    def octets(self, first: int, last: int) -> Sequence[int]: ...

    def uidls(self, first: int, last: int) -> Sequence[bytes]: ...


@dataclass(slots=True)
class Counts:
    """What a session has done, for the log. Bytes are those sent, without the line that ends a message."""

    top: int = 0
    top_bytes: int = 0
    retr: int = 0
    retr_bytes: int = 0
    deleted: int = 0
    deleted_bytes: int = 0


class Transaction:
    """The dialogue. `receive` takes input; see actions.py for what is to be reported."""

    def __init__(
        self,
        maildrop: Maildrop,
        policy: Policy,
        *,
        keeps_flags: bool = False,
        last: int | None = None,
        rest: bytes = b"",
    ) -> None:
        """last: the highest message read in earlier sessions, None where LAST is no command; rest: input that has
        come already, to be answered by `receive(b"")`."""
        self._maildrop = maildrop
        self._policy = policy
        self._keeps_flags = keeps_flags
        self._last = last
        self._lines = LineReader(rest)
        self._deleted: dict[int, int] = {}
        """Sizes of the messages that are marked, by number."""
        self._deleted_octets = 0
        self._seen: set[int] = set()
        self._bad_commands = 0
        self._fetching: Fetch | None = None
        self._listed = 0
        """Messages in short listings since a long one was sent."""
        self._is_waiting = False
        self._is_over = False
        self.counts = Counts()

    # --- input

    def receive(self, data: bytes) -> list[Action]:
        """Take input; return what is to be done, as far as that can be told now."""
        if self._is_over:
            return []
        if data:
            self._lines.feed(data)
        return self._answer_input([])

    @property
    def waiting_input(self) -> int:
        """Return how many bytes of input wait for an action to be done."""
        return len(self._lines)

    def _answer_input(self, actions: list[Action]) -> list[Action]:
        try:
            while (
                not self._is_waiting and not self._is_over and (line := self._lines.next_line(LINE_LIMIT)) is not None
            ):
                self._answer(line, actions)
        except LineTooLong:
            self._close(actions, b"-ERR Input line too long.\r\n", "Input line too long")
        return actions

    def _answer(self, line: bytes, actions: list[Action]) -> None:
        verb, arguments = split_command(line)
        handler = _VERBS.get(verb)
        if handler is None or (handler is Transaction._answer_last and self._last is None):
            self._refuse(b"Unknown command: " + printable(verb) if verb else b"Unknown command.", actions)
            return
        try:
            actions.append(handler(self, arguments))
        except Refused as refused:
            self._refuse(refused.text, actions)
            return
        self._bad_commands = 0

    def _refuse(self, text: bytes, actions: list[Action]) -> None:
        actions.append(Reply(b"-ERR " + text + b"\r\n"))
        self._bad_commands += 1
        if self._bad_commands > BAD_COMMAND_LIMIT:
            self._close(actions, b"-ERR Too many bad commands.\r\n", "Too many bad commands.")

    def _close(self, actions: list[Action], reply: bytes, reason: str) -> None:
        self._is_over = True
        actions += [Reply(reply), Close(reason)]

    # --- commands

    def _existing(self, number: int) -> int:
        """Return the number; raise Refused where there is no such message any more."""
        if not 1 <= number <= len(self._maildrop):
            raise Refused(b"There's no message %d." % number)
        if number in self._deleted:
            raise Refused(b"Message is deleted.")
        return number

    def _answer_capa(self, arguments: bytes) -> Action:
        return Reply(capability_list(self._policy))

    def _answer_stat(self, arguments: bytes) -> Action:
        left = len(self._maildrop) - len(self._deleted)
        return Reply(b"+OK %d %d\r\n" % (left, self._maildrop.total_octets - self._deleted_octets))

    def _answer_list(self, arguments: bytes) -> Action:
        if arguments:
            number = self._existing(message_number(arguments))
            return Reply(b"+OK %d %d\r\n" % (number, self._maildrop.octets(number, number)[0]))
        left = len(self._maildrop) - len(self._deleted)
        return self._list(b"+OK %d messages:\r\n" % left, self._sizes)

    def _answer_uidl(self, arguments: bytes) -> Action:
        if arguments:
            number = self._existing(message_number(arguments))
            return Reply(b"+OK %d %s\r\n" % (number, self._maildrop.uidls(number, number)[0]))
        return self._list(b"+OK\r\n", self._uidls)

    def _list(self, head: bytes, block: Callable[[int, int], bytes]) -> Action:
        """Return a short listing as it is, a long one to be made while it is sent; so is a short one after others that
        have not been sent yet."""
        count = len(self._maildrop)
        self._listed += count
        if self._listed <= BLOCK:
            return Reply(b"%s%s.\r\n" % (head, block(1, count)))
        self._is_waiting = True
        return Listing(self._blocks(head, block))

    def _blocks(self, head: bytes, block: Callable[[int, int], bytes]) -> Iterator[bytes]:
        yield head
        count = len(self._maildrop)
        for first in range(1, count + 1, BLOCK):
            yield block(first, min(first + BLOCK - 1, count))
        yield b".\r\n"

    def _sizes(self, first: int, last: int) -> bytes:
        return self._rows(first, [b"%d" % size for size in self._maildrop.octets(first, last)] if last else [])

    def _uidls(self, first: int, last: int) -> bytes:
        return self._rows(first, self._maildrop.uidls(first, last) if last else [])

    def _rows(self, first: int, values: Sequence[bytes]) -> bytes:
        rows = enumerate(values, first)
        if self._deleted:
            return b"".join([b"%d %s\r\n" % row for row in rows if row[0] not in self._deleted])
        return b"".join([b"%d %s\r\n" % row for row in rows])

    def _answer_retr(self, arguments: bytes) -> Action:
        number = self._existing(message_number(arguments))
        return self._fetch(Fetch(number, None, b"+OK %d octets\r\n" % self._maildrop.octets(number, number)[0]))

    def _answer_top(self, arguments: bytes) -> Action:
        number, lines = number_and_lines(arguments)
        return self._fetch(Fetch(self._existing(number), lines, b"+OK\r\n"))

    def _fetch(self, fetch: Fetch) -> Action:
        self._is_waiting = True
        self._fetching = fetch
        return fetch

    def _answer_dele(self, arguments: bytes) -> Action:
        number = self._existing(message_number(arguments))
        size = self._maildrop.octets(number, number)[0]
        self._deleted[number] = size
        self._deleted_octets += size
        return Reply(b"+OK Marked to be deleted.\r\n")

    def _answer_noop(self, arguments: bytes) -> Action:
        return Reply(b"+OK\r\n")

    def _answer_rset(self, arguments: bytes) -> Action:
        self._deleted.clear()
        self._deleted_octets = 0
        self._seen.clear()
        if self._last is not None:
            self._last = 0
        return Reply(b"+OK\r\n")

    def _answer_last(self, arguments: bytes) -> Action:
        return Reply(b"+OK %d\r\n" % (self._last or 0))

    def _answer_lang(self, arguments: bytes) -> Action:
        return Reply(answer_lang(arguments))

    def _answer_quit(self, arguments: bytes) -> Action:
        self._is_waiting = True
        return Update(tuple(sorted(self._deleted)), tuple(sorted(self._seen - self._deleted.keys())))

    # --- reports

    def done(self) -> list[Action]:
        """A listing was sent."""
        self._is_waiting = False
        self._listed = 0
        return self._answer_input([])

    def fetched(self, sent: int) -> list[Action]:
        """A message was sent: so many bytes with the head, without the line that ends it."""
        fetch, self._fetching = self._fetching, None
        if fetch is None:
            return self.done()
        counts = self.counts
        if fetch.lines is None:
            counts.retr += 1
            counts.retr_bytes += sent
            if self._last is not None:
                self._last = max(self._last, fetch.number)
            if not self._keeps_flags:
                self._seen.add(fetch.number)
        else:
            counts.top += 1
            counts.top_bytes += sent
        return self.done()

    def gone(self) -> list[Action]:
        """The message is not there any more; nothing was sent."""
        number = self._fetching.number if self._fetching is not None else 0
        return self._failed(b"-ERR Message %d expunged.\r\n" % number)

    def failed(self) -> list[Action]:
        """The message can't be opened; nothing was sent."""
        return self._failed(_TROUBLE)

    def _failed(self, reply: bytes) -> list[Action]:
        self._fetching = None
        self._is_waiting = False
        return self._answer_input([Reply(reply)])

    def updated(self, *, is_good: bool = True, messages: int | None = None) -> list[Action]:
        """The mailbox is as QUIT wants it, or not; `messages` of those that were marked are gone."""
        self._is_over = True
        if not is_good:
            return [Reply(_TROUBLE), Close("Storage error during logout.")]
        self.counts.deleted = len(self._deleted) if messages is None else messages
        self.counts.deleted_bytes = self._deleted_octets
        text = b"+OK Logging out, messages deleted.\r\n" if self._deleted else b"+OK Logging out.\r\n"
        return [Reply(text), Close("Logged out")]


_Handler = Callable[[Transaction, bytes], Action]
_VERBS: Final[dict[bytes, _Handler]] = {
    b"CAPA": Transaction._answer_capa,
    b"DELE": Transaction._answer_dele,
    b"LANG": Transaction._answer_lang,
    b"LAST": Transaction._answer_last,
    b"LIST": Transaction._answer_list,
    b"NOOP": Transaction._answer_noop,
    b"QUIT": Transaction._answer_quit,
    b"RETR": Transaction._answer_retr,
    b"RSET": Transaction._answer_rset,
    b"STAT": Transaction._answer_stat,
    b"TOP": Transaction._answer_top,
    b"UIDL": Transaction._answer_uidl,
}
