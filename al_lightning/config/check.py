"""One walk over a configuration: option names, classes that are named, and nulls, against what the options declare.

jsonargparse calls whatever function a `class_path` names under a `Callable[..., T]`, and takes any function for a plain
`Callable`: `class_path: os.system` would run a command. So every class path is checked before any class is called.
"""

from __future__ import annotations

import contextlib
import inspect
import re
import typing
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.constraints import Constraints
from al_lightning.config.command_line import read_text
from al_lightning.config.fit_options import DECLARED, DEFAULTS, IN_FILES, SECTIONS, FitOptions
from al_lightning.config.hints import Allowed, allowed, by_name, fits, imported, in_words, parameters, passes_on
from al_lightning.config.layers import read_layers
from al_lightning.data.dataset import PoolDataset
from al_lightning.errors import UsageError, nearest
from al_lightning.networks.base import Network
from al_lightning.oracle import Oracle
from al_lightning.pool import Budget
from al_lightning.runs.identity import flatten
from al_lightning.tasks import Task
from al_lightning.training.base import TrainingModule
from al_lightning.yaml_files import quotes_needed

Refuse = Callable[[str, str], None]
"""Called with the name of an option and a class path before the import; raises where the class may not be imported."""
EMPTY = inspect.Parameter.empty
TYPES: dict[str, Any] = {
    "data": PoolDataset,
    "task": Callable[[int], Task],
    "network": Callable[[int], Network],
    "training": Callable[[Network, Task, int, tuple[int, int, int]], TrainingModule],
    "acquisition": Acquisition,
    "initial": Acquisition,
    "constraints": Constraints,
    "oracle": Oracle,
    "budget": Budget,
    "trainer": Trainer,
    **{name: hint for name, hint in typing.get_type_hints(FitOptions).items() if name in IN_FILES},
}
"""Types of the options at the top of a configuration; a callable makes an object from what only the run knows."""
_SIZES = (".size", ".crop")
"""Ends of the names of options that are sizes in pixels."""


@dataclass(frozen=True)
class Place:
    """Where a value stands.

    Attributes:
        name: name of the option, as one types it.
        hint: type hint of the value; None where it is unknown.
        ours: whether the hint is of a class of this package, or of a derived class.
        default: default of the constructor's parameter.
        part: whether the value is one of a list.
    """

    name: str
    hint: Any = None
    ours: bool = False
    default: Any = EMPTY
    part: bool = False

    @property
    def allowed(self) -> Allowed:
        """What the hint allows."""
        return allowed(self.hint, self.ours)


