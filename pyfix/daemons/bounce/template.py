"""bounce(5): the texts of notices.

    bounce_template_file = /etc/pyfix/bounce.cf

bounce(8) sends the texts that Postfix has always sent, since users and programs know them. The file may replace some:
it holds any of these templates.

    failure_template   mail could not be delivered
    delay_template     mail could not be delivered yet
    success_template   mail was delivered, and the sender had asked to be told
    verify_template    the report of `sendmail -bv`

Format: each template begins with its name, = and a word behind <<, and ends with a line that is that word alone.
Between them stand headers, an empty line, and the text. Elsewhere, empty lines and lines that begin with # do not
count.

    Charset:              of the text; us-ascii otherwise
    From:                 who it comes from
    Subject:              of the notice to the sender
    Postmaster-Subject:   of the copy for the postmaster

In the text, $name stands for a parameter of main.cf, $delay_warning_time_hours and $maximal_queue_lifetime_days for
these times in the unit that the name ends with (seconds, minutes, hours, days, weeks). $$ is one dollar.

Failures: what is wrong in the file is logged, and that template keeps its own text.

Example:

    failure_template = <<EOF
    Charset: us-ascii
    From: MAILER-DAEMON (Mail Delivery System)
    Subject: Undelivered Mail Returned to Sender
    Postmaster-Subject: Postmaster Copy: Undelivered Mail

    This is the mail system at host $myhostname.

    Your message could not be delivered. Please call us.
    EOF

See: bounce(8)

Inside: pure but for reading the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from pyfix.daemons.bounce.decide import Kind
from pyfix.mail.config.expand import ExpandError, expand

_UNITS: Final = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800}
_TIME_NAME = re.compile(rf"(delay_warning_time|maximal_queue_lifetime)_({'|'.join(_UNITS)})")
_START = re.compile(r"\s*([A-Za-z_]+)\s*=\s*<<\s*(\S+)\s*")
_HEADERS: Final = {
    "charset": "charset", "from": "sender", "subject": "subject", "postmaster-subject": "postmaster_subject",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Template:
    """The text of one kind of notice, before $names are replaced."""

    name: str
    subject: str
    postmaster_subject: str
    text: str
    sender: str = ""
    """The value of From:; "" for MAILER-DAEMON in the form that header_from_format asks for."""
    charset: str = "us-ascii"
    origin: str = "[built-in]"


_GREETING: Final = "This is the mail system at host $myhostname.\n\n"
_HELP: Final = (
    "For further assistance, please send mail to postmaster.\n\n"
    "If you do so, please include this problem report. You can\n"
    "delete your own text from the attached returned message.\n\n"
)
_SIGNATURE: Final = "                   The mail system\n"

BUILT_IN: Final[Mapping[Kind, Template]] = {
    Kind.FAILURE: Template(
        "failure",
        "Undelivered Mail Returned to Sender",
        "Postmaster Copy: Undelivered Mail",
        _GREETING + "I'm sorry to have to inform you that your message could not\n"
        "be delivered to one or more recipients. It's attached below.\n\n" + _HELP + _SIGNATURE,
    ),
    Kind.DELAY: Template(
        "delay",
        "Delayed Mail (still being retried)",
        "Postmaster Warning: Delayed Mail",
        _GREETING + "####################################################################\n"
        "# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #\n"
        "####################################################################\n\n"
        "Your message could not be delivered for more than $delay_warning_time_hours hour(s).\n"
        "It will be retried until it is $maximal_queue_lifetime_days day(s) old.\n\n" + _HELP + _SIGNATURE,
    ),
    Kind.SUCCESS: Template(
        "success",
        "Successful Mail Delivery Report",
        "",
        _GREETING + "Your message was successfully delivered to the destination(s)\n"
        "listed below. If the message was delivered to mailbox you will\n"
        "receive no further notifications. Otherwise you may still receive\n"
        "notifications of mail delivery errors from other systems.\n\n" + _SIGNATURE,
    ),
    Kind.VERIFY: Template(
        "verify",
        "Mail Delivery Status Report",
        "",
        _GREETING + "Enclosed is the mail delivery report that you requested.\n\n" + _SIGNATURE,
    ),
}


def expand_text(
    template: Template, lookup: Callable[[str], str | None], times: Mapping[str, float], warn: Callable[[str], None]
) -> str:
    """Return the text with $names replaced; `times` holds seconds, for names such as delay_warning_time_hours."""

    def value(name: str) -> str | None:
        match = _TIME_NAME.fullmatch(name)
        if match is None:
            return lookup(name)
        amount = int(times[match[1]]) // _UNITS[match[2]]
        if not amount:
            warn(f'{template.origin}: zero result in {template.name} template conversion of parameter "{name}"')
            warn(f'please reduce time unit "{match[2]}" of "{name}" in {template.name} template')
            warn("for instructions see the bounce(5) manual")
        return str(amount)

    try:
        return expand(template.text, value)
    except ExpandError as error:
        warn(f"{template.origin}: {template.name} template: {error}")
        return template.text


def parse_templates(text: str, path: str) -> tuple[dict[Kind, Template], list[str]]:
    """Return the templates of a file and what is wrong with it, in words for the log."""
    templates = dict(BUILT_IN)
    problems: list[str] = []
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _START.fullmatch(line)
        if match is None:
            problems.append(f'{path}, line {number}: expected "template_name = <<EOF", found: {line}')
            continue
        body: list[str] = []
        for _, inner in lines:
            if inner.strip() == match[2]:
                break
            body.append(inner)
        else:
            problems.append(f'{path}, line {number}: missing "{match[2]}" after {match[1]}')
            break
        _add(templates, match[1], body, f"{path}, line {number}", path, problems)
    return templates, problems


def _add(
    templates: dict[Kind, Template], name: str, body: list[str], place: str, path: str, problems: list[str]
) -> None:
    kind = next((kind for kind in Kind if name == f"{kind.value}_template"), None)
    if kind is None:
        problems.append(f"{place}: unknown template name: {name}")
        return
    template = replace(BUILT_IN[kind], origin=path)
    start = 0
    for start, line in enumerate(body):
        label, colon, value = line.partition(":")
        if not line.strip():
            start += 1
            break
        field = _HEADERS.get(label.strip().lower())
        if not colon or field is None or not value.isascii():
            problems.append(f"{place}: {name}: bad header, template ignored: {line}")
            return
        template = replace(template, **{field: value.strip()})
    text = "".join(f"{line}\n" for line in body[start:])
    if not text.isascii() and template.charset.lower() == "us-ascii":
        problems.append(f"{place}: {name}: non-ASCII text needs a Charset: other than us-ascii, template ignored")
        return
    templates[kind] = replace(template, text=text)
