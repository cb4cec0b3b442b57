"""An experiment: the objects that a parsed configuration describes, and what a fit builds anew."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from pydoc import locate
from typing import Any

from al_lightning import __version__
from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.constraints import Constraints
from al_lightning.config.configuration import Configuration, Configured, parse
from al_lightning.config.directory import directory_of
from al_lightning.config.fit_options import FitOptions, result_settings
from al_lightning.config.hints import imported
from al_lightning.config.names import Settings, resolve, with_network, with_strategy
from al_lightning.config.own_code import OwnModule, own_modules
from al_lightning.data.dataset import PoolDataset
from al_lightning.errors import from_home
from al_lightning.networks.base import Network
from al_lightning.oracle import Oracle
from al_lightning.pool import Budget
from al_lightning.runs.checks import is_text
from al_lightning.runs.identity import flatten
from al_lightning.runs.journal import JOURNAL, LONGEST_WORD
from al_lightning.runs.parts import run_name
from al_lightning.runs.store import SPLIT

AS_ENCODER_TAKES = ("size", "mean", "std")
"""Options of a dataset that go with a network."""
PACKAGES = ("torch", "torchvision", "lightning", "torchmetrics", "albumentations", "numpy")


@dataclass(frozen=True)
class Experiment(Configured):
    """A run's configuration, with the objects that the run keeps from cycle to cycle.

    Attributes:
        options: the options that describe no object.
        files: the config files of the configuration.
        parts: the parts of the name, by axis.
        notes: what the user should know about the merging of the files and options.
        own_code: modules of the user's own classes.
        command: words of the command line that describe the run, for its journal; see `RunRecord`.
    """

    name: str
    options: FitOptions
    run_dir: Path
    files: tuple[Path, ...]
    parts: dict[str, str]
    notes: tuple[str, ...]
    own_code: tuple[OwnModule, ...]
    command: tuple[str, ...]
    acquisition: Acquisition
    initial: Acquisition
    constraints: Constraints
    oracle: Oracle
    budget: Budget

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self.options.seed

    @property
    def reads_features(self) -> bool:
        """Whether the training method reads stored features of the network's encoder in place of images."""
        return bool(imported(self.plain["training"]["class_path"]).reads_features)

    def steps(self, labelled: int) -> int:
        """Return the number of steps of a fit: 100 epochs of 59 labelled images at batch 8 are 737 steps."""
        if self.options.steps is not None:
            return self.options.steps
        return max(1, int(self.options.epochs or 0) * labelled // self.data.batch_size)


def configure(
    configs: Sequence[str],
    options: Sequence[str] = (),
    seed: int = 0,
    run_dir: str | Path | None = None,
    accept_code_change: bool = False,
) -> Experiment:
    """Build an experiment from names, files and options.

    Args:
        configs: names or files, as after --config.
        options: further options as on the command line, for example ["--budget.cycles", "2"].
        seed: the run's seed.
        run_dir: the run directory; by default the one that `directory_of` derives from all the rest.
        accept_code_change: whether the run may go on where the file of an own class has changed.

    Raises:
        UsageError: a name, a file or an option is wrong.
    """
    settings, configuration = _parsed(configs, options)
    parts = {**settings.parts, **configuration.classes}
    name = run_name(parts)
    if run_dir is None:
        directory = directory_of(parts, seed, configuration.plain, configuration.changes)
    else:
        directory = from_home("run_dir", run_dir)
    fit_options = replace(
        configuration.options,
        config=tuple(configs),
        seed=seed,
        run_dir=directory,
        accept_code_change=accept_code_change,
    )
    made = configuration.instantiate("data", "acquisition", "initial", "oracle")
    data, oracle = made.data, made.oracle
    data.split_file = directory / SPLIT
    if oracle.asks_people:
        data.use_label_store(oracle.label_folder(directory))
        oracle.set_label_probe(lambda index: bool(data.train.has_label(index)))
    own_code = own_modules(result_settings(configuration.plain))
    return Experiment(
        configuration=configuration,
        data=data,
        name=name,
        options=fit_options,
        run_dir=directory,
        files=settings.files,
        parts=parts,
        notes=(
            *_dropped(settings.values, configuration.plain),
            *_one_rate(configuration.plain),
            *_without_file(own_code),
        ),
        own_code=tuple(own_code),
        command=_command(configs, options, run_dir),
        acquisition=made.acquisition,
        initial=made.initial,
        constraints=Constraints(**dict(configuration.values.constraints)),
        oracle=oracle,
        budget=Budget(**dict(configuration.values.budget)),
    )


def merged(configs: Sequence[str], options: Sequence[str] = (), seed: int = 0) -> tuple[dict[str, Any], Path]:
    """Return the merged configuration as plain data, and the directory that the run gets by itself.

    Defaults are filled in; no object is built. Arguments and errors are those of `configure`.
    """
    settings, configuration = _parsed(configs, options)
    parts = {**settings.parts, **configuration.classes}
    return configuration.plain, directory_of(parts, seed, configuration.plain, configuration.changes)


def dataset(names: Sequence[str], options: Sequence[str] = ()) -> PoolDataset:
    """Return the dataset of a configuration, as `configure`; the name of a dataset alone is enough.

    The file of a run's configuration brings the run's split and the labels that people made.

    Raises:
        UsageError: a name, a file or an option is wrong.
    """
    return configure_to_read(with_strategy(names), options).data


def with_encoder(like: Configured, configs: Sequence[str], encoder: str) -> Configured:
    """Return a configuration with another network, whose dataset reads the same images as that network takes them.

    Args:
        like: has the images.
        configs: the names and files that it was built from.
        encoder: network part of a run's name.

    Raises:
        UsageError: there is no such network.
    """
    values = resolve(with_network(configs, encoder, encoder)).values
    data = {**like.plain["data"], "init_args": dict(like.plain["data"]["init_args"])}
    theirs = values["data"].get("init_args") or {}
    for name in AS_ENCODER_TAKES:
        data["init_args"].pop(name, None)
        data["init_args"] |= {name: theirs[name]} if name in theirs else {}
    configuration = parse({**values, "data": data})
    made: PoolDataset = configuration.instantiate("data").data
    made.take_split(like.data.find_split())
    return Configured(configuration, made)


def configure_to_read(configs: Sequence[str], options: Sequence[str] = ()) -> Experiment:
    """Build an experiment, as `configure`, that is not run: the directory of a run's configuration is its directory."""
    files = (path for path in map(Path, configs) if path.is_file() and (path.parent / JOURNAL).is_file())
    home = next((path.parent for path in files), Path.cwd())
    return configure(configs, options, run_dir=home)  # nothing is written there


def _command(configs: Sequence[str], options: Sequence[str], run_dir: str | Path | None) -> tuple[str, ...]:
    """Return the words of a run's command for its journal; none where one is not printable, or too long."""
    words = [*(word for config in configs for word in ("--config", config)), *options]
    words += [] if run_dir is None else ["--run_dir", str(run_dir)]
    return tuple(words) if all(is_text(word, LONGEST_WORD) for word in words) else ()


def _dropped(values: dict[str, Any], plain: dict[str, Any]) -> tuple[str, ...]:
    """Return a note about options that the configs set and that went with a class, which an option replaced."""
    kept = {key for key, _ in flatten(plain)}
    lost = [key for key, _ in flatten(values) if ".init_args." in key and key not in kept]
    shown = ", ".join(key.replace("init_args.", "") for key in lost)
    return (f"another class was named, so that these settings of the configs do not count: {shown}",) if lost else ()


def _one_rate(plain: dict[str, Any]) -> tuple[str, ...]:
    """Return a note about a head's own learning rate for a network that has no trunk, and so no head."""
    factor = (plain["training"].get("init_args") or {}).get("head_lr_factor", 1)
    network = locate(plain["network"]["class_path"])
    if factor == 1 or getattr(network, "trunk", None) is not Network.trunk:
        return ()
    name = plain["network"]["class_path"].rpartition(".")[2]
    return (f"{name} has no pretrained part, so that training.head_lr_factor {factor} has no effect: it has one rate",)


def _without_file(modules: Sequence[OwnModule]) -> tuple[str, ...]:
    """Return a note about each module whose code cannot be recorded."""
    return tuple(
        f"the classes of the module {module.name} are in no file, so that nobody will notice where their code changes"
        for module in modules
        if module.file is None
    )


def _parsed(configs: Sequence[str], options: Sequence[str]) -> tuple[Settings, Configuration]:
    settings = resolve(configs)
    if "" not in sys.path and str(Path.cwd()) not in sys.path:  # for the user's own strategies
        sys.path.insert(0, str(Path.cwd()))
    return settings, parse(settings.values, options, files=settings.files)


def versions() -> dict[str, str]:
    """Return the versions that a journal records."""
    return {
        "al_lightning": __version__,
        "python": sys.version.split()[0],
        **{package: version(package) for package in PACKAGES},
    }
