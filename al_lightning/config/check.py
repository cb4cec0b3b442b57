"""One walk over a configuration: keys, classes that are named, and nulls, held to what the options declare.

jsonargparse calls whatever function a `class_path` names under a `Callable[..., T]`, and takes any function for a plain
`Callable`: `class_path: os.system` would run a command. So every class path is checked before any class is called.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from al_lightning.config.command_line import read_text
from al_lightning.config.declared import PLAIN, Declared, declared, fits, is_class, takes_null, wanted
from al_lightning.config.fit_options import SECTIONS
from al_lightning.config.option_types import TYPES
from al_lightning.config.signatures import by_name, hands_on, imported, parameters
from al_lightning.errors import UsageError, nearest

Refuse = Callable[[str, str], None]
"""Is told an option and a class path before that is imported; may refuse it."""


ANYTHING = Declared()


@dataclass(frozen=True)
class Place:
    """Where a value stands.

    Attributes:
        name: of the option, as one types it.
        declared: what it may hold.
        hint: its type; None where that is not known.
        default: of the constructor's parameter, which is the class's own word.
    """

    name: str
    declared: Declared = ANYTHING
    hint: Any = None
    default: Any = inspect.Parameter.empty

    @property
    def null(self) -> bool:
        """Whether the value may be null."""
        return self.default is None or takes_null(self.hint)


@dataclass(frozen=True)
class Walk:
    """Goes through a configuration and what its options declare.

    Attributes:
        parsed: whether import paths have become what they name.
        refuse: told of each class path before it is imported; for configurations that nobody vouches for.
        origins: by the name of an option, the file that set it last.
        leaves: the values that were seen and are neither classes nor their options, with their places.
    """

    parsed: bool = False
    refuse: Refuse | None = None
    origins: Mapping[str, Path] = field(default_factory=dict)
    leaves: list[tuple[Place, Any]] = field(default_factory=list)

    def top(self, config: Mapping[str, Any] | Namespace, names: tuple[str, ...]) -> None:
        """Hold a configuration to what its options declare.

        Args:
            config: parsed, or plain data before that.
            names: the options that there are at the top.

        Raises:
            UsageError: there is no such option, a class path names no class or one of another kind, an option is null
                and cannot be, a class lacks an option, or `refuse` refuses a class.
        """
        for name, value in _items(config):
            if name not in names:
                raise UsageError(f"There is no option {name!r}{self.source(str(name))}.{nearest(str(name), names)}")
            if name in SECTIONS and SECTIONS[name].one_class:
                if not isinstance(value, (Mapping, Namespace)):
                    raise UsageError(f"{name} is {value!r}; its options by name were expected.")
                self.options(value, TYPES[name], name)
            else:
                self.value(value, Place(name, declared(TYPES[name], ours=True), TYPES[name]))
        if missing := [name for name in names if name in SECTIONS and name not in config and name != "trainer"]:
            raise UsageError(
                f"{missing[0]} is not set; --config NAME sets it, and `al-lightning configs` lists the names."
            )

    def value(self, value: Any, place: Place) -> None:
        """Look at one value and all that is in it."""
        what = place.declared
        if isinstance(value, str) and not self.parsed:
            value = read_text(value, place.name)
        if value is None:
            if not place.null:
                raise UsageError(f"{place.name} cannot be null; {wanted(place.hint)} was expected.")
        elif isinstance(value, (Namespace, Mapping)):
            if "class_path" in value:
                self.spec(value, place)
            elif what.inner is not None:
                for key, part in _items(value):
                    self.value(part, Place(f"{place.name}.{key}", what.inner))
                self.leaves.append((place, value))
            else:  # the options of a class that need not be named
                self.options(value, self.only_class(value, place), place.name)
            return
        elif isinstance(value, (list, tuple, set, frozenset)):
            for part in value:
                self.value(part, Place(place.name, what.inner or ANYTHING))
        elif isinstance(value, str) and not self.parsed:
            self.text(value, place)
        elif value is not place.default and not isinstance(value, PLAIN):
            name = getattr(value, "__qualname__", type(value).__qualname__)
            module = getattr(value, "__module__", None) or type(value).__module__
            raise _unfit(place, f"{module}.{name}", value)
        self.leaves.append((place, value))

    def text(self, value: str, place: Place) -> None:
        """Look at a text before it is parsed: it may stand for a class."""
        what = place.declared
        is_path = re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", value) is not None
        if not (what.classes or what.callables) or not (is_path or (what.classes and is_class(place.hint))):
            return
        if self.refuse is not None:
            self.refuse(place.name, value)
        if not what.text:
            found = self.class_of(value, place)
            self.options({}, found, place.name, what.given)

    def spec(self, value: Mapping[str, Any] | Namespace, place: Place) -> None:
        """Look at a class that is named, and at its options."""
        path = value["class_path"]
        if not isinstance(path, str):
            raise UsageError(f"{place.name} has the class_path {path!r}; the import path of a class was expected.")
        if self.refuse is not None:
            self.refuse(place.name, path)
        found = self.class_of(path, place)
        self.options(value.get("init_args") or {}, found, place.name, place.declared.given)
        for key, part in _items(value):
            if key not in ("class_path", "init_args"):
                self.one_name(key, place.name)
                self.value(part, Place(place.name))

    def only_class(self, value: Mapping[str, Any] | Namespace, place: Place) -> type | None:
        """Return the class whose options these are though it is not named; None where that is not known."""
        classes = place.declared.classes
        if len(classes) != 1:
            return None
        if inspect.isabstract(classes[0]) and not self.parsed:
            raise UsageError(
                f"{place.name} has no class yet that could have the option {next(iter(value), '')!r}; give its class "
                "first."
            )
        return classes[0]

    def options(self, value: Any, owner: type | None, at: str, given: int = 0) -> None:
        """Look at the options of a class, but for the first ones, which the run gives; of None, of nothing known."""
        if isinstance(value, str) and not self.parsed:
            value = read_text(value, at)
        if not isinstance(value, (Mapping, Namespace)):
            self.value(value, Place(at))
            return
        known = dict(list(parameters(owner).items())[given:]) if owner is not None else {}
        if at in SECTIONS and SECTIONS[at].takes:
            known = {name: known[name] for name in SECTIONS[at].takes}
        ours = owner is not None and any(base.__module__.split(".")[0] == "al_lightning" for base in owner.__mro__)
        for key, part in _items(value):
            self.one_name(key, at)
            if owner is not None and key not in known and not self.parsed and not hands_on(owner, key, given):
                raise self.no_option(owner, at, str(key), known)
            hint, default = known.get(key, (None, inspect.Parameter.empty))
            self.value(part, Place(f"{at}.{key}", declared(hint, ours), hint, default))
        needed = [name for name, (_, default) in known.items() if default is inspect.Parameter.empty]
        if owner is not None and not self.parsed and (lacking := [name for name in needed if name not in value]):
            raise UsageError(
                f"{at}: {owner.__name__} needs {', '.join(lacking)}, and nothing sets it; give --{at}.{lacking[0]}."
            )

    def no_option(self, owner: type, at: str, key: str, known: Mapping[str, Any]) -> UsageError:
        """Return the error for an option that a class does not have, with the nearest ones."""
        holder = at if at in SECTIONS and SECTIONS[at].one_class else owner.__name__
        return UsageError(f"{holder} has no option {key!r}{self.source(f'{at}.{key}')}.{nearest(key, known)}")

    def source(self, name: str) -> str:
        """Return where an option comes from, in brackets; nothing where it is of the command line."""
        found = next((path for key, path in self.origins.items() if key == name or key.startswith(f"{name}.")), None)
        return f" (set in {found})" if found is not None else ""

    def one_name(self, key: Any, at: str) -> None:
        """Refuse an option's path for a key, which the parser would follow."""
        if not self.parsed and "." in str(key):
            raise UsageError(f"{at} has the key {str(key)!r}; the name of one option was expected, without a dot.")

    def class_of(self, path: str, place: Place) -> type | None:
        """Return the class that a path names.

        None for the parameter's own default.

        Raises:
            UsageError: it is another thing than the place declares, or is not there.
        """
        try:
            found = imported(path)
        except (ImportError, AttributeError, ValueError):
            if self.refuse is not None:
                raise UsageError(f"{place.name}: there is no {path!r} to import.") from None
            found = by_name(path, place.declared.classes)
            if found is None:
                raise UsageError(_absent(path, place)) from None
        if found is place.default:
            return None
        if not inspect.isclass(found) or not any(one in found.__mro__ for one in place.declared.classes):
            raise _unfit(place, path, found)
        if inspect.isabstract(found):
            raise UsageError(f"{place.name} is {path}, which is abstract; a class derived from it was expected.")
        return found

    def explain(self, error: Exception) -> UsageError:
        """Return the parser's error in one sentence: the innermost of the values seen that does not fit its type."""
        for place, value in sorted(self.leaves, key=lambda leaf: -leaf[0].name.count(".")):
            if place.hint is not None and not fits(place.hint, value):
                return UsageError(f"{place.name} is {value!r}; {wanted(place.hint)} was expected.")
        lines = [line.strip(" -") for line in str(error).splitlines() if line.strip()]
        return UsageError(f"The configuration is not accepted: {lines[-1] if lines else type(error).__name__}.")


