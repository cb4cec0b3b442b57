"""What the type hint of an option declares: classes that may be named there, texts, null; and its words for errors."""

from __future__ import annotations

import argparse
import collections.abc
import datetime
import decimal
import enum
import inspect
import os
import types
import typing
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from jsonargparse import ArgumentParser

PLAIN = (
    *(str, bytes, int, float, complex, type(None), range, decimal.Decimal, uuid.UUID, enum.Enum, os.PathLike),
    *(datetime.date, datetime.timedelta),
)
"""Values that nothing is called for."""
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
"""Of the typed parser."""


@dataclass(frozen=True)
class Declared:
    """What an option may hold besides plain values.

    Attributes:
        classes: what a class must derive from, one of them.
        inner: what a list, a tuple or a mapping holds.
        callables: whether something to be called is declared that is not taken from configurations.
        text: whether a text is as good.
        given: how many of a class's parameters, the first ones, the run gives.
    """

    classes: tuple[type, ...] = ()
    inner: Declared | None = None
    callables: bool = False
    text: bool = False
    given: int = 0


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
        given = len(arguments[0]) if made and isinstance(arguments[0], list) else 0
        return Declared(made, callables=not made, given=given)
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
        max((part.given for part in parts), default=0),
    )


def takes_null(hint: Any) -> bool:
    """Whether a type hint allows null; one that says nothing does."""
    if typing.get_origin(hint) is Literal:
        return None in typing.get_args(hint)
    return any(
        part in (Any, object, None, type(None)) or isinstance(part, (TypeVar, str, typing.ForwardRef))
        for part in _alternatives(hint)
    )


def fits(hint: Any, value: Any) -> bool:
    """Whether the typed parser takes a value for a type hint alone; what it has no parser for does fit."""
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


def wanted(hint: Any) -> str:
    """Return what a type hint wants, in words."""
    parts = [part for part in _alternatives(hint) if part is not type(None)]
    words = []
    for part in parts:
        kind, inner = typing.get_origin(part) or part, typing.get_args(part)
        if kind is Literal:
            words += [repr(one) for one in inner]
        elif kind is tuple:
            words.append(f"a list of {len(inner)} values")
        else:
            words.append(KINDS.get(kind) or f"a {getattr(kind, '__name__', kind)}")
    return " or ".join(dict.fromkeys(words))


def is_class(hint: Any) -> bool:
    """Whether a type hint wants a class and nothing else, but for null."""
    parts = [part for part in _alternatives(hint) if part is not type(None)]
    return bool(parts) and all(
        typing.get_origin(part) is collections.abc.Callable or (inspect.isclass(part) and not issubclass(part, PLAIN))
        for part in parts
    )


def _alternatives(hint: Any) -> list[Any]:
    """Return the types of which a value may have any."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _alternatives(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return [one for part in arguments for one in _alternatives(part)]
    return [hint]