@dataclass(frozen=True)
class Walk:
    """Goes through a configuration that is plain data, before it is parsed.

    Attributes:
        refuse: called before each import; for configurations that somebody else may have written.
        files: the config files, for messages.
        given: names of the options on the command line.
        leaves: the values that were seen, with their places, without classes and mappings of their options.
    """

    refuse: Refuse | None = None
    files: Sequence[Path] = ()
    given: Sequence[str] = ()
    leaves: list[tuple[Place, Any]] = field(default_factory=list)

    def top(self, config: Mapping[str, Any], names: tuple[str, ...]) -> None:
        """Check a configuration, at whose top some names may stand.

        Raises:
            UsageError: there is no such option, a class path names no class or a class of another kind, an option is
                null and cannot be, a class lacks an option, or `refuse` refuses a class.
        """
        for name, value in config.items():
            if name in DECLARED and name not in names:
                raise UsageError(
                    f"{name} is an option of the command line alone{self._source(str(name))}; give --{name}."
                )
            if name not in names:
                raise UsageError(f"There is no option {name!r}{self._source(str(name))}.{nearest(str(name), names)}")
            if name in SECTIONS and SECTIONS[name].one_class:
                if not isinstance(value, Mapping):
                    raise UsageError(f"{name} is {value!r}; its options by name were expected.")
                self._options(value, TYPES[name], name)
            else:
                self._value(value, Place(name, TYPES[name], ours=True, default=DEFAULTS.get(name, EMPTY)))
        if missing := [name for name in names if name in SECTIONS and name not in config and name != "trainer"]:
            raise UsageError(
                f"{missing[0]} is not set; --config NAME sets it, and `al-lightning configs` lists the names."
            )

    def _value(self, value: Any, place: Place) -> None:
        if isinstance(value, str):
            value = read_text(value, place.name)
        if value is None and place.default is not None and not place.allowed.null:
            quotes = f": {quotes_needed(value)}" if place.part else ""
            raise UsageError(f"{place.name} cannot be null; {in_words(place.hint)} was expected{quotes}.")
        inner = place.allowed.inner
        if isinstance(value, Mapping):
            if "class_path" in value:
                return self._spec(value, place)
            if inner is None:  # options without a class path
                owner = place.allowed.classes[0] if len(place.allowed.classes) == 1 else None
                if owner is not None and inspect.isabstract(owner):
                    raise UsageError(f"{place.name} has options ({', '.join(map(str, value))}); give its class first.")
                return self._options(value, owner, place.name)
            for key, part in value.items():
                self._value(part, Place(f"{place.name}.{key}", inner, place.ours))
        elif isinstance(value, (list, tuple, set, frozenset)):
            for part in value:
                self._value(part, Place(place.name, inner, place.ours, part=True))
        elif isinstance(value, str):
            self._text(value, place)
        self.leaves.append((place, value))

    def _text(self, text: str, place: Place) -> None:
        hint = place.allowed
        is_path = re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", text) is not None
        if (is_path and hint.callables) or (hint.classes and (is_path or hint.only_classes)):
            if not hint.text or hint.callables:
                self._spec({"class_path": text}, place)
            elif self.refuse is not None:
                self.refuse(place.name, text)

    def _spec(self, value: Mapping[str, Any], place: Place) -> None:
        path = value["class_path"]
        if not isinstance(path, str):
            raise UsageError(f"{place.name} has the class_path {path!r}; the import path of a class was expected.")
        if self.refuse is not None:
            self.refuse(place.name, path)
        owner = self._class_of(path, place)
        self._options(value.get("init_args") or {}, owner, place.name, place.allowed.given)
        others = {key: part for key, part in value.items() if key not in ("class_path", "init_args")}
        self._options(others, None, place.name)

    def _options(self, value: Any, owner: type | None, at: str, given: int = 0) -> None:
        """Check the options of a class.

        Args:
            value: the options by name, or a text of them.
            owner: the class; None where it is unknown.
            at: name of the option that holds the class.
            given: number of the first parameters that the run passes; these are no options.
        """
        if isinstance(value, str):
            value = read_text(value, at)
        if not isinstance(value, Mapping):
            return self._value(value, Place(at))
        known = dict(list(parameters(owner).items())[given:]) if owner is not None else {}
        takes = SECTIONS[at].takes if at in SECTIONS else ()
        if takes:
            known = {name: known[name] for name in takes}
        ours = owner is not None and any(base.__module__.split(".")[0] == "al_lightning" for base in owner.__mro__)
        for key, part in value.items():
            if "." in str(key):  # the parser would follow it as a path
                raise UsageError(f"{at} has the key {str(key)!r}; the name of one option was expected, without a dot.")
            if owner is not None and key not in known and (takes or not passes_on(owner, key, given)):
                holder = at if at in SECTIONS and SECTIONS[at].one_class else owner.__name__
                source = self._source(f"{at}.{key}")
                raise UsageError(f"{holder} has no option {str(key)!r}{source}.{nearest(str(key), known)}")
            hint, default = known.get(key, (None, EMPTY))
            self._value(part, Place(f"{at}.{key}", hint, ours, default))
        lacking = [name for name, (_, default) in known.items() if default is EMPTY and name not in value]
        if owner is not None and lacking:
            raise UsageError(
                f"{at}: {owner.__name__} needs {', '.join(lacking)}, and nothing sets it; give --{at}.{lacking[0]}."
            )

    def _source(self, name: str) -> str:
        """Return in brackets the file that sets an option; "" for an option of the command line."""
        if not any(f"{name}.".startswith(f"{option.removesuffix('.init_args')}.") for option in self.given):
            task = read_layers(self.files).get("task")
            for path in reversed(self.files):
                keys = (key.replace(".init_args.", ".") for key, _ in flatten(read_layers([path], task)))
                if any(f"{key}.".startswith(f"{name}.") for key in keys):
                    return f" (set in {path})"
        return ""

    def _class_of(self, path: str, place: Place) -> type | None:
        """Return the class that a path names; None for the parameter's own default, which may be a function.

        Raises:
            UsageError: there is no such class, or the place does not allow it.
        """
        try:
            named = imported(path)
        except (ImportError, AttributeError, ValueError):
            if self.refuse is not None:
                raise UsageError(f"{place.name}: there is no {path!r} to import.") from None
            named = by_name(path, place.allowed.classes)
            if named is None:
                raise UsageError(_absent(path, place)) from None
        if named is place.default:
            return None
        classes = place.allowed.classes
        if not inspect.isclass(named) or not any(base in named.__mro__ for base in classes):
            no_class = "" if inspect.isclass(named) else ", which is no class"
            if classes:
                names = " or ".join(dict.fromkeys(base.__name__ for base in classes))
                problem = f"{no_class}; {names} or a class derived from it was expected"
            elif place.allowed.callables:
                problem = ", and what is called there is not taken from a configuration"
            else:
                problem = "; a plain value was expected there, and no class"
            raise UsageError(f"{place.name} is {path}{problem}.")
        if inspect.isabstract(named):
            raise UsageError(f"{place.name} is {path}, which is abstract; a class derived from it was expected.")
        return named

    def explain(self, error: Exception) -> UsageError:
        """Return the parser's error in one sentence: the innermost of the values seen that does not fit its hint."""
        for place, value in sorted(self.leaves, key=lambda leaf: -leaf[0].name.count(".")):
            if place.hint is not None and not fits(place.hint, value):
                return UsageError(_expected(place, value))
        lines = [line.strip(" -") for line in str(error).splitlines() if line.strip()]
        return UsageError(f"The configuration is not accepted: {lines[-1] if lines else type(error).__name__}.")


