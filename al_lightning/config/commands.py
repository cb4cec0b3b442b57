"""A run's command for a shell, and that of another seed, strategy or training, with all options that the run had."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from al_lightning.config.names import layers_of, resolve
from al_lightning.errors import UsageError
from al_lightning.runs.journal import RunRecord
from al_lightning.runs.parts import DEFAULT_TRAINING, OTHER, SECTION_OF_AXIS, config_of, run_name

SHARE = "share"
"""The option that names a run of the same seed."""
AXIS_OF_SECTION = {section: axis for axis, section in SECTION_OF_AXIS.items()} | {"budget": "budgets"}


@dataclass(frozen=True)
class Fit:
    """The command of a run, without its seed.

    Attributes:
        parts: of the run's name, by axis.
        configs: values of --config, in order.
        options: further options as typed.
        run_dir: value of --run_dir; "" without one.
        place: of the run's name among the configs.
    """

    parts: Mapping[str, str]
    configs: tuple[str, ...]
    options: tuple[str, ...]
    run_dir: str = ""
    place: int = 0

    @property
    def name(self) -> str:
        """The run's name, as --config gives it."""
        return self.configs[self.place]

    def line(self, seed: str, run_dir: str | None = None, name: str = "") -> str:
        """Return the command for a shell; all arguments may have variables of the shell, and are quoted as it needs.

        Args:
            seed: of the run.
            run_dir: another directory; "" for the one that the run gets by itself.
            name: another name.
        """
        configs = [shlex.quote(config) for config in self.configs]
        configs[self.place] = name or configs[self.place]
        where = shlex.quote(self.run_dir) if run_dir is None and self.run_dir else run_dir
        words = [*(f"--config {config}" for config in configs), shlex.join(self.options), f"--seed {seed}"]
        return " ".join(filter(None, ["al-lightning fit", *words, f"--run_dir {where}" if where else ""]))

    def swapped(self, parts: Mapping[str, str], left_out: Collection[str] = ()) -> Fit | None:
        """Return the command with other parts in the name that --config gives; None where no config names the dataset.

        Files of one's own stay, and so do options that the new parts can have.

        Args:
            parts: the new parts, by axis.
            left_out: axes whose parts and options go.
        """
        named: dict[str, str] = {}
        places: list[str] = []
        for config in self.configs:
            try:
                found = {axis: path.stem for axis, path in layers_of(config) if axis is not None}
            except UsageError:  # the file is gone
                return None
            places += [config] if not found else [""] if not named else []
            named |= found
        if "datasets" not in named:
            return None
        name = run_name({axis: part for axis, part in {**named, **parts}.items() if axis not in left_out})
        had = {"training": DEFAULT_TRAINING, **self.parts}
        gone = {*left_out, *(axis for axis, part in parts.items() if had.get(axis) != part)}
        kept = [option for option in _parted(self.options) if not _belongs(option[0], gone)]
        configs = tuple(config or name for config in places)
        new = replace(self, parts={**self.parts, **parts}, configs=configs, options=_words(kept))
        return replace(new, place=places.index(""))


def fit_of(record: RunRecord) -> Fit | None:
    """Return the command in a run's journal; None where the journal has none."""
    values: dict[str, list[str]] = {"--config": [], "--run_dir": []}
    options: list[str] = []
    for name, *value in _parted(record.command):
        if name in values and value:
            values[name] += value
        else:
            options += [name, *value]
    if not values["--config"]:
        return None
    return Fit(record.parts, tuple(values["--config"]), tuple(options), "".join(values["--run_dir"][-1:]))


def command_of(record: RunRecord, seed: int | None, strategy: str = "", training: str = "") -> str:
    """Return the command of a run at a seed, with all options that the run had.

    Where the journal has no command, options and config files of one's own are missing.

    Args:
        record: of the run.
        seed: None for the variable `$seed` of the shell.
        strategy: another strategy, instead of the run's own and its options.
        training: another training method, likewise; used with a strategy.

    Returns:
        The command; "" for another strategy where no config of the run names its dataset.
    """
    parts = {axis: part for axis, part in (("acquisition", strategy), ("training", training)) if part}
    shown = "$seed" if seed is None else str(seed)
    if (fit := fit_of(record)) is None:
        return _by_name(record, shown, parts)
    if not parts and seed == record.seed:
        return fit.line(shown)
    if (new := fit.swapped(parts) if parts else fit) is None:
        return ""
    kept = [option for option in _parted(new.options) if not _belongs(option[0], {SHARE})]
    return replace(new, options=_words(kept)).line(shown, _moved(Path(fit.run_dir), record, shown, parts))


