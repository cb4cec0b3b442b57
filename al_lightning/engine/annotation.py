"""Labels by people: which labels are missing, batches of images to label, and the message of a waiting run.

Process 0 alone does this. Batches follow from the selections, which are on disk before any label is asked for. After a
run was killed, the next one writes incomplete batches again and leaves complete ones alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from al_lightning.config.experiment import Experiment
from al_lightning.data.annotated import AnnotatedImages
from al_lightning.data.headers import read_header
from al_lightning.data.images import Images
from al_lightning.drawing import palette
from al_lightning.errors import ALError, DatasetError, LabelsAwaited, UsageError
from al_lightning.labels.batch import SET_ASIDE, TABLE, read_table, write_batch
from al_lightning.labels.item import Item
from al_lightning.labels.project import Project, check_project, project_file, read_project, write_project
from al_lightning.labels.spelling import twins
from al_lightning.oracle import Pending
from al_lightning.runs.selections import read_choice
from al_lightning.runs.store import RunStore

WHOLE = ("index.html", "label_studio/config.xml", "label_studio/tasks.json", "cvat/labels.json")
"""Files that a complete batch has, besides its table and its images."""


@dataclass(frozen=True)
class Request:
    """Images whose labels are requested together.

    Attributes:
        folder: name of the batch's folder.
        what: what the images are, for messages.
        images: the set that contains the images.
        chosen: positions of the images in the set, in order.
        cycle: the cycle that chose the images; None for the initial set and the test set.
    """

    folder: str
    what: str
    images: AnnotatedImages
    chosen: list[int]
    cycle: int | None = None

    @property
    def missing(self) -> list[int]:
        """Positions of the images without a label, each file once, in order."""
        without = [index for index in self.chosen if not self.images.has_label(index)]
        return list({self.images.file(index): index for index in reversed(without)}.values())[::-1]


class AnnotationQueue:
    """Batches of images that wait for people's labels, which the run's oracle asks for.

    Args:
        experiment: the run's configuration.
        store: the run directory.
        say: prints a line.
        command: arguments of the command line that continues the run.
    """

    def __init__(
        self, experiment: Experiment, store: RunStore, say: Callable[[str], object], command: Sequence[str] = ()
    ) -> None:
        self.experiment = experiment
        self.data = experiment.data
        self.store = store
        self.say = say
        self.command = shlex.join(["al-lightning", *command]) if command else None

    def label(self, cycle: int | None, chosen: list[int]) -> list[int]:
        """Return the labelled images of a cycle's choice, or of the initial set where the cycle is None.

        Raises:
            LabelsAwaited: labels are missing, also of the test set at the initial set; the batches are written.
            DatasetError: labels could not be imported, since names cannot be told apart or written down.
        """
        if cycle is None:
            self._check_names()
        what = "the initial set" if cycle is None else f"the choice of cycle {cycle}"
        folder = "initial" if cycle is None else f"cycle_{cycle:02d}"
        request = Request(folder, what, _annotated(self.data.train), chosen, cycle)
        test = self._unlabelled_test() if cycle is None else []
        answer = self.experiment.oracle.label(chosen)
        if isinstance(answer, Pending):
            partial = self.experiment.oracle.accept_partial and answer.labelled and self._is_handed_out(request)
            self._hand_out(test if partial else [request, *test])
            self.say(
                f"note: {len(answer.labelled)} of {len(chosen)} images of {what} are labelled, and are taken as they "
                f"are (oracle.accept_partial); the other {len(chosen) - len(answer.labelled)} stay in the pool"
            )
            return list(answer.labelled)
        self._hand_out(test)
        return answer.indices

    def test(self) -> None:
        """Check that the whole test set is labelled: metrics on a part of it would not be comparable later.

        Raises:
            LabelsAwaited: labels are missing; the batch is written.
        """
        self._hand_out(self._unlabelled_test())

    def _unlabelled_test(self) -> list[Request]:
        images = _annotated(self.data.test)
        request = Request("test", "the test set", images, list(range(len(images))))
        return [request] if request.missing else []

    def _hand_out(self, parts: Sequence[Request]) -> None:
        """Write the batches that do not exist yet, and raise LabelsAwaited, where there are any."""
        if not parts:
            self._mend_project()
            return
        batches = [(part, self._items(part)) for part in parts if not self._is_handed_out(part)]
        project = self._project([item for _, items in batches for item in items])
        check_project(project)
        for part, items in batches:
            self._set_aside(part)
            write_batch(self._folder(part), items, project.classes, project.kind, project.colours)
        write_project(self.store.directory, project)
        counts = " and ".join(
            f"{len(part.missing)} of {len({part.images.file(index) for index in part.chosen})} images of {part.what}"
            for part in parts
        )
        folders = " and ".join(str(self._folder(part)) for part in parts)
        raise LabelsAwaited(
            f"{counts} wait for labels: label what is in {folders}, bring the labels in with `al-lightning labels "
            f"import {shlex.quote(str(self.store.directory))} FILE...`, and run the same command again."
        )

    def _folder(self, part: Request) -> Path:
        return self.store.directory / "batches" / part.folder

    def _is_handed_out(self, part: Request) -> bool:
        """Whether the batch exists and is complete; it contains the images that had no label when it was written."""
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

    def _colours(self) -> list[tuple[int, int, int]]:
        return [(red, green, blue) for red, green, blue in palette(self.data.num_classes).tolist()]

    def _set_aside(self, part: Request) -> None:
        """Move an incomplete batch, or one of another choice, away: people may have put their own work in it."""
        folder = self._folder(part)
        if not folder.exists():
            return
        number = 1
        while (kept := self.store.directory / SET_ASIDE / f"{part.folder}-{number}").exists():
            number += 1
        kept.parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder, kept)
        self.say(f"{folder} was incomplete, or of other images; it is written again, and the old one is now {kept}")

    def _items(self, part: Request) -> list[Item]:
        missing = part.missing
        scores: dict[int, float | None] = {}
        if part.cycle is not None:
            choice = read_choice(self.store.read(), part.cycle)
            scores = dict(zip(choice.indices, choice.scores, strict=True)) if choice else {}
        predictions = self._predictions(part, [part.images.file(index) for index in missing])
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
            prediction, confidence = predictions[place] if predictions else (None, None)
            items.append(
                Item(name, path, rank[index], scores.get(index), sequence, frame, width, height, prediction, confidence)
            )
        return items

    def _when(self, path: Path) -> tuple[str | None, int | None]:
        """Return the sequence and the frame in a file's name."""
        pattern = getattr(self.data, "sequence_pattern", None)
        match = re.search(pattern, path.stem) if pattern else None
        return (match["sequence"], int(match["frame"])) if match else (None, None)

    def _predictions(self, part: Request, paths: Sequence[Path]) -> list[tuple[Any, float]]:
        """Return the predictions of the cycle's first network; an empty list, with a note, where there are none."""
        if part.cycle is None:
            return []
        weights = self.store.weights(part.cycle)
        if not weights.is_file():
            self.say(f"note: {weights} is gone, so that {part.folder} goes out without predictions")
            return []
        from al_lightning.deploy.predictor import Predictor

        try:
            return [(one.classes, one.confidence) for one in Predictor(self.experiment, weights).predict(paths)]
        except Exception as error:  # a batch without predictions is still useful
            reason = " ".join(str(error).split())[:200]
            self.say(f"note: {part.folder} goes out without predictions ({type(error).__name__}: {reason})")
            return []

    def _project(self, items: Sequence[Item] = ()) -> Project:
        """Return for `al-lightning labels` which images may get labels, and where labels are kept.

        `items` are the images of batches that are not written yet.
        """
        directory, oracle = self.store.directory, self.experiment.oracle
        try:
            known = dict(read_project(directory).images)
        except UsageError:  # no project file yet, or a damaged one: sizes are read again
            known = {}
        known |= {item.name: (item.width, item.height) for item in items}
        names = set(known)
        for table in (directory / "batches").glob(f"*/{TABLE}"):
            with contextlib.suppress(ALError):  # a damaged old batch, whose images the project file lists already
                names.update(read_table(table.parent))
        folder, usual = oracle.label_folder(directory), directory / "labels"
        return Project(
            kind=_annotated(self.data.train).store.kind,
            classes=tuple(self.data.class_names),
            colours=tuple(self._colours()),
            root=str(self.data.root.absolute()),
            labels="labels" if folder == usual else str(folder.absolute()),
            images={name: known.get(name) or size_of(self.data.root / name) for name in sorted(names)},
            command=self.command,
        )

    def _mend_project(self) -> None:
        """Write the project file again where batches were handed out and the file is gone or damaged."""
        if not (self.store.directory / "batches").is_dir():
            return
        try:
            read_project(self.store.directory)
        except UsageError:
            write_project(self.store.directory, self._project())
            self.say(f"{project_file(self.store.directory)} was missing or damaged, and is written again")

    def _check_names(self) -> None:
        sets = _annotated(self.data.train), _annotated(self.data.test)
        names = (images.key(index) for images in sets for index in range(len(images)))
        if (two := twins(name for name in names if name is not None)) is not None:
            raise DatasetError(
                f"The names of the images {two[0]!r} and {two[1]!r} differ in their Unicode form alone, so that labels "
                "cannot tell them apart; rename one of them."
            )


def _annotated(images: Images) -> AnnotatedImages:
    if not isinstance(images, AnnotatedImages):
        raise TypeError("the dataset does not ask people for labels")
    return images


def size_of(path: Path) -> tuple[int, int]:
    """Return an image's (width, height) in pixels as viewers show it, from the file's header; errors of the header."""
    height, width = read_header(path).size
    return width, height
