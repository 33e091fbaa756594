"""Parameters about content that more than one process obeys."""

from __future__ import annotations

from pyfix.mail.config import Boolean, Choice, Integer, ParameterSet


class MessageParameters(ParameterSet):
    """What a message may be."""

    message_size_limit = Integer("10240000", "Bytes of a message, headers included; 0: no limit.", low=0)


class DuplicateParameters(ParameterSet):
    """How far cleanup and local look back for an address that they have met before."""

    duplicate_filter_limit = Integer("1000", "Recipients that are remembered to find duplicates; 0: all.", low=0)


class Utf8Parameters(ParameterSet):
    """Whether text may be more than ASCII."""

    smtputf8_enable = Boolean(
        "${{$compatibility_level} <level {1} ? {no} : {yes}}", "Accept addresses and headers in UTF-8."
    )


class FromParameters(ParameterSet):
    """How mail of the mail system's own, and of local users, says who it is from."""

    header_from_format = Choice("standard", ("standard", "obsolete"), "The form of a From: header that is added.")


class LineParameters(ParameterSet):
    """What is taken for one line: an SMTP command, a line of a .forward or :include: file."""

    line_length_limit = Integer("2048", "Bytes of a line of commands or lists; what is longer is cut.", low=512)
