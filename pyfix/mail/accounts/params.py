"""Parameters of accounts: where they are."""

from __future__ import annotations

from pyfix.mail.config import CoreParameters, String


class AccountsParameters(CoreParameters):
    """Where the accounts are."""

    accounts_database = String(
        "sqlite:$data_directory/accounts.db",
        "Domains, mailboxes, aliases and managers: sqlite:/file, or mysql:/file with settings as in mysql_table(5).",
        low=1,
    )
