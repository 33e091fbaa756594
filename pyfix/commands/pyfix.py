"""pyfix(1): start, stop and look after the mail system.

    pyfix [-c DIR] [-v] start | start-fg | stop | abort | reload
    pyfix [-c DIR] [-v] status | flush | check [--json] | logrotate
    pyfix [-c DIR] explain ADDRESS [--client IP] [--sender A] [--json]
    pyfix init DIR [--domain D] [--user NAME] [--port N]
    pyfix import-postfix [DIR] [--to DIR2] [--accept NAME]... [--json]
    pyfix [-c DIR] domain | user | alias | manager | accounts SUBCOMMAND
    pyfix [-c DIR] quota show | recount
    pyfix [-c DIR] tls self-signed | status
    pyfix install-init [--systemd | --sysv] [--root DIR]
    pyfix manual [--man DIR] [--html DIR]

Messages go to standard error and to the log. With -v they tell each step; start makes the processes verbose, too.

Environment: MAIL_CONFIG names the directory of main.cf where -c does not.

Exit status: 0 when the request was carried out, 1 otherwise; of status, 0 when the mail system runs.

Files:

    /etc/pyfix         main.cf and master.cf
    /var/spool/pyfix   the queue
    /var/lib/pyfix     data that processes keep between runs

See: master(8), postconf(1), postconf(5), master(5), pyfix-accounts(1), pyfix-alias(1), pyfix-check(1),
pyfix-domain(1), pyfix-explain(1), pyfix-import-postfix(1), pyfix-init(1), pyfix-install-init(1), pyfix-logrotate(1),
pyfix-manager(1), pyfix-manual(1), pyfix-quota(1), pyfix-tls(1), pyfix-user(1), mailq(1)
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

import click

from pyfix.commands.check import LossRefused, refuse_losses
from pyfix.commands.install_init import InstallError, install
from pyfix.commands.logrotate import RotateError, rotate
from pyfix.commands.pyfix_call import Call, control_errors
from pyfix.commands.telling import fatal_errors, print_json, say, tell
from pyfix.mail.config import CoreParameters
from pyfix.mail.ipc.client import Channel
from pyfix.mail.ipc.messages import Trigger
from pyfix.master import control
from pyfix.master.control import ControlError
from pyfix.master.params import MasterParameters
from pyfix.master.pidfile import PID_FILE

if TYPE_CHECKING:
    from pyfix.commands.init import Instance

_PATIENCE_S = 5.0
_ELSEWHERE: Final = {
    "accounts": ("accounts", "accounts"),
    "alias": ("alias", "alias"),
    "check": ("check.command", "check"),
    "domain": ("domain", "domain"),
    "import-postfix": ("import_postfix.command", "import_configuration"),
    "manager": ("manager", "manager"),
    "quota": ("quota", "quota"),
    "tls": ("tls", "tls"),
    "user": ("user", "user"),
}
"""Module and name of the subcommands with files of their own."""


class _Program(click.Group):
    """Subcommands that print what they found when all else is done: only here can a failure of that be told.

    Those with files of their own are loaded when they are called or described: to load them all takes half as long as
    a start of the mail system.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self.commands, *_ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _ELSEWHERE and cmd_name not in self.commands:
            module, name = _ELSEWHERE[cmd_name]
            self.add_command(getattr(importlib.import_module(f"pyfix.commands.{module}"), name))
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> object:
        with fatal_errors():
            return super().invoke(ctx)


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-c", "directory", metavar="DIR", help="The directory of main.cf and master.cf.")
@click.option("-v", "verbose", count=True, help="Say and log more: of the command, and with start of all processes.")
@click.version_option(package_name="pyfix")
@click.pass_context
def main(context: click.Context, directory: str | None, verbose: int) -> None:
    """Start, stop and look after the pyfix mail system."""
    context.obj = Call(directory, verbose)


@main.command()
@click.pass_obj
def start(call: Call) -> None:
    """Start the mail system; return when it accepts mail."""
    with control_errors(LossRefused):
        config = call.config()
        params = config.read(CoreParameters)
        if control.master_pid(params) is not None:
            raise ControlError("the pyfix mail system is already running")
        tell(refuse_losses(config))
        call.tell_old_defaults(config, params)
        call.tell(params, "starting the pyfix mail system")
        control.start(config, call.verbose)


@main.command("start-fg")
@click.pass_obj
def start_fg(call: Call) -> None:
    """Run the mail system in the foreground: in a container, under a supervisor."""
    with control_errors(LossRefused):
        config = call.config()
        tell(refuse_losses(config))
        params = config.read(CoreParameters)
        call.tell_old_defaults(config, params)
        call.tell(params, "starting the pyfix mail system")
        status = control.run_master(config, call.verbose)
    sys.exit(status)


@main.command()
@click.pass_obj
def stop(call: Call) -> None:
    """Stop in an orderly fashion: processes finish what they have begun."""
    with control_errors():
        config = call.config()
        params = config.read(MasterParameters)
        pid = call.running(params)
        patience_s = params.master_stop_grace * 4 + _PATIENCE_S
        call.tell(params, "stopping the pyfix mail system")
        call.explain(f"SIGTERM to process {pid}; SIGKILL if it has not ended in {patience_s:g} s")
        control.stop(params, signal.SIGTERM, patience_s)
        call.explain(f"process {pid} has ended")


@main.command()
@click.pass_obj
def abort(call: Call) -> None:
    """Stop at once. The queue keeps everything that was under way."""
    with control_errors():
        params = call.params()
        pid = call.running(params)
        call.tell(params, "aborting the pyfix mail system")
        call.explain(f"SIGINT to process {pid}; SIGKILL if it has not ended in {_PATIENCE_S:g} s")
        control.stop(params, signal.SIGINT, _PATIENCE_S)
        call.explain(f"process {pid} has ended")


