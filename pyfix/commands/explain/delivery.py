"""What the delivery agent of a route does: the program that master.cf names, and the mailbox."""

from __future__ import annotations

import os

from pyfix.commands.explain.facts import Route, VirtualMailbox
from pyfix.commands.explain.local import LocalDelivery
from pyfix.commands.explain.rewriting import Complete
from pyfix.commands.explain.routing import Router
from pyfix.commands.explain.services import Service, Services
from pyfix.mail.config import Config, ConfigError, CoreParameters
from pyfix.mail.ipc.messages import Resolved
from pyfix.mail.mailbox.locate import LookupFailed
from pyfix.mail.mailbox.params import LocalMailboxParameters, VirtualMailboxParameters, check_limit
from pyfix.mail.mailbox.quota.mailboxes import Quotas
from pyfix.mail.mailbox.quota.params import QuotaParameters, RoomRestrictionParameters
from pyfix.mail.message.params import MessageParameters


def runs_as_root(config: Config) -> bool:
    """True when the mail system has root's rights, so that each mailbox has an owner of its own.

    Its queue directory is root's then; where there is none yet, whoever asks will start it.
    """
    try:
        return os.stat(config.read(CoreParameters).queue_directory).st_uid == 0
    except OSError:
        return os.getuid() == 0


def _check_limit(program: str, config: Config) -> None:
    """Raise ConfigError when a mailbox may become so small that its delivery agent does not start."""
    message_limit = config.read(MessageParameters).message_size_limit
    if program == "virtual":
        limit = config.read(VirtualMailboxParameters).virtual_mailbox_limit
        check_limit("virtual_mailbox_limit", limit, message_limit)
    elif program == "local":
        check_limit("mailbox_size_limit", config.read(LocalMailboxParameters).mailbox_size_limit, message_limit)


def _when_full(config: Config, params: QuotaParameters) -> str:
    """Return what becomes of mail for a full mailbox."""
    if config.read(RoomRestrictionParameters).smtpd_reject_overquota_recipient:
        reply = "552 5.2.2" if params.virtual_overquota_bounce else "452 4.2.2"
        return f"smtpd answers {reply} to RCPT TO (quota-status)"
    return "mail is returned" if params.virtual_overquota_bounce else "mail is deferred"


class Delivery:
    """Completes routes by what the delivery agents make of them."""

    def __init__(self, services: Services, router: Router, complete: Complete, sender: str, *, as_root: bool) -> None:
        self._services = services
        self._router = router
        self._complete = complete
        self._sender = sender
        self._as_root = as_root

    def describe(self, route: Route) -> None:
        """Add to a route who delivers, and where to."""
        if route.problem:
            return
        service = self._services.find(route.transport)
        if service.entry is None:
            route.problem = f"master.cf has no service {route.transport}: mail is deferred"
            return
        route.program, route.place = service.entry.program, service.entry.place
        try:
            _check_limit(route.program, service.config)
            if route.program == "virtual":
                route.virtual = self._virtual(service, route.address)
            elif route.program == "local":
                route.local = LocalDelivery(service, route.transport, self._resolve).follow(route.address)
        except ConfigError as error:
            route.problem = f"{route.program} does not start: {error}"

    def _resolve(self, address: str) -> Resolved:
        (completed,) = self._complete([address])
        return self._router.resolve(self._sender, completed)

    def _virtual(self, service: Service, address: str) -> VirtualMailbox:
        with_ids = self._as_root and not (service.entry and service.entry.unprivileged)
        params = service.config.read(QuotaParameters)
        notes: list[str] = []
        quotas = Quotas.open(service.config, params, notes.append, with_ids=with_ids)
        try:
            mailbox = quotas.locator.find(address.lower())
            found = quotas.limits.find(address.lower()) if quotas.limits and mailbox else None
        except LookupFailed as problem:
            return VirtualMailbox(problem=f"mail is deferred: {problem}")
        if mailbox is None:
            return VirtualMailbox(problem=f'unknown user: "{address.lower()}"')
        if found is None:
            limit = service.setting("virtual_mailbox_limit")
            return VirtualMailbox(mailbox.path, mailbox.uid, mailbox.gid, params.virtual_mailbox_limit, limit)
        return VirtualMailbox(
            mailbox.path, mailbox.uid, mailbox.gid, found.quota.size, service.setting(found.parameter),
            found.quota.messages, _when_full(service.config, params), "; ".join(notes),
        )  # fmt: skip
