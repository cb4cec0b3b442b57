"""What a command needs of a run directory, built again; the directory may be a stranger's.

Of its config.yaml only the sections that are asked for are parsed, and of these only classes of this package, and of
modules that the user names, are imported.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import ArgumentParser, Namespace

from al_lightning.acquisition.base import Acquisition
from al_lightning.config.check import Walk
from al_lightning.config.fit_options import OF_DATA, OF_NETWORK, OF_QUERY, result_settings
from al_lightning.config.layers import load, merge
from al_lightning.config.names import Settings, parts
from al_lightning.config.parser import build_parser, dump, instantiate, parse
from al_lightning.config.trusted_modules import import_from_here, only_from
from al_lightning.data.dataset import PoolDataset
from al_lightning.errors import ALError, UsageError, nearest
from al_lightning.networks.base import Network
from al_lightning.pool import Budget
from al_lightning.runs.checkpoints import weights_of
from al_lightning.runs.identity import differences, in_short
from al_lightning.runs.image_list import image_list
from al_lightning.runs.journal import Run, RunRecord, read_run
from al_lightning.yaml_files import read_mapping

log = logging.getLogger(__name__)
TRAINER = ("precision", "deterministic", "benchmark")
"""What of a run's Trainer bears on scores; all else is the machine's, or a class."""


@dataclass(frozen=True)
class Reopened:
    """What was built of a run.

    Attributes:
        run_dir: its directory.
        record: the first line of its journal.
        plain: the sections that were used, as plain data, all defaults filled in.
        data: the dataset.
        channels_last: memory layout of networks and images.
        acquisition: the strategy, where it was asked for.
        budget: how many labels when, where the strategy was asked for.
        trainer: options of a Trainer, likewise.
    """

    run_dir: Path
    record: RunRecord
    plain: dict[str, Any]
    data: PoolDataset
    channels_last: bool
    acquisition: Acquisition | None
    budget: Budget | None
    trainer: dict[str, Any]
    parser: ArgumentParser
    config: Namespace

    def network(self, classes: int) -> Network:
        """Return a new network, whose weights are still to be loaded; that section was asked for."""
        network: Network = instantiate(self.parser, self.config.clone(), ("network",)).network(classes)
        return network

    def check_weights(self, path: Path) -> None:
        """See that weights are this network's, before memory is spent on one of whatever size its configuration says.

        Raises:
            ALError: they are damaged, or another network's.
        """
        weights = weights_of(path)
        try:
            with torch.device("meta"):
                wanted = self.network(self.data.num_classes).state_dict()
        except (NotImplementedError, RuntimeError):  # a network that cannot be built without its numbers
            return
        if {name: one.shape for name, one in wanted.items()} != {name: one.shape for name, one in weights.items()}:
            raise ALError(f"{path} holds the weights of another network than the configuration's.")

    def trainer_options(self) -> dict[str, Any]:
        """Return new options of a Trainer; the strategy was asked for."""
        return dict(instantiate(self.parser, self.config.clone(), ("trainer",)).trainer)


def reopen(
    run_dir: Path,
    options: Sequence[str] = (),
    sections: Collection[str] = (),
    imports: Sequence[str] = (),
    acquisition: str | None = None,
) -> Reopened:
    """Build what a command needs of a run directory.

    Networks are built without pretrained weights, and datasets download nothing.

    Args:
        run_dir: the directory.
        options: further options as on the command line.
        sections: what is needed besides the data: "network", "acquisition".
        imports: modules that may be imported, besides this package's; they may lie in the working directory.
        acquisition: another strategy: a part's name or a class path, whose module may be imported too.

    Raises:
        UsageError: the configuration names a class of another module, is none, or is not the one of the journal.
    """
    run_dir = Path(run_dir)
    record, path = read_run(run_dir).record, run_dir / "config.yaml"
    try:
        values = read_mapping(path)
    except OSError as error:
        raise UsageError(
            f"The config {path} cannot be read ({error}); the run's own `al-lightning fit` command writes it anew."
        ) from error
    except yaml.YAMLError as error:
        raise UsageError(f"The config {path} is no configuration ({' '.join(str(error).split())}).") from error
    names = OF_QUERY if "acquisition" in sections else OF_NETWORK if "network" in sections else OF_DATA
    if "trainer" in names:
        trainer = values["trainer"] if isinstance(values.get("trainer"), dict) else {}
        said = {name: trainer.get(name) for name in TRAINER}
        values["trainer"] = {name: one if isinstance(one, (str, int)) else None for name, one in said.items()}
    values = {name: values[name] for name in names if name in values}
    source, compared = path, set(values)
    if acquisition is not None:
        values["acquisition"], part = _strategy(acquisition)
        compared -= {"acquisition"}
        source = part or path
        imports = [*imports, *([] if part else [acquisition.rpartition(".")[0]])]
    for name in imports:
        import_from_here(name)
    for name, value in values.items():
        Walk(refuse=only_from(imports, source if name == "acquisition" else path)).top({name: value}, (name,))
    _check_unedited(path, {name: value for name, value in values.items() if name in compared}, record)
    parser = build_parser(names)
    config = parse(parser, Settings(record.name, (path,), values), options, names)
    plain = dump(parser, config)
    _without_weights(config.get("network"))
    if "download" in (config.data.get("init_args") or {}):
        config.data.init_args.download = False
    made = instantiate(parser, config, [name for name in names if name in ("data", "oracle", "acquisition")])
    data, oracle = made.data, made.oracle
    if oracle.asks_people:
        data.use_label_store(oracle.label_folder(run_dir))
    _check_data(data, record, path, whole="acquisition" in sections, classes="network" in sections)
    return Reopened(
        run_dir=run_dir,
        record=record,
        plain=plain,
        data=data,
        channels_last=bool(config.get("channels_last")),
        acquisition=made.get("acquisition"),
        budget=Budget(**dict(config.budget)) if "budget" in config else None,
        trainer=dict(config.trainer) if "trainer" in config else {},
        parser=parser,
        config=config,
    )


def _check_unedited(path: Path, values: dict[str, Any], record: RunRecord) -> None:
    """Hold a run's config.yaml, which is a view for people, to the settings in its journal.

    Raises:
        UsageError: a setting that bears on results is another.
    """
    used = {key: value for key, value in record.settings.items() if key.split(".")[0] in values}
    for key in [key for key in used if key.startswith("trainer.") and key.removeprefix("trainer.") not in TRAINER]:
        del used[key]
    if used and (changed := differences(used, result_settings(values))):
        raise UsageError(
            f"{path} was edited: its run has other settings ({in_short(changed)}). Put them back, or run the same "
            "`al-lightning fit` command again, which writes the file anew."
        )


def _check_data(data: PoolDataset, record: RunRecord, path: Path, whole: bool, classes: bool) -> None:
    """Hold data to those that a run had, as far as a command's answer follows from them.

    Args:
        data: as they are now.
        record: of the run.
        path: of its configuration, for the sentence.
        whole: whether the pool must be the same, image by image.
        classes: whether the classes must be.

    Raises:
        UsageError: they are not.
    """
    found = list(data.class_names) if classes and record.classes else record.classes
    if found != record.classes:
        others = next((pair for pair in zip_longest(record.classes, found) if pair[0] != pair[1]), ("", ""))
        raise UsageError(
            f"The data in {data.root} have other classes than the run of {path.parent} ({others[0]!r} is {others[1]!r} "
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
    """Return what gives a run's dataset; where it may not be built, that is logged.

    Args:
        imports: modules that may be imported, besides this package's.
    """

    def look(run: Run) -> PoolDataset:
        try:
            return reopen(run.directory, imports=imports).data
        except UsageError as error:
            log.warning("note: %s, seed %d, goes without pictures: %s", run.record.name, run.record.seed, error)
            raise

    return look


def _without_weights(node: Any) -> None:
    """Take the files of pretrained weights out of a network's configuration; a run's own weights fill it."""
    if isinstance(node, Namespace):
        node = vars(node)
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "weights":
                node[name] = None
            else:
                _without_weights(value)
    elif isinstance(node, list):
        for value in node:
            _without_weights(value)


def _strategy(name: str) -> tuple[Mapping[str, Any], Path | None]:
    """Turn a part's name or a class path into the configuration's section; of a part, return its file too."""
    known = parts("acquisition")
    if name in known:
        values: dict[str, Any] = {}
        merge(values, load(known[name]), known[name], {})
        if not isinstance(values.get("acquisition"), dict):
            raise UsageError(f"The config {known[name]} names no acquisition.")
        return values["acquisition"], known[name]
    if "." not in name:
        raise UsageError(
            f"There is no strategy {name!r}.{nearest(name, known)} Known: {', '.join(sorted(known))}; "
            "or give the import path of a class, for example my_strategy.Margin."
        )
    return {"class_path": name}, None
