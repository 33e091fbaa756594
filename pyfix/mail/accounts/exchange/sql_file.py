"""Read ExtMan's extmail.sql and init.sql, and dumps of such a database.

Only the rows and the order of columns are taken: CREATE TABLE says which columns a later INSERT without names fills, in
this file or the next. What was written for servers of long ago (TYPE=MyISAM, texts with a default, users of the server
in INSERT INTO mysql.user) is told of, and is not needed: the tables are made in their present form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pyfix.mail.accounts.exchange.entries import BrokenFile, Cell, Entry, Found, Note, Place, read_text
from pyfix.mail.accounts.exchange.sql_tokens import Kind, Token, statements
from pyfix.mail.accounts.schema import TABLES

_SILENT: Final = ("SET", "USE", "LOCK", "UNLOCK", "COMMIT", "START", "BEGIN", "DROP")
"""What dumps have around their rows. What is in the database stays there."""
_NO_COLUMNS: Final = ("PRIMARY", "KEY", "UNIQUE", "INDEX", "CONSTRAINT", "FULLTEXT", "FOREIGN", "CHECK")
_SERVER: Final = "mysql"
"""The database of the server itself."""


class SqlReader:
    """Reads files one after the other, and remembers the columns of their tables."""

    def __init__(self, now: str) -> None:
        """now: what NOW() gives."""
        self._now = now
        self._columns: dict[str, list[str]] = {name: list(table.columns) for name, table in TABLES.items()}

    def read(self, path: str) -> Found:
        """Yield what is in a file; raises OSError, BrokenFile."""
        for statement in statements(read_text(path), path):
            yield from _Statement(statement, path, self._columns, self._now).read()


class _Statement:
    """One statement, read from its first token on."""

    def __init__(self, tokens: Sequence[Token], path: str, columns: dict[str, list[str]], now: str) -> None:
        self._tokens = tokens
        self._path = path
        self._columns = columns
        self._now = now
        self._next = 0

    @property
    def _place(self) -> Place:
        """Where the next token stands, or the last one if there is none."""
        return Place(self._path, self._tokens[min(self._next, len(self._tokens) - 1)].line)

    def _peek(self, ahead: int = 0) -> Token | None:
        position = self._next + ahead
        return self._tokens[position] if position < len(self._tokens) else None

    def _take(self) -> Token:
        token = self._peek()
        if token is None:
            raise BrokenFile(f"{self._place}: the statement ends too early")
        self._next += 1
        return token

    def _skip_word(self, *words: str) -> bool:
        token = self._peek()
        if token is None or not token.is_word(*words):
            return False
        self._next += 1
        return True

    def _expect(self, sign: str) -> None:
        place = self._place
        token = self._take()
        if not token.is_sign(sign):
            raise BrokenFile(f'{place}: "{token.text[:40]}" where "{sign}" belongs')

    def read(self) -> Found:
        """Yield rows and notes."""
        place = self._place
        if self._skip_word("INSERT", "REPLACE"):
            yield from self._read_insert(place)
        elif self._skip_word("CREATE"):
            yield from self._read_create(place)
        elif not self._take().is_word(*_SILENT) and not any(token.is_word("KEYS") for token in self._tokens):
            words = " ".join(token.text for token in self._tokens[:3])
            yield Note(place, f"left out: {words[:60]} ...: only rows are taken")

    def _name(self) -> tuple[str, str]:
        """Return database and table, in lower case."""
        token = self._take()
        if token.kind not in (Kind.NAME, Kind.WORD):
            raise BrokenFile(f'{self._place}: "{token.text[:40]}" where a name belongs')
        following = self._peek()
        if following is None or not following.is_sign("."):
            return "", token.text.lower()
        self._next += 1
        return token.text.lower(), self._take().text.lower()

    # --- CREATE TABLE

    def _read_create(self, place: Place) -> Found:
        if self._skip_word("DATABASE", "SCHEMA"):
            return
        if not self._skip_word("TABLE"):
            yield Note(place, "left out: only tables and rows are taken")
            return
        if self._skip_word("IF"):
            self._next += 2  # NOT EXISTS
        _, name = self._name()
        if name not in TABLES:
            yield Note(place, f"left out: table {name}, which pyfix has no use for")
            return
        self._expect("(")
        self._columns[name] = list(self._read_columns())
        unknown = [column for column in self._columns[name] if column not in TABLES[name].columns]
        if unknown:
            yield Note(place, f"left out: columns of table {name} that pyfix has no use for: {', '.join(unknown)}")
        old = self._old_forms()
        if old:
            yield Note(place, f"table {name} is made in its present form, without {', '.join(old)}")

    def _read_columns(self) -> Iterator[str]:
        """Yield the names of columns, and go behind the bracket that ends them."""
        depth, is_first = 1, True
        while depth:
            token = self._take()
            if is_first and depth == 1 and not token.is_sign(")") and not token.is_word(*_NO_COLUMNS):
                yield token.text.lower()
            depth += token.is_sign("(") - token.is_sign(")")
            is_first = depth == 1 and token.is_sign(",")

    def _old_forms(self) -> list[str]:
        """Return what a server of today refuses of a table."""
        words = [token.text.upper() for token in self._tokens]
        triples = zip(self._tokens, self._tokens[1:], self._tokens[2:], strict=False)
        found = [f"TYPE={engine.text}" for word, sign, engine in triples if word.is_word("TYPE") and sign.is_sign("=")]
        if any(word in ("TEXT", "MEDIUMTEXT") and "DEFAULT" in words[at : at + 4] for at, word in enumerate(words)):
            found.append("defaults of texts")
        if any(word.startswith("0000-00-00") for word in words):
            found.append("strict checks of its dates 0000-00-00, which mean never")
        return found

    # --- INSERT

    def _read_insert(self, place: Place) -> Found:
        self._skip_word("LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY")
        self._skip_word("IGNORE")
        self._skip_word("INTO")
        database, name = self._name()
        if database == _SERVER:
            remedy = "make users of the server with CREATE USER and GRANT"
            yield Note(place, f"left out: INSERT INTO {database}.{name}; {remedy}")
            return
        if name not in TABLES:
            yield Note(place, f"left out: rows of table {name}, which pyfix has no use for")
            return
        columns = self._listed_columns() or self._columns[name]
        if not self._skip_word("VALUES", "VALUE"):
            raise BrokenFile(f"{self._place}: INSERT INTO {name} without VALUES")
        while True:
            row = self._place
            values = self._read_values()
            if len(values) != len(columns):
                raise BrokenFile(f"{row}: INSERT INTO {name} has {len(values)} values for {len(columns)} columns")
            named = zip(columns, values, strict=True)
            yield Entry(row, TABLES[name], {column: value for column, value in named if column in TABLES[name].columns})
            if self._peek() is None:
                return
            self._expect(",")

    def _listed_columns(self) -> list[str]:
        token = self._peek()
        if token is None or not token.is_sign("("):
            return []
        self._next += 1
        found: list[str] = []
        while True:
            found.append(self._take().text.lower())
            end = self._take()
            if end.is_sign(")"):
                return found
            if not end.is_sign(","):
                raise BrokenFile(f'{self._place}: "{end.text[:40]}" in a list of columns')

    def _read_values(self) -> list[Cell]:
        self._expect("(")
        found: list[Cell] = []
        while True:
            found.append(self._read_value())
            end = self._peek()
            if end is not None and end.is_sign(")"):
                self._next += 1
                return found
            self._expect(",")

    def _read_value(self) -> Cell:
        place = self._place
        token = self._take()
        if token.kind in (Kind.TEXT, Kind.NUMBER):
            return token.text
        if token.is_word("NULL", "DEFAULT"):
            return None
        if token.is_word("TRUE", "FALSE"):
            return "1" if token.is_word("TRUE") else "0"
        if token.is_word("NOW", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURDATE", "SYSDATE"):
            following = self._peek()
            if following is not None and following.is_sign("("):
                self._next += 1
                self._expect(")")
            return self._now if token.is_word("NOW", "CURRENT_TIMESTAMP", "SYSDATE") else self._now[:10]
        if token.kind is Kind.WORD and token.text.startswith("_") and self._peek() is not None:
            return self._read_value()  # a character set before a text
        raise BrokenFile(f'{place}: "{token.text[:40]}" can\'t be computed here; write the value itself')
