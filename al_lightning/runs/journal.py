"""The journal `cycles.jsonl`: the run, its initial set, then a line for each finished cycle.

The first line is written before any other file of a run, and the initial set when it is labelled.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from al_lightning.errors import ALError, UsageError
from al_lightning.metrics import Metric, metric_of
from al_lightning.runs import checks
from al_lightning.runs.checks import is_number, is_text, is_whole
from al_lightning.runs.identity import fingerprint
from al_lightning.runs.journal_lines import read_line, whole_lines

JOURNAL = "cycles.jsonl"
FORMAT = 6
"""Format of a run directory: raised with each change of it, so that no other version misreads it."""
MOST_CYCLES, MOST_SEED = 10_000, 2**64
LONGEST_TEXT, LONGEST_REMARK, LONGEST_WORD = 500, 2000, 100_000
"""Most characters of a name, import paths and names made of them included, of a remark on the data, and of a word of a
command: a list of classes may be long."""
ELSEWHERE = "begin in another directory: --run_dir DIR"


@dataclass(frozen=True)
class RunRecord:
    """The journal's first line.

    Attributes:
        name: the run's name, its parts joined by underscores.
        settings: the settings that can change a result, by dotted key.
        data_sha256: hash of the class names and the names of all images, which give positions their meaning.
        images_sha256: hash of the list of image files, with their sizes and contents (see `image_list`).
        classes: names of the classes, in the order of their numbers.
        parts: the parts of the name, by axis; see `parts`.
        metrics: the metrics of the task, the main one first.
        trained: how the networks are trained, as the training method describes itself: "semi-supervised (UDA)".
        test_images: number of test images; 0 without a test set.
        remarks: sentences about the data that whoever compares the run must know: its warnings (see `Remark`).
        files: SHA-256 of the files of vectors and weights that settings name, by dotted option.
        features: name of the store of features that a linear probe reads (`features.store`); "" for other runs.
        code: SHA-256 of the modules of the user's own classes, by module.
        oracle: class path of the oracle when the run began; another one may have continued the run.
        command: of the `fit` that began or last continued the run: the words of --config, of further options and of
            --run_dir, as typed, without the seed. Empty where they are not known.
        versions: of packages, for the reader.
    """

    name: str
    seed: int
    settings: dict[str, Any]
    pool_size: int
    data_sha256: str = ""
    images_sha256: str = ""
    classes: list[str] = field(default_factory=list)
    parts: dict[str, str] = field(default_factory=dict)
    metrics: list[Metric] = field(default_factory=list)
    trained: str = ""
    test_images: int = 0
    remarks: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    features: str = ""
    code: dict[str, str] = field(default_factory=dict)
    oracle: str = ""
    command: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def config_sha256(self) -> str:
        """Hash of the settings."""
        return fingerprint(self.settings)

    def metric(self, name: str) -> Metric:
        """Return the metric of a name in the cycles, as the run's task described it."""
        return next((metric for metric in self.metrics if metric.name == name), metric_of(name))


@dataclass(frozen=True)
class CycleRecord:
    """One finished cycle.

    Attributes:
        cycle: 0, 1, ...
        budget: nominal budget of this cycle's fit, a fraction of the pool.
        labelled: number of labelled images the fit saw.
        metrics: the main metric first, as `Metric` stores them; class-wise values as lists, null for absent classes.
        chosen: bought after this fit, in order of selection; empty in the last cycle.
        cost: seconds of each stage, and the number of processes; everything else is deterministic.
        health: measures of whether training worked, by name: numbers, or lists of class numbers (`CLASS_LISTS`). See
            `training.measures` for what they are, and `results.health` for what they mean.
        code: SHA-256 of the modules of the user's own classes, by module, where they changed since the run began.
    """

    cycle: int
    budget: float
    labelled: int
    metrics: dict[str, Any]
    chosen: list[int]
    cost: dict[str, float] = field(default_factory=dict)
    health: dict[str, Any] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """A run directory, read.

    Attributes:
        initial: the images labelled before the first fit, in order; None while their labels are awaited.
    """

    directory: Path
    record: RunRecord
    initial: list[int] | None = None
    cycles: tuple[CycleRecord, ...] = ()

    def labelled_at(self, cycle: int) -> list[int]:
        """Return the labelled positions in a cycle's fit, in the order of labelling."""
        return [*(self.initial or ()), *(index for done in self.cycles[:cycle] for index in done.chosen)]

    def code_at(self, cycle: int) -> dict[str, str]:
        """Return the SHA-256 of the modules of the user's own classes in a cycle, by module.

        A cycle that is not finished has, as far as is known, the code of the one before; the first, that of the run.
        """
        done = self.cycles[: cycle + 1]
        return (done[-1].code if done else {}) or self.record.code

    @property
    def code(self) -> dict[str, str]:
        """The same in the last finished cycle."""
        return self.code_at(len(self.cycles))

    @property
    def records(self) -> list[dict[str, Any]]:
        """The journal's lines, without their checks."""
        lines = [{"kind": "run", "format": FORMAT, **asdict(self.record)}]
        for name in ("files", "features"):
            if not lines[0][name]:  # most runs have none
                del lines[0][name]
        if self.initial is not None:
            lines.append({"kind": "initial", "initial": self.initial})
        return [*lines, *({"kind": "cycle", **asdict(done)} for done in self.cycles)]


