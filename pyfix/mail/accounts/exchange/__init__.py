"""Accounts as files: what is imported and exported.

    sql_file.py    ExtMan's extmail.sql and init.sql, and what mysqldump writes of such a database
    json_file.py   a JSON object a line: pyfix's own, for a copy of everything
    csv_file.py    a file a table: for spreadsheets
    convert.py     what a file says about a row, as the tables have it, or why it can't be
    load.py        all rows into a database, or none

A reader yields Entries, and Notes about what it changes or leaves out. No statement of a file is ever executed.
"""
