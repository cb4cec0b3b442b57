"""Every option of `fit`, declared once: type, default, help, and whether it can change results. No torch.

Help, suggestions for typing errors, the typed parser, config files, a run's identity and docs/options.md follow from
`FitOptions` and `SECTIONS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from al_lightning.errors import UsageError, from_home, nearest, require, require_folder
from al_lightning.runs.identity import as_json, flatten

LONGEST = 10**9
"""Most steps, or epochs, of a fit."""


@dataclass(frozen=True)
class Option:
    """How an option is declared.

    Attributes:
        help: what the option does, in a line.
        metavar: placeholder of the value in the help; empty for a switch.
        read: makes the value from a text. Only the command line sets such an option; config files may set the others.
        identity: whether the option belongs to a run's identity: another value can change results.
    """

    help: str
    metavar: str = ""
    read: Callable[[str], Any] | None = None
    identity: bool = True


def price(text: str) -> float:
    """Return the price per label that a text gives.

    Raises:
        UsageError: the text is no number, or a number below 0.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise UsageError(f"--price_per_label is {text!r}; a number of at least 0 was expected.")
    return value


@dataclass(frozen=True)
class FitOptions:
    """The options of `fit` that describe no object, in the order in which the help lists them."""

    config: Annotated[
        tuple[str, ...],
        Option(
            "what to run: a name (`al-lightning configs` lists the parts) or a file; may be repeated",
            "NAME",
            str,
            identity=False,
        ),
    ] = ()
    seed: Annotated[int, Option("seed of the run", "S", int)] = 0
    run_dir: Annotated[
        Path | None,
        Option(
            "its directory (runs/NAME[/FOLDER][/MARK]/seed_S: FOLDER of your own images, MARK of changed settings)",
            "DIR",
            Path,
            identity=False,
        ),
    ] = None
    steps: Annotated[int | None, Option("length of each fit in steps, instead of --epochs", "N")] = None
    epochs: Annotated[
        int | None,
        Option("length of each fit in epochs, instead of --steps: steps = E x labelled // batch size", "E"),
    ] = None
    warm_start: Annotated[
        Literal["none", "backbone", "all"],
        Option("weights that a fit takes from the cycle before: none, backbone, or all", "WHICH"),
    ] = "none"
    share: Annotated[
        str | None,
        Option(
            "take the first cycle's network of a run that differs in the strategy alone",
            "RUN_DIR",
            identity=False,
        ),
    ] = None
    keep: Annotated[
        Literal["all", "last", "none"],
        Option("cycles whose weights are kept: all, last, or none", "WHICH", identity=False),
    ] = "all"
    chunk: Annotated[int, Option("steps between two checkpoints of a fit", "N", identity=False)] = 500
    channels_last: Annotated[bool, Option("memory layout: channels last, or false", "BOOL")] = True
    compile: Annotated[
        Literal["none", "default", "reduce-overhead", "max-autotune"],
        Option("train with torch.compile: default, reduce-overhead (small networks on a GPU), or max-autotune", "MODE"),
    ] = "none"
    price_per_label: Annotated[
        float | None,
        Option(
            "tell at the end, and when labels are awaited, what labels bought and the next ones cost",
            "X",
            price,
            identity=False,
        ),
    ] = None
    accept_code_change: Annotated[
        bool,
        Option(
            "go on though the file of a class of your own has changed since the run began; journal and comparisons "
            "tell the cycle",
            read=bool,
            identity=False,
        ),
    ] = False
    stop_on: Annotated[
        tuple[str, ...],
        Option(
            "a further signal that stops the run as SIGTERM does, for example USR1; may be repeated",
            "SIGNAL",
            str,
            identity=False,
        ),
    ] = ()
    print_config: Annotated[
        bool, Option("print the merged configuration, with every option there is, and stop", read=bool, identity=False)
    ] = False

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise UsageError(f"--seed is {self.seed}; seeds are 0 or larger, and below 2**63.")
        for name in ("steps", "epochs", "chunk"):
            if (length := getattr(self, name)) is not None:
                require(name, length, least=1, most=LONGEST)
        if self.share is not None:
            require_folder("share", from_home("share", self.share), "the directory of a run")


@dataclass(frozen=True)
class Section:
    """Options that describe one object.

    Attributes:
        shown: texts of the help, by an option with its value.
        ignored: options of the object that do not belong to a run's identity.
        identity: whether any option of the object belongs to a run's identity.
        short: import paths by short names of classes.
        one_class: whether the class is always the same, so that no class_path is given.
        takes: the options of the class that may be set; all options where empty.
    """

    shown: Mapping[str, str]
    ignored: tuple[str, ...] = ()
    identity: bool = True
    short: Mapping[str, str] = field(default_factory=dict)
    one_class: bool = False
    takes: tuple[str, ...] = ()


