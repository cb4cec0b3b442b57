"""What a run takes here, said before its first fit, and what would take less."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from al_lightning.config.commands import compare_line, with_option
from al_lightning.config.experiment import Experiment
from al_lightning.distributed.processes import Processes
from al_lightning.engine.trial import trial
from al_lightning.engine.workload import Workload
from al_lightning.errors import Interrupted, reason_of
from al_lightning.pool import Pool
from al_lightning.progress import FIT, Reporter, Span, span
from al_lightning.results.durations import HOUR

TINY = 2e8
"""Pixels that a run's fits see, below which the run is not timed first: it ends within a minute or two."""
SMALLEST = 48
"""Fewest pixels of a side for which smaller images are proposed."""
BF16 = re.compile(r"\b(amx_bf16|avx512_bf16|bf16)\b")
"""What /proc/cpuinfo lists for a processor that computes bfloat16 in hardware."""


@dataclass(frozen=True)
class Quicker:
    """A command that takes less time.

    Attributes:
        seconds: least and most, roughly.
        command: for a shell.
        remark: what else it changes.
    """

    seconds: Span
    command: str
    remark: str


def look_ahead(
    experiment: Experiment,
    pool: Pool,
    load: Workload,
    processes: Processes,
    reporter: Reporter,
    command: Sequence[str],
) -> None:
    """Time a few steps and batches of a new run; say how long the whole takes and, where that is long, what is quicker.

    Runs of several processes or on stored features, compiled and tiny ones are not timed; how long these take is known
    once they are under way. `command` has the arguments of the command line.
    """
    if load.first or processes.count > 1 or not reporter.heard:
        return
    if experiment.options.compile != "none" or experiment.reads_features:
        return
    try:
        if sum(load.steps) * load.images * pixels_of(experiment, pool) < TINY:
            return
        seconds, steps = trial(experiment, pool, load, processes)
        bf16 = None
        if slow := load.seconds(seconds)[0] > HOUR and on_cpu(experiment):
            seconds, bf16 = _with_bf16(experiment, pool, load, processes, seconds)
        reporter.expect(seconds)
        cycles = f"all {len(load.steps)} cycles" if len(load.steps) > 1 else "the fit and its test"
        reporter.say(f"{steps} steps were timed: {cycles} should take about {span(load.seconds(seconds))} here")
        if slow and (ways := quicker(experiment, load, seconds, command, bf16)):
            reporter.say("quicker, with other results:")
            dataset = "" if experiment.oracle.asks_people else experiment.parts.get("datasets", "")
            if line := compare_line(dataset, command):
                reporter.say(f"  in minutes, which strategy to take, on features of a frozen encoder: {line}")
            for way in ways:
                reporter.say(f"  about {span(way.seconds)}{way.remark}: {way.command}")
    except Interrupted:
        raise
    except Exception as error:  # the run itself goes on, and says what is wrong where something is
        reporter.say(f"note: how long the run takes could not be measured beforehand ({reason_of(error)})")


def say_cost(what: str, experiment: Experiment, pool: Pool, load: Workload, reporter: Reporter) -> None:
    """Time a few steps of a single fit that is no run, and say what it is and how long it takes.

    Args:
        what: the fit does: "--check trains NAME on 40 labels".
        experiment: its configuration.
        pool: with its labels.
        load: its work.
        reporter: says it.
    """
    seconds, steps = trial(experiment, pool, load, Processes(), ("test",))
    reporter.expect(seconds)
    reporter.say(f"{what}: {steps} steps were timed, and it should take about {span(load.seconds(seconds))} here")


def pixels_of(experiment: Experiment, pool: Pool) -> int:
    """Return the pixels of a training image."""
    height, width = experiment.data.train.image(int(pool.labelled[0])).shape[:2]
    return int(height * width)


def on_cpu(experiment: Experiment) -> bool:
    """Whether the run trains on the processor."""
    import torch

    return experiment.trainer.get("accelerator") == "cpu" or not (
        torch.cuda.is_available() or torch.backends.mps.is_available()
    )


