"""Deliver to a user's own mailbox, by whatever the parameters say is in charge of it.

mailbox_transport_maps, mailbox_transport (these even for names that are no user); then, for users only,
mailbox_command_maps, mailbox_command, home_mailbox, mail_spool_directory.
See: local(8) MAILBOX DELIVERY.
"""

from __future__ import annotations

import os
import stat

from pyfix.base import clock
from pyfix.daemons.local.context import Context
from pyfix.daemons.local.external import deliver_command, deliver_maildir, file_headers
from pyfix.daemons.local.neighbours import NeighbourError
from pyfix.daemons.local.state import State
from pyfix.daemons.local.users import User, UserLookupError, find_user
from pyfix.mail.ipc.messages import Dsn, Outcome
from pyfix.mail.mailbox import MailboxError, Mbox, Owner, from_line
from pyfix.mail.mailbox.choice import choose_place
from pyfix.mail.maps import Maps, TableError


def deliver_mailbox(context: Context, state: State) -> bool:
    """Deliver; False when the name is no user's and nobody else takes it."""
    if not context.first_visit("mailbox", state.local):
        return True
    params, tables = context.tools.params, context.tools.tables
    if pass_on(context, state, tables.mailbox_transports, params.mailbox_transport):
        return True
    try:
        user = find_user(state.user)
    except UserLookupError as error:
        context.user_unclear(state, error)
        return True
    if user is None:
        return False
    _deliver_to_user(context, state, user)
    return True


def pass_on(context: Context, state: State, maps: Maps, default: str) -> bool:
    """Let another transport deliver, if the table or the parameter names one for this name."""
    try:
        target = maps.lookup(state.user) or default
    except TableError as error:
        _table_failure(context, state, error)
        return True
    if not target:
        return False
    queue_id, transport = context.job.request.queue_id, target.partition(":")[0]
    context.tools.log.info(f"{queue_id}: passing <{state.address}> to transport={transport}")
    try:
        outcomes = context.tools.transports.deliver(target, context.job.request, state.recipient)
    except NeighbourError as error:
        context.tools.log.warning(str(error))
        context.deferred(state, "4.3.0", "mail transport unavailable")
        return True
    owner = context.owner(state)
    context.notes += [
        Outcome(state.position, item.verb, item.dsn, item.address, owner if item.verb == "bounced" else None)
        for item in outcomes
    ]
    return True


def _table_failure(context: Context, state: State, error: TableError) -> None:
    context.tools.log.warning(str(error))
    context.deferred(state, "4.3.0", "table lookup failure")


def _deliver_to_user(context: Context, state: State, user: User) -> None:
    params = context.tools.params
    try:
        place = choose_place(state.user, user.home, params, context.tools.tables.mailbox_commands)
    except TableError as error:
        _table_failure(context, state, error)
        return
    if place.command:
        deliver_command(context, state, user, place.command)
    elif place.is_in_home and user.home is None:
        _defer_homeless(context, state, user, params.home_mailbox)
    elif place.is_maildir:
        deliver_maildir(context, state, user, place.path)
    elif place.is_in_home:
        _deliver_file(context, state, user, place.path, user, None)
    else:
        _deliver_file(context, state, user, place.path, *spool_rights(params.mail_spool_directory, user))


def _defer_homeless(context: Context, state: State, user: User, name: str) -> None:
    """An account that has no home directory yet is a mistake that somebody mends."""
    context.tools.log.warning(f"user {user.name} has no home directory, which home_mailbox = {name} needs")
    context.deferred(state, "4.3.0", f"no home directory for user {state.user}")


def spool_rights(directory: str, user: User) -> tuple[User, Owner | None]:
    """Return with whose rights a mailbox in the spool directory is opened, and who a new one is given to.

    A directory that everybody may write to needs no other rights than the user's; one for a group needs that group;
    any other is root's business.
    """
    try:
        status = os.stat(directory)
    except OSError:
        return user, None
    if status.st_mode & stat.S_IWOTH:
        return user, None
    if status.st_mode & stat.S_IWGRP:
        return User(user.uid, status.st_gid), None
    return User(0, 0), Owner(user.uid, user.gid)


def _deliver_file(context: Context, state: State, user: User, path: str, opener: User, owner: Owner | None) -> None:
    """Append to the mailbox: opened and locked as `opener`, written as the user, so that quotas are the user's."""
    if context.job.is_trace_only:
        context.sent(state, "delivers to mailbox")
        return
    rights = context.tools.rights
    try:
        with rights.as_user(opener.uid, opener.gid):
            box = Mbox.open(path, context.tools.lock, owner=owner if rights.can_switch else None)
        try:
            with rights.as_user(user.uid, user.gid):
                offset = _append(context, state, user, path, box)
        finally:
            with rights.as_user(opener.uid, opener.gid):
                box.close()
    except MailboxError as error:
        reason = f"cannot update mailbox {path} for user {state.user}. {error.reason}"
        context.failed(state, Dsn(error.status, reason))
        return
    context.sent(state, "delivered to mailbox")
    if context.tools.biff:
        context.tools.biff.notify(user.name, offset)


def _append(context: Context, state: State, user: User, path: str, box: Mbox) -> int:
    """Write the message and return where it begins."""
    tools = context.tools
    if not box.is_regular:
        raise MailboxError("5.2.0", f"destination {path} is not a regular file")
    if tools.params.strict_mailbox_ownership and tools.rights.can_switch and box.owner_uid != user.uid:
        tools.log.warning('specify "strict_mailbox_ownership = no" to ignore mailbox ownership mismatch')
        raise MailboxError("4.2.0", f"destination {path} is not owned by recipient")
    offset = box.status.st_size
    line = from_line(state.sender, clock.now())
    box.append(line, file_headers(context, state), context.job.content, tools.params.mailbox_size_limit)
    return offset
