"""What classes a configuration may name: those derived from what its options declare. Checked before any is called.

jsonargparse calls whatever function a `class_path` names under a `Callable[..., T]`, and takes any function for a plain
`Callable`: `class_path: os.system` would run a command.
"""

from __future__ import annotations

import collections.abc
import datetime
import decimal
import enum
import inspect
import os
import re
import types
import typing
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from jsonargparse import Namespace, get_loader

from al_lightning.config.signatures import imported, parameters
from al_lightning.errors import UsageError
from al_lightning.yaml_files import TooMuch, check

PLAIN = (
    *(str, bytes, int, float, complex, type(None), range, decimal.Decimal, uuid.UUID, enum.Enum, os.PathLike),
    *(datetime.date, datetime.timedelta),
)
"""Values that nothing is called for."""
CONTAINERS = (list, tuple, set, frozenset, collections.abc.Collection, collections.abc.Iterable)
Names = Callable[[str, str], None]
"""Is told an option and a class path before that is imported; may refuse it."""


@dataclass(frozen=True)
class Declared:
    """What an option may hold besides plain values.

    Attributes:
        classes: what a class must derive from, one of them.
        inner: what a list, a tuple or a mapping holds.
        callables: whether something to be called is declared that is not taken from configurations.
        text: whether a text is as good.
    """

    classes: tuple[type, ...] = ()
    inner: Declared | None = None
    callables: bool = False
    text: bool = False


@dataclass(frozen=True)
class Place:
    """Where a value stands.

    Attributes:
        name: of the option, as one types it.
        declared: what it may hold.
        default: of the constructor's parameter, which is the class's own word.
    """

    name: str
    declared: Declared
    default: Any = inspect.Parameter.empty


def check_classes(
    config: Mapping[str, Any] | Namespace, options: Mapping[str, Any], names: Names | None = None
) -> None:
    """Hold every class path of a configuration to what its option declares.

    Args:
        config: parsed, or plain data before that; of these, what cannot be imported is left to the parser.
        options: top-level options: their types. A class under `budget` and `trainer` stands for its own options.
        names: told of each class path before it is imported; for configurations that nobody vouches for.

    Raises:
        UsageError: a class path names no class, or one of another kind; or `names` refuses it.
    """
    walk = _Walk(isinstance(config, Namespace), names)
    for name, value in _items(config):
        if name in ("budget", "trainer"):
            walk.options(value, options[name], name)
        else:
            walk.value(value, Place(name, declared(options.get(name), ours=True)))


