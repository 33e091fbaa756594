"""bounce_template_file: see bounce(5)."""

from __future__ import annotations

import pytest

from pyfix.daemons.bounce.decide import Kind
from pyfix.daemons.bounce.template import BUILT_IN, expand_text, parse_templates

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
    """Those that are not in the file stay; headers that are not given keep their default."""
    templates, problems = parse_templates(GOOD, "bounce.cf")
    assert problems == []
    failure = templates[Kind.FAILURE]
    assert (failure.charset, failure.sender, failure.subject) == ("utf-8", "MAILER-DAEMON (Post)", "Sorry")
    assert (failure.postmaster_subject, failure.text) == ("Copy: Sorry", "Täxt for $myhostname.\n")
    assert templates[Kind.DELAY].text == "EOF is not the end.\n"
    assert templates[Kind.DELAY].postmaster_subject == BUILT_IN[Kind.DELAY].postmaster_subject
    assert templates[Kind.SUCCESS] == BUILT_IN[Kind.SUCCESS]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nonsense\n", 'bounce.cf, line 1: expected "template_name = <<EOF", found: nonsense'),
        ("failure_template = <<EOF\nSubject: x\n\ntext\n", 'bounce.cf, line 1: missing "EOF" after failure_template'),
        ("other_template = <<EOF\n\nx\nEOF\n", "bounce.cf, line 1: unknown template name: other_template"),
        (
            "failure_template = <<EOF\nColour: red\n\nx\nEOF\n",
            "bounce.cf, line 1: failure_template: bad header, template ignored: Colour: red",
        ),
        (
            "failure_template = <<EOF\nSubject: ü\n\nx\nEOF\n",
            "bounce.cf, line 1: failure_template: bad header, template ignored: Subject: ü",
        ),
        (
            "failure_template = <<EOF\nSubject: x\n\nü\nEOF\n",
            "bounce.cf, line 1: failure_template: non-ASCII text needs a Charset: other than us-ascii,"
            " template ignored",
        ),
    ],
)
def test_mistake_is_reported_and_the_default_stays(text: str, problem: str) -> None:
    """With file and line."""
    templates, problems = parse_templates(text, "bounce.cf")
    assert problems == [problem]
    assert templates == BUILT_IN


def test_times_are_shown_in_the_unit_that_the_name_asks_for() -> None:
    """Whole units only."""
    template = parse_templates(
        "delay_template = <<E\n\n${delay_warning_time_minutes} $maximal_queue_lifetime_days\nE\n", "f"
    )[0]
    assert expand_text(template[Kind.DELAY], lambda name: None, TIMES, print) == "240 5\n"


def test_zero_is_worth_a_warning() -> None:
    """A warning time of 4 hours is 0 weeks: three lines tell where to look."""
    template = parse_templates("delay_template = <<E\n\n$delay_warning_time_weeks\nE\n", "f")[0][Kind.DELAY]
    warnings: list[str] = []
    assert expand_text(template, lambda name: None, TIMES, warnings.append) == "0\n"
    assert warnings[0] == 'f: zero result in delay template conversion of parameter "delay_warning_time_weeks"'
    assert len(warnings) == 3


def test_text_that_cannot_be_expanded_is_sent_as_it_is() -> None:
    """A notice with a strange text is better than none."""
    template = parse_templates("failure_template = <<E\n\nat ${myhostname\nE\n", "f")[0][Kind.FAILURE]
    warnings: list[str] = []
    assert expand_text(template, lambda name: "mx.test", TIMES, warnings.append) == "at ${myhostname\n"
    assert len(warnings) == 1
