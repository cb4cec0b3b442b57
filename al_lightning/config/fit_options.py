"""Every option of `fit`, declared once: type, default, help, and whether it can change results. No torch.

Help, suggestions for typing errors, the typed parser, config files, a run's identity and docs/options.md follow from
`FitOptions` and `SECTIONS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from al_lightning.errors import UsageError, nearest, require, require_folder
from al_lightning.runs.identity import as_json, flatten

LONGEST = 10**9
"""Most steps, or epochs, of a fit."""


@dataclass(frozen=True)
class Option:
    """How an option is declared.

    Attributes:
        help: what it does, in a line.
        metavar: what stands for its value in the help; empty for a switch.
        read: makes the value of a text. Only the command line sets such an option. Config files may set the others.
        changes_results: whether two runs that differ in it are different experiments.
    """

    help: str
    metavar: str = ""
    read: Callable[[str], Any] | None = None
    changes_results: bool = True


def about(help: str, metavar: str = "", **more: Any) -> dict[str, Option]:
    """Return the declaration of an option as the metadata of its field; see `Option`."""
    return {"option": Option(help, metavar, **more)}


def price(text: str) -> float:
    """Read a price per label.

    Raises:
        UsageError: it is no number, or below 0.
    """
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise UsageError(f"--price_per_label is {text!r}; a number of at least 0 was expected.")
    return found


@dataclass(frozen=True)
class FitOptions:
    """The options of `fit` that describe no object, in the order in which the help lists them."""

    config: tuple[str, ...] = field(
        default=(),
        metadata=about(
            "what to run: a name (`al-lightning configs` lists its parts) or a YAML file; may be repeated",
            "NAME",
            read=str,
        ),
    )
    seed: int = field(default=0, metadata=about("seed of the run", "S", read=int))
    run_dir: Path | None = field(
        default=None,
        metadata=about("its directory (runs/NAME/seed_S); needed where options change results", "DIR", read=Path),
    )
    steps: int | None = field(default=None, metadata=about("length of each fit in steps, or", "N"))
    epochs: int | None = field(default=None, metadata=about("in epochs: steps = E x labelled // batch size", "E"))
    initial: Literal["random", "balanced", "spread"] = field(
        default="random",
        metadata=about(
            "how the first images are chosen: random, balanced (as many of each class), or spread (over the pool, by a "
            "pretrained network's features; needs no label)",
            "HOW",
        ),
    )
    warm_start: Literal["none", "backbone", "all"] = field(
        default="none",
        metadata=about("weights that a fit takes from the cycle before: none, backbone, or all", "WHICH"),
    )
    share: str | None = field(
        default=None,
        metadata=about(
            "take the first cycle's network of a run that differs in nothing but the strategy",
            "RUN_DIR",
            changes_results=False,
        ),
    )
    keep: Literal["all", "last", "none"] = field(
        default="all",
        metadata=about("cycles whose weights are kept: all, last, or none", "WHICH", changes_results=False),
    )
    chunk: int = field(
        default=500, metadata=about("steps between two checkpoints of a fit", "N", changes_results=False)
    )
    channels_last: bool = field(
        default=True, metadata=about("memory layout of networks and images: channels last, or false", "BOOL")
    )
    compile: Literal["none", "default", "reduce-overhead", "max-autotune"] = field(
        default="none",
        metadata=about(
            "train with torch.compile: default, reduce-overhead (small networks on a GPU), or max-autotune", "MODE"
        ),
    )
    price_per_label: float | None = field(
        default=None,
        metadata=about(
            "tell at the end, and whenever labels are awaited, what the last labels bought and the next cost",
            "X",
            read=price,
        ),
    )
    stop_on: tuple[str, ...] = field(
        default=(),
        metadata=about(
            "a further signal that stops the run as SIGTERM does, for example USR1; may be repeated", "SIGNAL", read=str
        ),
    )
    print_config: bool = field(
        default=False,
        metadata=about("print the merged configuration, with every option there is, and stop", read=bool),
    )

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise UsageError(f"--seed is {self.seed}; seeds are 0 or larger, and below 2**63.")
        for name in ("steps", "epochs", "chunk"):
            if (length := getattr(self, name)) is not None:
                require(name, length, least=1, most=LONGEST)
        if self.share is not None:
            require_folder("share", self.share, "the directory of a run")


@dataclass(frozen=True)
class Section:
    """Options that describe one object.

    Attributes:
        shown: for the help: an option with its value, and what it does.
        ignored: options of the object that cannot change results; `*` for all.
        short: names of values for import paths.
        one_class: whether the object's class is always the same, so that no class_path is given.
        takes: the options of that class which may be set; all of them where empty.
    """

    shown: Mapping[str, str]
    ignored: tuple[str, ...] = ()
    short: Mapping[str, str] = field(default_factory=dict)
    one_class: bool = False
    takes: tuple[str, ...] = ()


SECTIONS = {
    "data": Section(
        {"data.root DIR": "where the data are ($AL_DATA/<dataset>, else data/<dataset>)"},
        # A part of a dataset (`complete` false) has another data_sha256.
        ignored=("root", "cache", "download", "complete", "workers", "timeout"),
    ),
    "task": Section({}),
    "network": Section({"network CLASS": "another network, by import path"}),
    "training": Section({"training CLASS": "another training method, by import path"}),
    "acquisition": Section({"acquisition CLASS": "another strategy, by import path"}),
    "oracle": Section(
        {
            "oracle files": "people label: the run writes each batch, stops with exit code 76, and goes on when the "
            "labels are there (`al-lightning labels`); --oracle.labels DIR, --oracle.accept_partial true"
        },
        ignored=("*",),
        short={"simulated": "al_lightning.oracle.Simulated", "files": "al_lightning.oracle.Files"},
    ),
    "budget": Section({"budget.cycles N": "number of acquisitions"}, ignored=("cycles",), one_class=True),
    "trainer": Section(
        {"trainer.devices N": "number of processes, one GPU each; --trainer.accelerator, --trainer.precision ... too"},
        ignored=("accelerator", "devices", "num_nodes", "strategy", "profiler"),
        one_class=True,
        # All else of Lightning's Trainer is the loop's own or has no meaning here.
        takes=(
            *("accelerator", "strategy", "devices", "num_nodes", "precision", "callbacks", "gradient_clip_val"),
            *("gradient_clip_algorithm", "deterministic", "benchmark", "sync_batchnorm", "detect_anomaly", "profiler"),
        ),
    ),
}
DEFAULT_ORACLE = {"class_path": SECTIONS["oracle"].short["simulated"]}


def declared() -> dict[str, Option]:
    """Return the options that describe no object, by name."""
    return {one.name: one.metadata["option"] for one in fields(FitOptions)}


DEFAULTS = {one.name: one.default for one in fields(FitOptions) if declared()[one.name].read is None}
"""Of the options that describe no object and that config files may set."""
NAMES = (*SECTIONS, *DEFAULTS)
"""Every name that may stand at the top of a config file."""
OF_DATA = ("data", "oracle")
"""What must be known to read a run's data: what people said of images is a part of them."""
OF_NETWORK = (*OF_DATA, "network", "channels_last")
OF_QUERY = (*OF_NETWORK, "acquisition", "budget", "trainer")


