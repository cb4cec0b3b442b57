"""Options of the command line, put into the values of config files, and the settings that they change. No torch."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from jsonargparse import get_loader

from al_lightning.config.fit_options import SECTIONS, result_settings
from al_lightning.config.hints import imported, parameters
from al_lightning.errors import UsageError
from al_lightning.runs.identity import as_json
from al_lightning.runs.parts import SECTION_OF_AXIS
from al_lightning.yaml_files import TooMuch, check_text


def spelled(options: Sequence[str]) -> list[str]:
    """Return options with underscores in their names: --run-dir becomes --run_dir, --data.some-name=a-b likewise."""
    parted = (option.partition("=") if option.startswith("--") else ("", "", option) for option in options)
    return [f"{name[:2]}{name[2:].replace('-', '_')}{equals}{value}" for name, equals, value in parted]


def pairs(options: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the dotted name, without `init_args`, and the value of each option."""
    rest = spelled(options)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not name.startswith("--") or len(name) == 2:
            raise UsageError(f"{name!r} is no option; the names of options begin with --.")
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise UsageError(f"{name} has no value; a value was expected after it.")
            value = rest.pop(0)
        yield name[2:].replace(".init_args.", "."), value


def put(values: dict[str, Any], options: Sequence[str]) -> list[str]:
    """Put options into a configuration's values, in place; the class of an object first, then the object's options.

    Short names of classes, such as `files`, become import paths, also where config files give them.

    Returns:
        The dotted names of the options.

    Raises:
        UsageError: an option has no value, or stands below an option that has no options of its own.
    """
    for name, section in SECTIONS.items():
        holder, key = (values[name], "class_path") if isinstance(values.get(name), dict) else (values, name)
        if isinstance(holder.get(key), str):
            holder[key] = section.short.get(holder[key], holder[key])
    given = list(pairs(options))
    for name, text in sorted(given, key=lambda pair: pair[0].count(".")):
        first, *below = name.split(".")
        if first in SECTIONS and below in ([], ["class_path"]):
            text = SECTIONS[first].short.get(text, text)
        read_text(text, f"--{name}")  # raises for a text beyond the bounds
        *path, key = first, *below
        holder = values
        for part in path:
            holder = _options_of(_holder_of(holder, part, name), part, name)
        holder = _holder_of(holder, key, name)
        if key.endswith("+"):
            old, new = holder.get(key := key[:-1]) or [], read_text(text, name)
            holder[key] = [*(old if isinstance(old, list) else [old]), *(new if isinstance(new, list) else [new])]
        elif key == "class_path":
            holder.update(_with_options_of(holder, {"class_path": text}))
        else:
            holder[key] = _new_value(holder.get(key), text, top=not path)
    return [name.removesuffix("+") for name, _ in given]


def read_text(text: str, name: str) -> Any:
    """Return the mapping or the list that the typed parser would read a text as, else the text.

    Raises:
        UsageError: the text is beyond the bounds of YAML; the message names the option.
    """
    try:
        check_text(text)
        # The parser's own way of reading: another one might refuse, and so pass over, what that takes.
        value = get_loader("yaml")(text)
    except TooMuch as error:
        raise UsageError(f"{name.replace('init_args.', '')} is too much to read: {error}.") from error
    except Exception:  # what the loader cannot read is a plain text
        return text
    return value if isinstance(value, (dict, list, tuple, set)) else text


def _holder_of(values: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    """Return the mapping that a key belongs into: the `init_args` where the values name a class."""
    is_option = "class_path" in values and key not in ("class_path", "init_args", "dict_kwargs")
    return _options_of(values, "init_args", name) if is_option else values


def _options_of(holder: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    """Return the mapping under a key, which is made where there is none; a text becomes the path of a class."""
    value = holder.get(key)
    options = read_text(value, name) if isinstance(value, str) else {} if value is None else value
    if isinstance(options, str):
        options = {"class_path": options}
    if not isinstance(options, dict):
        raise UsageError(f"There is no option --{name}: {key} is {options!r}, which has no options.")
    holder[key] = options
    return options


def _new_value(old: Any, text: str, top: bool) -> Any:
    """Return the value of an option that was `old` and is given as a text.

    Where a class was named, its options stay, as far as the new value does not set them and its class has them.
    """
    if text == "null":
        return None
    new = read_text(text, "")
    if isinstance(old, dict) and "class_path" in old and isinstance(new, (str, dict)):
        if isinstance(new, str):
            return _with_options_of(old, {"class_path": new})
        return _with_options_of(old, new if "class_path" in new else {**old, "init_args": new})
    if top and isinstance(new, dict):
        return {**old, **new} if isinstance(old, dict) else new
    return text


def _with_options_of(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping that names a class, with those options of another one that the class has too."""
    kept, own, path = old.get("init_args"), new.get("init_args") or {}, new["class_path"]
    if not isinstance(kept, dict) or not isinstance(own, dict) or not isinstance(path, str):
        return {**new, "init_args": own}
    if path != old.get("class_path"):
        owner: Any = None
        with contextlib.suppress(ImportError, AttributeError, ValueError):
            owner = imported(path)
        known = parameters(owner) if isinstance(owner, type) else {}
        kept = {key: value for key, value in kept.items() if key in known}
    return {**new, "init_args": {**kept, **own}}


def named_classes(values: Mapping[str, Any], plain: Mapping[str, Any], given: Sequence[str]) -> dict[str, str]:
    """Return the classes that the command line names in place of the files' classes, by axis of a run's name.

    Args:
        values: the merged values of the config files.
        plain: the parsed configuration, of files and options together.
        given: names of the options on the command line.
    """
    named = {}
    for axis, section in SECTION_OF_AXIS.items():
        if section in given or f"{section}.class_path" in given:
            path, own = plain[section]["class_path"], values.get(section)
            before = own.get("class_path") if isinstance(own, Mapping) else own
            if before is None or _object(before) is not _object(path):
                named[axis] = path
    return named


def _object(path: str) -> Any:
    """Return what an import path names; the text itself where it names nothing."""
    with contextlib.suppress(ImportError, AttributeError, ValueError):
        return imported(path)
    return path


def changes(
    values: Mapping[str, Any],
    plain: Mapping[str, Any],
    given: Sequence[str],
    defaults: Mapping[str, Any],
    named: Collection[str] = (),
) -> dict[str, Any]:
    """Return the new value of each setting that options change and that can change a result; None where it is gone.

    The settings are in the order of the configuration, whatever the order of the options.

    Args:
        values: the merged values of the config files.
        plain: the parsed configuration, of files and options together.
        given: names of the options on the command line.
        defaults: by the name of each option that files or the command line set: the default.
        named: sections whose class stands in the run's name: another class, and with it the loss of options that it
            does not have, are no change of what the name says.
    """

    def settings(config: Mapping[str, Any]) -> dict[str, Any]:
        known = {key.replace(".init_args.", "."): value for key, value in result_settings(config).items()}
        return {key: value for key, value in known.items() if any(f"{key}.".startswith(f"{one}.") for one in given)}

    before, after = settings(values), settings(plain)
    for key, value in after.items():
        if key not in before and not key.endswith(".class_path"):
            before[key] = as_json(defaults[key]) if key in defaults else value
        elif isinstance(before.get(key), str) and not isinstance(value, str):  # 1e-3, a text for PyYAML alone
            before[key] = get_loader("yaml")(before[key])
    for section in named:
        after.pop(f"{section}.class_path", None)
        before = {key: value for key, value in before.items() if key in after or key.split(".")[0] != section}
    return {key: after.get(key) for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key)}
