"""Show the texts of notices: postconf -b and -t.

The file is that of the command line, "" for none, otherwise bounce_template_file. What is wrong with one of its
templates is a warning, and the built-in one is shown; a file that can't be read to its end is a ConfigError.
See: bounce(5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pyfix.mail.config import Config, ConfigError
from pyfix.mail.notices.params import TemplateParameters
from pyfix.mail.notices.template import (
    BUILT_IN,
    Kind,
    Template,
    default_sender,
    expand_text,
    read_templates,
    show_template,
    show_text,
    times_of,
)

Warn = Callable[[str], None]


def templates_shown(config: Config, path: str | None, warn: Warn) -> str:
    """Return the templates as a file would have them."""
    params = config.read(TemplateParameters)
    sender = default_sender(params)
    return "\n".join(show_template(template, sender) for template in _templates(params, path, warn))


def texts_shown(config: Config, path: str | None, warn: Warn) -> str:
    """Return the texts with all names replaced."""
    params = config.read(TemplateParameters)
    times = times_of(params)
    return "\n".join(
        show_text(template, expand_text(template, config.get, times, warn))
        for template in _templates(params, path, warn)
    )


def _templates(params: TemplateParameters, path: str | None, warn: Warn) -> Iterator[Template]:
    """Yield the templates in force, in Postfix's order."""
    path = params.bounce_template_file if path is None else path
    by_kind = BUILT_IN
    if path:
        found = read_templates(path)
        for problem in found.problems:
            warn(problem)
        if found.fatal:
            raise ConfigError(found.fatal)
        by_kind = found.by_kind
    for kind in Kind:
        yield by_kind[kind]
