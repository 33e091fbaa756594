"""Parsing of addresses: SMTP paths (path.py) and address headers (header.py), under one name."""

from pyfix.mail.address.header import AddressHeader, HeaderAddress, header_addresses
from pyfix.mail.address.path import Path, PathSyntaxError, parse_path

__all__ = ["AddressHeader", "HeaderAddress", "Path", "PathSyntaxError", "header_addresses", "parse_path"]
