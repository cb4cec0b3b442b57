"""From a run's name to its configuration: names -> files -> one merged mapping. No torch.

A name is its parts in a fixed order, joined by underscores:
`<dataset>[_<network>][_<budget>][_<augmentation>]_<acquisition>[_<training>]`. Each part is a small YAML file in a
folder of its axis; the files are merged in that order, then `patches/<dataset pattern>.<training>.yaml`.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from al_lightning.config.fit_options import result_settings
from al_lightning.config.layers import load, merge
from al_lightning.errors import UsageError, from_home, nearest
from al_lightning.runs.parts import AXES, DEFAULT_TRAINING, OTHER, run_name

REQUIRED = ("datasets", "acquisition")


@dataclass(frozen=True)
class Settings:
    """A merged configuration, before it is parsed.

    Attributes:
        name: the run's name.
        files: what was merged, in order.
        values: the merged mapping.
        origins: for each dotted key, the file that set it last.
        parts: the parts of the name, by axis; files of one's own are the part `other`.
    """

    name: str
    files: tuple[Path, ...]
    values: dict[str, Any]
    origins: dict[str, Path] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)


def shipped() -> Path:
    """Return the folder of the configs that come with the package, also in an editable install."""
    here = Path(__file__).resolve().parents[1]
    return here / "configs" if (here / "configs").is_dir() else here.parent / "configs"


def roots() -> list[Path]:
    """Return where configs are looked for: the working directory, $AL_CONFIG_PATH, the package."""
    extra = [Path(entry) for entry in os.environ.get("AL_CONFIG_PATH", "").split(os.pathsep) if entry]
    return [Path.cwd() / "configs", Path.cwd(), *extra, shipped()]


def parts(axis: str) -> dict[str, Path]:
    """Return the parts of an axis by name; where two folders have one, the first in `roots` counts."""
    found: dict[str, Path] = {}
    for root in roots():
        for path in sorted((root / axis).glob("*.yaml")):
            found.setdefault(path.stem, path)
    return found


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
    readings = list(_readings(name, AXES, known))
    if readings:
        # More than one reading needs part names that overlap; the one with the fewest parts took the longest names.
        chosen = min(readings, key=len)
        return {axis: known[axis][part] for axis, part in chosen.items()}
    raise UsageError(_unknown(name, known))


def _readings(rest: str, axes: Sequence[str], known: dict[str, dict[str, Path]]) -> Iterator[dict[str, str]]:
    if not axes:
        if not rest:
            yield {}
        return
    axis, later = axes[0], axes[1:]
    if axis not in REQUIRED:
        yield from _readings(rest, later, known)
    for part in known[axis]:
        if rest == part or rest.startswith(part + "_"):
            for reading in _readings(rest[len(part) + 1 :], later, known):
                yield {axis: part, **reading}


def _unknown(name: str, known: dict[str, dict[str, Path]]) -> str:
    """Say what in a name is unknown, and the nearest names."""
    form = "A name is <dataset>[_<network>][_<budget>][_<augmentation>]_<acquisition>[_<training>]"
    datasets = [part for part in known["datasets"] if name == part or name.startswith(part + "_")]
    if not datasets:
        words = name.split("_")
        heads = ["_".join(words[: count + 1]) for count in range(len(words))]
        guess = next((hint for hint in (nearest(head, known["datasets"], 1) for head in heads) if hint), "")
        return (
            f"No config file {name!r}, and no dataset that the name begins with.{guess} "
            f"Datasets: {', '.join(sorted(known['datasets']))}. {form}; `al-lightning configs` lists them."
        )
    rest = name[len(max(datasets, key=len)) + 1 :]
    for axis in AXES[1:]:
        part = max((p for p in known[axis] if rest == p or rest.startswith(p + "_")), key=len, default=None)
        rest = rest if part is None else rest[len(part) + 1 :]
    dataset = max(datasets, key=len)
    if not rest:
        return (
            f"The name {name!r} lacks an acquisition: {', '.join(sorted(known['acquisition']))} "
            f"(for example {dataset}_random). {form}."
        )
    others = {part: axis for axis in AXES[1:] for part in known[axis]}
    return (
        f"The name {name!r} has an unknown part {rest!r} after {dataset!r}.{nearest(rest, others)} "
        f"Acquisitions: {', '.join(sorted(known['acquisition']))}; "
        f"training: {', '.join(sorted(known['training']))}. {form}."
    )


def _find(config: str) -> Path | None:
    """Return the file that is meant, if one of that very name exists; None where it must be a name of parts."""
    given = from_home("--config", config)
    for candidate in (given, given.with_name(given.name + ".yaml")):
        if candidate.is_file():
            return candidate.resolve()
        if len(given.parts) > 1 and not given.is_absolute():
            for root in roots():
                if (root / candidate).is_file():
                    return (root / candidate).resolve()
    if len(given.parts) > 1:
        folder = given.parent
        near = nearest(given.stem, (path.stem for root in roots() for path in (root / folder).glob("*.yaml")))
        raise UsageError(f"There is no config file {config}.{near}")
    return None


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
    layers: list[tuple[str | None, Path]] = []
    for config in configs:
        if (path := _find(config)) is not None:
            axis = path.parent.name if path.parent.name in AXES else None
            layers.append((axis, path))
        else:
            layers.extend(split_name(config.removesuffix(".yaml")).items())
    named = {axis: path.stem for axis, path in layers if axis is not None}
    if "datasets" in named:
        last = max(position for position, (axis, _) in enumerate(layers) if axis is not None)
        additions: list[tuple[str | None, Path]] = []
        if "training" not in named:
            additions.append(("training", parts("training")[DEFAULT_TRAINING]))
        training = named.get("training", DEFAULT_TRAINING)
        additions.extend((None, path) for path in _patches(named["datasets"], training))
        layers[last + 1 : last + 1] = additions
    values: dict[str, Any] = {}
    origins: dict[str, Path] = {}
    for _, path in layers:
        merge(values, load(path), path, origins)
    found = _parts(layers)
    return Settings(run_name(found), tuple(path for _, path in layers), values, origins, found)


def _parts(layers: Sequence[tuple[str | None, Path]]) -> dict[str, str]:
    own = [path.stem for axis, path in layers if axis is None and path.parent.name != "patches"]
    found = {axis: path.stem for axis, path in layers if axis is not None}
    return {axis: found[axis] for axis in AXES if axis in found} | ({OTHER: "_".join(own)} if own else {})


def _patches(dataset: str, training: str) -> list[Path]:
    """Return patches for a pair of dataset and training method, the package's first."""
    found: dict[str, Path] = {}
    for root in reversed(roots()):
        for path in sorted((root / "patches").glob("*.yaml")):
            pattern, _, method = path.stem.rpartition(".")
            if method == training and fnmatch.fnmatchcase(dataset, pattern):
                found[path.name] = path
    return list(found.values())


def settings_of(name: str) -> dict[str, Any] | None:
    """Return the settings that can change results, by dotted key, as the configs of a run's name say them.

    None where the name is not made of parts that are known here. What the configs leave at a default is left out.
    """
    try:
        return result_settings(resolve([name]).values)
    except UsageError:
        return None
