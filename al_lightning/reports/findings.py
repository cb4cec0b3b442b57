"""The choices of a report's strategies: frames, scenes, repeats, classes, and the pictures in one sprite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import PurePath
from statistics import fmean

import numpy as np
import numpy.typing as npt

from al_lightning.data.dataset import PoolDataset
from al_lightning.duplicates.image_set import DescribedImages
from al_lightning.errors import ALError, DatasetError
from al_lightning.features.of_run import how_to_make
from al_lightning.inspect.collapse import Collapse, collapse
from al_lightning.inspect.counts import class_counts, described, redundancy, repeats, shares
from al_lightning.inspect.embedding_map import Map, Scores, batch_scores, candidates, embedding_map
from al_lightning.pool import Pool
from al_lightning.reports.numbers import Dataset
from al_lightning.reports.sprite import Sprite, draw
from al_lightning.runs.image_list import image_list
from al_lightning.runs.journal import CycleRecord, Run
from al_lightning.runs.parts import is_probe

Lookup = Callable[[Run], PoolDataset]
"""Gives a run's dataset."""
COUNTED = 1000
"""Images of the pool whose classes are counted; of a larger pool, an even sample."""
MEASURED = 1000
"""Largest pool whose redundancy is measured: that reads every image, and a sample would look more diverse."""
FEW = 0.005
"""Share of near-duplicates below which tables show 0 %."""
SHOWN = 60
"""Frames of a batch that are shown."""
UNREADABLE = (ALError, OSError, ValueError)
"""Errors of a damaged file of a run's cycle; the report then has a note instead of the file's part."""


@dataclass(frozen=True)
class Batch:
    """One acquisition of one run.

    Attributes:
        labelled: number of labels before it.
        chosen: positions, in order.
        repeats: for each, whether it is a near-duplicate of an earlier image.
        collapse: scenes and repetition within the batch, compared with random batches.
        scores: of the strategy; None where it gives none, or the batch is not shown.
    """

    labelled: int
    chosen: tuple[int, ...]
    repeats: tuple[bool, ...]
    collapse: Collapse
    scores: Scores | None = None

    @property
    def repeated(self) -> float:
        """Share of near-duplicates."""
        return sum(self.repeats) / len(self.repeats)


