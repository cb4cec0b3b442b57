"""Parts of a run, built again from the run directory, which may come from somebody else.

Only the sections that a command needs are parsed. Of these sections, only classes of this package, and of modules that
the user names, are imported.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from jsonargparse import Namespace

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.constraints import Constraints
from al_lightning.config.check import Walk
from al_lightning.config.configuration import Configured, parse
from al_lightning.config.fit_options import OF_DATA, OF_NETWORK, OF_QUERY, OF_TRAINING, result_settings
from al_lightning.config.layers import read_layers
from al_lightning.config.names import parts
from al_lightning.config.own_code import changed_files, own_modules
from al_lightning.config.trusted_modules import import_from_here, only_from
from al_lightning.data.dataset import PoolDataset
from al_lightning.errors import ALError, UsageError, nearest
from al_lightning.pool import Budget
from al_lightning.runs.checkpoints import weights_of
from al_lightning.runs.identity import differences, in_short
from al_lightning.runs.image_list import image_list
from al_lightning.runs.journal import Run, RunRecord, read_run
from al_lightning.runs.store import SPLIT

log = logging.getLogger(__name__)
TRAINER = ("precision", "deterministic", "benchmark")
"""Options of a run's Trainer that can change scores; the others depend on the machine, or are classes."""


@dataclass(frozen=True)
class Reopened(Configured):
    """Parts of a run, built again; strategy, budget and constraints are None where the strategy was not asked for."""

    record: RunRecord
    acquisition: Acquisition | None
    budget: Budget | None
    constraints: Constraints | None

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self.record.seed

    def check_weights(self, path: Path) -> None:
        """Check that weights are those of this network, before a network of any size takes memory.

        Raises:
            ALError: the weights are damaged, or those of another network.
        """
        weights = weights_of(path)
        try:
            with torch.device("meta"):
                expected = self.network(self.data.num_classes).state_dict()
        except (NotImplementedError, RuntimeError):  # a network that cannot be built without its numbers
            return
        shapes = {name: tensor.shape for name, tensor in weights.items()}
        if shapes != {name: tensor.shape for name, tensor in expected.items()}:
            raise ALError(f"{path} holds the weights of another network than the configuration's.")


def reopen(
    run_dir: Path,
    options: Sequence[str] = (),
    sections: Collection[str] = (),
    imports: Sequence[str] = (),
    acquisition: str | None = None,
    cycle: int | None = None,
) -> Reopened:
    """Build parts of a run from its directory.

    Networks are built without pretrained weights, and datasets download nothing. Code of the user's own that is not as
    it was in the cycle is logged.

    Args:
        run_dir: the run directory.
        options: further options as on the command line.
        sections: what is needed besides the data: "network", "acquisition", "training".
        imports: modules that may be imported, besides this package's; they may lie in the working directory.
        acquisition: another strategy: a part's name, or a class path, whose module may be imported too.
        cycle: the cycle whose network is used; the last one by default.

    Raises:
        UsageError: config.yaml names a class of another module, is no configuration, or is not that of the journal.
    """
    run_dir = Path(run_dir)
    run, path = read_run(run_dir), run_dir / "config.yaml"
    record = run.record
    asked = {"network": OF_NETWORK, "acquisition": OF_QUERY, "training": OF_TRAINING}
    names = tuple(dict.fromkeys([*OF_DATA, *(name for section in sections for name in asked[section])]))
    values = _values(path, names)
    own, source = dict(values), path
    if acquisition is not None:
        values["acquisition"], part = _strategy(acquisition)
        own.pop("acquisition", None)
        source = part or path
        imports = [*imports, *([] if part else [acquisition.rpartition(".")[0]])]
    for module in imports:
        import_from_here(module)
    for name, value in values.items():
        Walk(only_from(imports, source if name == "acquisition" else path)).top({name: value}, (name,))
    _check_unedited(path, own, record)
    configuration = parse(values, options, names)
    _tell_changed_code(configuration.plain, run.code if cycle is None else run.code_at(cycle))
    parsed = configuration.values
    _remove_weights(parsed.get("network"))
    if "download" in (parsed.data.get("init_args") or {}):
        parsed.data.init_args.download = False
    made = configuration.instantiate(*(name for name in names if name in ("data", "oracle", "acquisition")))
    made.data.split_file = run_dir / SPLIT
    if made.oracle.asks_people:
        made.data.use_label_store(made.oracle.label_folder(run_dir))
    _check_data(made.data, record, path, whole="acquisition" in sections, classes="network" in sections)
    budget = Budget(**dict(parsed.budget)) if "budget" in parsed else None
    constraints = Constraints(**dict(parsed.constraints)) if "constraints" in parsed else None
    return Reopened(configuration, made.data, record, made.get("acquisition"), budget, constraints)


