"""Follow a recipient through aliases, .forward and :include: files to its destinations.

Recursive, because aliases are: an alias may name an alias that names a user whose .forward names the alias again.
`Expansion.recipient` is the entry and the point that everything comes back to. Every path ends in a verdict
in the Context; the nesting depth is limited.
See: local(8), aliases(5).
"""

from __future__ import annotations

import os
from dataclasses import replace

from pyfix.daemons.local.context import LEVEL_LIMIT, Context
from pyfix.daemons.local.destinations import (
    Destination,
    ToAddress,
    ToCommand,
    ToFile,
    ToInclude,
    parse_destinations,
    parse_lines,
)
from pyfix.daemons.local.external import deliver_command, deliver_file
from pyfix.daemons.local.listfile import ListFileError, read_list
from pyfix.daemons.local.macros import ExpandError
from pyfix.daemons.local.mailbox import deliver_mailbox, pass_on
from pyfix.daemons.local.neighbours import NeighbourError
from pyfix.daemons.local.resubmit import Resubmission
from pyfix.daemons.local.state import Source, State
from pyfix.daemons.local.users import NOBODY_YET, User, UserLookupError, find_user, user_of_uid
from pyfix.mail.address.quote import unquote_local
from pyfix.mail.address.split import split_address, split_extension
from pyfix.mail.maps import Found, TableError

