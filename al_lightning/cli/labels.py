"""The command `labels`: imports labels by people into a run, and counts labelled images. No torch."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from al_lightning.cli.arguments import Arguments, say
from al_lightning.distributed.shutdown import shutdown
from al_lightning.errors import DatasetError, UsageError, nearest

if TYPE_CHECKING:
    from al_lightning.labels.project import Project
    from al_lightning.labels.store import LabelStore

_HELP = """Imports labels by people into a run that waits for them (--oracle files), and counts labelled images.

  al-lightning labels import RUN_DIR FILE... [options]
  al-lightning labels status RUN_DIR

Every file is checked; where one file has a mistake, nothing is imported. FILE is one of the following; JSON and XML
may lie in a zip file, as CVAT exports them.
"""


def _help() -> str:
    from al_lightning.labels.formats import formats

    return _HELP + "\n".join(
        fill(format_.form, 118, initial_indent="  ", subsequent_indent="    ") for format_ in formats()
    )


def labels(given: list[str]) -> int:
    """Import labels, or count labelled images."""
    actions = {"import": _import, "status": _status}
    if not given or given[0].startswith("-"):
        parser = Arguments("labels", _help(), "(import | status) RUN_DIR ...")
        if not given:
            parser.print_help()
            return UsageError.exit_code
        parser.read(given)  # exits for --help
    if given[0] not in actions:
        raise UsageError(f"`labels` has no {given[0]!r}.{nearest(given[0], actions)} It has: {', '.join(actions)}.")
    shutdown.listen()
    return actions[given[0]](given[1:])


def _import(given: list[str]) -> int:
    parser = Arguments("labels import", _help())
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="the run's directory")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="files or folders")
    parser.add_argument(
        "--dry-run", action="store_true", help="check the files, print what would change, change nothing"
    )
    parser.add_argument(
        "--on-disagreement",
        choices=("stop", "first", "ignore-pixels"),
        default="stop",
        help="where annotators differ: import nothing (stop), take the first label, or ignore the pixels that differ",
    )
    parser.add_argument(
        "--background", metavar="CLASS", help="class of the pixels that nobody labelled (such pixels are ignored)"
    )
    ours = parser.read(given)
    from al_lightning.labels.batch import read_ranks
    from al_lightning.labels.content import count_of
    from al_lightning.labels.importer import read_labels
    from al_lightning.labels.project import read_project
    from al_lightning.labels.status import counted, first_lines

    project = read_project(ours.run_dir)
    store = _store(ours.run_dir, project)
    result = read_labels(
        ours.files,
        project.images,
        project.classes,
        project.kind,
        ranks=read_ranks(ours.run_dir),
        store=store,
        on_disagreement=ours.on_disagreement,
        background=ours.background,
    )
    say(*first_lines(result.notes))
    if result.disagreements:
        say(f"{count_of(len(result.disagreements), 'image')} with annotations that differ; the share that agrees:")
        say(*first_lines([f"  {100 * share:5.1f} %  {name}" for name, share in result.disagreements]))
    if result.problems:
        say(*first_lines(result.problems))
        raise DatasetError(f"Nothing was imported: {count_of(len(result.problems), 'problem')}.")
    changes = store.changes(result.labels) if ours.dry_run else store.apply(result.labels)
    counts = f"{len(changes.added):,} added, {len(changes.changed):,} changed, {len(changes.unchanged):,} unchanged"
    print(
        f"{count_of(len(result.labels), 'image')} labelled: {counts}.{' Nothing was written.' if ours.dry_run else ''}"
    )
    if not (folder := store.folder.resolve()).is_relative_to(ours.run_dir.resolve()):
        print(f"Labels of this run are kept in {folder}, outside of {ours.run_dir}.")
    if result.labels:
        print("\n".join(counted(result.labels, project.classes, project.kind)))
    if not ours.dry_run:
        _print_status(ours.run_dir, project)
    return 0


def _status(given: list[str]) -> int:
    parser = Arguments("labels status", "Prints how many images of each batch are labelled.")
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="the run's directory")
    ours = parser.read(given)
    from al_lightning.labels.project import read_project

    _print_status(ours.run_dir, read_project(ours.run_dir))
    return 0


def _print_status(run_dir: Path, project: Project) -> None:
    from al_lightning.labels.status import status

    print("\n".join(status(run_dir, _store(run_dir, project).names(), project.command)))


def _store(run_dir: Path, project: Project) -> LabelStore:
    from al_lightning.labels.store import LabelStore

    return LabelStore(run_dir / project.labels, project.classes, project.kind)
