r"""regexp_table(5), pcre_table(5): rules with regular expressions; the first that matches a key gives the result.

    /pattern/flags result

regexp:/file/name has POSIX extended regular expressions, pcre:/file/name Perl's, as Python has them.

Format: one rule a line; a line that begins with white space continues the one before. Instead of / any character that
is no letter or digit may stand around the pattern.

    /pattern/flags result    the result for keys that match
    !/pattern/flags result   the result for keys that do not
    if /pattern/flags        what follows, up to endif, is for keys that match
    if !/pattern/flags       what follows, up to endif, is for keys that do not
    endif                    ends the innermost if

Flags, each of which turns its meaning over:

    i   case counts; otherwise it does not
    m   ^ and $ match at every line
    s   in pcre: . does not match a line break
    x   in pcre: white space and comments in the pattern do not count
    A   in pcre: the pattern matches at the beginning only

A key is matched as it comes, and whole: an address with its domain, never a part of it. Rules may also stand in
main.cf: regexp:{{/pattern/ result}, {/pattern/ result}}.

Results: $1, ${1} and $(1) stand for what a group matched, $$ for a dollar. A rule with ! has no groups. Where the
result decides what is run or where a file is (the aliases of local(8), the mailboxes of virtual(8)) such rules are
refused.

Failures: a rule that is wrong is skipped with a warning that names file and line; the others work. A lookup that takes
more than a second of processor time, as with (a+)+ and a long key that almost matches, makes the table unusable for
that key: a temporary failure.

Different from Postfix: of several alternatives Python takes the first that fits, POSIX the longest; this shows in what
$1 holds after (a|ab), never in whether a key matches. The flags x of regexp, U and X of pcre are refused.

Example: check_helo_access regexp:/etc/pyfix/helo

    /^[0-9.]+$/                   REJECT an address is no name
    if !/\./
    /^(.*)$/                      REJECT $1 has no domain
    endif

See: cidr_table(5), access(5), postmap(1)

Inside: ere.py translates POSIX's expressions, pattern_table.py looks up.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from pyfix.mail.maps import ere
from pyfix.mail.maps.pattern_table import Rule
from pyfix.mail.maps.replacement import BadRule, Result, compile_result
from pyfix.mail.maps.source import SPACE, LogicalLine, first_word, shown
from pyfix.mail.maps.table import Warn


@dataclass(frozen=True, slots=True)
class Dialect:
    """What regexp and pcre differ in."""

    name: str
    compile: Callable[[str, str], re.Pattern[str]]
    """(pattern, flags) -> compiled; raises BadRule."""
    skipping: str
    """The words about a pattern that does not end."""


class PatternReader:
    """Turns logical lines into rules; `finish` gives them."""

    def __init__(self, dialect: Dialect, path: str, warn: Warn, substitution: bool = True) -> None:
        self._dialect = dialect
        self._substitution = substitution
        self._path = path
        self._warn = warn
        self._rules: list[Rule] = []
        self._open: list[tuple[Rule, int]] = []

    def read(self, lines: Iterable[LogicalLine]) -> list[Rule]:
        """Return the rules of all lines; wrong ones are left out with a warning."""
        for line in lines:
            try:
                self._statement(line)
            except BadRule as problem:
                self._complain(line.number, str(problem))
        for rule, number in self._open:
            self._complain(number, "IF has no matching ENDIF")
            rule.after = len(self._rules)
        return self._rules

    def _complain(self, number: int, problem: str) -> None:
        self._warn(f"{self._dialect.name} map {self._path}, line {number}: {problem}")

    def _statement(self, line: LogicalLine) -> None:
        text = line.text
        if not text[0].isalnum():
            self._match(line)
        elif _is_word(text, "if"):
            self._begin_if(line)
        elif _is_word(text, "endif"):
            self._end_if(line)
        else:
            raise BadRule("ignoring unrecognized request")

    def _begin_if(self, line: LogicalLine) -> None:
        pattern, flags, negated, rest = self._expression(line.text[2:].lstrip(SPACE))
        if rest:
            self._complain(line.number, f'ignoring extra text after IF statement: "{shown(rest)}"')
            self._complain(line.number, "do not prepend whitespace to statements between IF and ENDIF")
        rule = Rule(self._dialect.compile(pattern, flags), negated, None)
        self._rules.append(rule)
        self._open.append((rule, line.number))

    def _end_if(self, line: LogicalLine) -> None:
        if not self._open:
            raise BadRule("ignoring ENDIF without matching IF")
        if line.text[5:].strip(SPACE):
            self._complain(line.number, "ignoring extra text after ENDIF")
        self._open.pop()[0].after = len(self._rules)

    def _match(self, line: LogicalLine) -> None:
        pattern, flags, negated, result = self._expression(line.text)
        if not result:
            self._complain(line.number, "no replacement text: using empty string")
        compiled = self._dialect.compile(pattern, flags)
        self._rules.append(Rule(compiled, negated, self._result(result, compiled.groups, negated)))

    def _result(self, text: str, groups: int, negated: bool) -> Result:
        result = compile_result(text, groups, negated)
        if not isinstance(result, str) and not self._substitution:
            raise BadRule("regular expression substitution is not allowed: skipping this rule")
        return result

    def _expression(self, text: str) -> tuple[str, str, bool, str]:
        """Return (pattern, flags, negated, rest of the line)."""
        bare = text.lstrip("!" + SPACE)
        negated = text[: len(text) - len(bare)].count("!") % 2 == 1
        if not bare:
            raise BadRule("no regexp: skipping this rule")
        end = _closing(bare)
        if end < 0:
            raise BadRule(f'no closing regexp delimiter "{shown(bare[0])}": {self._dialect.skipping}')
        rest = bare[end + 1 :]
        flags = first_word(rest)
        return bare[1:end], flags, negated, rest[len(flags) :].strip(SPACE)


def _is_word(text: str, word: str) -> bool:
    size = len(word)
    return text[:size].lower() == word and not text[size : size + 1].isalnum()


def _closing(text: str) -> int:
    """Return the index of the delimiter that ends the pattern begun by text[0], or -1."""
    index = 1
    while index < len(text):
        if text[index] == "\\":
            index += 1
        elif text[index] == text[0]:
            return index
        index += 1
    return -1


def _toggle(flags: str, meanings: dict[str, re.RegexFlag], start: re.RegexFlag) -> re.RegexFlag:
    """Return the flags after each letter has turned its meaning over."""
    value = start
    for letter in flags:
        if letter not in meanings:
            raise BadRule(f'unknown regexp option "{shown(letter)}": skipping this rule')
        value ^= meanings[letter]
    return value


def _compile_regexp(pattern: str, flags: str) -> re.Pattern[str]:
    if "x" in flags:
        raise BadRule('regexp option "x" (basic regular expressions) is not supported: skipping this rule')
    value = _toggle(flags, {"i": re.IGNORECASE, "m": re.MULTILINE}, re.IGNORECASE | re.ASCII)
    multiline = bool(value & re.MULTILINE)
    try:
        translated = ere.translate(pattern, multiline=multiline)
    except ere.BadExpression as error:
        raise BadRule(f"{error}: skipping this rule") from error
    return _build(translated, value if multiline else value | re.DOTALL)


def _compile_pcre(pattern: str, flags: str) -> re.Pattern[str]:
    anchored = "A" in flags
    for letter in "UX":
        if letter in flags:
            raise BadRule(f'pcre option "{letter}" is not supported: skipping this rule')
    letters = flags.replace("A", "").replace("E", "")
    meanings = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
    value = _toggle(letters, meanings, re.IGNORECASE | re.DOTALL | re.ASCII)
    return _build(rf"\A(?:{pattern})" if anchored else pattern, value)


def _build(pattern: str, flags: re.RegexFlag) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python muses on what a set could mean some day
            return re.compile(pattern, flags)
    except re.error as error:
        where = f" at offset {error.pos}" if error.pos is not None else ""
        raise BadRule(f"error in regex{where}: {error.msg}: skipping this rule") from error
    except (OverflowError, RecursionError, ValueError) as error:
        raise BadRule(f"error in regex: {error}: skipping this rule") from error


REGEXP: Final = Dialect("regexp", _compile_regexp, "skipping this rule")
PCRE: Final = Dialect("pcre", _compile_pcre, "ignoring this rule")
