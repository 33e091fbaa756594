"""What all delivery agents share: the request as a `Job`, verdicts and their log lines, commands, exit codes.

An agent opens a Job from qmgr's Deliver message, ends every recipient with exactly one verb (sent, deferred, bounced,
expanded), and answers with `Job.finish()`. Nothing in here talks to another process: bounce and defer logs are qmgr's
business, so a verb never waits and may be used inside an event loop.
"""

from pyfix.mail.delivery.content import Content, ContentError
from pyfix.mail.delivery.job import Job, JobError, valid_text
from pyfix.mail.delivery.params import DeliveryParameters

__all__ = ["Content", "ContentError", "DeliveryParameters", "Job", "JobError", "valid_text"]