def _values(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Return some sections of a run's config.yaml; of the Trainer's options, those that can change scores."""
    try:
        values = read_layers([path])
    except UsageError as error:
        raise UsageError(f"{error} The run's own `al-lightning fit` command writes the file anew.") from error
    if "trainer" in names:
        trainer = values["trainer"] if isinstance(values.get("trainer"), dict) else {}
        kept = {key: trainer.get(key) for key in TRAINER}
        values["trainer"] = {key: value if isinstance(value, (str, int)) else None for key, value in kept.items()}
    return {name: values[name] for name in names if name in values}


def _check_unedited(path: Path, values: dict[str, Any], record: RunRecord) -> None:
    """Raise UsageError where config.yaml, a view for people, differs from the journal in what can change a result."""
    unread = {key for key in record.settings if key.startswith("trainer.") and key[len("trainer.") :] not in TRAINER}
    used = {key: value for key, value in record.settings.items() if key.split(".")[0] in values and key not in unread}
    if used and (changed := differences(used, result_settings(values))):
        raise UsageError(
            f"{path} was edited: its run has other settings ({in_short(changed)}). Put them back, or run the same "
            "`al-lightning fit` command again, which writes the file anew."
        )


def _tell_changed_code(plain: dict[str, Any], recorded: Mapping[str, str]) -> None:
    """Log which of the user's modules, of those whose classes a configuration names, are not as they were recorded."""
    modules = [module for module in own_modules(result_settings(plain)) if module.name in recorded]
    if changed := changed_files(modules, {module.name: recorded[module.name] for module in modules}):
        log.warning("note: %s changed since the run was made; what is there now is used", ", ".join(changed))


def _check_data(data: PoolDataset, record: RunRecord, path: Path, whole: bool, classes: bool) -> None:
    """Raise UsageError where a dataset has other `classes` than the run had, or other images in its `whole` pool."""
    if classes and record.classes and (names := list(data.class_names)) != record.classes:
        was, now = next(pair for pair in zip_longest(record.classes, names) if pair[0] != pair[1])
        raise UsageError(
            f"The data in {data.root} have other classes than the run of {path.parent} ({was!r} is {now!r} "
            "there), so that its network would be misread; name the run's own data with --data.root DIR."
        )
    if whole and record.data_sha256:
        images = image_list(data.image_files(), data.root).digest if record.images_sha256 else ""
        if (data.fingerprint(), images) != (record.data_sha256, record.images_sha256):
            raise UsageError(
                f"The images in {data.root} are not those of the run of {path.parent}, so that its positions mean "
                "others; name the run's own data with --data.root DIR."
            )


def data_of(imports: Sequence[str] = ()) -> Callable[[Run], PoolDataset]:
    """Return a function that builds a run's dataset, and logs where the dataset may not be built; see `reopen`."""

    def build(run: Run) -> PoolDataset:
        try:
            return reopen(run.directory, imports=imports).data
        except UsageError as error:
            log.warning("note: %s, seed %d, goes without pictures: %s", run.record.name, run.record.seed, error)
            raise

    return build


def _remove_weights(node: Any) -> None:
    """Remove the files of pretrained weights from a network's configuration: a run's own weights replace them."""
    if isinstance(node, (Namespace, dict)):
        mapping = vars(node) if isinstance(node, Namespace) else node
        if "weights" in mapping:
            mapping["weights"] = None
        node = list(mapping.values())
    for value in node if isinstance(node, list) else ():
        _remove_weights(value)


def _strategy(name: str) -> tuple[Mapping[str, Any], Path | None]:
    """Return the configuration's section for a part's name or a class path, and the file of a part."""
    known = parts("acquisition")
    if name in known:
        values = read_layers([known[name]])
        if not isinstance(values.get("acquisition"), dict):
            raise UsageError(f"The config {known[name]} names no acquisition.")
        return values["acquisition"], known[name]
    if "." not in name:
        raise UsageError(
            f"There is no strategy {name!r}.{nearest(name, known)} Known: {', '.join(sorted(known))}; "
            "or give the import path of a class, for example my_strategy.Margin."
        )
    return {"class_path": name}, None
