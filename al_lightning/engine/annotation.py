"""People in the loop: which labels are missing, the batches that go out for them, and the sentence a run stops with.

Process 0 alone does this. What is here follows from the selections, which are on disk before any label is asked for;
so a run that was killed at any moment makes again what is not whole, and leaves alone what is.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from PIL import Image

from al_lightning.config.experiment import Experiment
from al_lightning.data.annotated import AnnotatedImages
from al_lightning.data.images import Images
from al_lightning.errors import ALError, DatasetError, LabelsAwaited, UsageError
from al_lightning.inspect.drawing import palette
from al_lightning.labels.batch import TABLE, read_table, write_batch
from al_lightning.labels.item import Item
from al_lightning.labels.project import Project, read_project, write_project
from al_lightning.oracle import Pending
from al_lightning.runs.selections import read_choice
from al_lightning.runs.store import RunStore

WHOLE = ("index.html", "label_studio/config.xml", "label_studio/tasks.json", "cvat/labels.json")
"""Files that a whole batch has, besides its table and its images."""


@dataclass(frozen=True)
class Wanted:
    """Images whose labels are wanted together.

    Attributes:
        folder: the batch's name.
        what: what they are, in the sentence.
        images: the set that they are of.
        chosen: their positions in it, in order.
        cycle: that chose them; None for the initial set and the test set.
    """

    folder: str
    what: str
    images: AnnotatedImages
    chosen: list[int]
    cycle: int | None = None

    @property
    def missing(self) -> list[int]:
        """The positions that have no label yet, each file once, in order."""
        without = [index for index in self.chosen if not self.images.has_label(index)]
        return list({self.images.file(index): index for index in reversed(without)}.values())[::-1]


class Desk:
    """Hands images out to people, and waits for their labels.

    Args:
        experiment: the run's; its oracle asks people.
        store: its run directory.
        say: tells the user a line.
        command: arguments of the command line that goes on.
    """

    def __init__(
        self, experiment: Experiment, store: RunStore, say: Callable[[str], object], command: Sequence[str] = ()
    ) -> None:
        self.experiment = experiment
        self.data = experiment.data
        self.store = store
        self.say = say
        self.command = shlex.join(["al-lightning", *command]) if command else None

    def initial(self, chosen: list[int]) -> list[int]:
        """Return what of the initial set is labelled.

        Raises:
            LabelsAwaited: labels of it or of the test set are missing; both are handed out at once.
        """
        return self._answer(Wanted("initial", "the initial set", _asked(self.data.train), chosen), with_test=True)

    def choice(self, cycle: int, chosen: list[int]) -> list[int]:
        """Return what of a cycle's choice is labelled.

        Raises:
            LabelsAwaited: labels are missing; the batch is handed out.
        """
        what = f"the choice of cycle {cycle}"
        return self._answer(Wanted(f"cycle_{cycle:02d}", what, _asked(self.data.train), chosen, cycle), with_test=False)

    def test(self) -> None:
        """See that the whole test set is labelled: a part of it would be another test set later.

        Raises:
            LabelsAwaited: labels are missing; the batch is handed out.
        """
        test = self._test()
        if test.missing:
            self._hand_out([test])

    def _test(self) -> Wanted:
        images = _asked(self.data.test)
        return Wanted("test", "the test set", images, list(range(len(images))))

    def _answer(self, wanted: Wanted, with_test: bool) -> list[int]:
        answer = self.experiment.oracle.label(wanted.chosen)
        test = [part for part in ([self._test()] if with_test else []) if part.missing]
        if not isinstance(answer, Pending):
            if test:
                self._hand_out(test)
            return answer.indices
        if self.experiment.oracle.accept_partial and answer.labelled and self._is_handed_out(wanted):
            if test:
                self._hand_out(test)
            rest = len(wanted.chosen) - len(answer.labelled)
            self.say(
                f"note: {len(answer.labelled)} of {len(wanted.chosen)} images of {wanted.what} are labelled, and "
                f"are taken as they are (oracle.accept_partial); the other {rest} stay in the pool"
            )
            return list(answer.labelled)
        self._hand_out([wanted, *test])

    def _hand_out(self, parts: Sequence[Wanted]) -> NoReturn:
        """Write the batches that are not there, and stop.

        Raises:
            LabelsAwaited: always, with the sentence.
        """
        for part in parts:
            if not self._is_handed_out(part):
                self._write(part)
        self._tell_project()
        counts = " and ".join(
            f"{len(part.missing)} of {len({part.images.file(index) for index in part.chosen})} images of {part.what}"
            for part in parts
        )
        folders = " and ".join(str(self._folder(part)) for part in parts)
        raise LabelsAwaited(
            f"{counts} wait for labels: label what is in {folders}, bring the labels in with `al-lightning labels "
            f"import {shlex.quote(str(self.store.directory))} FILE...`, and run the same command again."
        )

    def _folder(self, part: Wanted) -> Path:
        return self.store.directory / "batches" / part.folder

    def _is_handed_out(self, part: Wanted) -> bool:
        """Whether the batch is there and whole: it was written of what lacked labels then."""
        folder = self._folder(part)
        try:
            listed = set(read_table(folder))
            pictures = sum(1 for path in (folder / "images").iterdir() if path.exists())
        except (ALError, OSError, ValueError):
            return False
        chosen = {part.images.key(index) for index in part.chosen}
        missing = {part.images.key(index) for index in part.missing}
        files = all((folder / name).is_file() for name in WHOLE)
        return files and pictures >= len(listed) and missing <= listed <= chosen

    def _write(self, part: Wanted) -> None:
        self._set_aside(part)
        kind = part.images.store.kind
        write_batch(self._folder(part), self._items(part), list(self.data.class_names), kind, self._colours())

    def _colours(self) -> list[tuple[int, int, int]]:
        return [(int(red), int(green), int(blue)) for red, green, blue in palette(self.data.num_classes)]

    def _set_aside(self, part: Wanted) -> None:
        """Move away what is there but not whole, or of another choice: people may have put their own work in it."""
        folder = self._folder(part)
        if not folder.exists():
            return
        number = 1
        while (kept := self.store.directory / "set_aside" / f"{part.folder}-{number}").exists():
            number += 1
        kept.parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder, kept)
        self.say(f"{folder} was not whole, or not of these images; it is made again, and what was there is now {kept}")

    def _items(self, part: Wanted) -> list[Item]:
        missing = part.missing
        scores: dict[int, float | None] = {}
        if part.cycle is not None:
            choice = read_choice(self.store.read(), part.cycle)
            scores = dict(zip(choice.indices, choice.scores, strict=True)) if choice else {}
        said = self._predictions(part, [part.images.file(index) for index in missing])
        rank = {index: number for number, index in reversed(list(enumerate(part.chosen, start=1)))}
        items = []
        for place, index in enumerate(missing):
            name, path = part.images.key(index), part.images.file(index)
            if name is None:
                raise DatasetError(
                    f"The image {path} lies outside of {self.data.root}, so that no label can be kept for it; "
                    "put it there, or name a data.root that holds all images."
                )
            width, height = size_of(path)
            sequence, frame = self._when(path)
            prediction, confidence = said[place] if said else (None, None)
            items.append(
                Item(name, path, rank[index], scores.get(index), sequence, frame, width, height, prediction, confidence)
            )
        return items

    def _when(self, path: Path) -> tuple[str | None, int | None]:
        """Return the sequence and the frame that a file's name tells."""
        pattern = getattr(self.data, "sequence_pattern", None)
        match = re.search(pattern, path.stem) if pattern else None
        return (match["sequence"], int(match["frame"])) if match else (None, None)

    def _predictions(self, part: Wanted, paths: Sequence[Path]) -> list[tuple[Any, float]]:
        """Return what the cycle's first network says of images; nothing, with a word, where it cannot be asked."""
        if part.cycle is None:
            return []
        weights = self.store.weights(part.cycle)
        if not weights.is_file():
            self.say(f"note: {weights} is gone, so that {part.folder} goes out without predictions")
            return []
        from al_lightning.deploy.predictor import Predictor

        try:
            return [(said.classes, said.confidence) for said in Predictor(self.experiment, weights).predict(paths)]
        except Exception as error:  # predictions spare people work; no batch must fail for want of them
            reason = " ".join(str(error).split())[:200]
            self.say(f"note: {part.folder} goes out without predictions ({type(error).__name__}: {reason})")
            return []

    def _tell_project(self) -> None:
        """Tell `al-lightning labels` which images may get labels, and where these are kept."""
        directory, oracle = self.store.directory, self.experiment.oracle
        try:
            known = dict(read_project(directory).images)
        except UsageError:  # none yet, or damaged: sizes are read anew
            known = {}
        names = set(known)
        for table in (directory / "batches").glob(f"*/{TABLE}"):
            with contextlib.suppress(ALError):  # an old batch that was damaged since: its images are known from before
                names.update(read_table(table.parent))
        answers, usual = oracle.answers(directory), directory / "labels"
        write_project(
            directory,
            Project(
                kind=_asked(self.data.train).store.kind,
                classes=tuple(self.data.class_names),
                colours=tuple(self._colours()),
                root=str(self.data.root.absolute()),
                labels="labels" if answers == usual else str(answers.absolute()),
                images={name: known.get(name) or size_of(self.data.root / name) for name in sorted(names)},
                command=self.command,
            ),
        )


def _asked(images: Images) -> AnnotatedImages:
    if not isinstance(images, AnnotatedImages):
        raise TypeError("the data were not told to ask people")
    return images


def size_of(path: Path) -> tuple[int, int]:
    """Return an image file's (width, height); reads its header alone.

    Raises:
        DatasetError: it cannot be read.
    """
    try:
        with Image.open(path) as image:
            return image.width, image.height
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DatasetError(f"The image {path} cannot be read ({error}); replace it or take it out.") from error