_REQUIRED = ("mailer-daemon", "postmaster")


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
        if self._alias(replace(state, unmatched=None), user, state.local):
            return
        if state.extension is not None:
            keeps = "alias" in self._params.propagate_unmatched_extensions
            if self._alias(replace(state, unmatched=state.extension if keeps else None), user, state.user):
                return
        if (state.owner is not None and state.owner.lower() != state.user.lower()) or state.source is Source.INCLUDE:
            self.forward(state)
        elif self._has_home(state) and not self._dot_forward(state) and not deliver_mailbox(self._context, state):
            self._unknown(state, user)

    def _has_home(self, state: State) -> bool:
        """False, with a verdict, when require_home_directory finds none."""
        if not self._params.require_home_directory:
            return True
        user = self._find_user(state)
        if user is None or user.home is None:
            return True
        try:
            with self._context.tools.rights.as_user(user.uid, user.gid):
                os.stat(user.home)
        except OSError as error:
            self._context.deferred(state, "4.3.0", f"cannot access home directory {user.home}: {error.strerror}")
            return False
        return True

    def _find_user(self, state: State) -> User | None:
        try:
            return find_user(state.user)
        except UserLookupError:
            return None  # the mailbox delivery that comes next meets the same error and defers

    # --- aliases

    def _alias(self, state: State, user: User, name: str) -> bool:
        """Deliver to what an alias stands for; False when there is no such alias, or it is inside itself."""
        state = state.deeper()
        if state.expanded_from is not None and state.expanded_from.lower() == name.lower():
            return False
        if state.level > LEVEL_LIMIT:
            self._log.warning(f"alias database loop for {name}")
            self._context.bounced(state, "5.4.6", f"alias database loop for {name}")
            return True
        try:
            found = self._context.tools.tables.aliases.find(name)
            owner = self._owner_of(name) if found else None
        except TableError as error:
            self._log.warning(str(error))
            self._context.deferred(state, "4.3.0", "alias database unavailable")
            return True
        if found is not None:
            self._follow_alias(replace(state, expanded_from=name), found, name, owner)
        return found is not None

    def _owner_of(self, name: str) -> str | None:
        """Return the sender that a list with an owner- alias has; raises TableError."""
        if not self._params.owner_request_special:
            return None
        expansion = self._context.tools.tables.aliases.lookup(f"owner-{name}")
        if expansion is None:
            return None
        return expansion if self._params.expand_owner_alias else f"owner-{name}"

    def _follow_alias(self, state: State, found: Found, name: str, owner: str | None) -> None:
        destinations = parse_destinations(found.value)
        if not destinations:
            self._log.warning(f"no recipient in alias lookup result for {name}")
            self._context.deferred(state, "4.3.0", "alias database unavailable")
            return
        user = NOBODY_YET
        if found.table.owner:
            table_owner = user_of_uid(found.table.owner)
            if table_owner is None:
                self._log.warning(f"cannot find alias database owner for {found.table.name}")
                self._context.deferred(state, "4.3.0", "cannot find alias database owner")
                return
            user = table_owner
        self._deliver_all(self._inside_alias(state, owner), user, destinations)
        self._context.expanded(state, "delivered" if owner else "expanded")

    def _inside_alias(self, state: State, owner: str | None) -> State:
        """Return the state that the destinations of an alias begin with (RFC 3461 section 5.2.7)."""
        state = replace(state, source=Source.ALIAS, notify=state.notify_after_expansion)
        if not self._params.frozen_delivered_to:
            state = replace(state, delivered=state.address)
        if owner is not None:
            sender = self._canonical(owner)
            return replace(state, owner=sender, sender=sender, envid="", ret=0, orcpt="", original="")
        return replace(state, owner=None) if self._params.reset_owner_alias else state

    def _canonical(self, address: str) -> str:
        """Return the standard form of a local address."""
        try:
            return self._context.tools.resolver.rewrite(address)
        except NeighbourError as error:
            self._log.warning(str(error))
            return f"{address}@{self._params.myorigin}" if "@" not in address else address

    # --- .forward

    def _dot_forward(self, state: State) -> bool:
        """Deliver to what the user's .forward says; False when there is none, or this is its own inside."""
        state = state.deeper()
        user = self._find_user(state) if self._params.forward_path else None
        if user is None:
            return False
        inside = replace(state, source=Source.FORWARD, owner=state.user, expanded_from=state.local)
        if not self._params.frozen_delivered_to:
            inside = replace(inside, delivered=state.address)
        for element in self._params.forward_path.replace(",", " ").split():
            try:
                path = self._context.expand(element, state, user, self._params.forward_expansion_filter)
            except ExpandError as error:
                self._log.warning(f"bad parameter value syntax for forward_path: {error}")
                continue
            if path.undefined or not self._exists(path.text, user):
                continue
            if path.used_extension or "forward" not in self._params.propagate_unmatched_extensions:
                inside = replace(inside, unmatched=None)
            return self._follow_forward(inside, user, path.text)
        return False

    def _exists(self, path: str, user: User) -> bool:
        try:
            with self._context.tools.rights.as_user(user.uid, user.gid):
                os.lstat(path)
        except OSError:
            return False
        return True

    def _follow_forward(self, state: State, user: User, path: str) -> bool:
        context = self._context
        if not context.first_visit("forward", path):
            return context.has_visited("forward-done", path)
        try:
            with context.tools.rights.as_user(user.uid, user.gid):
                text = read_list(path, follow_links=False, owners=(0, user.uid))
        except ListFileError as problem:
            self._log.warning(str(problem))
            return False
        destinations = parse_lines(text, self._params.line_length_limit)
        if not destinations:
            return False
        self._deliver_all(replace(state, notify=state.notify_after_expansion), user, destinations)
        context.first_visit("forward-done", path)
        if not context.has_deferred:
            context.expanded(state, "expanded")
        return True

    # --- :include:

    def _include(self, state: State, user: User, path: str) -> None:
        """Deliver to what an :include: file lists."""
        state = state.deeper()
        context = self._context
        if state.level > LEVEL_LIMIT:
            self._log.warning(f":include: nesting limit exceeded for {path}")
            context.bounced(state, "5.4.6", ":include: nesting limit exceeded")
            return
        if not context.first_visit("include", str(user.uid), path):
            return
        if not path.startswith("/"):
            context.misconfigured(state, f":include:{path} uses a relative path")
            return
        try:
            with context.tools.rights.as_user(user.uid, user.gid):
                status = os.stat(path)
                text = read_list(path, follow_links=True)
        except OSError as error:
            context.misconfigured(state, f"unable to lookup :include: file {path}: {error.strerror}")
            return
        except ListFileError as problem:
            context.misconfigured(state, f":include: {problem}")
            return
        owner = self._include_rights(state, user, path, status)
        if owner is not None:
            inside = replace(
                state, source=Source.INCLUDE, expanded_from=state.local, owner=state.owner or state.address
            )
            if "include" not in self._params.propagate_unmatched_extensions:
                inside = replace(inside, unmatched=None)
            self._deliver_all(inside, owner, parse_lines(text, self._params.line_length_limit))

    def _include_rights(self, state: State, user: User, path: str, status: os.stat_result) -> User | None:
        """Return whose rights the file's commands have: its owner's, unless a user's list includes it."""
        if not user.is_privileged or status.st_uid == 0:
            return user
        owner = user_of_uid(status.st_uid)
        if owner is None:
            self._log.warning(f"cannot find username for uid {status.st_uid}")
            self._context.misconfigured(state, f"{path}: cannot find :include: file owner username", status="4.3.5")
        return owner

    # --- destinations

    def _deliver_all(self, state: State, user: User, destinations: list[Destination]) -> None:
        for destination in destinations:
            self._destination(state, user, destination)

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
                self._include(state, user, path)
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
            self.forward(found)

    def _with_extension(self, address: str, extension: str | None) -> str:
        """Return the address with the extension that no table used."""
        if extension is None or not self._params.recipient_delimiter:
            return address
        local, at, domain = address.rpartition("@")
        return f"{local or domain}{self._params.recipient_delimiter[0]}{extension}{at}{domain if local else ''}"

    def forward(self, state: State) -> None:
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
