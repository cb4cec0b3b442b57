"""The Python interface: fit, query, read_run, dataset, report, audit, recommend."""

from __future__ import annotations

import os
import shlex
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from al_lightning.console import lightning_silenced
from al_lightning.errors import UsageError, printable
from al_lightning.runs.journal import Run, read_run

if TYPE_CHECKING:
    from al_lightning.audits.result import Audit
    from al_lightning.config.experiment import Experiment
    from al_lightning.data.dataset import PoolDataset
    from al_lightning.recommendations.recommendation import Recommendation

__all__ = ["audit", "dataset", "fit", "query", "read_run", "recommend", "report"]


def fit(
    config: str | Path | Sequence[str | Path],
    *,
    seed: int = 0,
    run_dir: str | Path | None = None,
    options: Sequence[str] = (),
    show: bool = False,
    accept_code_change: bool = False,
) -> Run:
    """Run a whole experiment, or continue it, and return its journal.

    Args:
        config: a name (`digits_entropy`), a file, or several, as after `--config`.
        seed: the run's seed.
        run_dir: the run directory; by default runs/NAME[/FOLDER][/MARK]/seed_S (`config.directory`).
        options: further options as on the command line, for example `["--budget.cycles", "2"]`.
        show: print progress to standard error.
        accept_code_change: go on though the file of a class of your own has changed since the run began.

    Raises:
        ALError: the run cannot begin or continue; the message says why.
    """
    from al_lightning.config.experiment import configure

    configs = _names(config)
    command = ["fit", "--seed", str(seed), *(part for name in configs for part in ("--config", name)), *options]
    command += ["--run_dir", str(run_dir)] if run_dir is not None else []
    command += ["--accept_code_change"] if accept_code_change else []
    with lightning_silenced():
        return run(configure(configs, options, seed, run_dir, accept_code_change), command, show)


def _names(config: str | Path | Sequence[str | Path]) -> list[str]:
    return [str(name) for name in ([config] if isinstance(config, (str, Path)) else config)]


def run(experiment: Experiment, command: Sequence[str], show: bool) -> Run:
    """Run a configured experiment; only process 0 writes and prints.

    Args:
        experiment: the experiment.
        command: arguments of the command line for the same run, which starts further processes.
        show: print progress to standard error.
    """
    from al_lightning.distributed.processes import Processes
    from al_lightning.engine.loop import run_cycles
    from al_lightning.progress import PROGRESS, Reporter
    from al_lightning.runs.store import RunStore

    with Processes.of(experiment.trainer, experiment.data.batch_size, command) as processes:
        store = RunStore(experiment.run_dir, writes=processes.rank == 0)
        file = os.environ.get(PROGRESS) if processes.rank == 0 else None
        try:
            with (
                _silent_threads(lambda: not store.is_ours()),
                Reporter(show and processes.rank == 0, file=Path(file) if file else None) as reporter,
            ):
                for note in processes.once(store.open):
                    reporter.say(note)
                return run_cycles(experiment, store, processes, reporter, command)
        except Exception:
            store.still_ours()  # raises where the directory was deleted, which explains any error
            raise
        finally:
            store.release()


@contextmanager
def _silent_threads(when: Callable[[], bool]) -> Iterator[None]:
    """Hide tracebacks of other threads while `when` is true: TensorBoard's writer fails where its folder is deleted."""
    usual = threading.excepthook
    threading.excepthook = lambda failure: None if when() else usual(failure)
    try:
        yield
    finally:
        threading.excepthook = usual


def query(
    run_dir: str | Path,
    cycle: int,
    *,
    acquisition: str | None = None,
    options: Sequence[str] = (),
    show: bool = False,
    imports: Sequence[str] = (),
) -> list[int]:
    """Score the pool with a finished cycle's network and return positions of images that a strategy selects, in order.

    Args:
        run_dir: directory of a run.
        cycle: number of a finished cycle.
        acquisition: a part's name (`coreset`) or a class path; the run's own strategy by default.
        options: further options, for example `["--trainer.devices", "2"]`.
        show: print progress to standard error.
        imports: modules besides this package's whose classes the run's config.yaml may name; see `--import`.

    Raises:
        ALError: the cycle or its weights do not exist, or the strategy cannot use the network.
    """
    from al_lightning.engine.query import query_cycle

    with lightning_silenced():
        return query_cycle(Path(run_dir), cycle, acquisition, options, show, imports)


