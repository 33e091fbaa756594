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

postconf -b shows the texts with all names replaced, postconf -t the templates; both take the name of a file to try.

Failures: what is wrong in a template is logged, and it keeps its own text; of a file that can't be read to its end the
rest has no effect.

Example:

    failure_template = <<EOF
    Charset: us-ascii
    From: MAILER-DAEMON (Mail Delivery System)
    Subject: Undelivered Mail Returned to Sender
    Postmaster-Subject: Postmaster Copy: Undelivered Mail

    This is the mail system at host $myhostname.

    Your message could not be delivered. Please call us.
    EOF

See: bounce(8), postconf(1)

Inside: pure but for reading the file. BUILT_IN holds the texts, parse_templates reads those of a file; expand_text and
show_template are what notices and postconf make of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from pyfix.base.failure import words_for
from pyfix.mail.config.errors import ConfigError, one_line
from pyfix.mail.config.expand import ExpandError, UndefinedError, expand
from pyfix.mail.message.generated import NULL_SENDER_NAME, from_value
from pyfix.mail.notices.params import TemplateParameters

_UNITS: Final = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800}
_TIME_NAME: Final = re.compile(r"(delay_warning_time|maximal_queue_lifetime)_(.*)")
_TIME_MAX: Final = 999
"""Who reads a larger number has to calculate."""
_HEADER: Final = re.compile(r"([^\s:]+)[ \t]*:(.*)")
_HEADERS: Final = {
    "charset": "charset", "from": "sender", "subject": "subject", "postmaster-subject": "postmaster_subject",
}  # fmt: skip


class Kind(Enum):
    """What a notice is about: the name of its template."""

    FAILURE = "failure"
    DELAY = "delay"
    SUCCESS = "success"
    VERIFY = "verify"


class TemplateError(ConfigError):
    """The text of a template cannot be expanded."""


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


@dataclass(slots=True)
class Templates:
    """What a file says: the templates, what is wrong with some of them, and what ended the reading too early."""

    by_kind: dict[Kind, Template]
    problems: list[str] = field(default_factory=list)
    fatal: str = ""


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
    """Return the text with $names replaced; `times` holds seconds, for names such as delay_warning_time_hours.

    Raises TemplateError for a line with a name that nothing defines, or with broken syntax.
    """

    def value(name: str) -> str | None:
        found = _TIME_NAME.fullmatch(name)
        return _amount(template, times[found[1]], found[2], name, warn) if found else lookup(name)

    return "".join(_expand_line(template, line, value) for line in template.text.splitlines(keepends=True))


def _expand_line(template: Template, line: str, value: Callable[[str], str | None]) -> str:
    """Return a line with $names replaced."""
    try:
        return expand(line, value, strict=True)
    except UndefinedError:
        trouble = "undefined $name"
    except ExpandError:
        trouble = "bad $name syntax"
    raise TemplateError(f"{template.origin}: {trouble} in {template.name} template: {one_line(line.rstrip())}")


def _amount(template: Template, seconds: float, unit: str, name: str, warn: Callable[[str], None]) -> str:
    """Return a time in a unit; warn about a number that tells the reader little."""
    if unit not in _UNITS:
        known = ", ".join(_UNITS)
        raise TemplateError(
            f'{template.origin}: unrecognized suffix "{unit}" in parameter "{name}"; specify one of: {known}'
        )
    amount = int(seconds) // _UNITS[unit]
    where = f'in {template.name} template conversion of parameter "{name}"'
    advice = f'time unit "{unit}" of "{name}" in {template.name} template'
    if seconds and not amount:
        warn(f"{template.origin}: zero result {where}")
        warn(f"please reduce {advice}")
    elif amount > _TIME_MAX:
        warn(f'{template.origin}: excessive result "{amount}" {where}')
        warn(f"please increase {advice}")
    else:
        return str(amount)
    warn("for instructions see the bounce(5) manual")
    return str(amount)


