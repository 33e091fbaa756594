"""Find the list that a name stands for: an alias, a .forward file, an :include: file.

Each function returns the destinations with the state and the rights that they begin with, or None when there is no
such list (or the name is met inside its own). A Listed without destinations means that the verdict has been noted.
See: aliases(5), local(8).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyfix.daemons.local.context import LEVEL_LIMIT, Context
from pyfix.daemons.local.listfile import ListFileError, open_list, read_list
from pyfix.daemons.local.neighbours import NeighbourError
from pyfix.daemons.local.state import Source, State
from pyfix.daemons.local.users import NOBODY_YET, User, user_of_uid
from pyfix.mail.delivery.destinations import Destination, parse_destinations, parse_lines
from pyfix.mail.delivery.macros import ExpandError
from pyfix.mail.maps import Found, TableError
from pyfix.service.rights import Rights


@dataclass(frozen=True, slots=True)
class Listed:
    """A list that was found."""

    state: State
    user: User = NOBODY_YET
    destinations: Sequence[Destination] = ()
    path: str = ""
    has_owner: bool = False


# --- aliases


def find_alias(context: Context, state: State, name: str) -> Listed | None:
    """Return what an alias stands for."""
    if state.expanded_from is not None and state.expanded_from.lower() == name.lower():
        return None
    if state.level > LEVEL_LIMIT:
        context.tools.log.warning(f"alias database loop for {name}")
        context.bounced(state, "5.4.6", f"alias database loop for {name}")
        return Listed(state)
    try:
        found = context.tools.tables.aliases.find(name)
        owner = _owner_of(context, name) if found else None
    except TableError as error:
        context.tools.log.warning(str(error))
        context.deferred(state, "4.3.0", "alias database unavailable")
        return Listed(state)
    return None if found is None else _alias(context, replace(state, expanded_from=name), found, name, owner)


def _owner_of(context: Context, name: str) -> str | None:
    """Return the sender that a list with an owner- alias has; raises TableError."""
    if not context.tools.params.owner_request_special:
        return None
    expansion = context.tools.tables.aliases.lookup(f"owner-{name}")
    if expansion is None:
        return None
    return expansion if context.tools.params.expand_owner_alias else f"owner-{name}"


def _alias(context: Context, state: State, found: Found, name: str, owner: str | None) -> Listed:
    destinations = parse_destinations(found.value)
    if not destinations:
        context.tools.log.warning(f"no recipient in alias lookup result for {name}")
        context.deferred(state, "4.3.0", "alias database unavailable")
        return Listed(state)
    user: User | None = NOBODY_YET
    if found.table.owner:
        user = user_of_uid(found.table.owner)
    if user is None:
        context.tools.log.warning(f"cannot find alias database owner for {found.table.name}")
        context.deferred(state, "4.3.0", "cannot find alias database owner")
        return Listed(state)
    return Listed(_inside_alias(context, state, owner), user, destinations, has_owner=owner is not None)


def _inside_alias(context: Context, state: State, owner: str | None) -> State:
    """Return the state that the destinations of an alias begin with (RFC 3461 section 5.2.7)."""
    params = context.tools.params
    state = replace(state, source=Source.ALIAS, notify=state.notify_after_expansion)
    if not params.frozen_delivered_to:
        state = replace(state, delivered=state.address)
    if owner is not None:
        sender = _canonical(context, owner)
        return replace(state, owner=sender, sender=sender, envid="", ret=0, orcpt="", original="", notify=0)
    return replace(state, owner=None) if params.reset_owner_alias else state


def _canonical(context: Context, address: str) -> str:
    """Return the standard form of an owner's address."""
    try:
        return context.tools.resolver.rewrite(address)
    except NeighbourError as error:
        context.tools.log.warning(str(error))
        return address if "@" in address else f"{address}@{context.tools.params.myorigin}"


# --- .forward


def find_forward(context: Context, state: State, user: User) -> Listed | None:
    """Return what the first .forward file that exists says."""
    params = context.tools.params
    inside = replace(state, source=Source.FORWARD, owner=state.user, expanded_from=state.local)
    if not params.frozen_delivered_to:
        inside = replace(inside, delivered=state.address)
    for element in params.forward_path.replace(",", " ").split():
        try:
            path = context.expand(element, state, user, params.forward_expansion_filter)
        except ExpandError as error:
            context.tools.log.warning(f"bad parameter value syntax for forward_path: {error}")
            continue
        if path.undefined or not _exists(context, path.text, user):
            continue
        if path.used_extension or "forward" not in params.propagate_unmatched_extensions:
            inside = replace(inside, unmatched=None)
        return _forward(context, inside, user, path.text)
    return None


def _exists(context: Context, path: str, user: User) -> bool:
    try:
        with context.tools.rights.as_user(user.uid, user.gid):
            os.lstat(path)
    except OSError:
        return False
    return True


def _forward(context: Context, state: State, user: User, path: str) -> Listed | None:
    if not context.first_visit("forward", path):
        return Listed(state) if context.has_visited("forward-done", path) else None
    try:
        with context.tools.rights.as_user(user.uid, user.gid):
            text = read_list(path, follow_links=False, owners=(0, user.uid))
    except ListFileError as problem:
        context.tools.log.warning(str(problem))
        return None
    destinations = parse_lines(text, context.tools.params.line_length_limit)
    if not destinations:
        return None
    return Listed(replace(state, notify=state.notify_after_expansion), user, destinations, path)


# --- :include:


def find_include(context: Context, state: State, user: User, path: str) -> Listed | None:
    """Return what an :include: file lists; None when this delivery has read it already."""
    if state.level > LEVEL_LIMIT:
        context.tools.log.warning(f":include: nesting limit exceeded for {path}")
        context.bounced(state, "5.4.6", ":include: nesting limit exceeded")
        return None
    if not context.first_visit("include", str(user.uid), path):
        return None
    if not path.startswith("/"):
        context.misconfigured(state, f":include:{path} uses a relative path")
        return None
    try:
        found = _read_include(context.tools.rights, user, path)
    except ListFileError as problem:
        context.misconfigured(state, f":include: {problem}")
        return None
    if found is None:
        context.misconfigured(state, f"{path}: cannot find :include: file owner username", status="4.3.5")
        return None
    return _include(context, state, *found, path)


def _read_include(rights: Rights, user: User, path: str) -> tuple[User, str] | None:
    """Return whose rights the commands in the file have, and its text; None for an owner without a name.

    They are its owner's, unless a user's own list includes it. The owner must be able to read it by that name, too.
    Raises ListFileError.
    """
    with rights.as_user(user.uid, user.gid), open_list(path, follow_links=True) as file:
        if not user.is_privileged or file.owner_uid == 0:
            return user, file.read()
        owner = user_of_uid(file.owner_uid)
        if owner is None:
            return None
        with rights.as_user(owner.uid, owner.gid), open_list(path, follow_links=True) as same:
            same.check_same(file)
            return owner, same.read()


def _include(context: Context, state: State, user: User, text: str, path: str) -> Listed:
    inside = replace(state, source=Source.INCLUDE, expanded_from=state.local, owner=state.owner or state.address)
    if "include" not in context.tools.params.propagate_unmatched_extensions:
        inside = replace(inside, unmatched=None)
    return Listed(inside, user, parse_lines(text, context.tools.params.line_length_limit), path)
