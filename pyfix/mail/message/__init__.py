"""The content of a message as bytes: its header block, and the headers that pyfix makes itself.

Content is never a list of lines, and a body is never looked at here. Nothing in this room knows where a message is
stored or who it is for.
"""