def steps_of(line: str) -> int | None:
    """Return the steps of each fit of a command: its own, or those of its configs; None for epochs, or if unknown."""
    parted = _parted(shlex.split(line)[2:])
    options = [(each[0], each[1]) if len(each) == 2 else (*each[0].partition("=")[::2],) for each in parted]
    configs = [value for name, value in options if name == "--config"]
    given = dict(option for option in options if option[0] in ("--steps", "--epochs"))
    if "--epochs" in given or not configs:
        return None
    try:
        return int(given.get("--steps") or resolve(configs).values.get("steps") or 0) or None
    except (UsageError, ValueError):  # a name whose dataset is still to be filled in; a variable of the shell
        return None


def compare_line(dataset: str, words: Sequence[str]) -> str:
    """Return the command that compares strategies on features of a dataset; "" where no config names the dataset.

    Args:
        dataset: the part of a run's name.
        words: options of a run, as typed; those of the data are kept.
    """
    if not dataset or "." in dataset:
        return ""
    options, keep = [], False
    for word in words:  # the value of an option may be several words
        if word.startswith("--"):
            keep = word.startswith("--data.")
        options += [word] * keep
    return shlex.join(["al-lightning", "compare", dataset, *options])


def with_option(words: Sequence[str], option: str, value: str) -> list[str]:
    """Return arguments with an option at their end, in place of wherever it was given before."""
    kept, skip = [], False
    for word in words:
        if not skip and word != option and not word.startswith(f"{option}="):
            kept.append(word)
        skip = word == option
    return [*kept, option, value]


def compare_instead(record: RunRecord) -> str:
    """Return the command that compares strategies on a run's data, on features; "" where people label them."""
    return "" if record.oracle.endswith(".Files") else compare_line(record.parts.get("datasets", ""), record.command)


def _by_name(record: RunRecord, seed: str, parts: Mapping[str, str]) -> str:
    """Return the command that the parts of a run's name give."""
    if parts and "datasets" not in record.parts:
        return ""
    own = {axis: part for axis, part in record.parts.items() if axis != OTHER}
    plain = replace(record, name=run_name(own) or record.name, parts=own)
    name, classes = config_of(plain, parts.get("acquisition", ""))
    training = parts.get("training", DEFAULT_TRAINING)
    name += f"_{training}" * (training != DEFAULT_TRAINING)
    options = [word for section, path in classes.items() for word in (f"--{section}", path)]
    return Fit(own, (name,), tuple(options)).line(seed)


def _moved(run_dir: Path, record: RunRecord, seed: str, parts: Mapping[str, str]) -> str:
    """Return the directory beside a run's own for another seed and strategy, for a shell; "" where that is not clear.

    It is clear in the layout NAME/seed_S, and for another seed in DIR/seed_S.
    """
    if run_dir.name != f"seed_{record.seed}":
        return ""
    home = run_dir.parent
    if parts:
        if home.name != record.name:
            return ""
        home = home.with_name(run_name({**record.parts, **parts}))
    return f"{shlex.quote(str(home))}/seed_{seed}"


def _parted(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield each option as it was typed: its name and its value, or both in one word."""
    rest = list(words)
    while rest:
        name = rest.pop(0)
        yield (name,) if "=" in name or not rest else (name, rest.pop(0))


def _words(options: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(word for option in options for word in option)


def _belongs(option: str, axes: Collection[str]) -> bool:
    """Whether an option goes where the parts of some axes change; `SHARE` stands for that option itself.

    Options that every training method has stay with another one.
    """
    section, *below = option.removeprefix("--").partition("=")[0].replace("-", "_").replace("init_args.", "").split(".")
    if "training" in axes:
        if section == "training" and below:
            from al_lightning.config.hints import parameters
            from al_lightning.training.base import TrainingModule

            return below[0] not in parameters(TrainingModule)
        if (section, *below[:1]) == ("data", "unlabelled"):
            return True
    return AXIS_OF_SECTION.get(section, section) in axes
