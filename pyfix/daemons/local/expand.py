"""Follow a recipient through aliases, .forward and :include: files to its destinations.

Recursive, because aliases are: an alias may name an alias that names a user whose .forward names the alias again.
`Expansion.recipient` is the entry and the point that everything comes back to. Every path ends in a verdict
in the Context; the nesting depth is limited.
See: local(8), aliases(5); lists.py finds the lists.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Final

from pyfix.daemons.local.context import LEVEL_LIMIT, Context
from pyfix.daemons.local.external import deliver_command, deliver_file
from pyfix.daemons.local.lists import Listed, find_alias, find_forward, find_include
from pyfix.daemons.local.mailbox import deliver_mailbox, pass_on
from pyfix.daemons.local.neighbours import NeighbourError
from pyfix.daemons.local.resubmit import Resubmission
from pyfix.daemons.local.state import Source, State
from pyfix.daemons.local.users import User, UserLookupError, find_user
from pyfix.mail.address.quote import quote_address, unquote_local
from pyfix.mail.address.split import split_address, split_extension
from pyfix.mail.delivery import valid_text
from pyfix.mail.delivery.destinations import Destination, ToAddress, ToCommand, ToFile, ToInclude
from pyfix.mail.delivery.macros import ExpandError

_REQUIRED: Final = ("mailer-daemon", "postmaster")


class Expansion:
    """The expansion of one recipient."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._params = context.tools.params
        self._log = context.tools.log

    def recipient(self, state: State, user: User) -> None:
        """Deliver to a local address."""
        state = state.deeper()
        if state.level > LEVEL_LIMIT:
            self._log.warning(f"recipient nesting limit exceeded for {state.address}")
            self._context.bounced(state, "5.4.6", "recipient nesting limit exceeded")
        elif not self._context.first_visit("recipient", str(state.level), state.address):
            return
        elif state.address.lower() in self._context.loop_addresses:
            self._context.bounced(state, "5.4.6", f"mail forwarding loop for {state.address}")
        else:
            state = self._split(state)
            if state.user:
                self._switch(state, user)
            else:
                self._context.bounced(state, "5.1.3", f'null username in "{state.address}"')

    def _split(self, state: State) -> State:
        """Return the state with the parts of its address."""
        local, domain = split_address(state.address)
        local = unquote_local(local).lower()
        if domain is None:
            self._log.warning(f"no @ in recipient address: {local}")
        params = self._params
        name, extension = split_extension(
            local, params.recipient_delimiter, owner_request_special=params.owner_request_special
        )
        if extension is not None and "/" in extension:
            queue_id = self._context.job.request.queue_id
            self._log.warning(f"{queue_id}: address with illegal extension: {local}")
            extension, local = None, name
        return replace(
            state, delivered=state.delivered or state.address, local=local, domain=(domain or "").lower(),
            user=name, extension=extension, unmatched=extension,
        )  # fmt: skip

    def _switch(self, state: State, user: User) -> None:
        """Try the ways of delivery in their order."""
        if state.local.startswith("\\"):
            self._mailbox_alone(state, user)
            return
        if self._alias(replace(state, unmatched=None), state.local):
            return
        if state.extension is not None:
            keeps = "alias" in self._params.propagate_unmatched_extensions
            if self._alias(replace(state, unmatched=state.extension if keeps else None), state.user):
                return
        if self._is_forwarded(state):
            self._forward(state)
        elif self._has_home(state) and not self._dot_forward(state) and not deliver_mailbox(self._context, state):
            self._unknown(state, user)

    def _mailbox_alone(self, state: State, user: User) -> None:
        r"""Deliver to the mailbox of \user, whatever aliases and his .forward say."""
        address = quote_address(f"{state.local[1:]}@{state.domain}")
        state = replace(state, address=address, local=state.local[1:], user=state.user[1:])
        if not deliver_mailbox(self._context, state):
            self._unknown(state, user)

    def _is_forwarded(self, state: State) -> bool:
        """True for members of lists that somebody else owns: each gets a queue file of its own."""
        if state.owner is not None and state.owner.lower() != state.user.lower():
            return True
        return state.source is Source.INCLUDE

    def _has_home(self, state: State) -> bool:
        """False, with a verdict, when require_home_directory finds none."""
        if not self._params.require_home_directory:
            return True
        try:
            user = find_user(state.user)
        except UserLookupError as error:
            self._context.user_unclear(state, error)
            return False
        if user is None or user.home is None:
            return True
        try:
            with self._context.tools.rights.as_user(user.uid, user.gid):
                os.stat(user.home)
        except OSError as error:
            self._context.deferred(state, "4.3.0", f"cannot access home directory {user.home}: {error.strerror}")
            return False
        return True

    # --- lists

    def _alias(self, state: State, name: str) -> bool:
        """Deliver to what an alias stands for; False when there is no such alias, or it is inside itself."""
        state = state.deeper()
        listed = find_alias(self._context, state, name)
        if listed is None:
            return False
        self._deliver_all(listed)
        if listed.destinations:
            self._context.expanded(state, "delivered" if listed.has_owner else "expanded")
        return True

    def _dot_forward(self, state: State) -> bool:
        """Deliver to what the user's .forward says; False when there is none, or this is its own inside.

        A user about whom nobody can tell has perhaps a .forward: the mail waits.
        """
        state = state.deeper()
        try:
            user = find_user(state.user) if self._params.forward_path else None
        except UserLookupError as error:
            self._context.user_unclear(state, error)
            return True
        listed = find_forward(self._context, state, user) if user else None
        if listed is None:
            return False
        self._deliver_all(listed)
        if listed.destinations:
            self._context.first_visit("forward-done", listed.path)
            if not self._context.has_deferred:
                self._context.expanded(state, "expanded")
        return True

    def _deliver_all(self, listed: Listed) -> None:
        for destination in listed.destinations:
            self._destination(listed.state, listed.user, destination)

    # --- destinations

    def _destination(self, state: State, user: User, destination: Destination) -> None:
        match destination:
            case ToCommand(command):
                if state.source.value in self._params.allow_mail_to_commands:
                    deliver_command(self._context, state, user, command)
                else:
                    self._context.bounced(state, "5.7.1", "mail to command is restricted")
            case ToFile(path):
                self._file(state, user, path)
            case ToInclude(path):
                listed = find_include(self._context, state.deeper(), user, path)
                if listed is not None:
                    self._deliver_all(listed)
            case ToAddress(address):
                self._address(state, user, address)

    def _file(self, state: State, user: User, path: str) -> None:
        if not path.startswith("~"):
            deliver_file(self._context, state, user, path)
        elif not path.startswith("~/"):
            self._context.bounced(state, "5.1.3", f"bad home directory syntax for: {path}")
        elif user.home is None:
            self._context.bounced(state, "5.1.3", f"unknown home directory for: {path}")
        else:
            deliver_file(self._context, state, user, user.home.rstrip("/") + path[1:])

    def _address(self, state: State, user: User, address: str) -> None:
        """Deliver to an address here, or forward to one elsewhere."""
        state = state.deeper()
        if valid_text(address) != address:
            self._context.bounced(state, "5.1.3", f"bad recipient address syntax: {address}")
            return
        try:
            resolved = self._context.tools.resolver.resolve(state.sender, address)
        except NeighbourError as error:
            self._log.warning(str(error))
            self._context.deferred(state, "4.3.0", "address resolver failure")
            return
        if resolved.address_class == "error":
            self._context.bounced(state, "5.1.3", f"bad recipient address syntax: {resolved.recipient}")
            return
        found = replace(state, address=self._with_extension(resolved.recipient, state.unmatched))
        if resolved.transport == self._context.tools.service:
            self.recipient(found, user)
        else:
            self._forward(found)

    def _with_extension(self, address: str, extension: str | None) -> str:
        """Return the address with the extension that no table used."""
        if extension is None or not self._params.recipient_delimiter:
            return address
        local, domain = split_address(address)
        extended = f"{local}{self._params.recipient_delimiter[0]}{extension}"
        return extended if domain is None else f"{extended}@{domain}"

    def _forward(self, state: State) -> None:
        """Have the message queued anew for this address, once everything else has been tried."""
        context = self._context
        if not context.first_visit("indirect", state.address):
            return
        if context.job.is_trace_only:
            context.sent(state, f"forwards to {state.address}")
            return
        key = (state.delivered, state.sender)
        if key not in context.forwards:
            context.forwards[key] = Resubmission(state.sender, state.delivered, state.envid, state.ret)
        context.forwards[key].add(state)

    # --- names that are nobody's

    def _unknown(self, state: State, user: User) -> None:
        """Deal with a name that is neither alias nor user."""
        context = self._context
        params = self._params
        if not context.first_visit("unknown", state.local):
            return
        if pass_on(context, state, context.tools.tables.fallback_transports, params.fallback_transport):
            return
        if params.luser_relay:
            self._luser_relay(state, user)
        elif state.user in _REQUIRED:
            self._log.warning(f"required alias not found: {state.user}")
            context.sent(state, "discarded")
        else:
            context.bounced(state, "5.1.1", f'unknown user: "{state.user}"')

    def _luser_relay(self, state: State, user: User) -> None:
        try:
            address = self._context.expand(self._params.luser_relay, state, user).text
        except ExpandError as error:
            self._context.misconfigured(state, f"bad parameter value syntax for luser_relay: {error}", status="4.3.5")
            return
        self._address(replace(state, unmatched=None), user, address)
