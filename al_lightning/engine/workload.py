"""The work of a run, cycle by cycle: steps of its fits, batches of its tests and of its scoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from al_lightning.config.experiment import Experiment
from al_lightning.config.hints import imported
from al_lightning.pool import Pool
from al_lightning.progress import FIT, Reporter, Span
from al_lightning.runs.journal import CycleRecord
from al_lightning.seeding import generator
from al_lightning.training.base import TrainingModule

DOUBT = 1.5
"""Factor by which a batch may cost more or less than its forward passes say."""


@dataclass(frozen=True)
class Workload:
    """The work of a run.

    Attributes:
        steps: steps of each cycle's fits, finished cycles included.
        batches: by stage ("test", "score"), batches of each cycle.
        in_steps: by stage, how many steps of a fit a batch costs, at least and at most, as passes through the network
            tell it; empty for a fit on stored features, whose one step tells nothing of a batch.
        images: images that a step trains on, unlabelled ones included.
        first: the first cycle that is not done.
    """

    steps: Sequence[int]
    batches: Mapping[str, Sequence[int]]
    in_steps: Mapping[str, Span]
    images: int
    first: int

    def tell(self, reporter: Reporter) -> None:
        """Tell the reporter what there is to do."""
        reporter.plan(self.steps, self.first, self.batches, self.in_steps)

    def amounts(self, cycle: int) -> dict[str, int]:
        """Return the steps and batches of a cycle, by stage."""
        return {FIT: self.steps[cycle], **{stage: counts[cycle] for stage, counts in self.batches.items()}}

    def seconds(self, of: Mapping[str, float]) -> Span:
        """Return the least and most seconds of what is not done, of the seconds of a step and of each stage's batch."""
        low = high = sum(self.steps[self.first :]) * of[FIT]
        for stage, counts in self.batches.items():
            ends = (of[stage],) * 2 if stage in of else tuple(each * of[FIT] for each in self.in_steps[stage])
            low, high = low + sum(counts[self.first :]) * ends[0], high + sum(counts[self.first :]) * ends[1]
        return low, high

    def timed(self, done: Sequence[CycleRecord]) -> dict[str, float]:
        """Return the seconds of a step and of each stage's batch in finished cycles, by stage."""
        rates = {}
        for stage in (FIT, *self.batches):
            cost = [(record.cost[stage], self.amounts(record.cycle)[stage]) for record in done if stage in record.cost]
            if units := sum(count for _, count in cost):
                rates[stage] = sum(seconds for seconds, _ in cost) / units
        return rates


def workload_of(experiment: Experiment, pool: Pool, first: int, last: int, processes: int) -> Workload:
    """Return the work of a run.

    Args:
        experiment: the configuration.
        pool: the pool, with the labels that the cycle `first` has.
        first: the first cycle that is not done.
        last: the last cycle.
        processes: number of processes.
    """
    data, strategy, budget = experiment.data, experiment.acquisition, experiment.budget
    query, cycles = budget.query_count(pool.size), range(last + 1)
    labelled = [len(pool.labelled) + (cycle - first) * query for cycle in cycles]
    members = [strategy.members if cycle < last else 1 for cycle in cycles]
    each = data.eval_batch_size * processes
    tests = [-(-len(data.test) // each)] * len(cycles)
    scored = [0] * len(cycles)
    if strategy.needs_network and first < last:
        now = len(strategy.candidates(pool, generator("candidates", experiment.seed, first)))
        for cycle in range(last):
            left = min(now, pool.size - labelled[cycle]) + (labelled[cycle] if strategy.reads_labelled else 0)
            scored[cycle] = members[cycle] * -(-max(0, left) // each)
    method: type[TrainingModule] = imported(experiment.plain["training"]["class_path"])
    unlabelled = data.unlabelled
    views = 0 if unlabelled is None else (unlabelled.batch_size or data.batch_size) * len(unlabelled.names)
    images = data.batch_size + views
    least, most = method.step_passes
    passes = {} if method.reads_features else {"test": (1.0, 1.0), "score": strategy.score_passes}
    in_steps = {
        stage: (each / (images * most) * low / DOUBT, each / (images * least) * high * DOUBT)
        for stage, (low, high) in passes.items()
    }
    steps = [experiment.steps(count) * nets for count, nets in zip(labelled, members, strict=True)]
    return Workload(steps, {"test": tests, "score": scored}, in_steps, images, first)