def dataset(config: str | Path | Sequence[str | Path], options: Sequence[str] = ()) -> PoolDataset:
    """Return a dataset: `train` and `test` with images and labels, `class_names`, and `pool()`.

    Args:
        config: names or files as for `fit`, of which the name of a dataset alone is enough. A run's `config.yaml` gives
            the dataset as the run had it, with its split and the labels that people gave.
        options: further options as on the command line, for example `["--data.root", "DIR"]`.

    Raises:
        UsageError: a name, a file or an option is wrong.
        DatasetError: data are missing or wrong.
    """
    from al_lightning.config.experiment import dataset as configured

    return configured(_names(config), options)


def report(
    run_dirs: Sequence[str | Path],
    out: str | Path = "report.html",
    title: str = "",
    command: str = "",
    imports: Sequence[str] = (),
) -> Path:
    """Write one self-contained HTML page about runs: curves, what each strategy chose, what to try next.

    Args:
        run_dirs: directories of runs.
        out: file of the page.
        title: title of the page; by default the names of what the runs were on.
        command: the command that made all runs; by default each run's own.
        imports: modules besides this package's whose datasets are shown; see `--import`.

    Returns:
        file of the page.
    """
    from al_lightning.features.of_run import data_and_features
    from al_lightning.recommendations.guide import study_guide
    from al_lightning.reports.origin import Origin
    from al_lightning.reports.page import write_report

    runs = [read_run(directory) for directory in dict.fromkeys(Path(directory).resolve() for directory in run_dirs)]
    origin = Origin(tuple(shlex.split(command)), tuple(run.record.name for run in runs)) if command else None
    return write_report(Path(out), runs, data_and_features(imports), title, origin=origin, guide=study_guide())


def audit(
    what: str | Path | Sequence[str],
    options: Sequence[str] = (),
    masks: Path | None = None,
    sequence_pattern: str | None = None,
    out: str | Path = "audit",
    processes: int | None = None,
    mapping: str | None = None,
    features: str | None = None,
) -> Audit:
    """Check a dataset, print a summary, and write `audit.json` and `audit.html`.

    Args:
        what: a folder of images (a Path), or names as after --config; the name of a dataset alone is enough.
        options: further options of a dataset, for example `["--data.root", "DIR"]`.
        masks: folder of the images' masks, where `what` is a folder.
        sequence_pattern: regular expression over files' names, with groups `sequence` and `frame`.
        out: folder for the two files.
        processes: number of processes that read; one per core by default, at most eight.
        mapping: file with the class of each colour, or label id, of the masks.
        features: gives a second opinion by vectors: a network's name, "" for the usual one, or a file of vectors.

    Raises:
        ALError: the dataset cannot be set up, there is no such network, or the files cannot be written.
    """
    from al_lightning.audits.audit import audit as audit_data
    from al_lightning.audits.audit import write
    from al_lightning.audits.folder import AuditFolder
    from al_lightning.audits.text import summary
    from al_lightning.audits.vectors import maker
    from al_lightning.progress import Reporter

    if isinstance(what, Path):
        data: PoolDataset = AuditFolder(what, masks, sequence_pattern, mapping)
        names, title = [], str(what)
    else:
        names = _names(what)
        data, title = dataset(names, options), " ".join(names)
    with Reporter() as reporter:
        vectors = maker(data, names, options, features, reporter) if features is not None else None
        result = audit_data(
            data,
            title,
            sequence_pattern=sequence_pattern,
            workers=processes,
            progress=reporter.count,
            vectors=vectors,
        )
    data.save_known_files()
    print(printable(summary(result)))
    for path in write(result, Path(out)):
        print(path)
    return result


