"""From a run's name to its configuration: names -> files -> one merged mapping. No torch.

A name is its parts in a fixed order, joined by underscores:
`<dataset>[_<network>][_<budget>][_<augmentation>]_<acquisition>[_<training>]`. Each part is a small YAML file in a
folder of its axis; the files are merged in that order, then `patches/<dataset pattern>.<network or training>.yaml`.
One file of a network may serve several tasks: `!by_task` (`layers.py`) has a value for each, and the dataset's task
chooses.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from al_lightning.config.fit_options import result_settings
from al_lightning.config.layers import read_layers
from al_lightning.errors import UsageError, from_home, nearest
from al_lightning.runs.journal import RunRecord
from al_lightning.runs.parts import AXES, DEFAULT_TRAINING, OTHER, config_of, run_name

ENCODERS = {"image": "efficientnet", "pixel": "hypercolumns"}
"""The network part of a run's name that encodes images, by what the labels are of, where none is named."""
ENCODER = ENCODERS["image"]
"""The network whose encoder makes features, of a name that has no network."""
REQUIRED = ("datasets", "acquisition")
FORM = "A name is <dataset>[_<network>][_<budget>][_<augmentation>]_<acquisition>[_<training>]"


@dataclass(frozen=True)
class Settings:
    """A merged configuration, before it is parsed.

    Attributes:
        name: the run's name.
        files: what was merged, in order.
        values: the merged values.
        parts: the parts of the name, by axis; the user's own files are the part `other`.
    """

    name: str
    files: tuple[Path, ...]
    values: dict[str, Any]
    parts: dict[str, str]


def shipped() -> Path:
    """Return the folder of the configs that come with the package, also in an editable install."""
    here = Path(__file__).resolve().parents[1]
    return here / "configs" if (here / "configs").is_dir() else here.parent / "configs"


def roots() -> list[Path]:
    """Return where configs are looked for: the working directory, $AL_CONFIG_PATH, the package."""
    extra = [Path(entry) for entry in os.environ.get("AL_CONFIG_PATH", "").split(os.pathsep) if entry]
    return [Path.cwd() / "configs", Path.cwd(), *extra, shipped()]


def own_or_shipped(name: str) -> Path:
    """Return a file of `configs/` that is no part, such as rules.yaml, from the first of `roots` that has it."""
    return next(path for root in roots() if (path := root / name).is_file())


def parts(axis: str) -> dict[str, Path]:
    """Return the files of an axis by name; of two files of one name, that of the first folder of `roots` counts."""
    return {path.stem: path for root in reversed(roots()) for path in sorted((root / axis).glob("*.yaml"))}


def head(path: Path) -> str:
    """Return the first line of a config's head comment: what it is."""
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""


def split_name(name: str) -> dict[str, Path]:
    """Return the files of a name's parts, by axis.

    Raises:
        UsageError: the name is not made of known parts; the message has the nearest ones.
    """
    known = {axis: parts(axis) for axis in AXES}
    # Where names of parts overlap, longer names win over more parts.
    pattern = "".join(
        f"(?:_(?P<{axis}>{'|'.join(sorted(map(re.escape, known[axis]), key=len, reverse=True))}))"
        f"{'' if axis in REQUIRED else '??'}"
        for axis in AXES
    )
    match = re.fullmatch(pattern, f"_{name}")
    if match is None:
        raise UsageError(_unknown(name, known))
    return {axis: known[axis][part] for axis, part in match.groupdict().items() if part is not None}


def _unknown(name: str, known: dict[str, dict[str, Path]]) -> str:
    """Return the sentence that names the unknown part of a name, and the nearest known parts."""

    def longest(axis: str, text: str) -> str:
        return max((part for part in known[axis] if f"{text}_".startswith(f"{part}_")), key=len, default="")

    listed = {axis: ", ".join(sorted(known[axis])) for axis in AXES}
    dataset = longest("datasets", name)
    if not dataset:
        heads = (name[: match.start()] for match in re.finditer("_|$", name))
        guess = next((hint for head in heads if (hint := nearest(head, known["datasets"], 1))), "")
        if name and not guess and Path(name).is_dir():
            guess = f" It is a folder: if it holds photos by class, write image_folder --data.root {name} instead."
        return (
            f"There is no config file {name}.yaml, and {name!r} begins with no dataset.{guess} "
            f"Datasets: {listed['datasets']}. {FORM}; `al-lightning configs` lists them."
        )
    rest = name[len(dataset) + 1 :]
    for axis in AXES[1:]:
        rest = rest[len(part) + 1 :] if (part := longest(axis, rest)) else rest
    others = [part for axis in AXES[1:] for part in known[axis]]
    rest = next((rest.removesuffix(f"_{part}") for part in known["training"] if rest.endswith(f"_{part}")), rest)
    problem = f"lacks an acquisition, for example {dataset}_random."
    if any(longest(axis, rest) for axis in AXES):
        problem = f"has the part {rest!r} where it cannot stand; a name has each kind of part once, in one order."
    elif rest:
        problem = f"has an unknown part {rest!r} after {dataset!r}.{nearest(rest, others)}"
    return f"The name {name!r} {problem} Acquisitions: {listed['acquisition']}; training: {listed['training']}. {FORM}."


