"""discard - say that mail was delivered, and throw it away

The nexthop is the reason, with or without an RFC 3463 code before it; every recipient of the request is logged as sent
with it. Needs no rights and reads no content.
"""
