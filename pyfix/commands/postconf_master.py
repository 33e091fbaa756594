"""postconf -M, -F and -P: show the services of master.cf, and change them.

See: postconf(1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

import click

from pyfix.commands.postconf_call import Call
from pyfix.commands.postconf_requests import edit_requests, shown_requests
from pyfix.mail.config import Config, ConfigError
from pyfix.mail.config.edit import edit_file
from pyfix.mail.config.edit_master import Request, edit_services
from pyfix.mail.config.errors import printable
from pyfix.mail.config.service_line import ServiceLine, read_services, with_values
from pyfix.mail.config.show_services import show_fields, show_overrides, show_service

_NO_WORDS: Final = {"e": "-e requires name=value argument"}

Warn = Callable[[str], None]


def show_master_cf(call: Call, mode: str, config: Config, warn: Warn) -> None:
    """Print services, fields or -o settings: in the order of the file, each as often as it is asked for."""
    requests = shown_requests(mode, call.words)
    matched: set[Request] = set()
    for service in read_services(f"{call.directory}/master.cf", warn):
        for request in requests:
            if not request.matches(service.name, service.type):
                continue
            for line in _shown(service, config, mode, request.item, call):
                click.echo(line.encode("utf-8", "surrogateescape"))
                matched.add(request)
    for request in requests:
        if call.words and request not in matched:
            warn(f'unmatched request: "{printable(request.text)}"')


def _shown(service: ServiceLine, config: Config, mode: str, item: str, call: Call) -> Iterable[str]:
    """Return what is shown of a service."""
    if "x" in call.flags:
        overrides = (*call.overrides, *service.overrides.items())
        service = with_values(service, config.overridden(overrides, service.name, service.program).expand)
    match mode:
        case "M":
            return [show_service(service, call.style)]
        case "F":
            return show_fields(service, item, call.style)
        case _:
            return show_overrides(service, item, call.style)


def edit_master_cf(call: Call, mode: str, edit: str, warn: Warn) -> None:
    """Change master.cf."""
    if not call.words:
        raise ConfigError(_NO_WORDS.get(edit, "missing service argument"))
    action, requests = edit_requests(mode, edit, call.words)
    path = f"{call.directory}/master.cf"
    change = partial(edit_services, action=action, requests=requests, path=path)
    for request in edit_file(path, change).unmatched:
        warn(f'unmatched service_name/type: "{printable(request.text)}"')
