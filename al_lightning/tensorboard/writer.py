"""TensorBoard's views of a run beside the training curves: the metrics of each cycle, and the chosen images.

All views follow from the journal, the selections and the data, and missing views are written again. Only the pictures
of test images need the network; they stay in the cycle's folder. A view that fails costs a message, never the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import Array
from al_lightning.drawing import palette
from al_lightning.duplicates.image_set import DescribedImages
from al_lightning.inspect.collapse import collapse
from al_lightning.inspect.counts import class_counts, shares
from al_lightning.inspect.embedding_map import candidates, scores
from al_lightning.runs.files import write_atomic
from al_lightning.runs.journal import CycleRecord, Run, read_run
from al_lightning.runs.scores import part_of
from al_lightning.runs.selections import read_seen
from al_lightning.seeding import generator
from al_lightning.tensorboard import pictures, projector
from al_lightning.tensorboard.events import (
    curve_points,
    drop_events,
    event_file,
    histogram,
    layout,
    picture,
    scalar,
    write_events,
    write_final,
)

TEST_IMAGES = 4
GALLERY = 24
"""Chosen images that are shown of each cycle."""
COUNTED = 300
"""Images whose labels are read for the shares of classes; of more, a random sample."""


@dataclass
class Boards:
    """Writes the views of a run: the folder `curve/` of its directory, and `hparams/` when the run is finished.

    Attributes:
        directory: the run directory.
        data: the dataset.
        settings: the settings that can change a result, by dotted key.
        say: prints a line for the user.
        writes: whether this process writes; other processes do nothing.
    """

    directory: Path
    data: PoolDataset
    settings: Mapping[str, Any]
    say: Callable[[str], object]
    writes: bool = True

    @cached_property
    def names(self) -> list[str]:
        """Names of the classes."""
        return [str(name) for name in self.data.class_names]

    @cached_property
    def colours(self) -> Array:
        """A colour for each class, (C, 3) uint8."""
        return palette(len(self.names))

    @cached_property
    def pool_counts(self) -> npt.NDArray[np.int64]:
        """Counts of each class in the pool, (C,), from a sample if labels have to be read.

        All are 0 if images of the pool have no label yet: the labelled images are no random sample.
        """
        known = self.data.classes()
        if known is not None:
            return np.bincount(np.asarray(known), minlength=len(self.names))[: len(self.names)]
        images = self.data.train
        if not all(images.has_label(index) for index in range(len(images))):
            return np.zeros(len(self.names), dtype=np.int64)
        return self._counts(range(len(images)))

    @cached_property
    def described(self) -> DescribedImages:
        """The pool's descriptors; each image is read once."""
        return DescribedImages(self.data.train.image)

    def write(self, finished: bool) -> None:
        """Write the missing views of all finished cycles, and those of the run if it is finished."""
        if self.writes:
            self._attempt("TensorBoard's view of the run", self._write, finished)

    def predictions(self, cycle: int, network: Any, device: Any) -> None:
        """Store pictures of a network's predictions for a few test images, the same in each cycle."""
        if self.writes and network.sees_images:
            what = f"the pictures of test images of cycle {cycle}"
            self._attempt(what, self._predict, cycle, network, device)

    def _attempt(self, what: str, make: Callable[..., Any], *arguments: Any) -> Any:
        """Make a view; if that fails, tell the user and return None."""
        try:
            return make(*arguments)
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            self.say(f"note: {what} could not be made ({type(error).__name__}: {reason}); the run goes on without")
            return None

    def _write(self, finished: bool) -> None:
        run, folder = read_run(self.directory), self.directory / "curve"
        paths = [
            event_file(folder, done.cycle, [done.metrics, done.health, done.labelled, done.chosen, self.names])
            for done in run.cycles
        ]
        missing = [(done, path) for done, path in zip(run.cycles, paths, strict=True) if not path.is_file()]
        for done, path in missing:
            views = [self._curve, self._test_pictures]
            if done.chosen:
                views += [self._gallery, self._classes, self._repetition]
            what = f"a view of cycle {done.cycle} for TensorBoard"
            made = [self._attempt(what, view, run, done) or [] for view in [*views, self._selection]]
            write_events(path, done.labelled, [value for values in made for value in values])
        if missing:
            projector.write_config(folder, [done.labelled for done in run.cycles])
        drop_events(folder, paths)
        if finished:
            write_final(self.directory / "hparams", run, self.settings)
        else:
            drop_events(self.directory / "hparams")

    def _curve(self, run: Run, done: CycleRecord) -> list[Any]:
        values = [scalar(tag, value) for tag, value in curve_points(done, self.names).items()]
        return [layout(done), *values] if done.cycle == 0 else values

    def _test_pictures(self, run: Run, done: CycleRecord) -> list[Any]:
        paths = sorted(self._picture_folder(done.cycle).glob("*.jpg"))
        return [picture(f"test/image {path.stem}", path.read_bytes()) for path in paths]

    def _gallery(self, run: Run, done: CycleRecord) -> list[Any]:
        shown = done.chosen[:GALLERY]
        known = scores(run, done.cycle)
        values = [known.get(index) for index in shown]
        sheet = pictures.gallery(self.data.train, shown, values, self.names, self.colours)
        return [picture("chosen/in order", pictures.encoded(sheet))]

    def _classes(self, run: Run, done: CycleRecord) -> list[Any]:
        chosen, pool = shares(self._counts(done.chosen)), shares(self.pool_counts)
        against = "and the pool (grey)" if pool.any() else "(the pool's classes are not known)"
        title = f"cycle {done.cycle}: {len(done.chosen)} chosen (in colour) {against}"
        chart = pictures.class_chart(title, chosen, pool, self.names, self.colours)
        ratios = [
            scalar(f"chosen_to_pool/{name}", float(part / whole))
            for name, part, whole in zip(self.names, chosen, pool, strict=True)
            if whole > 0
        ]
        return [picture("chosen/classes", pictures.encoded(chart, photo=False)), *ratios]

    def _repetition(self, run: Run, done: CycleRecord) -> list[Any]:
        """Return the repeats within the batch and within random batches; the difference is the mode-collapse index."""
        before = self.data.pool().label(run.labelled_at(done.cycle))
        result = collapse(self.described, before, done.chosen, candidates(run, done.cycle))
        points = {
            "near_duplicates": result.share,
            "near_duplicates_random": result.expected,
            "scenes": result.scenes,
            "scenes_random": result.scenes_expected,
        }
        return [scalar(f"selection/{name}", float(value)) for name, value in points.items() if value is not None]

    def _selection(self, run: Run, done: CycleRecord) -> list[Any]:
        """Return a histogram of the candidates' scores, or write the embeddings for the projector."""
        folder = self.directory / "curve"
        projector.forget_points(folder, done.cycle)
        if not done.chosen or (seen := read_seen(run, done.cycle)) is None:
            return []
        if (points := part_of(seen, "embedding")) is not None:
            projector.write_points(folder, done.cycle, *seen[:2], points, done.chosen, self.data.train)
        if (part := part_of(seen, "score")) is None or len(seen.value) != 1:
            return []
        score = part[:, 0]
        groups = {"candidates": ~seen.labelled, "chosen": np.isin(seen.index, done.chosen)}
        values = {name: score[rows & np.isfinite(score)] for name, rows in groups.items()}
        return [histogram(f"scores/{name}", numbers) for name, numbers in values.items() if len(numbers)]

    def _predict(self, cycle: int, network: Any, device: Any) -> None:
        from al_lightning.tensorboard.network import prediction, undisturbed

        test = self.data.test
        count = len(test)
        positions = sorted({round(place) for place in np.linspace(0, count - 1, min(TEST_IMAGES, count))})
        with undisturbed(network, device):
            answers = [prediction(network, self.data, index, device) for index in positions]
        folder = self._picture_folder(cycle)
        for number, (index, (probability, entropy)) in enumerate(zip(positions, answers, strict=True), start=1):
            name, image, label = test.name(index), test.image(index), test.label(index)
            if isinstance(label, np.ndarray):
                classes = probability.argmax(axis=0).astype(np.uint8)
                sheet = pictures.segmented(name, image, label, classes, entropy, self.colours)
            else:
                sheet = pictures.classified(
                    name, image, int(label), probability, float(entropy), self.names, self.colours
                )
            _store(folder / f"{number}.jpg", pictures.encoded(sheet))

    def _counts(self, positions: Sequence[int]) -> npt.NDArray[np.int64]:
        if len(positions) > COUNTED:
            draw = generator("histogram", len(positions))  # a generator of its own: results do not depend on views
            positions = sorted(draw.choice(np.asarray(positions), COUNTED, replace=False).tolist())
        return class_counts(self.data.train, positions, len(self.names))

    def _picture_folder(self, cycle: int) -> Path:
        return self.directory / f"cycle_{cycle:02d}" / "test_images"


def _store(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)  # not its parents: the run directory may have been deleted
    write_atomic(path, lambda file: file.write(content), make_folder=False)
