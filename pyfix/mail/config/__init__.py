"""The configuration language: main.cf, master.cf, and the parameters that the code declares.

    from pyfix.mail.config import Config, CoreParameters, Integer

See config.py for how a process reads its values, parameters.py for how it declares them, mastercf.py for services.
"""

from pyfix.mail.config.config import Config
from pyfix.mail.config.errors import ConfigError
from pyfix.mail.config.parameters import (
    Boolean,
    Choice,
    Integer,
    ListOf,
    ParameterSet,
    PerTransport,
    Raw,
    Seconds,
    SomeOf,
    String,
)
from pyfix.mail.config.params import CoreParameters

__all__ = [
    "Boolean",
    "Choice",
    "Config",
    "ConfigError",
    "CoreParameters",
    "Integer",
    "ListOf",
    "ParameterSet",
    "PerTransport",
    "Raw",
    "Seconds",
    "SomeOf",
    "String",
]
