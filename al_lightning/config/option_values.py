"""Values of a parsed configuration that no constructor of ours would see: nulls, top-level options, the Trainer's."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import sys
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Optional, TypeVar, Union

from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException

from al_lightning.config.signatures import parameters
from al_lightning.errors import MOST, ALError, UsageError, reason_of, require, require_folder
from al_lightning.runs.identity import flatten

LONGEST = 10**9
"""Beyond the steps or the epochs of any fit."""
WANTED = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    list: "a list",
    tuple: "a list",
}


def check_values(config: Namespace) -> None:
    """Hold the options that stand in no section, and the Trainer's numbers, to their ranges; some need not be there.

    Raises:
        UsageError: one of them is outside.
    """
    for name in ("steps", "epochs", "chunk"):
        if (length := config.get(name)) is not None:
            require(name, length, least=1, most=LONGEST)
    if (share := config.get("share")) is not None:
        require_folder("share", share, "the directory of a run")
    if (trainer := config.get("trainer")) is None:
        return
    if trainer.gradient_clip_val is not None:
        require("trainer.gradient_clip_val", trainer.gradient_clip_val, least=0)
    require("trainer.num_nodes", trainer.num_nodes, least=1, most=MOST)
    with contextlib.suppress(ValueError, TypeError):  # a list of devices, or "auto"
        if (devices := int(trainer.devices)) != -1:
            require("trainer.devices", devices, least=1, most=1024)


def check_nulls(config: Namespace, options: Mapping[str, Any]) -> None:
    """Refuse null where an option takes none, at whatever depth; nothing is built or imported.

    Args:
        config: parsed.
        options: top-level options and their types.

    Raises:
        UsageError: an option is null whose annotation does not allow it.
    """
    for name, value in vars(config).items():
        _look(name, value, options.get(name, Any))


def nulls(values: Mapping[str, Any], options: Sequence[str]) -> set[str]:
    """Return the dotted names of what a configuration sets to null, after the command line's options."""
    found = {key.replace(".init_args", ""): value is None for key, value in flatten(dict(values))}
    for option, following in itertools.pairwise([*options, ""]):
        if option.startswith("--"):
            name, equals, joined = option.removeprefix("--").partition("=")
            found[name.replace(".init_args", "")] = (joined if equals else following) == "null"
    return {key for key, null in found.items() if null}


@contextlib.contextmanager
def naming(section: str) -> Iterator[None]:
    """Turn what a constructor of a section raises into one sentence that names the section.

    Raises:
        UsageError: with the constructor's own reason; the error itself is its cause, shown by --verbose.
    """
    try:
        yield
    except (MisconfigurationException, TypeError, ValueError) as error:
        root: BaseException = error
        while (before := root.__cause__ or root.__context__) is not None:
            root = before
            if isinstance(root, ALError):  # the parser, trying each type of a union, made a text of it
                raise root from None
        reason = reason_of(root if str(error).startswith("Does not validate") else error)
        raise UsageError(f"A class that is named under {section} refuses its options: {reason}.") from error


def _look(key: str, value: Any, annotation: Any) -> None:
    """Look at a value and at what it holds; the entries of collections are the parser's to check."""
    if value is None:
        if not _takes_none(annotation):
            kind = typing.get_origin(annotation) or annotation
            wanted = f"; {WANTED[kind]} was expected" if kind in WANTED else ""
            raise UsageError(f"{key} cannot be null{wanted}.")
    elif isinstance(value, Namespace):
        _look_into(key, value, annotation)
    elif isinstance(value, dict):
        for name, part in value.items():
            _look(f"{key}.{name}", part, Any)
    elif isinstance(value, (list, tuple)):
        for place, part in enumerate(value):
            _look(f"{key}[{place}]", part, Any)


def _look_into(key: str, value: Namespace, annotation: Any) -> None:
    """Look at the options of a class that is named, or else of the one that stands there always."""
    held = vars(value)
    if isinstance(path := held.get("class_path"), str):
        module, _, name = path.rpartition(".")
        constructed = getattr(sys.modules.get(module), name, None)
        held = vars(held["init_args"]) if isinstance(held.get("init_args"), Namespace) else {}
    else:
        parts = (annotation, *typing.get_args(annotation))  # of a dataclass, or none
        constructed = next((part for part in parts if inspect.isclass(part) and part is not type(None)), None)
    known = _hints(constructed)
    for name, part in held.items():
        _look(f"{key}.{name}", part, known.get(name, Any))


def _hints(constructed: Any) -> dict[str, Any]:
    """Return the annotations of what a class takes; Any where there is none. What is null by default may be null."""
    known = parameters(constructed) if inspect.isclass(constructed) else {}
    return {
        name: Any if hint is None else Optional[hint] if default is None else hint  # noqa: UP045 - it takes any hint
        for name, (hint, default) in known.items()
    }


def _takes_none(annotation: Any) -> bool:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _takes_none(inner[0])
    if origin in (Union, types.UnionType):
        return any(_takes_none(part) for part in inner)
    if origin is Literal:
        return None in inner
    return annotation in (Any, object, None, type(None)) or isinstance(annotation, (TypeVar, str, typing.ForwardRef))
