"""access(5): tables that say who may send mail to whom.

    pattern   action

check_client_access, check_helo_access, check_sender_access and check_recipient_access (restrictions(5)) look the
client, its greeting or an address up in a table, and do what stands there.

Format: a table of any type, made of lines as texthash_table(5) describes them.

Search: these keys, in this order, the first that is there decides; case does not count. Of an address:

    user+ext@domain    the address, where recipient_delimiter is "+"
    user@domain        without the extension
    domain             the domain
    parent             a parent domain, as .parent unless parent_domain_matches_subdomains has smtpd_access_maps
    user+ext@, user@   the user in any domain

The null sender is looked up as smtpd_null_access_lookup_key says. Of a host name:

    host.example.com   the name
    example.com        its parents, as .example.com unless parent_domain_matches_subdomains has smtpd_access_maps

Of a client, after its name:

    192.0.2.1                the address
    192.0.2, 192.0, 192      the networks around it
    2001:db8::1, 2001:db8:   likewise

For address blocks with a mask use cidr_table(5). Tables of patterns are asked for the whole key only.

Results: text is shown to the client. It may begin with an RFC 3463 code.

    OK                             permit; so does a value that is a number
    DUNNO                          as if the key were not there, and look no further
    REJECT text                    refuse, with access_map_reject_code
    DEFER text                     refuse for now, with access_map_defer_code
    4NN text, 5NN text             refuse with that code
    DEFER_IF_PERMIT text           refuse for now, unless a later restriction refuses for good
    DEFER_IF_REJECT text           refuse for now, if a later restriction refuses
    HOLD text                      put the message on hold: postsuper(1)
    DISCARD text                   take the message and throw it away
    FILTER transport:destination   deliver the message that way
    REDIRECT user@domain           deliver the message to that address alone
    WARN text, INFO text           write to the log
    restrictions                   a list of restrictions(5) that need no table

Failures: a table that can't be asked is `451 4.3.0`. A value without sense, such as FILTER without destination, is
skipped with a warning.

Not built: BCC, PREPEND and HANGUP, which defer the mail.

Example: check_client_access hash:/etc/pyfix/client_access

    192.0.2.66             REJECT
    192.0.2                OK
    friend.example.com     OK
    .dynamic.example.com   450 4.7.1 Send mail through your provider

See: restrictions(5), cidr_table(5), regexp_table(5), texthash_table(5), postmap(1), smtpd(8)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from pyfix.proto.enhanced_status import split_status


class Verb(Enum):
    """What to do."""

    OK = "OK"
    DUNNO = "DUNNO"
    REJECT = "REJECT"
    DEFER = "DEFER"
    DEFER_IF_PERMIT = "DEFER_IF_PERMIT"
    DEFER_IF_REJECT = "DEFER_IF_REJECT"
    CODE = "code"
    """4NN or 5NN with text."""
    HOLD = "HOLD"
    DISCARD = "DISCARD"
    FILTER = "FILTER"
    REDIRECT = "REDIRECT"
    WARN = "WARN"
    INFO = "INFO"
    RESTRICTIONS = "restrictions"
    NOT_BUILT = "not built"


_NAMES: Final = {verb.value: verb for verb in Verb if verb.value.isupper()} | {
    "RELAY": Verb.OK,
    "BCC": Verb.NOT_BUILT,
    "PREPEND": Verb.NOT_BUILT,
    "HANGUP": Verb.NOT_BUILT,
}


@dataclass(frozen=True, slots=True)
class Action:
    """A parsed value."""

    verb: Verb
    text: str = ""
    """Without the status; for RESTRICTIONS the whole value; for NOT_BUILT its name."""
    status: str = ""
    code: int = 0


def parse_action(value: str) -> Action:
    """Return what an access table wants; total."""
    word, text = [*value.split(None, 1), "", ""][:2]
    text = text.strip()
    if value.strip().isascii() and value.strip().isdigit():
        return Action(Verb.OK)
    if len(word) == 3 and word[0] in "45" and word.isascii() and word.isdigit():
        status, text = split_status(text, f"{word[0]}.7.1")
        return Action(Verb.CODE, text, status, int(word))
    verb = _NAMES.get(word.upper(), Verb.RESTRICTIONS)
    match verb:
        case Verb.REJECT:
            status, text = split_status(text, "5.7.1")
        case Verb.DEFER | Verb.DEFER_IF_PERMIT | Verb.DEFER_IF_REJECT:
            status, text = split_status(text, "4.7.1")
        case Verb.RESTRICTIONS:
            return Action(verb, value)
        case Verb.NOT_BUILT:
            return Action(verb, word.upper())
        case _:
            status = ""
    return Action(verb, text, status)
