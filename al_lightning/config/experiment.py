"""One parsed configuration, and everything that is made from it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from jsonargparse import ArgumentParser, Namespace

from al_lightning import __version__
from al_lightning.acquisition.base import Acquisition
from al_lightning.config.fit_options import IN_FILES, FitOptions
from al_lightning.config.names import Settings, parts, resolve
from al_lightning.config.option_changes import changes
from al_lightning.config.parser import build_parser, dump, instantiate, parse
from al_lightning.data.dataset import PoolDataset
from al_lightning.errors import UsageError, from_home
from al_lightning.networks.base import Network
from al_lightning.oracle import Oracle
from al_lightning.pool import Budget
from al_lightning.runs.identity import flatten, in_short
from al_lightning.tasks import Task
from al_lightning.training.base import TrainingModule

PACKAGES = ("torch", "torchvision", "lightning", "torchmetrics", "albumentations", "numpy")


@dataclass(frozen=True)
class Parts:
    """What a fit is made of; made anew for each, since a factory keeps the objects it was given."""

    network: Callable[[int], Network]
    task: Callable[[int], Task]
    training: Callable[..., TrainingModule]
    trainer: Namespace


@dataclass(frozen=True)
class Experiment:
    """A parsed configuration: the objects that a run keeps, and makers of those that each fit has new.

    Attributes:
        name: the run's name.
        seed: its seed.
        run_dir: its directory.
        plain: the configuration as plain data, all defaults filled in.
        files: the config files it came from.
        parts: the parts of the name, by axis.
        notes: what the user should know about how they were merged.
        data: the dataset.
        acquisition: the strategy.
        oracle: who labels.
        budget: how many labels when.
        initial: how the common initial set is drawn.
        warm_start: what a fit takes from the cycle before.
        share: a run whose first network is taken where nothing but the strategy differs.
        keep: whose weights are kept.
        chunk: steps between checkpoints.
        channels_last: memory layout of networks and images.
        compile: the mode in which torch.compile makes training faster, or "none".
    """

    name: str
    seed: int
    run_dir: Path
    plain: dict[str, Any]
    files: tuple[Path, ...]
    parts: dict[str, str]
    notes: tuple[str, ...]
    data: PoolDataset
    acquisition: Acquisition
    oracle: Oracle
    budget: Budget
    initial: Literal["random", "balanced", "spread"]
    warm_start: Literal["none", "backbone", "all"]
    share: Path | None
    keep: Literal["all", "last", "none"]
    chunk: int
    channels_last: bool
    compile: str
    parser: ArgumentParser
    config: Namespace

    @property
    def trainer_options(self) -> dict[str, Any]:
        """What the configuration says under `trainer`."""
        return dict(self.config.trainer)

    def fresh_parts(self) -> Parts:
        """Return new factories for a fit."""
        made = instantiate(self.parser, self.config.clone(), ("network", "task", "training", "trainer"))
        return Parts(made.network, made.task, made.training, made.trainer)

    def network(self, classes: int) -> Network:
        """Return a new network."""
        network: Network = instantiate(self.parser, self.config.clone(), ("network",)).network(classes)
        return network

    def steps(self, labelled: int) -> int:
        """Return the length of a fit on so many labelled images: 100 epochs of 59 at batch 8 are 737 steps."""
        if self.config.steps is not None:
            return int(self.config.steps)
        return max(1, int(self.config.epochs) * labelled // self.data.batch_size)


def configure(
    configs: Sequence[str], options: Sequence[str] = (), seed: int = 0, run_dir: str | Path | None = None
) -> Experiment:
    """Make an experiment of names, files and options.

    Args:
        configs: names or files, as after --config.
        options: further options as on the command line, for example ["--budget.cycles", "2"].
        seed: the run's seed.
        run_dir: its directory; runs/<name>/seed_<seed> by default.

    Raises:
        UsageError: anything is wrong with them, or options that change results come without a run_dir.
    """
    settings, parser, config, plain = _parsed(configs, options)
    directory = Path("runs") / settings.name / f"seed_{seed}" if run_dir is None else Path(run_dir)
    fit = FitOptions(seed=seed, run_dir=directory, **{name: config[name] for name in IN_FILES})
    if run_dir is None and (changed := changes(settings.values, plain, options)):
        raise UsageError(
            f"These options change results, so that this is no longer {settings.name}: {in_short(changed)}. "
            "Give it a directory of its own: --run_dir DIR."
        )
    return _experiment(parser, config, plain, settings, fit, directory)


def merged(configs: Sequence[str], options: Sequence[str] = ()) -> dict[str, Any]:
    """Return the merged configuration as plain data, defaults filled in; nothing is built.

    Args:
        configs: names or files, as after --config.
        options: further options as on the command line.
    """
    return _parsed(configs, options)[-1]


def dataset(names: Sequence[str], options: Sequence[str] = ()) -> PoolDataset:
    """Return a dataset by its own name, or that of a run.

    Args:
        names: names or files, as after --config; the name of a dataset alone will do.
        options: further options as on the command line, for example ["--data.root", "DIR"].

    Raises:
        UsageError: anything is wrong with them.
    """
    known = parts("datasets")
    plain = [name.removesuffix(".yaml") for name in names]
    configs = [f"{part}_random" if part in known else name for part, name in zip(plain, names, strict=True)]
    return configure(configs, options, run_dir=Path.cwd()).data  # nothing is written there


def _dropped(settings: Settings, plain: dict[str, Any]) -> tuple[str, ...]:
    """Return a note for what the configs set and an option dropped by naming another class."""
    kept = {key for key, _ in flatten(plain)}
    lost = [key for key, _ in flatten(settings.values) if ".init_args." in key and key not in kept]
    shown = ", ".join(key.replace("init_args.", "") for key in lost)
    return (f"another class was named, so that these settings of the configs do not count: {shown}",) if lost else ()


def _experiment(
    parser: ArgumentParser,
    config: Namespace,
    plain: dict[str, Any],
    settings: Settings,
    fit: FitOptions,
    run_dir: Path,
) -> Experiment:
    made = instantiate(parser, config, ("data", "acquisition", "oracle"))
    data, oracle = made.data, made.oracle
    if oracle.asks_people:
        data.use_label_store(oracle.label_folder(run_dir))
        oracle.set_label_probe(lambda index: bool(data.train.has_label(index)))
    return Experiment(
        name=settings.name,
        seed=fit.seed,
        run_dir=run_dir,
        plain=plain,
        files=settings.files,
        parts=settings.parts,
        notes=_dropped(settings, plain),
        data=data,
        acquisition=made.acquisition,
        oracle=oracle,
        budget=Budget(**dict(config.budget)),
        initial=fit.initial,
        warm_start=fit.warm_start,
        share=from_home("share", fit.share) if fit.share else None,
        keep=fit.keep,
        chunk=fit.chunk,
        channels_last=fit.channels_last,
        compile=fit.compile,
        parser=parser,
        config=config,
    )


def _parsed(
    configs: Sequence[str], options: Sequence[str]
) -> tuple[Settings, ArgumentParser, Namespace, dict[str, Any]]:
    """Merge, parse, and serialise: each once."""
    settings = resolve(configs)
    _import_from_here()
    parser = build_parser()
    config = parse(parser, settings, options)
    return settings, parser, config, dump(parser, config)


def _import_from_here() -> None:
    """Let a user's strategy in the working directory be imported; a console script's path does not hold it."""
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))


def versions() -> dict[str, str]:
    """Return the versions that a journal names."""
    return {
        "al_lightning": __version__,
        "python": sys.version.split()[0],
        **{package: version(package) for package in PACKAGES},
    }
