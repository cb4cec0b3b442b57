"""`al-lightning prepare`: decode and resize a dataset's images once, into a cache that its runs read.

Shards are decoded in parallel into a folder that no run reads; each is written whole or not at all. The folder gets the
cache's name once all shards were read back. So a killed `prepare` continues where it stopped, and a cache with its
final name is complete.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from al_lightning.console import Bar, Display
from al_lightning.data.cache.files import COLUMNS, MANIFEST, SETS, damaged, fault_of, with_checksum, without_checksum
from al_lightning.data.cache.recipe import NONE, key_of
from al_lightning.data.cache.shards import Done, Job, Shards, jobs_of
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.pool_split import Reading
from al_lightning.data.workers import made_by
from al_lightning.errors import ALError, DatasetError, DirectoryInUse, UsageError
from al_lightning.progress import counting, duration
from al_lightning.runs.files import unwritable, write_atomic
from al_lightning.runs.lock import Lock

Say = Callable[[str], None]


def prepare(data: PoolDataset, processes: int, say: Say) -> Path:
    """Make the cache of a dataset, continue an unfinished one, or check and repair a finished one; return its folder.

    Raises:
        UsageError: the number of processes is not positive, or the dataset has its images in memory or uses no cache.
        DatasetError: images cannot be decoded (all are named), or changed meanwhile.
        DirectoryInUse: another process is preparing the same cache.
        ALError: the disk is full; finished shards are kept.
    """
    if processes < 1:
        raise UsageError(f"--processes is {processes}; it must be at least 1.")
    if data.cache_folder is None:
        raise UsageError("data.cache is false, so that no run would use what is prepared; leave it out.")
    with counting() as progress:
        data.find_split(Reading(say, progress, processes))
    sources = dict(zip(SETS, data.file_sets, strict=True))
    recipe = data.recipe()
    if recipe["files"] == NONE:
        raise UsageError(f"There is nothing to prepare: {type(data).__name__} does not decode its images from files.")
    for remark in data.remarks():
        say(remark.line)
    data.save_known_files()
    target = data.cache_folder / key_of(recipe)
    work = target.with_suffix(".part")
    jobs = jobs_of(sources)
    _make_folder(target.parent)
    data.cache_split()
    with Lock(target.with_suffix(".lock")) as lock:
        if not lock.take():
            raise DirectoryInUse(f"Another process is preparing {target}; wait for it.")
        if target.is_dir():
            fault = _fault(target, jobs, processes)
            if not fault:
                say(f"the cache {target} is complete and undamaged")
                return target
            say(f"the cache {target} is damaged ({fault}); damaged shards are decoded again")
            shutil.rmtree(work, ignore_errors=True)
            os.replace(target, work)
        say(f"{sum(map(len, sources.values()))} images are decoded into {target}, {processes} at a time")
        begun = time.monotonic()
        shards = Shards(work, sources, str(data.root), jobs)
        kept, made = _fill(work, shards, processes, say)
        if data.recipe() != recipe:
            shutil.rmtree(work)
            raise DatasetError(f"Files in {data.root} changed while they were decoded; prepare again.")
        size = _finish(work, target, jobs, recipe, processes)
    say(
        f"{made} images decoded{f', {kept} kept from before' if kept else ''}, in "
        f"{duration(time.monotonic() - begun)}; {size / 1e9:.2f} GB in {target}, which runs use from now on"
    )
    folders = (path for path in target.parent.iterdir() if path.is_dir() and path != target)
    if others := [path for path in folders if path.suffix == ".part" or (path / MANIFEST).is_file()]:
        size = sum(file.stat().st_size for path in others for file in path.iterdir())
        say(
            f"{target.parent} also holds {size / 1e9:.2f} GB of caches with other options or files; delete those that "
            f"no run needs: {', '.join(sorted(path.name for path in others))}"
        )
    return target


def _process(what: str, shards: Shards, processes: int) -> Iterator[Done]:
    """Yield the result of each job, in order, and show the progress."""
    # Even a single process is a separate one: what a set keeps in memory while it reads must not reach its recipe.
    remedy = "finished shards are kept, and the same command continues; give it fewer --processes"
    made = made_by(min(processes, len(shards)), shards, "decodes", remedy)
    total, seen, kept = sum(len(job.indices) for job in shards.jobs), 0, 0
    begun = time.monotonic()
    with Display() as display:
        for done in made:
            seen, kept = seen + done.images, kept + done.images * done.kept
            speed = (seen if shards.sources is None else seen - kept) / max(time.monotonic() - begun, 1e-9)
            detail = f"{seen} of {total} images{f', {duration((total - seen) / speed)} left' if speed else ''}"
            display.show(partial(Bar, what, seen, total, detail), f"{what}: {detail}")
            yield done


def _fill(work: Path, shards: Shards, processes: int, say: Say) -> tuple[int, int]:
    """Make missing shards; return the numbers of images that were there before, and that were decoded."""
    _make_folder(work)
    for stale in work.glob(".*.tmp"):
        stale.unlink(missing_ok=True)
    unusable: list[tuple[str, str]] = []
    kept = made = 0
    for done in _process("decode", shards, processes):
        if done.fault:
            raise ALError(done.fault)
        unusable += done.unusable
        kept, made = (kept + done.images, made) if done.kept else (kept, made + done.images)
    if unusable:
        shutil.rmtree(work)  # repairing a file changes the recipe, so that these shards would never be used
        for name, reason in unusable:
            say(reason if name in reason else f"{name}: {reason}")
        raise DatasetError(
            f"{len(unusable)} of {kept + made} images cannot be used, so there is no cache; mend them or take them out."
        )
    return kept, made


def _fault(directory: Path, jobs: Sequence[Job], processes: int) -> str:
    """Read a cache completely; return its first damaged file and what is wrong with it, or ""."""
    if fault := fault_of(directory):
        return f"{fault[0].name}: {fault[1]}"
    shard = _damaged_shard(directory, jobs, processes)
    return f"{shard.name}: other bytes than were written" if shard else ""


def _damaged_shard(directory: Path, jobs: Sequence[Job], processes: int) -> Path | None:
    """Read the shards back; return the first one that is damaged."""
    results = zip(jobs, _process("check", Shards(directory, None, "", jobs), processes), strict=True)
    return next((job.paths(directory)[0] for job, done in results if not done.kept), None)


def _finish(work: Path, target: Path, jobs: Sequence[Job], recipe: dict[str, str], processes: int) -> int:
    """Read the shards back, write the index, and give the cache its name; return its size in bytes."""
    if shard := _damaged_shard(work, jobs, processes):
        raise damaged(shard, "not what was written a moment ago; check the disk")
    manifest: dict[str, Any] = {"recipe": recipe}
    for name in SETS:
        records = [without_checksum(job.paths(work)[1]) for job in jobs if job.name == name]
        names = [text.encode() for record in records for text in record["names"]]
        starts = np.cumsum([0, *map(len, names)])
        rows = np.array([row for record in records for row in record["rows"]], np.int64).reshape(-1, len(COLUMNS) - 2)
        table = io.BytesIO()
        np.save(table, np.column_stack([rows, starts[:-1], np.diff(starts)]).astype(np.int64))
        index = {"rows.npy": table.getvalue(), "names": b"".join(names)}
        for kind, content in index.items():
            write_atomic(work / f"{name}.{kind}", lambda file, content=content: file.write(content))  # type: ignore[misc]
        checks = {kind: hashlib.sha256(content).hexdigest() for kind, content in index.items()}
        manifest[name] = {"index": checks, "shards": [record["bytes"] for record in records]}
    write_atomic(work / MANIFEST, lambda file: file.write(with_checksum(manifest)))
    os.replace(work, target)
    return sum(size for name in SETS for size in manifest[name]["shards"])


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ALError(
            f"{unwritable(path, error)} Name another folder by --data.cache DIR (for the runs too) or $AL_CACHE."
        ) from error
