"""The SMTP and LMTP client's protocol core: bytes and states, no sockets, no clock, no configuration.

`Session` takes what the server sent and gives `actions` to perform; `ReplyParser` cuts the stream into replies;
`Features` is what EHLO offered; `commands` words MAIL and RCPT; `ContentEncoder` makes wire form of a message.

Promise: any bytes from a server end in actions, never in an exception; how the stream was cut never changes the
actions; no address, whatever is in it, makes a second command. Between begin() and Finished every recipient is reported
exactly once: accepted, refused (alone or with the whole message), unsendable, or left to Lost or Violated, which end
the session.

See: RFC 5321, RFC 2920 (PIPELINING), RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 3461 (DSN), RFC 6531 (SMTPUTF8),
RFC 2034 (ENHANCEDSTATUSCODES), RFC 2033 (LMTP).
"""
