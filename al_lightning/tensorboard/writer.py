"""TensorBoard's views of a run, beside the training curves: how good each cycle is, and what it chose.

Everything here follows from the journal, the selections and the data, and is made again where it is missing; only the
pictures of test images need the network, and are kept in the cycle's folder. Nothing here is worth a run: what fails
is told in a line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from al_lightning.inspect.counts import class_counts, described
from al_lightning.inspect.embedding_map import candidates, scores
from al_lightning.runs.files import write_atomic
from al_lightning.runs.journal import CycleRecord, Run, read_run
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
"""Images whose labels are read for a histogram of classes; of more, a random sample."""


class Boards:
    """Writes the views of one run: `curve/` of its directory, and `hparams/` once it is finished.

    Args:
        directory: of the run.
        data: the dataset.
        settings: what in the configuration bears on results, by dotted key.
        say: tells the user a line.
        writes: whether this process writes; others do nothing.
    """

    def __init__(
        self,
        directory: Path,
        data: PoolDataset,
        settings: Mapping[str, Any],
        say: Callable[[str], object],
        writes: bool = True,
    ) -> None:
        self.directory = directory
        self.data = data
        self.settings = settings
        self.say = say
        self.writes = writes

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
        """How often each class occurs in the pool, (C,), of a sample where counting is dear; counted once.

        All are 0 where images of the pool have no label yet.
        """
        known = self.data.classes()
        if known is not None:
            return np.bincount(np.asarray(known), minlength=len(self.names))[: len(self.names)]
        images = self.data.train
        if not all(images.has_label(index) for index in range(len(images))):
            return np.zeros(len(self.names), dtype=np.int64)  # those with labels were chosen: they are no sample of it
        return self._counts(range(len(images)))

    @cached_property
    def described(self) -> DescribedImages:
        """The pool's descriptors, each image read once."""
        return described(self.data.train)

    def write(self, finished: bool) -> None:
        """Write the views of all finished cycles; those that are there stay.

        Args:
            finished: whether the run is.
        """
        if self.writes:
            self._attempt("TensorBoard's view of the run", self._write, finished)

    def predictions(self, cycle: int, network: Any, device: Any) -> None:
        """Keep what a cycle's network says about a few test images, the same ones in each cycle.

        Args:
            cycle: number of the cycle.
            network: the trained network; left as it was.
            device: where to compute.
        """
        if self.writes:
            what = f"the pictures of test images of cycle {cycle}"
            self._attempt(what, self._predict, cycle, network, device)

    def _attempt(self, what: str, make: Callable[..., Any], *arguments: Any) -> Any:
        """Make a view; None where that fails. It must not cost what the run has done."""
        try:
            return make(*arguments)
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            self.say(f"note: {what} could not be made ({type(error).__name__}: {reason}); the run goes on without")
            return None

    def _write(self, finished: bool) -> None:
        run, folder = read_run(self.directory), self.directory / "curve"
        paths = [
            event_file(folder, done.cycle, [done.metrics, done.labelled, done.chosen, self.names])
            for done in run.cycles
        ]
        missing = [(done, path) for done, path in zip(run.cycles, paths, strict=True) if not path.is_file()]
        for done, path in missing:
            views = [self._curve, self._tested, self._gallery, self._classes, self._repetition, self._seen]
            what = f"a view of cycle {done.cycle} for TensorBoard"
            made = [self._attempt(what, view, run, done) or [] for view in views]
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

    def _tested(self, run: Run, done: CycleRecord) -> list[Any]:
        """Return the pictures of test images, as they were kept."""
        from PIL import Image

        values = []
        for path in sorted(self._kept(done.cycle).glob("*.jpg")):
            with Image.open(path) as image:  # reads the header alone
                width, height = image.size
            values.append(picture(f"test/image {path.stem}", path.read_bytes(), height, width))
        return values

    def _gallery(self, run: Run, done: CycleRecord) -> list[Any]:
        if not done.chosen:
            return []
        shown = done.chosen[:GALLERY]
        said = scores(run, done.cycle)
        sheet = pictures.gallery(self.data.train, shown, [said.get(index) for index in shown], self.names, self.colours)
        return [_shown("chosen/in order", sheet)]

    def _classes(self, run: Run, done: CycleRecord) -> list[Any]:
        if not done.chosen:
            return []
        chosen, pool = _shares(self._counts(done.chosen)), _shares(self.pool_counts)
        against = "and the pool (grey)" if pool.any() else "(the pool's classes are not known)"
        title = f"cycle {done.cycle}: {len(done.chosen)} chosen (in colour) {against}"
        chart = pictures.class_chart(title, chosen, pool, self.names, self.colours)
        times = [
            scalar(f"chosen_to_pool/{name}", float(part / whole))
            for name, part, whole in zip(self.names, chosen, pool, strict=True)
            if whole > 0
        ]
        return [_shown("chosen/classes", chart, photo=False), *times]

    def _repetition(self, run: Run, done: CycleRecord) -> list[Any]:
        """Return how much a batch repeats itself, and a random one: their difference is the mode-collapse index."""
        if not done.chosen:
            return []
        before = self.data.pool().label(run.labelled_at(done.cycle))
        found = collapse(self.described, before, done.chosen, candidates(run, done.cycle))
        points = {"near_duplicates": found.share, "near_duplicates_random": found.expected}
        if found.scenes is not None and found.scenes_expected is not None:
            points |= {"scenes": found.scenes, "scenes_random": found.scenes_expected}
        return [scalar(f"selection/{name}", float(value)) for name, value in points.items()]

    def _seen(self, run: Run, done: CycleRecord) -> list[Any]:
        """Return a histogram of the candidates' scores; write their embeddings beside the events."""
        folder = self.directory / "curve"
        projector.forget_points(folder, done.cycle)
        if not done.chosen or (seen := read_seen(run, done.cycle)) is None:
            return []
        index, labelled, value = seen
        if value.shape[2] > 1:
            images = self.data.train
            projector.write_points(folder, done.cycle, index, labelled, value[0], done.chosen, images)
        if value.shape[2] != 1 or len(value) != 1:
            return []
        score = value[0, :, 0]
        sound = np.isfinite(score)
        groups = {"candidates": ~labelled, "chosen": np.isin(index, done.chosen)}
        return [
            histogram(f"scores/{name}", score[rows & sound]) for name, rows in groups.items() if (rows & sound).any()
        ]

    def _predict(self, cycle: int, network: Any, device: Any) -> None:
        from al_lightning.tensorboard.network import logits_of, probabilities, undisturbed

        test = self.data.test
        count = len(test)
        positions = sorted({round(place) for place in np.linspace(0, count - 1, min(TEST_IMAGES, count))})
        with undisturbed(network, device):
            answers = [probabilities(logits_of(network, self.data, index, device)) for index in positions]
        for number, (index, (probability, entropy)) in enumerate(zip(positions, answers, strict=True), start=1):
            name, image, label = test.name(index), test.image(index), test.label(index)
            if isinstance(label, np.ndarray):
                guess = probability.argmax(axis=0).astype(np.uint8)
                shown = pictures.segmented(name, image, label, guess, entropy, self.colours)
            else:
                shown = pictures.classified(
                    name, image, int(label), probability, float(entropy), self.names, self.colours
                )
            _keep(self._kept(cycle) / f"{number}.jpg", pictures.encoded(shown))

    def _counts(self, positions: Sequence[int]) -> npt.NDArray[np.int64]:
        if len(positions) > COUNTED:
            draw = generator("histogram", len(positions))  # of the views' own: nothing else draws from it
            positions = sorted(draw.choice(np.asarray(positions), COUNTED, replace=False).tolist())
        return class_counts(self.data.train, positions, len(self.names))

    def _kept(self, cycle: int) -> Path:
        return self.directory / f"cycle_{cycle:02d}" / "test_images"


def _shares(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    shares: npt.NDArray[np.float64] = counts / max(1, int(counts.sum()))
    return shares


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)  # not its parents: the run's directory may have been deleted
    write_atomic(path, lambda file: file.write(content), make_folder=False)


def _shown(tag: str, image: Array, photo: bool = True) -> Any:
    return picture(tag, pictures.encoded(image, photo), image.shape[0], image.shape[1])