def _expected(place: Place, value: Any) -> str:
    """Return the sentence about a value that does not fit its hint."""
    words = in_words(place.hint)
    if place.name.endswith(_SIZES):
        words = f"[height, width] ({words})"
    if place.part and place.hint is str:
        return f"{place.name} has the value {value!r}, where {words} was expected: {quotes_needed(value)}."
    return f"{place.name} is {value!r}; {words} was expected."


def settable(config: Mapping[str, Any], names: Collection[str]) -> Iterator[str]:
    """Yield the dotted name of each option that a configuration may set at its top, in some sections, or below."""
    for name in names:
        yield name
        if name in SECTIONS:
            yield from _below(name, config.get(name), TYPES[name])


def _below(at: str, value: Any, hint: Any) -> Iterator[str]:
    """Yield the options of the class that an option's value names, and of the classes that these name."""
    given = 0
    owner: Any = None
    if at in SECTIONS and SECTIONS[at].one_class:
        owner, options = TYPES[at], value
    elif isinstance(value, Mapping) and isinstance(path := value.get("class_path"), str):
        with contextlib.suppress(ImportError, AttributeError, ValueError):
            owner = imported(path)
        given, options = allowed(hint, ours=True).given, value.get("init_args")
    known: dict[str, tuple[Any, Any]] = parameters(owner) if isinstance(owner, type) else {}
    for key, (inner, _) in list(known.items())[given:]:
        if at not in SECTIONS or not SECTIONS[at].takes or key in SECTIONS[at].takes:
            yield f"{at}.{key}"
            yield from _below(f"{at}.{key}", options.get(key) if isinstance(options, Mapping) else None, inner)


def _absent(path: str, place: Place) -> str:
    """Return the sentence that says which part of an import path does not exist."""
    module, _, name = path.rpartition(".")
    if not module or module.startswith("."):
        example = f"my_module.My{place.allowed.classes[0].__name__}" if place.allowed.classes else "my_module.MyClass"
        words = SECTIONS[place.name].short if place.name in SECTIONS else {}
        short = f"{', '.join(words)} or " if words else ""
        return f"{place.name} is {path!r}; {short}the import path of a class was expected, such as {example}."
    try:
        holder = import_module(module)
    except ImportError as error:
        absent = error.name or module
        return f"{place.name}: there is no module {absent!r} to import; modules in the working directory are found too."
    return f"{place.name}: {module} has no {name!r}.{nearest(name, vars(holder))}"
