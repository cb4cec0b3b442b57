"""`al-lightning prepare`: decode and resize a dataset's images once, into a cache that its runs then read.

Shards are decoded in parallel into a folder that no run looks at, each whole or absent, and the folder takes the
cache's name when all are there and were read back. So a killed `prepare` goes on where it was, and a cache that has
its name is complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from torch.utils.data import DataLoader

from al_lightning.console import Display, bar
from al_lightning.data.cache.files import COLUMNS, MANIFEST, SETS, damaged, open_cache, seal, unseal
from al_lightning.data.cache.recipe import NONE, key_of
from al_lightning.data.cache.shards import Done, Job, Shards, jobs_of
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.workers import was_ended
from al_lightning.errors import ALError, DatasetError, DirectoryInUse, UsageError
from al_lightning.progress import duration
from al_lightning.runs.files import unwritable, write_atomic
from al_lightning.runs.lock import Lock

Say = Callable[[str], None]


def prepare(data: PoolDataset, processes: int, say: Say) -> Path:
    """Make the cache of a dataset, go on with one that was begun, or check and mend one that is there.

    Args:
        data: the dataset.
        processes: that decode.
        say: prints a line.

    Returns:
        the cache's folder.

    Raises:
        UsageError: the number of processes is not positive, the dataset has its images in memory or uses no cache.
        DatasetError: images cannot be decoded (all are named), or changed meanwhile.
        ALError: another process is preparing the same, or the disk is full; what was done is kept.
    """
    if processes < 1:
        raise UsageError(f"--processes is {processes}; it must be at least 1.")
    sources = dict(zip(SETS, data.file_sets, strict=True))
    recipe = data.recipe()
    if recipe["files"] == NONE:
        raise UsageError(f"There is nothing to prepare: {type(data).__name__} does not decode its images from files.")
    if data.cache_folder is None:
        raise UsageError("data.cache is false, so that no run would use what is prepared; leave it out.")
    target = data.cache_folder / key_of(recipe)
    work = target.with_suffix(".part")
    jobs = jobs_of(sources)
    with _alone(target):
        if target.is_dir():
            if _is_whole(target, jobs, processes, say):
                say(f"the cache {target} is complete, and all of it is what was written")
                return target
            say(f"the cache {target} is damaged; what is not what was written is made again")
            shutil.rmtree(work, ignore_errors=True)
            os.replace(target, work)
        say(f"{sum(map(len, sources.values()))} images are decoded into {target}, {processes} at a time")
        begun = time.monotonic()
        shards = Shards(work, sources, str(data.root), jobs)
        kept, made = _fill(work, shards, processes, say)
        if data.recipe() != recipe:
            shutil.rmtree(work)
            raise DatasetError(f"Files in {data.root} changed while they were decoded; prepare again.")
        size = _finish(work, target, jobs, recipe, processes, say)
    say(
        f"{made} images decoded{f', {kept} kept from before' if kept else ''}, in "
        f"{duration(time.monotonic() - begun)}; {size / 1e9:.2f} GB in {target}, which runs use from now on"
    )
    if others := [path for path in target.parent.iterdir() if path.is_dir() and path != target]:
        size = sum(file.stat().st_size for path in others for file in path.iterdir())
        say(
            f"of other recipes, {size / 1e9:.2f} GB lie beside it, to be deleted where no run needs them: "
            f"{', '.join(sorted(path.name for path in others))}"
        )
    return target


def _go_through(what: str, shards: Shards, processes: int) -> Iterator[Done]:
    """Yield what became of each job, in order, and show it: a live line in a terminal, else a line now and then.

    Raises:
        ALError: a process ended, for example for want of memory.
    """
    # In processes of their own also if it is one: what a set keeps of its reading must not reach its recipe.
    workers = min(processes, len(shards))
    answers = iter(DataLoader(shards, batch_size=None, num_workers=workers, collate_fn=_as_it_is))
    total, seen, kept = sum(len(job.indices) for job in shards.jobs), 0, 0
    begun = time.monotonic()
    with Display() as display:
        try:
            for done in answers:
                seen, kept = seen + done.images, kept + done.images * done.kept
                speed = (seen if shards.sources is None else seen - kept) / max(time.monotonic() - begun, 1e-9)
                detail = f"{seen} of {total} images{f', {duration((total - seen) / speed)} left' if speed else ''}"
                display.show(partial(bar, what, seen, total, detail), f"{what}: {detail}")
                yield done
        except RuntimeError as error:
            if not was_ended(error):
                raise
            raise ALError(
                f"A process that decodes was ended from outside ({error}), perhaps for want of memory; what was done "
                "is kept, and the same command goes on: with fewer processes."
            ) from error


def _as_it_is(done: Any) -> Any:
    return done


def _fill(work: Path, shards: Shards, processes: int, say: Say) -> tuple[int, int]:
    """Make the shards that are not there; return the numbers of images that were, and that were made."""
    _make_folder(work)
    for stale in work.glob(".*.tmp"):
        stale.unlink(missing_ok=True)
    unusable: list[tuple[str, str]] = []
    kept = made = 0
    for done in _go_through("decode", shards, processes):
        if done.fault:
            raise ALError(done.fault)
        unusable += done.unusable
        kept, made = (kept + done.images, made) if done.kept else (kept, made + done.images)
    if unusable:
        shutil.rmtree(work)  # mending a file changes the recipe: nothing would ever go on from here
        for name, reason in unusable:
            say(reason if name in reason else f"{name}: {reason}")
        raise DatasetError(
            f"{len(unusable)} of {kept + made} images cannot be used, so there is no cache; mend them or take them out."
        )
    return kept, made


def _is_whole(directory: Path, jobs: Sequence[Job], processes: int, say: Say) -> bool:
    """Read all of a cache, and say whether it is what was written."""
    try:
        open_cache(directory)
    except DatasetError as error:
        say(str(error).partition(" Prepare again")[0])
        return False
    return all(done.kept for done in _go_through("check", Shards(directory, None, "", jobs), processes))


def _finish(work: Path, target: Path, jobs: Sequence[Job], recipe: dict[str, str], processes: int, say: Say) -> int:
    """Read the shards back, write the index, and give the cache its name; return its bytes."""
    read = _go_through("check", Shards(work, None, "", jobs), processes)
    for job, done in zip(jobs, read, strict=True):
        if not done.kept:
            raise damaged(job.paths(work)[0], "not what was written a moment ago; is the disk sound?")
    held: dict[str, Any] = {"recipe": recipe}
    for name in SETS:
        records = [unseal(job.paths(work)[1]) for job in jobs if job.name == name]
        names = [text.encode() for record in records for text in record["names"]]
        starts = np.cumsum([0, *map(len, names)])
        rows = np.array([row for record in records for row in record["rows"]], np.int64).reshape(-1, len(COLUMNS) - 2)
        table = io.BytesIO()
        np.save(table, np.column_stack([rows, starts[:-1], np.diff(starts)]).astype(np.int64))
        index = {"rows.npy": table.getvalue(), "names": b"".join(names)}
        for kind, content in index.items():
            write_atomic(work / f"{name}.{kind}", partial(_write, content))
        checks = {kind: hashlib.sha256(content).hexdigest() for kind, content in index.items()}
        held[name] = {"index": checks, "shards": [record["bytes"] for record in records]}
    write_atomic(work / MANIFEST, partial(_write, seal(held)))
    os.replace(work, target)
    return sum(size for name in SETS for size in held[name]["shards"])


def _write(content: bytes, file: BinaryIO) -> None:
    file.write(content)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ALError(
            f"{unwritable(path, error)} A cache may lie elsewhere: --data.cache DIR (for its runs as well), or "
            "$AL_CACHE."
        ) from error


@contextlib.contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Hold a cache; a second `prepare` of it is refused."""
    _make_folder(target.parent)
    with Lock(target.with_suffix(".lock")) as lock:
        if not lock.take():
            raise DirectoryInUse(f"Another process is preparing {target}; wait for it.")
        yield
