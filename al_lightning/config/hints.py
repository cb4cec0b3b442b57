"""What constructors take and what their type hints allow, read from signatures. No class is called."""

from __future__ import annotations

import argparse
import collections.abc
import datetime
import decimal
import enum
import functools
import inspect
import os
import types
import typing
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, TypeVar, Union

from jsonargparse import ArgumentParser

from al_lightning.errors import UsageError

PLAIN = (
    *(str, bytes, int, float, complex, type(None), range, decimal.Decimal, uuid.UUID, enum.Enum, os.PathLike),
    *(datetime.date, datetime.timedelta),
)
"""Types whose values are no objects that a configuration has to name a class for."""
CONTAINERS = (list, tuple, set, frozenset, collections.abc.Collection, collections.abc.Iterable)
KINDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    list: "a list",
    tuple: "a list",
}
PARSE_ERRORS = (argparse.ArgumentError, TypeError, ValueError, KeyError)
"""Errors of the typed parser."""


@dataclass(frozen=True)
class Allowed:
    """What a type hint allows.

    Attributes:
        classes: a class that is named must be derived from one of these.
        given: number of the first parameters of that class which the run passes.
        callables: whether the hint asks for a function or a type, which no configuration may name.
        text: whether a text need not name a class.
        null: whether null is allowed.
        only_classes: whether nothing but a class, or null, is allowed.
        inner: hint of the parts of a list or a mapping; None where neither is allowed.
    """

    classes: tuple[type, ...] = ()
    given: int = 0
    callables: bool = False
    text: bool = False
    null: bool = False
    only_classes: bool = False
    inner: Any = None


def allowed(hint: Any, ours: bool) -> Allowed:
    """Return what a type hint allows.

    Args:
        hint: a resolved hint; None where it is unknown.
        ours: whether the hint is of a class of this package or of a derived class. Only there may a configuration name
            a class for a `Callable[..., Class]`.
    """
    classes: list[type] = []
    inner: list[Any] = []
    given, callables, text, null, others = 0, False, False, False, False
    for part in _alternatives(hint):
        arguments = typing.get_args(part)
        kind = typing.get_origin(part) or part
        if kind is collections.abc.Callable:
            made = allowed(arguments[-1], ours).classes if ours and arguments else ()
            classes += made
            callables = callables or not made
            if made and isinstance(arguments[0], list):
                given = max(given, len(arguments[0]))
        elif kind in (type, types.ModuleType):
            callables = True
        elif _is_null(part):
            null, others = True, others or part is not type(None)
        elif not inspect.isclass(kind) or issubclass(kind, PLAIN):
            others, text = True, text or kind is str
        elif issubclass(kind, collections.abc.Mapping):
            others = True
            inner += arguments[1:] or [Any]
        elif kind in CONTAINERS or kind.__module__ in ("collections.abc", "typing", "collections"):
            others = True
            inner += [argument for argument in arguments if argument is not Ellipsis] or [Any]
        else:
            classes.append(kind)
    inner_hint = Union[tuple(inner)] if inner else None  # noqa: UP007 - of as many types as there are
    return Allowed(tuple(classes), given, callables, text, null, not others, inner_hint)


def _is_null(part: Any) -> bool:
    """Whether one alternative of a hint allows null: None, anything at all, or a hint that says nothing."""
    if typing.get_origin(part) is Literal:
        return None in typing.get_args(part)
    return part in (Any, object, None, type(None)) or isinstance(part, (TypeVar, str, typing.ForwardRef))


def _alternatives(hint: Any) -> list[Any]:
    """Return the members of a union, nested ones too; a list of the hint itself where it is no union."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _alternatives(arguments[0])
    if origin in (Union, types.UnionType):
        return [part for argument in arguments for part in _alternatives(argument)]
    return [hint]


def fits(hint: Any, value: Any) -> bool:
    """Whether the typed parser takes a value for a type hint alone; True where it has no parser for the hint."""
    parser = ArgumentParser(exit_on_error=False)
    try:
        parser.add_argument("--value", type=hint)
    except PARSE_ERRORS:
        return True
    try:
        parser.parse_object({"value": value})
    except PARSE_ERRORS:
        return False
    return True


def in_words(hint: Any) -> str:
    """Return what a type hint asks for, without null."""
    words = []
    for part in _alternatives(hint):
        kind, arguments = typing.get_origin(part) or part, typing.get_args(part)
        if kind is Literal:
            words += [repr(argument) for argument in arguments]
        elif kind is list and arguments == (str,):
            words.append("a list of texts, '[a, b]',")
        elif kind is tuple:
            words.append(f"a list of {len(arguments)} values")
        elif kind is not type(None):
            words.append(KINDS.get(kind) or f"a {getattr(kind, '__name__', kind)}")
    return " or ".join(dict.fromkeys(words))


def imported(path: str) -> Any:
    """Return what an import path names: an attribute of a module, or of a class in a module.

    Raises:
        ImportError, AttributeError, ValueError: there is no such thing.
        UsageError: the module ends the process.
    """
    module, _, last = path.rpartition(".")
    if module.startswith("."):
        raise ImportError(f"{path} does not begin with the name of a module")  # import_module raises TypeError
    try:
        holder: Any = import_module(module)
    except ModuleNotFoundError:
        above, _, name = module.rpartition(".")
        holder = getattr(import_module(above), name)
    except SystemExit as error:
        raise UsageError(f"The module of {path} ends the process when it is imported.") from error
    return getattr(holder, last)


def by_name(name: str, bases: Iterable[type]) -> type | None:
    """Return the class of a name, without its module, among some classes and all that are derived from them."""
    for base in bases:
        if base.__name__ == name:
            return base
        if (derived := by_name(name, base.__subclasses__())) is not None:
            return derived
    return None


@functools.cache
def parameters(owner: Any) -> dict[str, tuple[Any, Any]]:
    """Return (hint, default) of each named parameter of a class's constructor; a hint that cannot be resolved is None.

    Where the constructor takes **options, the parameters of the base classes are included.
    """
    named: dict[str, tuple[Any, Any]] = {}
    for base in owner.__mro__:
        constructor = vars(base).get("__init__")
        if base is object or constructor is None:
            continue
        try:
            own = list(inspect.signature(constructor).parameters.values())[1:]
        except (TypeError, ValueError):
            break
        names = getattr(inspect.unwrap(constructor), "__globals__", {})
        for parameter in own:
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                named.setdefault(parameter.name, (_resolved(parameter.annotation, names), parameter.default))
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in own):
            break
    return named


def _resolved(annotation: Any, names: dict[str, Any]) -> Any:
    if annotation is inspect.Parameter.empty:
        return None
    holder = types.SimpleNamespace(__annotations__={"hint": annotation})
    try:
        return typing.get_type_hints(holder, names, include_extras=True)["hint"]
    except Exception:  # a name that only type checkers know, or a syntax of a later Python
        return None


def passes_on(owner: type, key: Any, given: int) -> bool:
    """Whether a class takes an option that its constructor passes on to another function."""
    try:
        return key in ArgumentParser().add_class_arguments(owner, fail_untyped=False, skip={given} if given else None)
    except (ValueError, TypeError):
        return False