def recommend(
    run_dir: str | Path | None,
    labels: int,
    *,
    images: str | Path | None = None,
    masks: str | Path | None = None,
    mapping: str | None = None,
    sequence_pattern: str | None = None,
    task: str | None = None,
    classes: int | None = None,
    processes: int | None = None,
    imports: Sequence[str] = (),
) -> Recommendation:
    """Recommend the strategy and the training method that the paper's tables support for a pool and a budget.

    Args:
        run_dir: directory of a run, for its dataset; None where `images` is given.
        labels: number of labels in the end.
        images: a folder of images, instead of `run_dir`.
        masks: folder of the images' masks.
        mapping: file with the class of each colour, or label id, of the masks.
        sequence_pattern: regular expression over the images' names, with groups `sequence` and `frame`.
        task: "classification" or "segmentation", where labels do not tell it.
        classes: number of classes; by default as in the labels.
        processes: number of processes that read; one per core by default, at most eight.
        imports: modules besides this package's that may define the run's dataset; see `--import`.

    Raises:
        UsageError: budget, task and data do not fit together.
        ALError: the data cannot be read.
    """
    from al_lightning.audits.audit import audit as audit_data
    from al_lightning.audits.folder import AuditFolder
    from al_lightning.config.commands import steps_of
    from al_lightning.progress import counting
    from al_lightning.recommendations import commands as lines
    from al_lightning.recommendations.own_study import own_study
    from al_lightning.recommendations.recommendation import Recommendation, readings_of
    from al_lightning.recommendations.rules import study_rules
    from al_lightning.recommendations.situation import situation_of
    from al_lightning.recommendations.trainings import training_methods

    if (run_dir is None) == (images is None):
        raise UsageError("Name a dataset: either a run's directory or a folder of images.")
    rules = study_rules()
    folder: AuditFolder | None = None
    home, quick = "", ""
    if run_dir is not None:
        from al_lightning.config.rebuild import reopen

        done = read_run(run_dir)
        opened = reopen(Path(run_dir), imports=imports)
        data, title = opened.data, done.record.name
    else:
        folder = AuditFolder(Path(str(images)), Path(masks) if masks is not None else None, sequence_pattern, mapping)
        data, title = folder, str(images)
    with counting() as progress:
        audited = audit_data(data, title, sequence_pattern=sequence_pattern, workers=processes, progress=progress)
    situation = situation_of(audited, data, labels, task, classes)
    trainings, unknown = training_methods(situation.task, imports)
    ours = tuple(each for each in own_study() if each.covers(situation.task, labels, situation.classes))
    answer = Recommendation(situation, rules, readings_of(rules, situation), trainings, ours)
    remarks = [f"The data: {remark.text.rstrip('.')}." for remark in data.remarks()]
    if folder is not None:
        prefix, options, more = lines.options_of_folder(audited, folder, situation.task, situation.classes)
        candidates, home = lines.candidates(prefix, options, answer.to_compare), lines.home_of(options)
        remarks += more
        quick = lines.quick(prefix, options, folder, situation.unlabelled, labels)
    else:
        if own := lines.own_evidence(done):
            remarks.append(own)
        root = opened.plain["data"]["init_args"].get("root")
        candidates, remark = lines.candidates_of(done.record, str(root or ""), answer.to_compare)
        remarks += [remark] if remark else []
        quick = lines.sooner(done, len(candidates))
    commands, text = lines.commands(candidates, labels, home)
    pairs = zip(answer.to_compare, candidates, strict=True)
    lengths = {training: steps_of(one.line("$seed")) for (_, training), one in pairs}
    remarks += [
        f"Fits with {name} have {steps:,} steps each; `--steps` shortens the fits, which also lowers the gain."
        for name, steps in lengths.items()
        if steps
    ]
    if quick:
        text = f"First, in minutes, on features of a frozen encoder: `compare`. Then networks that are trained. {text}"
        commands = (quick, *commands)
    return replace(answer, commands=commands, remarks=(*remarks, *unknown, text))
