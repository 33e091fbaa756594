"""Addresses: their form, and where they lead.

split.py, quote.py and valid.py are about the form; tokens.py takes addresses apart; rewrite.py brings them into
standard form; resolve.py decides transport, next hop and class (peel.py, domains.py and transport.py do parts of it).
params.py has the parameters that several processes share. Addresses are `str` in external form unless a name
says internal. Pure throughout, apart from the tables that are passed in; those raise TableError.
"""
