"""bounce_template_file: see bounce(5)."""

from __future__ import annotations

import pytest

from pyfix.mail.notices.template import BUILT_IN, Kind, TemplateError, expand_text, parse_templates

TIMES = {"delay_warning_time": 4 * 3600.0, "maximal_queue_lifetime": 5 * 86400.0}
GOOD = """\
# a comment

failure_template = <<EOF
Charset: utf-8
From: MAILER-DAEMON (Post)
Subject: Sorry
Postmaster-Subject: Copy: Sorry

Täxt for $myhostname.
EOF
delay_template = <<THE_END
Subject: Late

EOF is not the end.
THE_END
"""


def test_templates_of_a_file_replace_the_built_in_ones() -> None:
    """What a template leaves out stays; the end marker is a line of its own."""
    found = parse_templates(GOOD, "bounce.cf")
    assert (found.problems, found.fatal) == ([], "")
    failure, delay = found.by_kind[Kind.FAILURE], found.by_kind[Kind.DELAY]
    assert (failure.charset, failure.sender, failure.subject) == ("utf-8", "MAILER-DAEMON (Post)", "Sorry")
    assert (failure.postmaster_subject, failure.text) == ("Copy: Sorry", "Täxt for $myhostname.\n")
    assert delay.text == "EOF is not the end.\n"
    assert delay.postmaster_subject == BUILT_IN[Kind.DELAY].postmaster_subject
    assert found.by_kind[Kind.SUCCESS] == BUILT_IN[Kind.SUCCESS]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("other_template = <<EOF\n\nx\nEOF\n", "f, line 1: unknown template name: other_template"),
        ("failure_template = <<EOF\nColour: red\n\nx\nEOF\n", 'f: unknown "Colour" header label in failure template'),
        ("failure_template = <<EOF\nSubject:\n\nx\nEOF\n", 'f: empty "Subject" header value in failure template'),
        (
            "failure_template = <<EOF\nSubject: ü\n\nx\nEOF\n",
            'f: non-ASCII "Subject" header value in failure template',
        ),
        (
            "verify_template = <<EOF\nPostmaster-Subject: x\n\nx\nEOF\n",
            'f: inapplicable "Postmaster-Subject" header label in verify template',
        ),
        ("delay_template = <<EOF\nSubject: x\n\nEOF\n", "f: missing message text in delay template"),
        (
            "failure_template = <<EOF\nSubject: x\n\nü\nEOF\n",
            "f: 8-bit message text in failure template; specify a charset value other than us-ascii",
        ),
    ],
)
def test_mistake_is_reported_and_the_default_stays(text: str, problem: str) -> None:
    """With the name of the template."""
    found = parse_templates(text, "f")
    assert found.problems == [f"{problem} -- ignoring this template"]
    assert found.by_kind == BUILT_IN


def test_text_without_its_end_marker_goes_to_the_end_of_the_file() -> None:
    """As in Postfix, with a warning."""
    found = parse_templates("failure_template = <<EOF\nSubject: x\n\ntext\n", "f")
    assert found.problems == ['f, line 1: missing "EOF" end marker']
    assert found.by_kind[Kind.FAILURE].text == "text\n"


@pytest.mark.parametrize(
    ("line", "fatal"),
    [
        ("nonsense", "missing '=' after attribute name: \"nonsense\""),
        ("x = <<", 'missing end marker after <<: "x = <<"; specify x = <<EOF'),
        ("delay_template = EOF", 'missing end marker after <<: "delay_template = EOF"; specify delay_template = <<EOF'),
    ],
)  # fmt: skip
def test_reading_ends_at_a_line_that_begins_no_template(line: str, fatal: str) -> None:
    """What came before has its effect."""
    found = parse_templates(f"failure_template = <<E\n\nx\nE\n{line}\nverify_template = <<E\n\nx\nE\n", "f")
    assert found.fatal == f"f, line 5: {fatal}"
    assert found.by_kind[Kind.FAILURE].text == "x\n"
    assert found.by_kind[Kind.VERIFY] == BUILT_IN[Kind.VERIFY]


def expanded(text: str, values: dict[str, str], warnings: list[str]) -> str:
    """Return the text of a delay template with its names replaced."""
    template = parse_templates(f"delay_template = <<E\n\n{text}\nE\n", "f").by_kind[Kind.DELAY]
    return expand_text(template, values.get, TIMES, warnings.append)


def test_times_are_shown_in_the_unit_that_the_name_asks_for() -> None:
    """Whole units only."""
    assert expanded("${delay_warning_time_minutes} $maximal_queue_lifetime_days", {}, []) == "240 5\n"


@pytest.mark.parametrize(
    ("name", "shown", "warning"),
    [
        ("delay_warning_time_weeks", "0", "zero result"),
        ("maximal_queue_lifetime_minutes", "7200", 'excessive result "7200"'),
    ],
)
def test_number_that_tells_little_is_worth_a_warning(name: str, shown: str, warning: str) -> None:
    """A warning time of 4 hours is 0 weeks: three lines tell where to look."""
    warnings: list[str] = []
    assert expanded(f"${name}", {}, warnings) == f"{shown}\n"
    assert warnings[0] == f'f: {warning} in delay template conversion of parameter "{name}"'
    assert len(warnings) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("at ${myhostname", "f: bad $name syntax in delay template: at ${myhostname"),
        ("a $nosuch", "f: undefined $name in delay template: a $nosuch"),
        (
            "$delay_warning_time_years",
            'f: unrecognized suffix "years" in parameter "delay_warning_time_years"; specify one of: seconds, minutes,'
            " hours, days, weeks",
        ),
    ],
)
def test_text_that_cannot_be_expanded_is_an_error_with_its_line(text: str, message: str) -> None:
    """A condition may ask for a name that nothing defines."""
    with pytest.raises(TemplateError) as caught:
        expanded(f"${{nosuch?{{a}}:{{b}}}}\n{text}", {"myhostname": "mx.test"}, [])
    assert str(caught.value) == message
