"""What the SQL tables of all databases are asked, in SQL that all of them understand, and the rows that are there.

The table `alias` has the columns address, goto, other (texts), number and active (numbers).
"""

from __future__ import annotations

import random

from postmap_pair import some_keys, some_value

COUNT = 1000
BASIC = "query = SELECT goto FROM alias WHERE address = '%s' ORDER BY goto\n"
OLD = "table = alias\nselect_field = goto\nwhere_field = address\n"
CASES = {
    "whole key": BASIC,
    "old parameters": OLD,
    "old parameters with conditions": f"{OLD}additional_conditions = AND active = '1'\n",
    "query goes before the old parameters": f"{OLD}{BASIC}result_format = new %s\n",
    "two columns": "query = SELECT goto, other FROM alias WHERE address = '%s' ORDER BY goto\n",
    "numbers": "query = SELECT number, active FROM alias WHERE address = '%s' ORDER BY goto\n",
    "local part and domain": "query = SELECT goto FROM alias WHERE address = '%u@%d' ORDER BY goto\n",
    "capitals in the query": "query = SELECT goto FROM alias WHERE address = '%U@%D' ORDER BY goto\n",
    "labels": "query = SELECT '%2.%1', goto FROM alias WHERE address = '%s' ORDER BY goto\n",
    "many labels": "query = SELECT '%4/%3/%2/%1'\n",
    "local part alone": "query = SELECT goto FROM alias WHERE address = '%u' ORDER BY goto\n",
    "percent sign": "query = SELECT goto FROM alias WHERE address LIKE '%u%%' AND active = 1 ORDER BY goto LIMIT 3\n",
    "no part of the key": "query = SELECT 'constant'\n",
    "result with a prefix": f"{BASIC}result_format = relay:[%s]\n",
    "result with parts of the value": f"{BASIC}result_format = %u/%d\n",
    "result with parts of the key": f"{BASIC}result_format = %S/%U/%D/%s\n",
    "result with labels of the key": f"{BASIC}result_format = %1-%2-%s\n",
    "result without a value": f"{BASIC}result_format = found 100%%\n",
    "domain": f"{BASIC}domain = example.com, EXAMPLE.org\n",
    "domain from a table": f"{BASIC}domain = inline:{{{{bücher.test=x}},{{localhost=y}}}}\n",
    "domain with an exception": f"{BASIC}domain = !localhost, inline:{{localhost=x}}, example.com\n",
    "limit that is not reached": f"{BASIC}expansion_limit = 1000\n",
    "limit below zero": f"{BASIC}expansion_limit = -1\n",
    "dollar sign": "query = SELECT '$1 ${x}', goto FROM alias WHERE address = '%s' ORDER BY goto\n",
}
CREATE = "CREATE TABLE alias (address VARCHAR(600), goto TEXT, other TEXT, number INTEGER, active INTEGER)"
Row = tuple[str, str | None, str | None, int, int]


def some_rows(chance: random.Random) -> tuple[list[Row], list[str]]:
    """Return rows, and keys to ask for: those in the table, and others. Some keys have several rows."""
    keys = [key.casefold() for key in some_keys(chance, COUNT)]
    odd = ["it''s", "\\", "'", '"', "%", "a'b\\'c@example.com", "x@a.b.c.d.e.test", "@", "a@", "@b"]
    keys = list(dict.fromkeys([*keys, *odd]))
    rows: list[Row] = []
    for number, key in enumerate(keys):
        if chance.random() < 0.7:
            for copy in range(chance.choice([1, 1, 1, 2])):
                value = chance.choice(
                    [some_value(chance), some_value(chance), None, "", "user@example.com", "@x", "y@"]
                )
                other = chance.choice([None, "", "other"])
                rows.append((key, f"{copy}{value}" if value else value, other, number, chance.randrange(2)))
    return rows, [*keys, *(key.upper() for key in keys[:200])]