@main.command()
@click.pass_obj
def reload(call: Call) -> None:
    """Read the configuration anew; no connection and no message is lost."""
    with control_errors(LossRefused):
        config = call.config()
        params = config.read(CoreParameters)
        pid = call.running(params)
        tell(refuse_losses(config))
        call.tell_old_defaults(config, params)
        call.tell(params, "refreshing the pyfix mail system")
        call.explain(f"SIGHUP to process {pid}: it reads main.cf and master.cf, and replaces its processes one by one")
        control.signal_master(params, signal.SIGHUP)


@main.command()
@click.pass_obj
def flush(call: Call) -> None:
    """Try every deferred message now."""
    with control_errors():
        params = call.params()
        call.running(params)
        path = os.path.join(params.queue_directory, "public", params.queue_service_name)
        channel = Channel(path, _PATIENCE_S)
        channel.send(Trigger("flush"))
        channel.close()
        call.explain(f"{path}: asked for a delivery attempt of every deferred message")


@main.command()
@click.pass_obj
def status(call: Call) -> None:
    """Say whether the mail system runs."""
    with control_errors():
        params = call.params()
        pid = control.master_pid(params)
    call.explain(f"queue {params.queue_directory}, lock file {os.path.join(params.queue_directory, PID_FILE)}")
    if pid is None:
        say("the pyfix mail system is not running")
        sys.exit(1)
    say(f"the pyfix mail system is running: PID: {pid}")


@main.command()
@click.argument("address", metavar="ADDRESS")
@click.option("--client", metavar="IP", help="The client, as IP or name[IP]; smtpd's answer comes first.")
@click.option("--helo", default="", metavar="NAME", help="What the client calls itself; by default its name.")
@click.option("--sender", default="", metavar="A", help="The sender; by default the null sender.")
@click.option("--sasl", metavar="USER", help="Answer as if the client had logged in as USER.")
@click.option(
    "--service",
    default="",
    metavar="NAME",
    help="Which smtpd of master.cf; by default the first.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def explain(
    call: Call, address: str, client: str | None, helo: str, sender: str, sasl: str | None, service: str, as_json: bool
) -> None:
    """Tell what becomes of mail for an address, and which lines of the configuration say so."""
    from pyfix.commands.explain import BadClient, Question, parse_client, show  # much that no other subcommand needs
    from pyfix.commands.explain import explain as explain_address

    with control_errors(BadClient):
        if sasl is not None and client is None:
            raise BadClient(f"--sasl {sasl}: no client to log in; add --client IP")
        peer = parse_client(client) if client is not None else None
        found = explain_address(call.config(), Question(address, sender, peer, helo, service, sasl_username=sasl))
    if as_json:
        print_json(dataclasses.asdict(found))
    else:
        for line in show(found):
            click.echo(line)


@main.command()
@click.pass_obj
def logrotate(call: Call) -> None:
    """Move maillog_file aside and compress it."""
    with control_errors(RotateError):
        rotate(call.config(), call.explain)


@main.command()
@click.argument("directory", metavar="DIR")
@click.option(
    "--domain", metavar="D", default="example.test", show_default=True, help="The domain to receive mail for."
)
@click.option("--user", metavar="NAME", default="postmaster", show_default=True, help="The name of the mailbox.")
@click.option(
    "--port", metavar="N", type=click.IntRange(1, 65535), help="The port to listen on; a free one by default."
)
def init(directory: str, domain: str, user: str, port: int | None) -> None:
    """Lay out a complete private instance in DIR that needs no rights: configuration, queue, one mailbox."""
    from pyfix.commands.init import InitError  # with the accounts, and what makes certificates
    from pyfix.commands.init import init as lay_out

    with control_errors(InitError):
        instance = lay_out(directory, domain, user, port)
    _describe(instance)


def _describe(instance: Instance) -> None:
    click.echo(f"configuration  {instance.etc}")
    click.echo(f"mailbox        {instance.address} -> {instance.maildir}")
    click.echo(f"password       {instance.password}")
    for word, port in instance.ports.named().items():
        click.echo(f"{word:14} 127.0.0.1 port {port}")
    click.echo(f"certificate    {instance.etc}/server.pem")
    click.echo(f"log            {instance.directory}/log/maillog")
    click.echo(f"start it with  pyfix -c {instance.etc} start")


@main.command("install-init")
@click.option("--systemd", "kind", flag_value="systemd", help="Install the systemd unit.")
@click.option("--sysv", "kind", flag_value="sysv", help="Install the SysV init script.")
@click.option("--root", metavar="DIR", default="/", show_default=True, help="Install below this directory.")
@click.pass_obj
def install_init(call: Call, kind: str | None, root: str) -> None:
    """Put the boot script in place; without an option the kind that this system uses."""
    with control_errors(InstallError):
        for line in install(kind, root, call.config().directory):
            click.echo(line)


@main.command()
@click.option("--man", metavar="DIR", help="Write manual pages below this directory.")
@click.option("--html", metavar="DIR", help="Write the manual in HTML to this directory.")
def manual(man: str | None, html: str | None) -> None:
    """Write the manual: pages for man, or in HTML."""
    from pyfix.commands.manual import write_manual  # which looks at all commands, this one too

    if man is None and html is None:
        raise click.UsageError("specify --man, --html or both")
    with control_errors():
        for line in write_manual(man, html):
            click.echo(line)


if __name__ == "__main__":
    main()