COLD_STARTS = ("Random", "Balanced", "TypiClust", "MaxHerding", "ProbCover", "Spread")
"""Classes that choose the first images."""
SECTIONS = {
    "data": Section(
        {"data.root DIR": "where the data are ($AL_DATA/<dataset>, else data/<dataset>)"},
        # A part of a dataset (`complete` false) has another data_sha256.
        ignored=("root", "cache", "download", "complete", "workers", "timeout", "accept_labels"),
    ),
    "task": Section({}),
    "network": Section({"network CLASS": "another network, by import path"}),
    "training": Section({"training CLASS": "another training method, by import path"}),
    "acquisition": Section({"acquisition CLASS": "another strategy, by import path"}),
    "initial": Section(
        {
            "initial HOW": "how the first images are chosen: random, balanced (as many of each class), or by the "
            "features of a pretrained network, without labels: typiclust, maxherding, probcover, spread, or a class; "
            "--initial.features ENCODER takes another network's"
        },
        short={name.lower(): f"al_lightning.acquisition.{name}" for name in COLD_STARTS},
    ),
    "constraints": Section(
        {
            "constraints.per_sequence N": "at most N images of a sequence in each batch; --constraints.gap, .per_group "
            "(near-duplicates), or .file, .column and .per_value (a column of your own), around any strategy"
        },
        one_class=True,
    ),
    "oracle": Section(
        {
            "oracle files": "people label: the run writes each batch, stops with exit code 76, and goes on when the "
            "labels are there (`al-lightning labels`); --oracle.labels DIR, --oracle.accept_partial true"
        },
        identity=False,
        short={"simulated": "al_lightning.oracle.Simulated", "files": "al_lightning.oracle.Files"},
    ),
    "budget": Section(
        {
            "budget.cycles N": "number of acquisitions; --budget.initial and --budget.query count what --budget.unit "
            "says: percent of the pool, or images"
        },
        ignored=("cycles",),
        one_class=True,
    ),
    "trainer": Section(
        {"trainer.devices N": "number of processes, one GPU each; --trainer.accelerator, --trainer.precision ... too"},
        ignored=("accelerator", "devices", "num_nodes", "strategy", "profiler"),
        one_class=True,
        # The loop sets the Trainer's other options itself, or they have no meaning here.
        takes=(
            *("accelerator", "strategy", "devices", "num_nodes", "precision", "callbacks", "gradient_clip_val"),
            *("gradient_clip_algorithm", "deterministic", "benchmark", "sync_batchnorm", "detect_anomaly", "profiler"),
        ),
    ),
}
DEFAULT_SECTIONS: dict[str, dict[str, Any]] = {
    "initial": {"class_path": SECTIONS["initial"].short["random"]},
    "constraints": {},
    "oracle": {"class_path": SECTIONS["oracle"].short["simulated"]},
}


HINTS = get_type_hints(FitOptions, include_extras=True)
DECLARED: dict[str, Option] = {name: hint.__metadata__[0] for name, hint in HINTS.items()}
"""The options that describe no object, by name."""
DEFAULTS = {option.name: option.default for option in fields(FitOptions)}
IN_FILES = tuple(name for name, option in DECLARED.items() if option.read is None)
"""The options that describe no object and that config files may set."""
NAMES = (*SECTIONS, *IN_FILES)
"""Every name that may stand at the top of a config file."""
OF_DATA = ("data", "oracle")
"""The sections that tell how to read a run's data, labels by people included."""
OF_NETWORK = (*OF_DATA, "network", "channels_last")
OF_QUERY = (*OF_NETWORK, "acquisition", "constraints", "budget", "trainer")
OF_TRAINING = (*OF_NETWORK, "trainer", "task", "training")


IGNORED_IN_IDENTITY = {
    *(name for name, option in DECLARED.items() if not option.identity),
    *(name for name, section in SECTIONS.items() if not section.identity),
    *(
        f"{name}{'' if section.one_class else '.init_args'}.{key}"
        for name, section in SECTIONS.items()
        for key in section.ignored
    ),
}
"""Dotted names that a run's identity ignores, with all names below them."""


def result_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a configuration that can change a result, by dotted key, as JSON keeps them.

    Constraints that are not set are left out. A way to choose the first images that has a short name is one text, with
    its options in brackets.
    """
    settings = {
        key: as_json(value)
        for key, value in flatten(config)
        if not any(key == name or key.startswith(f"{name}.") for name in IGNORED_IN_IDENTITY)
        and not (key.startswith("constraints.") and value is None)
    }
    names = {path: name for name, path in SECTIONS["initial"].short.items()}
    if (name := names.get(str(settings.get("initial.class_path", "")))) is None:
        return settings
    given = {key: each for key, each in settings.items() if key.startswith("initial.init_args.") and each is not None}
    words = ", ".join(f"{key.rpartition('.')[2]}={each}" for key, each in given.items())
    kept = {key: each for key, each in settings.items() if not key.startswith("initial.")}
    return {**kept, "initial": f"{name}({words})" if words else name}


def no_such_option(name: str, known: Collection[str]) -> UsageError:
    """Return the error for an option of the command line that does not exist, with the nearest ones.

    Args:
        name: the name without the leading hyphens, dotted where it belongs to a section.
        known: the names of the options that exist.
    """
    # The name may lack the beginning (--batch_size for --data.batch_size), or have a wrong one (--model.width).
    same_end = [f"--{option}" for option in known if option.endswith(f".{name.rpartition('.')[2]}")]
    hint = nearest(f"--{name}", same_end, least=0) or nearest(f"--{name}", (f"--{option}" for option in known))
    return UsageError(f"There is no option --{name}.{hint}")
