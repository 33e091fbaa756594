"""Deliver to a command or to a file that an alias, a .forward or a parameter names.

Never with root's rights: where a list is root's, default_privs take their place.
See: local(8) EXTERNAL COMMAND DELIVERY, EXTERNAL FILE DELIVERY.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from pyfix.base import clock
from pyfix.base.failure import words_for
from pyfix.daemons.local.context import Context
from pyfix.daemons.local.state import Source, State
from pyfix.daemons.local.users import User
from pyfix.mail.delivery import ContentError
from pyfix.mail.delivery.command import Command, CommandError, run
from pyfix.mail.delivery.copy import CopyStyle
from pyfix.mail.delivery.macros import ExpandError, censor
from pyfix.mail.delivery.sysexits import judge
from pyfix.mail.ipc.messages import Dsn
from pyfix.mail.mailbox import MailboxError, MaildirWriter, Mbox, delivery_headers, from_line
from pyfix.mail.mailbox.quota.account import Bookkeeper, scope_of

_UNCHANGED = CopyStyle()


def deliver_command(context: Context, state: State, user: User, text: str) -> None:
    """Run a command line with the message as its input."""
    if not context.first_visit("command", state.user, str(user.uid), text):
        return
    if context.job.is_trace_only:
        context.sent(state, f"delivers to command: {text}")
        return
    user = _unprivileged(context, user)
    try:
        directory = _directory(context, state, user)
        context.tools.log.flush()
        ended = run(_command(context, state, user, text, directory), _message(context, state))
    except ExpandError as error:
        context.misconfigured(
            state, f"bad parameter value syntax for command_execution_directory: {error}", status="4.3.5"
        )
    except CommandError as error:
        context.deferred(state, "4.3.0", str(error))
    except (ContentError, OSError) as error:
        context.deferred(state, "4.3.0", f'Command failed: {words_for(error)}: "{text}"')
    else:
        failure = judge(ended, text)
        if failure is None:
            context.sent(state, f"delivered to command: {text}")
        else:
            context.failed(state, failure)


def deliver_file(context: Context, state: State, user: User, path: str) -> None:
    """Append to a file, or deliver into a Maildir whose name ends in "/"."""
    if not context.first_visit("file", str(user.uid), path):
        return
    if state.source.value not in context.tools.params.allow_mail_to_files and state.source is not Source.NONE:
        context.bounced(state, "5.7.1", "mail to file is restricted")
        return
    user = _unprivileged(context, user)
    if path.endswith("/"):
        deliver_maildir(context, state, user, path)
    elif context.job.is_trace_only:
        context.sent(state, f"delivers to file: {path}")
    else:
        _append(context, state, user, path)


def deliver_maildir(context: Context, state: State, user: User, path: str) -> None:
    """Deliver into a Maildir as the user."""
    if context.job.is_trace_only:
        context.sent(state, "delivers to maildir")
        return
    job, params = context.job, context.tools.params
    try:
        with context.tools.rights.as_user(user.uid, user.gid):
            writer = MaildirWriter(
                job.content, params.mailbox_size_limit, otherwise="5.2.0", warn=context.tools.log.warning
            )
            books = Bookkeeper(path, scope_of(params), context.tools.log.warning)
            writer.deliver(path, file_headers(context, state), books)
    except MailboxError as error:
        if error.is_access_problem:
            context.tools.log.warning(f"maildir access problem for UID/GID={user.uid}/{user.gid}: {error.reason}")
            context.tools.log.warning("perhaps you need to create the maildirs in advance")
        context.failed(state, Dsn(error.status, f"maildir delivery failed: {error.reason}"))
    else:
        context.sent(state, "delivered to maildir")


def file_headers(context: Context, state: State) -> bytes:
    """Return the header lines for a file."""
    with_delivered_to = "file" in context.tools.params.prepend_delivered_header
    return delivery_headers(state.sender, state.original, _delivered(context, state) if with_delivered_to else "")


def _delivered(context: Context, state: State) -> str:
    return state.delivered if context.tools.params.frozen_delivered_to else state.address


def _append(context: Context, state: State, user: User, path: str) -> None:
    tools = context.tools
    try:
        with (
            tools.rights.as_user(user.uid, user.gid),
            Mbox.open(path, tools.lock, dot_lock_may_fail=True) as box,
        ):
            if box.complaint:
                tools.log.warning(box.complaint)
            if box.is_executable and box.is_regular:
                raise MailboxError("5.7.1", "file is executable")
            line = from_line(state.sender, clock.now())
            box.append(line, file_headers(context, state), context.job.content, tools.params.mailbox_size_limit)
    except MailboxError as error:
        context.failed(state, Dsn(error.status, f"cannot append message to file {path}: {error.reason}"))
    else:
        context.sent(state, f"delivered to file: {path}")


def _unprivileged(context: Context, user: User) -> User:
    """Return the user whose ids are used: that of default_privs in root's place."""
    default = context.tools.default_user
    uid, gid = user.uid or default.uid, user.gid or default.gid
    return replace(user, uid=uid, gid=gid)


def _directory(context: Context, state: State, user: User) -> str:
    params = context.tools.params
    text = params.command_execution_directory
    return context.expand(text, state, user, params.execution_directory_expansion_filter).text if text else ""


def _command(context: Context, state: State, user: User, text: str, directory: str) -> Command:
    tools = context.tools
    return Command(
        text=text,
        shell=tools.params.local_command_shell.split(),
        uid=user.uid,
        gid=user.gid,
        environment={**tools.environment, **_environment(context, state, user)},
        directory=directory,
        time_limit=tools.params.command_time_limit,
        program="local",
    )


def _environment(context: Context, state: State, user: User) -> dict[str, str]:
    """Return what the command is told; characters that a shell might misunderstand are replaced."""
    client = context.job.envelope.client
    optional = {
        "HOME": user.home,
        "SHELL": user.shell,
        "DOMAIN": state.domain,
        "EXTENSION": state.extension,
        "ORIGINAL_RECIPIENT": state.original,
        "CLIENT_HOSTNAME": client.name,
        "CLIENT_ADDRESS": client.address,
        "CLIENT_HELO": client.helo,
        "CLIENT_PROTOCOL": client.protocol,
        "SASL_METHOD": client.sasl_method,
        "SASL_SENDER": client.sasl_sender,
        "SASL_USERNAME": client.sasl_username,
    }
    always = {
        "LOGNAME": state.user,
        "USER": state.user,
        "SENDER": state.sender,
        "RECIPIENT": state.address,
        "LOCAL": state.local,
    }
    allowed = context.tools.params.command_expansion_filter
    return {
        name: censor(value, allowed)
        for name, value in {**optional, **always}.items()
        if value is not None and (value or name in always)
    }


def _message(context: Context, state: State) -> chain[bytes]:
    """Return what the command reads: From_ line, headers, content; no empty line at the end."""
    delivered = _delivered(context, state) if "command" in context.tools.params.prepend_delivered_header else ""
    head = from_line(state.sender, clock.now()) + delivery_headers(state.sender, state.original, delivered)
    return chain([head], _UNCHANGED.apply(context.job.content.chunks()))
