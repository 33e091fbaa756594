"""Parameters about content that more than one process obeys."""

from __future__ import annotations

from pyfix.mail.config import Integer, ParameterSet


class MessageParameters(ParameterSet):
    """What a message may be."""

    message_size_limit = Integer("10240000", "Bytes of a message, headers included; 0: no limit.", low=0)
