"""Which lines of a Postfix configuration pyfix does not honour, and why.

    features.py      one table: every parameter of Postfix's that pyfix lacks, by feature, and what is lost without it
    restrictions.py  the same for restrictions, and where they stand in the lists
    services.py      the same for the programs of master.cf
    tables.py        types of tables, and indexes of Postfix's that pyfix does not read
    review.py        all of them over one configuration
    omission.py      what is found

Pure, but for tables.py, which opens tables. `pyfix check` reports it, `pyfix start` does not start where a rule that
refuses or protects would be left out without a word, `pyfix import-postfix` takes the lines out of a copy.
"""

from pyfix.commands.review.omission import Loss, Omission, Where
from pyfix.commands.review.review import explained_names, review

__all__ = ["Loss", "Omission", "Where", "explained_names", "review"]
