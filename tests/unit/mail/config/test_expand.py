"""Expansion of $name and its conditional forms, in the words of postconf(5)."""

from __future__ import annotations

import pytest

from pyfix.mail.config.expand import SIZE_LIMIT, ExpandError, expand

VALUES = {"a": "1", "b": "${c}", "c": "", "e": " ${c}", "deep": "<$a>", "loop": "x$loop", "one": "$two", "two": "$one"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$a", "1"),
        ("$(a)", "1"),
        ("${a}", "1"),
        ("${ a }", "1"),
        ("$a$a-$a.b", "11-1.b"),
        ("$$a", "$a"),
        ("$$$a", "$1"),
        ("${nosuch}", ""),
        ("$deep", "<1>"),
        ("${a?yes}", "yes"),
        ("${a:no}", ""),
        ("${c?yes}", ""),
        ("${c:no}", "no"),
        ("${b?yes}", "yes"),
        ("${b:no}", ""),
        ("${nosuch:no}", "no"),
        ("${a? b }", " b "),
        ("${a?{ b }}", " b "),
        ("${a?{x}:{y}}", "x"),
        ("${c?{x}:{y}}", "y"),
        ("${c?{x}:y}", "y"),
        ("${c?{x} : y }", " y "),
        ("${a?x:y}", "x:y"),
        ("${c?x:y}", ""),
        ("$(a?(b)c)", "(b)c"),
        ("${:x}", "x"),
        ("${?x}", ""),
        ("${a?{${c?{1}:{2}}}:{3}}", "2"),
        ("${a?${c:{deep $a}}}", "deep 1"),
        ("${a?x}y}", "xy}"),
        ("{$a}", "{1}"),
    ],
)
def test_reference_expands(text: str, expected: str) -> None:
    """Each form of reference has the value that Postfix gives it."""
    assert expand(text, VALUES.get) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${{1} < {2}}", "true"),
        ("${{2} < {1}}", ""),
        ("${{2}<{12}?{yes}:{no}}", "yes"),
        ("${{b}<{a}?{yes}:{no}}", "no"),
        ("${{B} < {a} ? {yes} : {no}}", "yes"),
        ("${{-1} < {0} ? {lexical} : {no}}", "lexical"),
        ("${{01} == {1} ? {yes} : {no}}", "yes"),
        ("${{1 } == {1} ? {yes} : {no}}", "no"),
        ("${{x} != {y} ? {yes} : {no}}", "yes"),
        ("${{2} >= {2} ? {yes} : {no}}", "yes"),
        ("${{2} <= {1} ? {yes} : {no}}", "no"),
        ("${{2} > {10} ? {yes} : {no}}", "no"),
        ("${{$a} == {1}:{no}}", ""),
        ("${{$a} == {2}:{no}}", "no"),
        ("${{} == {$c} ? {yes}}", "yes"),
        ("${{3.10} >level {3.9} ? {yes} : {no}}", "yes"),
        ("${{3.10} > {3.9} ? {yes} : {no}}", "no"),
        ("${{3} ==level {3.0} ? {yes} : {no}}", "yes"),
        ("${{3.6.1} <=level {3.6} ? {yes} : {no}}", "no"),
        ("${{{x}} == {{x}} ? {y}}", "y"),
    ],
)
def test_comparison_expands(text: str, expected: str) -> None:
    """Digits compare as numbers, other text byte by byte, levels part by part."""
    assert expand(text, VALUES.get) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${a", 'truncated macro reference: "${a"'),
        ("x $(a}", 'truncated macro reference: "$(a}"'),
        ("$", 'empty macro name: "$"'),
        ("${}", 'empty macro name: "${}"'),
        ("${a.b}", 'attribute name syntax error: "${a.b}"'),
        ("${a?{x}y}", '":" expected in: "${a?{x}y}"'),
        ("${c:{x}y}", 'unexpected input "y" in: "${c:{x}y}"'),
        ("${{1} = {1} ? {x}}", '"==" or "!=" or "<" or "<=" or ">=" or ">" expected in: "${{1} = {1} ? {x}}"'),
        ("${{1} ==levels {1} ? {x}}", '"{expression}" expected in: "${{1} ==levels {1} ? {x}}"'),
        ("${{1} == {1} x}", '"?" or ":" expected in: "${{1} == {1} x}"'),
        ("${{x} <level {1} ? {y}}", 'malformed compatibility level syntax: "x"'),
        ("$loop", 'unreasonable macro call nesting: "loop"'),
        ("$one", 'unreasonable macro call nesting: "one"'),
    ],
)
def test_broken_expression_is_refused(text: str, message: str) -> None:
    """The message quotes the part that is wrong."""
    with pytest.raises(ExpandError) as caught:
        expand(text, VALUES.get)
    assert str(caught.value) == message


def test_unused_branch_may_hold_anything() -> None:
    """Only the chosen branch is expanded."""
    assert expand("${a?{ok}:{$}}${c?{$loop}:{.}}", VALUES.get) == "ok."


def test_deep_nesting_is_refused() -> None:
    """A text that nests past the limit is an error, not a crash."""
    with pytest.raises(ExpandError, match="unreasonable macro call nesting"):
        expand("${a?" * 500 + "x" + "}" * 500, VALUES.get)


def test_values_that_double_take_no_exponential_time() -> None:
    """Sixty names, each twice the one before, are refused for their size."""
    names = {f"n{index}": f"$n{index + 1}$n{index + 1}" for index in range(60)} | {"n60": "x"}
    with pytest.raises(ExpandError, match=f"value longer than {SIZE_LIMIT} characters"):
        expand("$n0", names.get)
    names["n60"] = ""
    assert expand("$n0", names.get) == ""