def parse_templates(text: str, path: str) -> Templates:
    """Return the templates of a file and what is wrong with it, in words for the log."""
    found = Templates(dict(BUILT_IN))
    bodies: dict[Kind, Sequence[str]] = {}
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        place = f"{path}, line {number}"
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not name:
            found.fatal = f"{place}: missing '=' after attribute name: \"{one_line(line)}\""
            break
        end = value.removeprefix("<<").strip()
        if not value.startswith("<<") or not end:
            found.fatal = f'{place}: missing end marker after <<: "{one_line(line)}"; specify {name} = <<EOF'
            break
        body = list(_body(lines, end, f'{place}: missing "{end}" end marker', found.problems))
        kind = next((kind for kind in Kind if name == f"{kind.value}_template"), None)
        if kind is None:
            found.problems.append(f"{place}: unknown template name: {one_line(name)} -- ignoring this template")
        else:
            bodies[kind] = body
    for kind in sorted(bodies, key=list(Kind).index):
        _add(found, kind, bodies[kind], path)
    return found


def _body(lines: Iterator[tuple[int, str]], end: str, missing: str, problems: list[str]) -> Iterator[str]:
    """Yield the lines before the end marker; without one all that there are."""
    for _, line in lines:
        if line == end:
            return
        yield line
    problems.append(missing)


def _add(found: Templates, kind: Kind, body: Sequence[str], path: str) -> None:
    """Take a template, or say why it is ignored."""
    try:
        found.by_kind[kind] = _template(replace(BUILT_IN[kind], origin=path), body)
    except TemplateError as error:
        found.problems.append(f"{path}: {error} -- ignoring this template")


def _template(template: Template, body: Sequence[str]) -> Template:
    """Return the template that the lines of a body make of a built-in one."""
    where = f"in {template.name} template"
    position = 0
    while position < len(body) and (header := _HEADER.fullmatch(body[position])):
        position += 1
        label, value = header[1], header[2].strip()
        attribute = _HEADERS.get(label.lower())
        if attribute is None:
            raise TemplateError(f'unknown "{label}" header label {where}')
        if attribute == "postmaster_subject" and not template.postmaster_subject:
            raise TemplateError(f'inapplicable "{label}" header label {where}')
        if not value:
            raise TemplateError(f'empty "{label}" header value {where}')
        if not value.isascii():
            raise TemplateError(f'non-ASCII "{label}" header value {where}')
        template = replace(template, **{attribute: value})
    if position < len(body) and not body[position].strip():
        position += 1
    text = "".join(f"{line}\n" for line in body[position:])
    if not text:
        raise TemplateError(f"missing message text {where}")
    if not text.isascii() and template.charset.lower() == "us-ascii":
        raise TemplateError(f"8-bit message text {where}; specify a charset value other than us-ascii")
    return replace(template, text=text)


def read_templates(path: str) -> Templates:
    """Return the templates of a file, as parse_templates does; other encodings than UTF-8 are kept as they are."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return parse_templates(file.read(), path)
    except OSError as error:
        return Templates(dict(BUILT_IN), fatal=f"open {path}: {words_for(error)}")


def times_of(params: TemplateParameters) -> dict[str, float]:
    """Return the times that names such as delay_warning_time_hours stand for."""
    return {
        "delay_warning_time": params.delay_warning_time,
        "maximal_queue_lifetime": params.maximal_queue_lifetime,
    }


def default_sender(params: TemplateParameters) -> str:
    """Return the value of From: where a template has none."""
    return from_value(NULL_SENDER_NAME, "Mail Delivery System", params.header_from_format)


def show_template(template: Template, sender: str) -> str:
    """Return a template as a file would have it; sender is the value of From: where it has none."""
    headers = {
        "Charset": template.charset,
        "From": template.sender or sender,
        "Subject": template.subject,
        "Postmaster-Subject": template.postmaster_subject,
    }
    header = "".join(f"{label}: {value}\n" for label, value in headers.items() if value)
    return f"{template.name}_template = <<EOF\n{header}\n{template.text}EOF\n"


def show_text(template: Template, expanded: str) -> str:
    """Return the text of a template with its names replaced, under a name of its own."""
    return f"expanded_{template.name}_text = <<EOF\n{expanded}EOF\n"
