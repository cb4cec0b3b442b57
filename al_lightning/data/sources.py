"""The sources of a dataset's images: its files, the cache of decoded images, and people's labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from al_lightning.data.annotated import AnnotatedImages
from al_lightning.data.images import Images
from al_lightning.labels.store import LabelStore

Sets = tuple[Images, Images]
"""Training and test set."""


class Sources:
    """The training set (0) and the test set (1) of a dataset, each built at its first use.

    Args:
        root: folder that the label store's names are relative to.
        build: functions that build the two sets from files.
        find_cache: returns both sets of a cache, or None without a usable cache.
        find_labels: returns the store of people's labels, or None where nobody labels.
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
        """Return a set as built from its files."""
        if side not in self._files:
            self._files[side] = self._build[side]()
        return self._files[side]

    def images(self, side: int) -> Images:
        """Return a set, from the cache where there is one, with people's labels where people label.

        Raises:
            DatasetError: the cache is damaged.
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
            # The search builds both sets. Where a dataset builds one set from the other, the other comes from files.
            self._looked = True
            try:
                self._cached = self._find_cache()
            except BaseException:
                self._looked = False  # the next use finds the cache damaged too
                raise
            finally:
                self._shown.clear()
        return self._cached
