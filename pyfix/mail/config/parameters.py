"""Parameters, each declared once beside the code that uses it, and the frozen sets that code reads.

    class VirtualParameters(CoreParameters):
        virtual_minimum_uid = Integer("100", "Lowest user id that may own a mailbox.", low=1)

`Config.read(VirtualParameters)` gives an instance whose attributes are the checked values. The default is text in
the words of postconf(5); it goes through the same expansion and the same checks as a line of main.cf. A set may build
on others; one name declared twice is a mistake of the program and raises TypeError at import.
A name that is no Python name (2bounce_notice_recipient) is given as `name=`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar, Generic, Protocol, Self, TypeVar, final, overload

from pyfix.mail.config import values
from pyfix.mail.config.errors import ConfigError

T = TypeVar("T")
R = TypeVar("R")


class Source(Protocol):
    """Where declarations get their text from; Config is the one that matters."""

    def evaluate(self, name: str, default: str) -> str:
        """Return the expanded text in force, the expanded default when nothing is set."""

    def raw(self, name: str, default: str) -> str:
        """Return the text in force as it stands."""

    def refuse(self, name: str, reason: str) -> ConfigError:
        """Return the error about a value, with the place where it was set."""

    def set_names(self) -> Iterable[str]:
        """Return the names that main.cf or an override sets."""


class Declared(ABC, Generic[R]):
    """One declaration: names, default text and documentation; R is what code reads."""

    default: str
    doc: str
    name: str = ""
    attribute: str = ""
    expands: bool = True

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute
        self.name = self.name or attribute

    @overload
    def __get__(self, instance: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, instance: ParameterSet, owner: type[object]) -> R: ...
    def __get__(self, instance: ParameterSet | None, owner: type[object]) -> Self | R:
        """Return the declaration from the class; an instance has the value in its own dictionary, ahead of this."""
        if instance is None:
            return self
        raise AttributeError(f"{self.attribute} was not read")

    @abstractmethod
    def read(self, source: Source) -> R:
        """Return the value in force; raises ConfigError."""


class Parameter(Declared[T]):
    """A parameter with one name and one value."""

    def __init__(
        self, default: str, doc: str, *, low: int | None = None, high: int | None = None, name: str = ""
    ) -> None:
        self.default = default
        self.doc = doc
        self.low = low
        self.high = high
        self.name = name

    def read(self, source: Source) -> T:
        return self.read_as(source, self.name, self.default)

    def read_as(self, source: Source, name: str, default: str) -> T:
        """Return the value under another name, for the families of PerTransport."""
        text = (source.evaluate if self.expands else source.raw)(name, default)
        try:
            return self.convert(text, name)
        except values.ValueRefused as refused:
            raise source.refuse(name, str(refused)) from None

    @abstractmethod
    def convert(self, text: str, name: str) -> T:
        """Return the value that the text means; raises ValueRefused."""


class String(Parameter[str]):
    """Text; low and high bound its length."""

    def convert(self, text: str, name: str) -> str:
        return values.string(text, name, self.low, self.high)


class Raw(String):
    """Text that is not expanded here: its user knows further names, such as $home or $rbl_code."""

    expands = False


class Integer(Parameter[int]):
    """A whole number."""

    def convert(self, text: str, name: str) -> int:
        return values.integer(text, name, self.low, self.high)


class Boolean(Parameter[bool]):
    """yes or no."""

    def convert(self, text: str, name: str) -> bool:
        return values.boolean(text, name)


class Seconds(Parameter[float]):
    """A time; a number without unit counts in the unit that the default ends with."""

    def convert(self, text: str, name: str) -> float:
        return values.seconds(text, name, values.default_unit(self.default), self.low, self.high)


class Choice(Parameter[str]):
    """One word of a list, in any case; code sees it as it stands in the list."""

    def __init__(self, default: str, choices: tuple[str, ...], doc: str, *, name: str = "") -> None:
        super().__init__(default, doc, name=name)
        self.choices = choices

    def convert(self, text: str, name: str) -> str:
        return values.choice(text, name, self.choices)


class ListOf(Parameter[list[str]]):
    """Words separated by commas or white space; "{ a, b }" stays one word with its braces."""

    def convert(self, text: str, name: str) -> list[str]:
        return values.words(text, name)


class SomeOf(Parameter[frozenset[str]]):
    """Words out of a list, in any case and order; code sees them as they stand in the list."""

    def __init__(self, default: str, known: tuple[str, ...], doc: str) -> None:
        super().__init__(default, doc)
        self.known = known

    def convert(self, text: str, name: str) -> frozenset[str]:
        return values.some_of(text, name, self.known)


class Level(Parameter[tuple[int, ...]]):
    """A compatibility level: a release of Postfix, or one of the early numbers 0, 1, 2."""

    def convert(self, text: str, name: str) -> tuple[int, ...]:
        return values.compatibility_level(text)


class PerTransportValue(Generic[T]):
    """The values of a family of parameters, by the name of the transport."""

    __slots__ = ("_family", "_known", "_source")

    def __init__(self, family: PerTransport[T], source: Source) -> None:
        self._family = family
        self._source = source
        self._known: dict[str, T] = {}

    def __call__(self, transport: str) -> T:
        """Return the value for a transport (a master.cf service name)."""
        value = self._known.get(transport)
        if value is None:
            value = self._known[transport] = self._family.read_for(self._source, transport)
        return value


class PerTransport(Declared[PerTransportValue[T]]):
    """A family of parameters, one for each transport: the transport's name and a suffix.

    `defaults` holds the transports whose default differs from that of the family, `programs` the delivery agents that
    obey it, all without a word. What main.cf sets of the family is
    checked when the set is read, so that the call for a transport fails only for a default that cannot be expanded.
    """

    def __init__(
        self,
        kind: type[Parameter[T]],
        suffix: str,
        default: str,
        doc: str,
        *,
        low: int | None = None,
        high: int | None = None,
        defaults: Mapping[str, str] | None = None,
        programs: tuple[str, ...] = (),
    ) -> None:
        self.member = kind(default, doc, low=low, high=high)
        self.suffix = suffix
        self.default = default
        self.doc = doc
        self.defaults = dict(defaults or {})
        self.programs = programs

    def __set_name__(self, owner: type, attribute: str) -> None:
        super().__set_name__(owner, attribute)
        self.name = self.suffix

    def default_for(self, transport: str) -> str:
        """Return the default text for a transport."""
        return self.defaults.get(transport, self.default)

    def read_for(self, source: Source, transport: str) -> T:
        """Return the checked value for a transport."""
        return self.member.read_as(source, transport + self.suffix, self.default_for(transport))

    def read(self, source: Source) -> PerTransportValue[T]:
        value = PerTransportValue(self, source)
        for name in source.set_names():
            if name.endswith(self.suffix) and not name.startswith("default_") and name != self.suffix:
                value(name.removesuffix(self.suffix))
        return value


class ParameterSet:
    """The parameters of a process or of a room, frozen once read."""

    declared: ClassVar[Mapping[str, Declared[object]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        found: dict[str, Declared[object]] = {}
        for ancestor in cls.__mro__:
            for item in vars(ancestor).values():
                if isinstance(item, Declared) and found.setdefault(item.name, item) is not item:
                    raise TypeError(f"{cls.__name__}: parameter {item.name} is declared twice")
        cls.declared = found

    @final
    @classmethod
    def read_from(cls, source: Source) -> Self:
        """Return an instance with the values in force; raises ConfigError for the first that is wrong."""
        instance = cls()
        vars(instance).update({item.attribute: item.read(source) for item in cls.declared.values()})
        return instance

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")