def declared(hint: Any, ours: bool) -> Declared:
    """Return what a type hint declares.

    Args:
        hint: resolved; what could not be is None.
        ours: whether it is a hint of this package's classes or of one derived from them, whose factories may be named.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return declared(arguments[0], ours)
    if origin in (typing.Union, types.UnionType):
        return _any_of([declared(part, ours) for part in arguments])
    kind = origin or hint
    if kind is collections.abc.Callable or kind is typing.Callable:
        made = declared(arguments[-1], ours).classes if ours and arguments else ()
        return Declared(made, callables=not made)
    if kind in (type, types.ModuleType):
        return Declared(callables=True)
    if not inspect.isclass(kind) or kind is object or issubclass(kind, PLAIN):
        return Declared(text=kind is str)
    if issubclass(kind, collections.abc.Mapping):
        return Declared(inner=_any_of([declared(part, ours) for part in arguments[1:]]))
    if kind in CONTAINERS or kind.__module__ in ("collections.abc", "typing", "collections"):
        return Declared(inner=_any_of([declared(part, ours) for part in arguments]))
    return Declared((kind,))


def _any_of(parts: Sequence[Declared]) -> Declared:
    inner = [part.inner for part in parts if part.inner is not None]
    return Declared(
        tuple(one for part in parts for one in part.classes),
        _any_of(inner) if inner else None,
        any(part.callables for part in parts),
        any(part.text for part in parts),
    )


@dataclass(frozen=True)
class _Walk:
    """Goes through a configuration and what its options declare.

    Attributes:
        parsed: whether import paths have become what they name.
        names: told of each class path before it is imported.
    """

    parsed: bool
    names: Names | None

    def value(self, value: Any, place: Place) -> None:
        """Look at one value and all that is in it."""
        what, value = place.declared, self.read(value, place.name)
        if isinstance(value, (Namespace, Mapping)):
            if "class_path" in value:
                self.spec(value, place)
            elif what.inner is not None:
                for key, part in _items(value):
                    self.value(part, Place(f"{place.name}.{key}", what.inner))
            else:  # a dataclass's options may stand without its name
                self.options(value, what.classes[0] if len(what.classes) == 1 else None, place.name)
        elif isinstance(value, (list, tuple, set, frozenset)):
            for part in value:
                self.value(part, Place(place.name, what.inner or Declared()))
        elif isinstance(value, str) and not self.parsed:
            self.text(value, place)
        elif value is not place.default and not isinstance(value, PLAIN):
            name = getattr(value, "__qualname__", type(value).__qualname__)
            module = getattr(value, "__module__", None) or type(value).__module__
            raise _refused(place, f"{module}.{name}", value)

    def read(self, value: Any, at: str) -> Any:
        """Return what the parser will make of a value: where it wants no text, it reads one as YAML.

        Raises:
            UsageError: it is beyond the bounds of YAML.
        """
        if self.parsed or not isinstance(value, str):
            return value
        try:
            check(value)
            # The parser's own way of reading: another one might refuse, and so pass over, what that takes.
            found = get_loader("yaml")(value)
        except TooMuch as error:
            raise UsageError(f"{at} is too much to read: {error}.") from error
        except (yaml.YAMLError, ValueError, OverflowError, TypeError, AttributeError, KeyError):
            return value
        return found if isinstance(found, (dict, list, tuple, set)) else value

    def text(self, value: str, place: Place) -> None:
        """Look at a text before it is parsed: it may stand for a class."""
        what = place.declared
        if not (what.classes or what.callables) or not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", value):
            return
        if self.names is not None:
            self.names(place.name, value)
        if not what.text:
            self.names_a_fitting_class(value, place)

    def spec(self, value: Mapping[str, Any] | Namespace, place: Place) -> None:
        """Look at a class and its options."""
        path = value["class_path"]
        if not isinstance(path, str):
            raise UsageError(f"{place.name} has the class_path {path!r}; the import path of a class was expected.")
        if self.names is not None:
            self.names(place.name, path)
        found = self.names_a_fitting_class(path, place)
        for key, part in _items(value):
            if key == "init_args":
                self.options(part or {}, found, place.name)
            elif key != "class_path":
                self.whole(key, place.name)
                self.value(part, Place(place.name, Declared()))

    def options(self, value: Any, owner: type | None, at: str) -> None:
        """Look at the options of a class; of None, those of nothing that declares any."""
        value = self.read(value, at)
        if not isinstance(value, (Mapping, Namespace)):
            self.value(value, Place(at, Declared()))
            return
        known = parameters(owner) if owner is not None else {}
        ours = owner is not None and any(base.__module__.split(".")[0] == "al_lightning" for base in owner.__mro__)
        for key, part in _items(value):
            self.whole(key, at)
            hint, default = known.get(key, (None, inspect.Parameter.empty))
            self.value(part, Place(f"{at}.{key}", declared(hint, ours), default))

    def whole(self, key: Any, at: str) -> None:
        """Refuse an option's path for a key, which the parser would follow, where nobody vouches for it."""
        if self.names is not None and not self.parsed and "." in str(key):
            raise UsageError(f"{at} has the key {str(key)!r}; the name of one option was expected, without a dot.")

    def names_a_fitting_class(self, path: str, place: Place) -> type | None:
        """Return the class that a path names.

        None for the parameter's own default, and for what the parser will say is not there.

        Raises:
            UsageError: it is another thing than the place declares.
        """
        try:
            found = imported(path)
        except (ImportError, AttributeError, ValueError):
            if self.parsed or self.names is not None:
                raise UsageError(f"{place.name}: there is no {path!r} to import.") from None
            return None
        if found is place.default:
            return None
        if not inspect.isclass(found) or not any(one in found.__mro__ for one in place.declared.classes):
            raise _refused(place, path, found)
        if inspect.isabstract(found):
            raise UsageError(f"{place.name} is {path}, which is abstract; a class derived from it was expected.")
        return found


def _refused(place: Place, path: str, found: Any) -> UsageError:
    is_none = "" if inspect.isclass(found) else ", which is no class"
    wanted = " or ".join(dict.fromkeys(one.__name__ for one in place.declared.classes))
    if wanted:
        return UsageError(f"{place.name} is {path}{is_none}; {wanted} or a class derived from it was expected.")
    if place.declared.callables:
        return UsageError(f"{place.name} is {path}, and what is called there is not taken from a configuration.")
    return UsageError(f"{place.name} is {path}; a plain value was expected there, and no class.")


def _items(value: Mapping[str, Any] | Namespace) -> Iterator[tuple[str, Any]]:
    yield from (vars(value) if isinstance(value, Namespace) else value).items()