def _unfit(place: Place, path: str, found: Any) -> UsageError:
    is_none = "" if inspect.isclass(found) else ", which is no class"
    classes = " or ".join(dict.fromkeys(one.__name__ for one in place.declared.classes))
    if classes:
        return UsageError(f"{place.name} is {path}{is_none}; {classes} or a class derived from it was expected.")
    if place.declared.callables:
        return UsageError(f"{place.name} is {path}, and what is called there is not taken from a configuration.")
    return UsageError(f"{place.name} is {path}; a plain value was expected there, and no class.")


def _absent(path: str, place: Place) -> str:
    """Say which part of an import path is not there."""
    module, _, name = path.rpartition(".")
    if not module:
        wanted = f"my_module.My{place.declared.classes[0].__name__}" if place.declared.classes else "my_module.MyClass"
        short = SECTIONS[place.name].short if place.name in SECTIONS else {}
        known = "".join(f"{one} or " for one in short)
        return f"{place.name} is {path!r}; {known}the import path of a class was expected, such as {wanted}."
    try:
        holder = import_module(module)
    except ImportError as error:
        absent = error.name or module
        return f"{place.name}: there is no module {absent!r} to import; modules in the working directory are found too."
    return f"{place.name}: {module} has no {name!r}.{nearest(name, vars(holder))}"


def _items(value: Mapping[str, Any] | Namespace) -> Iterator[tuple[str, Any]]:
    yield from (vars(value) if isinstance(value, Namespace) else value).items()
