"""Where the images of a dataset come from: its files, the cache of decoded images, and the labels of people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from al_lightning.data.annotated import AnnotatedImages
from al_lightning.data.images import Images
from al_lightning.labels.store import LabelStore

Sets = tuple[Images, Images]
"""Training and test set."""


class Sources:
    """The training set (0) and the test set (1) of a dataset, each made when it is first asked for.

    Args:
        root: folder that the label store's names are relative to.
        build: make the two sets as they lie in their files.
        find_cache: finds both sets in a cache; None where there is none to use.
        find_labels: opens the store of people's labels; None where nobody labels.
    """

    def __init__(
        self,
        root: Path,
        build: tuple[Callable[[], Images], Callable[[], Images]],
        find_cache: Callable[[], Sets | None],
        find_labels: Callable[[], LabelStore | None],
    ) -> None:
        self.root = root
        self._build = build
        self._find_cache = find_cache
        self._find_labels = find_labels
        self._files: dict[int, Images] = {}
        self._shown: dict[int, Images] = {}
        self._cached: Sets | None = None
        self._looked = False

    def files(self, side: int) -> Images:
        """Return a set as it lies in its files."""
        if side not in self._files:
            self._files[side] = self._build[side]()
        return self._files[side]

    def images(self, side: int) -> Images:
        """Return a set from the cache where there is one, with the labels of people where people label.

        Raises:
            DatasetError: there is a cache, and it is damaged.
        """
        if side not in self._shown:
            cached = self._look_for_cache()
            files = self.files(side)
            images = files if cached is None else cached[side]
            store = self._find_labels()
            self._shown[side] = images if store is None else AnnotatedImages(images, files, self.root, store)
        return self._shown[side]

    def _look_for_cache(self) -> Sets | None:
        if not self._looked:
            self._looked = True  # while the cache is looked for, a set that is built of the other has the files
            try:
                self._cached = self._find_cache()
            except BaseException:
                self._looked = False  # a damaged cache is as damaged the next time
                raise
            finally:
                self._shown.clear()
        return self._cached
