"""The same from Python: run an experiment in this process, ask a finished cycle again, read a run directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from al_lightning.results.journal import Run, read_run

if TYPE_CHECKING:
    from al_lightning.data.module import PoolDataModule
    from al_lightning.experiment import Experiment
    from al_lightning.inspect.audit_result import Audit

__all__ = ["audit", "fit", "query", "read_run", "report"]


def fit(
    config: str | Path | Sequence[str | Path],
    *,
    seed: int = 0,
    run_dir: str | Path | None = None,
    options: Sequence[str] = (),
    show: bool = False,
) -> Run:
    """Run a whole experiment, or go on with it, and return its journal.

    Args:
        config: a name (`digits_entropy`), a file, or several, as after `--config`.
        seed: the run's seed.
        run_dir: its directory; runs/<name>/seed_<seed> by default.
        options: further options as on the command line, for example `["--budget.cycles", "2"]`.
        show: print progress to standard error.

    Raises:
        ALError: the run cannot begin or go on; the message says why.
    """
    from al_lightning.experiment import configure

    configs = [str(name) for name in ([config] if isinstance(config, (str, Path)) else config)]
    command = ["fit", "--seed", str(seed), *(part for name in configs for part in ("--config", name)), *options]
    command += ["--run_dir", str(run_dir)] if run_dir is not None else []
    return run(configure(configs, options, seed, run_dir), command, show)


def run(experiment: Experiment, command: Sequence[str], show: bool) -> Run:
    """Run a configured experiment; only process 0 writes and prints.

    Args:
        experiment: it.
        command: arguments of the command line that does the same; further processes are started with them.
        show: print progress to standard error.
    """
    from al_lightning.loop import run_cycles
    from al_lightning.processes import Processes
    from al_lightning.progress import Reporter
    from al_lightning.results.store import RunStore

    with Processes.of(experiment.trainer_options, experiment.data.batch_size, command) as processes:
        store = RunStore(experiment.run_dir, writes=processes.rank == 0)
        try:
            with Reporter(shown=show and processes.rank == 0) as reporter:
                for note in processes.once(store.open):
                    reporter.say(note)
                return run_cycles(experiment, store, processes, reporter)
        finally:
            store.release()


def query(
    run_dir: str | Path,
    cycle: int,
    *,
    acquisition: str | None = None,
    options: Sequence[str] = (),
    show: bool = False,
) -> list[int]:
    """Score a finished cycle's network again and return what would be chosen, in order.

    Args:
        run_dir: of a run.
        cycle: number of a finished cycle.
        acquisition: a part's name (`coreset`) or a class path; the run's own strategy by default.
        options: further options, for example `["--trainer.devices", "2"]`.
        show: print progress to standard error.

    Raises:
        ALError: there is no such cycle or no weights of it, or the network cannot serve the strategy.
    """
    from al_lightning.reselect import query_cycle

    return query_cycle(Path(run_dir), cycle, acquisition, options, show)


def report(
    run_dirs: Sequence[str | Path],
    out: str | Path = "report.html",
    title: str = "al-lightning: runs compared",
    command: str = "",
) -> Path:
    """Write one self-contained HTML page about runs: curves, what each strategy chose, what to try next.

    Args:
        run_dirs: directories of runs.
        out: the page.
        title: its title.
        command: what made the runs, where that is not a command for each.

    Returns:
        `out`.
    """
    from al_lightning.experiment import reopen
    from al_lightning.inspect.report import write_report
    from al_lightning.settings import parts

    runs = [read_run(directory) for directory in dict.fromkeys(Path(directory).resolve() for directory in run_dirs)]
    return write_report(
        Path(out),
        runs,
        lambda run: reopen(run.directory).data,
        title,
        strategies=parts("acquisition"),
        command=command,
    )


def audit(
    what: str | Path | Sequence[str],
    options: Sequence[str] = (),
    masks: Path | None = None,
    sequence_pattern: str | None = None,
    out: str | Path = "audit",
    processes: int | None = None,
) -> Audit:
    """Look a dataset over, print a summary, and write `audit.json` and `audit.html`.

    Args:
        what: a folder of images (a Path), or names as after --config; the name of a dataset alone will do.
        options: further options of a dataset, for example `["--data.root", "DIR"]`.
        masks: folder of the images' masks, where `what` is a folder.
        sequence_pattern: regular expression over files' names, with groups `sequence` and `frame`.
        out: folder for the two files.
        processes: that read; one per core by default, at most eight.

    Raises:
        ALError: the dataset cannot be set up, or the files cannot be written.
    """
    from al_lightning.inspect.audit import audit as look
    from al_lightning.inspect.audit import write
    from al_lightning.inspect.audit_folder import AuditFolder
    from al_lightning.inspect.audit_text import summary
    from al_lightning.progress import counting

    if isinstance(what, Path):
        data: PoolDataModule = AuditFolder(what, masks, sequence_pattern)
        title = str(what)
    else:
        from al_lightning.experiment import dataset

        names = [what] if isinstance(what, str) else list(what)
        data, title = dataset(names, options), " ".join(names)
    with counting() as progress:
        found = look(data, title, sequence_pattern=sequence_pattern, workers=processes, progress=progress)
    print(summary(found))
    for path in write(found, Path(out)):
        print(path)
    return found