def read_run(directory: str | Path) -> Run:
    """Read a run directory into plain records.

    Raises:
        UsageError: there is no run in that directory, or one of another format.
        ALError: the journal was damaged; the message names the line.
    """
    path = Path(directory)
    journal = path / JOURNAL
    if not journal.is_file():
        raise UsageError(f"There is no run in {path}: {JOURNAL} is missing. `al-lightning fit` makes one.")
    try:
        lines = whole_lines(journal)
    except (OSError, ValueError) as error:
        raise ALError(f"{journal} cannot be read ({error}).") from error
    if not lines:
        raise ALError(f"{journal} is empty; it was edited or damaged. Restore the file, or {ELSEWHERE}.")
    if (written := _format_of(lines[0])) != FORMAT:
        raise UsageError(
            f"{path} holds a run of format {written}, which this version does not read (it reads {FORMAT}); run it "
            "again in another directory (--run_dir DIR), or use the version that made it."
        )
    records, check = [], ""
    for number, line in enumerate(lines, start=1):
        try:
            record, check = read_line(line, check)
        except ValueError as error:
            way = ELSEWHERE if number == 1 else "delete it from that line on: the same command makes again what is gone"
            raise ALError(
                f"{journal}, line {number} {error}; it was edited or damaged. Restore the file, or {way}."
            ) from error
        records.append(record)
    try:
        return _run(path, records)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ALError(f"{journal} is not a journal of this version ({error}); it was edited or damaged.") from error


def _format_of(line: str) -> object:
    """Return the format that a journal's first line gives, before its check is known to be of that format."""
    with contextlib.suppress(ValueError, RecursionError):
        record = json.loads(line)
        if isinstance(record, dict) and record.get("kind") == "run" and type(record.get("format", 1)) is int:
            return record.get("format", 1)
    return FORMAT  # no first line of any format; what is wrong with it shows when the line is read


def _run(path: Path, records: list[dict[str, Any]]) -> Run:
    first = _take(records[0], "run")
    first.pop("format")
    first["metrics"] = [Metric(**metric) for metric in first.get("metrics", ())]
    initial = list(_take(records[1], "initial")["initial"]) if len(records) > 1 else None
    cycles = tuple(CycleRecord(**_take(record, "cycle")) for record in records[2:])
    if [done.cycle for done in cycles] != list(range(len(cycles))):
        raise ValueError("cycles are not numbered 0, 1, ...")
    run = Run(path, RunRecord(**first), initial, cycles)
    _check_kinds(run)
    return run


def _check_kinds(run: Run) -> None:
    """Raise ValueError where a value has a wrong type or range, or an image is labelled twice."""
    record, cycles = run.record, run.cycles
    if len(cycles) > MOST_CYCLES:
        raise ValueError(f"it has more than {MOST_CYCLES:,} cycles")
    labelled = run.labelled_at(len(cycles))
    named = [record.parts, record.versions, record.files, record.code, *(done.code for done in cycles)]
    texts = [record.name, record.data_sha256, record.images_sha256, record.features, record.trained, record.oracle]
    texts += [text for pairs in named for pair in pairs.items() for text in pair]
    texts += [text for metric in record.metrics for text in (metric.name, metric.title, metric.unit)]
    texts += [name for done in cycles for name in (*done.metrics, *done.cost)]
    sound = (
        all(is_text(text, LONGEST_TEXT) for text in texts)
        and all(isinstance(name, str) for name in record.classes)
        and all(is_text(text, LONGEST_REMARK) for text in record.remarks)
        and isinstance(record.command, list)
        and all(is_text(word, LONGEST_WORD) for word in record.command)
        and isinstance(record.settings, dict)
        and all(type(metric.higher_is_better) is bool for metric in record.metrics)
        and is_whole(record.seed, MOST_SEED)
        and is_whole(record.pool_size, checks.MOST_IMAGES)
        and is_whole(record.test_images, checks.MOST_IMAGES)
        and all(is_whole(done.labelled, record.pool_size) for done in cycles)
        and all(is_whole(index, record.pool_size - 1) for index in labelled)
        and all(is_number(done.budget) and done.budget >= 0 for done in cycles)
        and all(is_number(value) for done in cycles for value in done.cost.values())
    )
    if not sound:
        raise ValueError("a value is not of its kind")
    if len(set(labelled)) != len(labelled):
        raise ValueError("an image is labelled twice")
    checks.check_settings(record.settings)
    checks.check_metrics([done.metrics for done in cycles])
    for done in cycles:
        checks.check_health(done.health)


def _take(record: dict[str, Any], kind: str) -> dict[str, Any]:
    if record.get("kind") != kind:
        raise ValueError(f"a record of kind {record.get('kind')!r} where {kind!r} belongs")
    return {key: value for key, value in record.items() if key != "kind"}
