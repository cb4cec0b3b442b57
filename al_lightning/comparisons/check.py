"""Whether a linear probe is the right judge: once, a trained network on the same labels."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from al_lightning.comparisons.comparison import Comparison
from al_lightning.config import commands
from al_lightning.config.experiment import configure
from al_lightning.config.fit_options import result_settings
from al_lightning.distributed.processes import Processes
from al_lightning.engine.ahead import say_cost
from al_lightning.engine.fit import Fit
from al_lightning.engine.workload import workload_of
from al_lightning.errors import UsageError
from al_lightning.progress import Reporter
from al_lightning.results.renderers import number
from al_lightning.runs.files import write_text
from al_lightning.runs.journal import RunRecord
from al_lightning.runs.parts import DEFAULT_TRAINING
from al_lightning.runs.seals import Seal, origin_of

MARGIN = 3.0
"""Points by which the trained network must be better for the page to warn."""
NETWORK = "efficientnet"
"""Network part of the run's name that is trained."""


@dataclass(frozen=True)
class Checked:
    """The result of a check.

    Attributes:
        network: name of the run that the trained network's configuration is of.
        labels: number of labelled images.
        probe: the main metric of the linear probe, in its unit.
        trained: that of the trained network.
        advantage: of the trained network, in points; positive where it is better.
        metric: title of the metric, with its unit.
    """

    network: str
    labels: int
    probe: float
    trained: float
    advantage: float
    metric: str

    @property
    def warning(self) -> str:
        """The sentence that belongs above the verdicts; "" where the probe may judge."""
        if self.advantage <= MARGIN:
            return ""
        return (
            f"The linear probe may be the wrong judge here: on the same {self.labels:,} labels, {self.numbers}, more "
            f"than {MARGIN:g} points apart. An order of the strategies on features that do not see the task need not "
            "hold for a network that does."
        )

    @property
    def line(self) -> str:
        """The result as a sentence."""
        return self.warning or (
            f"Checked: on the same {self.labels:,} labels, {self.numbers}: the probe is not behind by more than "
            f"{MARGIN:g} points."
        )

    @property
    def numbers(self) -> str:
        """Both values."""
        trained, probe = number(self.trained, 1), number(self.probe, 1)
        return f"{self.network}, trained, has {trained} and the probe {probe} ({self.metric})"


def trained_fit(record: RunRecord) -> commands.Fit:
    """Return the command of a run as that of a comparison, whose network is trained; with the options that it takes."""
    probe = commands.fit_of(record)
    found = probe and probe.swapped({"networks": NETWORK, "training": DEFAULT_TRAINING})
    if found is None:
        raise UsageError(f"No config names the dataset of {record.name}, so that no other network can be named for it.")
    return found


def check(comparison: Comparison, folder: Path, reporter: Reporter) -> Checked:
    """Train a network on the labels that Random had in the end of its first seed, and test it.

    It says first how long that takes. The fit goes on from its checkpoint where it was stopped, and a network that was
    trained before is only tested. The length of the fit is that of a run with so many labels.

    Args:
        comparison: the comparison.
        folder: for the network and the result.
        reporter: shows progress, with the time left.
    """
    run = comparison.runs[0]
    labelled = run.labelled_at(len(run.cycles) - 1)
    command = trained_fit(run.record)
    experiment = configure(command.configs, command.options)
    experiment.data.take_split(comparison.experiments[0].data.find_split())
    pool = experiment.data.pool().label(labelled)
    directory = folder / "member_0"
    directory.mkdir(parents=True, exist_ok=True)
    # Weights of a check with other labels, images or settings are not used.
    settings = result_settings(experiment.plain)
    origin = origin_of(settings=settings, images=run.record.images_sha256, labelled=labelled, seed=experiment.seed)
    load = workload_of(experiment, pool, 0, 0, 1)
    load.tell(reporter)
    reporter.cycle(0, len(labelled))
    fit = Fit(experiment, 0, 0, pool, directory, Processes(), reporter, Seal(origin))
    if not fit.started:
        what = f"--check trains {experiment.name} on {len(labelled):,} labels"
        say_cost(what, experiment, pool, load, reporter)
    fit.train()
    metric = run.record.metric(next(iter(run.cycles[-1].metrics)))
    trained, probe = (metric.scale * each[metric.name] for each in (fit.test(), run.cycles[-1].metrics))
    fit.close()
    advantage = metric.sign * (trained - probe)
    result = Checked(experiment.name, len(labelled), probe, trained, advantage, f"{metric.title}{metric.suffix}")
    write_text(folder / "check.json", json.dumps(asdict(result), indent=1) + "\n")
    return result
