"""Accounts: domains, mailboxes, aliases and managers, in ExtMail's tables.

    store = open_store(config)
    store.mailboxes.get("alice@example.test").quota

One interface (store.py) over the embedded SQLite file and over MySQL and MariaDB; records.py has what an account is,
rules.py what it may do, names.py which names there can be. Mail asks through lookups.py and table.py, commands through
the store. accounts_database says where; schema.py has the tables, and how the embedded file comes from one release to
the next.
"""

from pyfix.mail.accounts.errors import AccountsError, AccountsUnavailable, Duplicate, NotFound, Refused
from pyfix.mail.accounts.logins import Login
from pyfix.mail.accounts.opening import open_store
from pyfix.mail.accounts.params import AccountsParameters
from pyfix.mail.accounts.present import now_text, today
from pyfix.mail.accounts.quota import UNLIMITED, Quota, parse_size, show_size
from pyfix.mail.accounts.records import Alias, AppPassword, Domain, Mailbox, Manager, Role, Service, Standing
from pyfix.mail.accounts.store import Store

__all__ = [
    "UNLIMITED",
    "AccountsError",
    "AccountsParameters",
    "AccountsUnavailable",
    "Alias",
    "AppPassword",
    "Domain",
    "Duplicate",
    "Login",
    "Mailbox",
    "Manager",
    "NotFound",
    "Quota",
    "Refused",
    "Role",
    "Service",
    "Standing",
    "Store",
    "now_text",
    "open_store",
    "parse_size",
    "show_size",
    "today",
]