@dataclass(frozen=True)
class Findings:
    """A dataset's pool and the choices from it.

    Attributes:
        classes: names of the classes.
        per_pixel: whether there is a class per pixel.
        size: number of images in the pool.
        test: number of test images.
        scenes: number of sequences in the pool; None where it has none.
        pool: (C,) pixels or images of each class in a sample of the pool; all 0 where some of it has no label yet.
        counted: number of images in that sample.
        chosen: by method, (C,) pixels or images of each class in all its choices, over all seeds.
        batches: by method and seed.
        names: of the shown frames, by position.
        kinds: class names of the shown frames, by position, where there is a class per image.
        sprite: pictures of the shown frames; None where nothing was chosen.
        map: of the pool, for the seed that is shown; None where nothing was chosen from it.
        notes: for the reader, on files of the runs.
        redundancy: the audit's score of the pool, 0 to 1; None for a pool of more than `MEASURED` images.
    """

    classes: tuple[str, ...]
    per_pixel: bool
    size: int
    test: int
    scenes: int | None
    pool: npt.NDArray[np.int64]
    counted: int
    chosen: dict[str, npt.NDArray[np.int64]]
    batches: dict[str, dict[int, tuple[Batch, ...]]]
    names: dict[int, str]
    kinds: dict[int, str]
    sprite: Sprite | None
    map: Map | None = None
    notes: tuple[str, ...] = ()
    redundancy: float | None = None

    def share(self, method: str | None = None) -> npt.NDArray[np.float64]:
        """Return each class's share, (C,), of a method's choices, or of the pool."""
        return shares(self.pool if method is None else self.chosen[method])

    @property
    def rare(self) -> npt.NDArray[np.bool_]:
        """Which classes occur in the pool, but with less than half the share of equally frequent classes, (C,)."""
        share = self.share()
        rare: npt.NDArray[np.bool_] = (share > 0) & (share < 0.5 / len(self.classes))
        return rare

    def rare_ratio(self, method: str) -> float | None:
        """Return the share of rare classes in a method's choices over that in the pool; None where one is unknown."""
        share = float(self.share()[self.rare].sum())
        return float(self.share(method)[self.rare].sum()) / share if share and self.chosen[method].any() else None

    @property
    def scored(self) -> bool:
        """Whether scores are shown of any batch."""
        runs = (run for by_seed in self.batches.values() for run in by_seed.values())
        return any(batch.scores is not None for run in runs for batch in run)

    @property
    def most_batches(self) -> int:
        """The largest number of batches of a run."""
        return max((len(batches) for by_seed in self.batches.values() for batches in by_seed.values()), default=0)

    @property
    def repetitive(self) -> bool:
        """Whether near-duplicates are `FEW` or more of some batch, or of random batches of its size, over the seeds."""
        every = (
            [(each.repeated, each.collapse.share, each.collapse.expected) for each in batch if each is not None]
            for by_seed in self.batches.values()
            for batch in zip_longest(*by_seed.values())
        )
        return any(fmean(shares) >= FEW for batch in every for shares in zip(*batch, strict=True))

    def firsts(self, method: str) -> list[Batch]:
        """Return the first batch of each seed."""
        return [batches[0] for batches in self.batches.get(method, {}).values() if batches]

    def first_scenes(self, method: str) -> float | None:
        """Return the mean number of scenes in a strategy's first batch, over seeds; None where no batch has any."""
        scenes = [scenes for batch in self.firsts(method) if (scenes := batch.collapse.scenes) is not None]
        return fmean(scenes) if scenes else None

    def first_repeated(self, method: str) -> float | None:
        """Return the mean share of near-duplicates in a strategy's first batch, over seeds; None without a batch."""
        repeated = [batch.repeated for batch in self.firsts(method)]
        return fmean(repeated) if repeated else None


def gather(dataset: Dataset, lookup: Lookup) -> Findings | str:
    """Return the findings on a dataset's pool and the choices from it; where its data cannot be read, the reason."""
    run = dataset.methods[0].runs[0] if dataset.methods else dataset.references[0].runs[0]
    try:
        return _gather(dataset, lookup(run), run)
    except ALError as error:
        return str(error)
    except Exception as error:  # a user's own dataset may raise anything; the report then shows numbers alone
        return f"{type(error).__name__}: {error}"


def _gather(dataset: Dataset, data: PoolDataset, run: Run) -> Findings:
    images, pool, classes = data.train, data.pool(), tuple(data.class_names)
    if len(images) != run.record.pool_size or run.record.data_sha256 not in ("", data.fingerprint()):
        raise DatasetError(f"The data are not those of {run.record.name}: other images, or another order.")
    listed = run.record.images_sha256
    if listed and image_list(data.image_files(), data.root).digest != listed:
        raise DatasetError(f"The data are not those of {run.record.name}: other images under the same names.")
    seen, notes = described(images), list[str]()
    batches: dict[str, dict[int, tuple[Batch, ...]]] = {}
    for method in dataset.methods:
        for each in method.runs:
            first = each is method.runs[0]
            of_seed = [_batch(seen, pool, each, cycle, first, notes) for cycle in each.cycles if cycle.chosen]
            batches.setdefault(method.label, {})[each.record.seed] = tuple(of_seed)
    chosen = {
        label: [index for of_seed in by_seed.values() for batch in of_seed for index in batch.chosen]
        for label, by_seed in batches.items()
    }
    counted = np.unique(np.linspace(0, pool.size - 1, min(pool.size, COUNTED), dtype=np.int64)).tolist()
    shown = sorted({index for by_seed in batches.values() for index in shown_of(by_seed)})
    if not all(images.has_label(index) for index in counted):
        counted = []  # the labelled images were chosen, so they are no sample of the pool
    known = next((index for index in [0, *shown] if images.has_label(index)), None)
    per_pixel = data.labels == "pixel" if known is None else np.ndim(images.label(known)) == 2
    root = str(data.root).rstrip("/") + "/"
    return Findings(
        classes=classes,
        per_pixel=per_pixel,
        size=pool.size,
        test=len(data.test),
        scenes=None if pool.sequence is None else len(set(pool.sequence)),
        pool=class_counts(images, counted, len(classes)),
        counted=len(counted),
        chosen={label: class_counts(images, indices, len(classes)) for label, indices in chosen.items()},
        batches=batches,
        names={index: images.name(index).removeprefix(root) for index in shown},
        kinds={} if per_pixel else {index: classes[int(np.asarray(images.label(index)))] for index in shown},
        sprite=draw(images, shown, len(classes), per_pixel) if shown else None,
        map=_map(dataset, data, notes),
        redundancy=_redundancy(seen, pool.size, notes),
        notes=tuple(dict.fromkeys(notes)),
    )