def _ignored() -> frozenset[str]:
    """Return the dotted names that a run's identity ignores, with all below them."""
    names = {name for name, one in declared().items() if not one.changes_results}
    for section, one in SECTIONS.items():
        prefix = section if one.one_class else f"{section}.init_args"
        names |= {section if key == "*" else f"{prefix}.{key}" for key in one.ignored}
    return frozenset(names)


IGNORED_IN_IDENTITY = _ignored()


def result_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a configuration that can change a result.

    Args:
        config: a nested mapping, parsed or as config files say it.

    Returns:
        Values by dotted key, as JSON keeps them.
    """
    return {key: as_json(value) for key, value in flatten(config) if not is_ignored(key)}


def is_ignored(key: str) -> bool:
    """Whether a run's identity ignores the setting of a dotted key."""
    parts = key.split(".")
    return any(".".join(parts[:count]) in IGNORED_IN_IDENTITY for count in range(1, len(parts) + 1))


def no_such_option(name: str, known: Iterable[str]) -> UsageError:
    """Return the error for an option of the command line that does not exist, with the nearest ones.

    Args:
        name: without the leading hyphens, dotted where it belongs to a section.
        known: what may stand before the first dot, and options of the command itself.
    """
    first, dot, rest = name.partition(".")
    near = nearest(f"--{name}", (f"--{one}{dot}{rest}" for one in known if one != first))
    return UsageError(f"There is no option --{name}.{near}")
