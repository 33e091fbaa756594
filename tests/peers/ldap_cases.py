"""What the ldap tables of both programs are asked, and the entries that are there."""

from __future__ import annotations

import random

from databases import Users
from postmap_pair import some_keys, some_value

COUNT = 300
GROUPS: Users = {
    "alice": [("address", "alice@d.test"), ("address", "al@d.test"), ("goto", "alice-drop")],
    "bob": [("address", "bob@d.test"), ("goto", "b1"), ("goto", "b2")],
    "carol": [("address", "carol@d.test")],
    "g1": [
        ("address", "g1@d.test"), ("memberdn", "cn=alice,ou=users,dc=test"), ("memberdn", "cn=bob,ou=users,dc=test"),
    ],
    "g2": [
        ("address", "g2@d.test"), ("memberdn", "cn=g1,ou=users,dc=test"), ("memberdn", "cn=carol,ou=users,dc=test"),
        ("goto", "g2-drop"),
    ],
    "loop": [("address", "loop@d.test"), ("memberdn", "cn=loop,ou=users,dc=test"), ("goto", "loop-drop")],
    "gone": [("address", "gone@d.test"), ("memberdn", "cn=nobody,ou=users,dc=test"), ("goto", "gone-drop")],
    "url": [("address", "url@d.test"), ("memberurl", "ldap:///ou=users,dc=test?address,goto?sub?(cn=*ob)")],
    "url2": [("address", "url2@d.test"), ("memberurl", "LDAP://other.test/cn=g1%2Cou=users,dc=test")],
    "url3": [("address", "url3@d.test"), ("memberurl", "ldap:///ou=users,dc=test?memberdn?one?(|(cn=g1)(cn=g2))")],
    "badurl": [("address", "badurl@d.test"), ("memberurl", "ldap:///??everywhere")],
    "notdn": [("address", "notdn@d.test"), ("memberdn", "no name")],
    "mixed": [("goto", "first"), ("memberdn", "cn=bob,ou=users,dc=test"), ("address", "mixed@d.test")],
    "octets": [("address", "octets@d.test"), ("octets", b"\xff")],
}  # fmt: skip
GROUP_KEYS = [f"{name}@d.test" for name in GROUPS if name not in ("loop", "badurl", "notdn", "octets")] + ["G2@D.Test"]
ADDRESS = "query_filter = address=%s\n"
GOTO = f"{ADDRESS}result_attribute = goto\n"
ANY = "query_filter = (|(address=%s)(cn=%u))\nresult_attribute = goto\n"
NONE = "result_attribute =\n"
DN = "special_result_attribute = memberdn, memberurl\n"
CASES = {
    "one attribute": GOTO,
    "two attributes": f"{ADDRESS}result_attribute = GoTo, address\n",
    "no attribute": f"{ADDRESS}{NONE}",
    "filter with brackets": "query_filter = (&(address=%s)(|(goto=*a*)(goto=*b*)))\nresult_attribute = goto\n",
    "filter with parts": "query_filter = (address=%u@%d)\nresult_attribute = goto\n",
    "filter with labels": "query_filter = (&(address=*@%2.%1)(address=%u*))\nresult_attribute = goto\n",
    "filter that finds many": "query_filter = (goto=*%u*)\nresult_attribute = goto\nresult_format = %s/%S\n",
    "base with a part": f"{ANY}search_base = cn=%u,ou=users,dc=test\n",
    "scope base": f"{ANY}search_base = cn=%u,ou=users,dc=test\nscope = base\n",
    "scope one": f"{GOTO}scope = one\nsearch_base = ou=users,dc=test\n",
    "format": f"{GOTO}result_format = <%s|%u|%d|%S|%D>\n",
    "old and new format": f"{GOTO}result_filter = <%s>\nresult_format = [%s]\n",
    "domain": f"{GOTO}domain = d.test, example.com\n",
    "dereference": f"{GOTO}dereference = 3\n",
    "no bind": f"{GOTO}bind = no\n",
    "simple bind": f"{GOTO}bind = simple\nbind_dn = cn=admin,dc=test\nbind_pw = secret\n",
}
GROUP_CASES = {
    "members": f"{GOTO}{DN}",
    "members' addresses": f"{ADDRESS}{DN}result_attribute = address\n",
    "leaves": f"{ADDRESS}{DN}{NONE}leaf_result_attribute = address\n",
    "leaves and others": f"{GOTO}{DN}leaf_result_attribute = address\n",
    "terminals": f"{ADDRESS}{DN}{NONE}terminal_result_attribute = goto\nleaf_result_attribute = address\n",
    "terminals and others": f"{ADDRESS}{DN}result_attribute = address\nterminal_result_attribute = goto\n",
    "attribute of two kinds": f"{ADDRESS}result_attribute = memberdn goto\nspecial_result_attribute = memberdn\n",
    "limits that are not reached": f"{GOTO}{DN}expansion_limit = 50\nsize_limit = 20\nrecursion_limit = 5\n",
}


def some_users(chance: random.Random) -> tuple[Users, list[str]]:
    """Return entries, and keys to ask for: those that are there, and others."""
    keys = list(dict.fromkeys(key.casefold() for key in some_keys(chance, COUNT)))
    keys += ["*", "(", ")", "\\", "a*b", "(x)", "a\\2a", "*@example.com", "#x", " y ", "x=y,z", 'q"q', "<a>;b+c"]
    users = dict(GROUPS)
    for number, key in enumerate(keys[: COUNT // 2] + keys[COUNT:]):
        values: list[tuple[str, str | bytes]] = [("address", key), ("goto", some_value(chance))]
        if chance.random() < 0.3:
            values = [("address", f"second-{key}"), *values, ("goto", f"{number}@example.com")]
        users[f"user{number}"] = values
    return users, [*keys, *(f"user{number}@x.test" for number in range(0, COUNT, 7)), *GROUP_KEYS]
