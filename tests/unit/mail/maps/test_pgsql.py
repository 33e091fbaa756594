"""pgsql: what is decided before a server is asked."""

from __future__ import annotations

import pytest

from pyfix.mail.maps.pgsql import mark_escapes, without_secrets
from pyfix.mail.maps.template import Template


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("SELECT '%s'", "s"),
        ("SELECT E'%s'", "Es"),
        ("SELECT e'it''s %s', '%u'", "Es u"),
        ("SELECT e'\\'%s', '\\', E'%d'", "Es Ed"),
        ("SELECT 'E''%s'", "s"),
        ("SELECT type'%s', $1E'%s'", "s s"),
        ("""SELECT "E'%s" """, "s"),
        ("SELECT $$ E'%s $$, $a$ $$ E'%s $a$, E'%s'", "s s Es"),
        ("SELECT /* it's */ E'%s' -- don't\n, E'%u%%%d'", "Es Eu % Ed"),
        ("SELECT E'%s", "Es"),
    ],
)
def test_codes_inside_escape_strings_are_known(query: str, codes: str) -> None:
    """There, and nowhere else, a backslash needs quotes."""
    assert " ".join(mark_escapes(Template.parse(query)).pieces[1::2]) == codes


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("db.test:5433", "db.test:5433"),
        ("unix:/run/postgresql", "unix:/run/postgresql"),
        ("postgresql://mail:secret@db.test:1/mail?password=secret", "postgresql://db.test:1/mail"),
        ("postgresql://mail:s/e@cret@db.test", "postgresql://db.test"),
        ("dbname=mail password = 'se\\'c ret' port=1", "dbname=mail password = ... port=1"),
    ],
)
def test_messages_show_no_password(text: str, shown: str) -> None:
    """Of a host, and of what is in the place of a database."""
    assert without_secrets(text) == shown