def computes_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this processor computes bfloat16 in hardware; False where that cannot be read."""
    try:
        return BF16.search(cpuinfo.read_text(errors="replace")) is not None
    except OSError:
        return False


def _with_bf16(
    experiment: Experiment, pool: Pool, load: Workload, processes: Processes, seconds: dict[str, float]
) -> tuple[dict[str, float], float | None]:
    """Return the seconds in float32, and the share of them that a step takes in bfloat16.

    The share is None where bfloat16 is not quicker, is not computed in hardware, or is the run's own precision. Float32
    is timed again after it, since whatever comes first is slower.
    """
    if str(experiment.trainer.get("precision") or "32-true") not in ("32-true", "32") or not computes_bf16():
        return seconds, None
    reduced, _ = trial(experiment, pool, load, processes, (), {"precision": "bf16-mixed"})
    if reduced[FIT] >= seconds[FIT]:
        return seconds, None
    again, _ = trial(experiment, pool, load, processes, ())
    ratio = reduced[FIT] / again[FIT]
    return {**seconds, **again}, (ratio if ratio < 0.9 else None)


def quicker(
    experiment: Experiment,
    load: Workload,
    seconds: dict[str, float],
    command: Sequence[str],
    bf16: float | None,
) -> list[Quicker]:
    """Return commands that take less time than a run, each a whole command that runs as it stands.

    Args:
        experiment: the run's configuration.
        load: its work.
        seconds: of a step and of each other stage's batch.
        command: arguments of the run's command line.
        bf16: share of float32's time that a step takes in bfloat16; None where that is not quicker.
    """
    whole, fits = load.seconds(seconds), sum(load.steps) * seconds[FIT]
    ways: list[Quicker] = []
    # Ways that keep the images' detail come last.
    if half := _half_size(experiment):
        ways.append(_way((whole[0] / 4, whole[1] / 4), command, half, "-half", ", at half the size"))
    length = "steps" if experiment.options.steps is not None else "epochs"
    now = int(getattr(experiment.options, length) or 0)
    rest = whole[1] - fits
    if 1 <= (fewer := int(now * (HOUR - rest) / fits)) < now:
        taken = (whole[0] - fits + fits * fewer / now, rest + fits * fewer / now)
        ways.append(_way(taken, command, {f"--{length}": str(fewer)}, "-short", f", with {fewer} of {now} {length}"))
    if bf16 is not None:
        ends = (whole[0] * bf16, whole[1] * bf16)
        remark = f", in bfloat16, where a step took {bf16:.2f} of float32's time"
        ways.append(_way(ends, command, {"--trainer.precision": "bf16-mixed"}, "-bf16", remark))
    return ways


def _half_size(experiment: Experiment) -> dict[str, str]:
    """Return the options for images, and crops, of half the size; none where no size is set or it is small."""
    data = experiment.plain["data"]["init_args"]
    size, crop = data.get("size"), ((data.get("augmentation") or {}).get("init_args") or {}).get("crop")
    if not size or min(size) < 2 * SMALLEST:
        return {}
    halves = {"--data.size": size} | ({"--data.augmentation.crop": crop} if crop else {})
    return {option: str([side // 2 for side in sides]) for option, sides in halves.items()}


def _way(seconds: Span, command: Sequence[str], options: dict[str, str], mark: str, remark: str) -> Quicker:
    """Return the command with some options instead of, or after, its own; a named run directory gets a mark."""
    line = list(command)
    for option, value in options.items():
        line = with_option(line, option, value)
    if directory := _value(line, "--run_dir"):
        line = with_option(line, "--run_dir", f"{directory.rstrip('/')}{mark}")
    return Quicker(seconds, shlex.join(["al-lightning", *line]), remark)


def _value(line: Sequence[str], option: str) -> str:
    for word, after in zip(line, [*line[1:], ""], strict=True):
        if word == option:
            return after
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return ""
