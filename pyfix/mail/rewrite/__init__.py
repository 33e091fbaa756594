"""What tables make of addresses: their official form, and the recipients that they stand for.

address_map is a table as canonical(5) and virtual(5) read it; mapping gives one address its official form, by where it
stands; aliases makes one recipient many; rules makes all of them of the parameters. cleanup applies them, in the
envelope and in headers.
"""