def _redundancy(images: DescribedImages, size: int, notes: list[str]) -> float | None:
    """Return the redundancy of a pool; None where it is too large to be measured, or an image cannot be read."""
    if size > MEASURED:
        return None
    try:
        return redundancy(images, range(size))
    except UNREADABLE as error:
        notes.append(f"The pool's redundancy is not measured: an image cannot be read ({error}).")
        return None


def _batch(images: DescribedImages, pool: Pool, run: Run, cycle: CycleRecord, shown: bool, notes: list[str]) -> Batch:
    """Read one acquisition, its scores only where they are shown; add a note where a file cannot be read."""
    before, chosen = pool.label(run.labelled_at(cycle.cycle)), tuple(cycle.chosen)
    again = tuple(repeats(images, before, chosen))
    scores = None
    try:
        repetition = collapse(images, before, chosen, candidates(run, cycle.cycle))
        scores = batch_scores(run, cycle.cycle, chosen) if shown else None
    except UNREADABLE as error:
        where = f"{run.record.name}, seed {run.record.seed}, cycle {cycle.cycle}"
        notes.append(f"{where}: its candidates cannot be read ({error}); all unlabelled images are taken instead.")
        repetition = collapse(images, before, chosen)
    return Batch(cycle.labelled, chosen, again, repetition, scores)


def _map(dataset: Dataset, data: PoolDataset, notes: list[str]) -> Map | None:
    """Return the map of the pool for the seed that the report shows, with all first batches."""
    runs = list(first_runs(dataset).values())
    marked = [index for run in runs for index in run.labelled_at(1)]
    probes = bool(runs) and all(is_probe(run.record) for run in runs)
    features = data.features[0] if probes and data.features is not None else None
    try:
        drawn = embedding_map(data.train, runs, marked, features) if runs else None
    except UNREADABLE as error:
        notes.append(f"The pool is not mapped: embeddings of its runs cannot be read ({error}).")
        return None
    if probes and drawn is not None and not drawn.features and drawn.source is None:
        notes.append(
            f"The map shows thumbnails: {runs[0].record.name} was fitted on features, and there is no store of them; "
            f"{how_to_make(runs[0].directory)}"
        )
    return drawn


def first_runs(dataset: Dataset) -> dict[str, Run]:
    """Return, by method, the runs of one seed that have chosen something: the first such seed of the first method."""
    runs = [(method.label, run) for method in dataset.methods for run in method.runs]
    begun = [(label, run) for label, run in runs if run.cycles and run.cycles[0].chosen]
    return {label: run for label, run in begun if run.record.seed == begun[0][1].record.seed}


def shown_of(by_seed: Mapping[int, Sequence[Batch]]) -> list[int]:
    """Return the positions that are shown of a method: of its first seed, up to `SHOWN` of each batch."""
    return [index for batch in next(iter(by_seed.values()), ()) for index in batch.chosen[:SHOWN]]


def short_name(name: str) -> str:
    """Return the last part of a path."""
    return PurePath(name).name or name
