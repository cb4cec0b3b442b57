"""What constructors take: their parameters with types and defaults, read and never called."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from jsonargparse import ArgumentParser

from al_lightning.errors import UsageError


def imported(path: str) -> Any:
    """Return what an import path names: an attribute of a module, or of a class in one.

    Raises:
        ImportError, AttributeError, ValueError: there is no such thing.
        UsageError: the module ends the process.
    """
    module, _, last = path.rpartition(".")
    try:
        holder: Any = import_module(module)
    except ModuleNotFoundError:
        above, _, name = module.rpartition(".")
        holder = getattr(import_module(above), name)
    except SystemExit as error:
        raise UsageError(f"The module of {path} ends the process when it is imported.") from error
    return getattr(holder, last)


def by_name(name: str, classes: Iterable[type]) -> type | None:
    """Return the class of a name, without its module, among known ones derived from some classes."""
    for one in classes:
        if one.__name__ == name:
            return one
        if (found := by_name(name, one.__subclasses__())) is not None:
            return found
    return None


def parameters(owner: type) -> dict[str, tuple[Any, Any]]:
    """Return the hint and the default of each named parameter of a class's constructor.

    Of its bases' too, where it takes more. A hint that cannot be resolved is None.
    """
    return _parameters(owner)


@functools.cache
def _parameters(owner: Any) -> dict[str, tuple[Any, Any]]:
    found: dict[str, tuple[Any, Any]] = {}
    for base in owner.__mro__:
        constructor = vars(base).get("__init__")
        if base is object or constructor is None:
            continue
        try:
            signature = inspect.signature(constructor)
        except (TypeError, ValueError):
            break
        function = inspect.unwrap(constructor)
        for parameter in list(signature.parameters.values())[1:]:
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            found.setdefault(parameter.name, (_resolved(parameter.annotation, function), parameter.default))
        if not any(one.kind is one.VAR_KEYWORD for one in signature.parameters.values()):
            break
    return found


def _resolved(annotation: Any, function: Any) -> Any:
    if annotation is inspect.Parameter.empty:
        return None
    one = types.SimpleNamespace(__annotations__={"one": annotation})
    try:
        return typing.get_type_hints(one, getattr(function, "__globals__", {}), include_extras=True)["one"]
    except Exception:  # a name that only type checkers know, a syntax of a later Python
        return None


def hands_on(owner: type, key: Any, given: int) -> bool:
    """Whether a class takes an option that its constructor hands on to another function."""
    try:
        return key in ArgumentParser().add_class_arguments(owner, fail_untyped=False, skip={given} if given else None)
    except (ValueError, TypeError):
        return False