def _find(config: str) -> Path | None:
    """Return the file that is meant; None where no such file exists, so that it must be a name of parts."""
    given = from_home("--config", config)
    in_folder = len(given.parts) > 1
    for candidate in (given, given.parent / f"{given.name}.yaml"):
        for root in [Path(), *(roots() if in_folder and not given.is_absolute() else [])]:
            if (root / candidate).is_file():
                return (root / candidate).resolve()
    if in_folder:
        near = nearest(given.stem, (path.stem for root in roots() for path in (root / given.parent).glob("*.yaml")))
        raise UsageError(f"There is no config file {config}.{near}")
    return None


def layers_of(config: str) -> list[tuple[str | None, Path]]:
    """Return the files that a `--config` value means, a name or a file, with their axes; None for a file of no axis.

    Raises:
        UsageError: a name or a file is unknown.
    """
    if (path := _find(config)) is not None:
        return [(path.parent.name if path.parent.name in AXES else None, path)]
    return [*split_name(config.removesuffix(".yaml")).items()]


def resolve(configs: Sequence[str]) -> Settings:
    """Return the merged settings of one or more `--config` values, each a name or a file; later ones win.

    Raises:
        UsageError: a name or a file is unknown or wrong.
    """
    if not configs:
        raise UsageError(
            "Say what to run: --config NAME, for example --config digits_entropy; "
            "`al-lightning configs` lists the parts."
        )
    layers = [layer for config in configs for layer in layers_of(config)]
    named = {axis: path for axis, path in layers if axis is not None}
    if "datasets" in named:
        last = max(position for position, (axis, _) in enumerate(layers) if axis is not None)
        additions: list[tuple[str | None, Path]] = []
        if "training" not in named:
            named["training"] = parts("training")[DEFAULT_TRAINING]
            additions.append(("training", named["training"]))
        others = [named[axis].stem for axis in ("networks", "training") if axis in named]
        additions += [(None, path) for path in _patches(named["datasets"].stem, others)]
        layers[last + 1 : last + 1] = additions
    by_axis = {axis: named[axis].stem for axis in AXES if axis in named}
    if own := [path.stem for axis, path in layers if axis is None and path.parent.name != "patches"]:
        by_axis[OTHER] = "_".join(own)
    files = tuple(path for _, path in layers)
    return Settings(run_name(by_axis), files, read_layers(files), by_axis)


def with_strategy(names: Sequence[str]) -> list[str]:
    """Return `--config` values in which a dataset's name alone is a whole name, with any strategy."""
    known = parts("datasets")
    return [f"{part}_random" if (part := name.removesuffix(".yaml")) in known else name for name in names]


def with_network(names: Sequence[str], network: str | None, default: str) -> list[str]:
    """Return `--config` values with a network: the given one, or that of a name, or the default.

    Args:
        names: names or files.
        network: a part of names; it replaces that of each name.
        default: for a name without one.

    Raises:
        UsageError: there is no such network.
    """
    networks = parts("networks")
    if network is not None and network not in networks:
        raise UsageError(
            f"There is no network {network!r}.{nearest(network, networks)} An encoder is one of "
            f"{', '.join(sorted(networks))}."
        )
    configs, named = [], False
    for name in names:
        found: dict[str, str] = {}
        if not Path(name).is_file():
            with contextlib.suppress(UsageError):  # a file without its ending, or a mistake that is explained later
                found = {axis: path.stem for axis, path in split_name(name.removesuffix(".yaml")).items()}
        named = named or bool(found)
        configs.append(run_name({**found, "networks": network or found.get("networks", default)}) if found else name)
    return [*configs, *([str(networks[network])] if network and not named else [])]


def _patches(dataset: str, others: Sequence[str]) -> list[Path]:
    """Return patches for a dataset with one of `others`, a network or a training method, the package's first."""
    by_name: dict[str, Path] = {}
    for root in reversed(roots()):
        for path in sorted((root / "patches").glob("*.yaml")):
            pattern, _, other = path.stem.rpartition(".")
            if fnmatch.fnmatchcase(dataset, pattern) and any(fnmatch.fnmatchcase(one, other) for one in others):
                by_name[path.name] = path
    return list(by_name.values())


def settings_of(records: Iterable[RunRecord]) -> dict[str, dict[str, Any]]:
    """Return the settings in the configs of runs' names that can change results, by name, without defaults.

    Each mapping is by dotted key. Names that are not made of known parts are left out. Where a class stands for a part,
    the configs say nothing about the section of that class.
    """
    found = {}
    for record in {record.name: record for record in records}.values():
        name, classes = config_of(record)
        with contextlib.suppress(UsageError):
            settings = result_settings(resolve([name]).values)
            found[record.name] = {key: value for key, value in settings.items() if key.split(".")[0] not in classes}
    return found
