"""Images as small grey pictures, which tell near-duplicates where no time order does; each is read once and kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from al_lightning.data.images import Array, Images

Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
GREY_LEVELS = 5.0
"""Without a time order, images whose thumbnails differ by no more than this count as near-duplicates.

In the driving video that comes with the package, neighbouring frames differ by 2 (the median), frames 5 apart by 5,
frames 11 apart by 8, and scenes by 17 and more: frames that the rule takes are alike to the eye, and some that are
alike it leaves out.
"""
THUMBNAIL = 8
"""Height and width of those thumbnails, in pixels."""


class Thumbnails:
    """The grey thumbnails of a set of images, and which pairs of them are near-duplicates.

    Args:
        images: a full set; each image is read once, when it is first asked for.
    """

    def __init__(self, images: Images) -> None:
        self.images = images
        self._grey = np.empty((len(images), THUMBNAIL**2), dtype=np.uint8)
        self._read = np.zeros(len(images), dtype=bool)
        self._place = np.full(len(images), -1, dtype=np.int64)
        self._paired = np.empty(0, dtype=np.int64)
        self._near = np.empty((0, 0), dtype=bool)

    def grey(self, positions: Sequence[int] | Indices) -> Array:
        """Return thumbnails, flat, (n, `THUMBNAIL`^2) uint8."""
        wanted = np.asarray(positions, dtype=np.int64)
        for index in np.unique(wanted[~self._read[wanted]]).tolist():
            picture = Image.fromarray(self.images.image(index)).convert("L")
            small = picture.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
            self._grey[index], self._read[index] = np.asarray(small).ravel(), True
        return self._grey[wanted]

    def alike(self, positions: Sequence[int] | Indices, others: Sequence[int] | Indices) -> Flags:
        """Return which pairs are near-duplicates, (n, m): at most `GREY_LEVELS` apart, the mean over the thumbnail."""
        from scipy.spatial.distance import cdist

        one, two = (self.grey(side).astype(np.float64) for side in (positions, others))
        near: Flags = cdist(one, two, "cityblock") <= GREY_LEVELS * THUMBNAIL**2  # sums of whole numbers
        return near

    def table(self, positions: Indices) -> tuple[Flags, Indices]:
        """Return `alike` of many positions with each other, in a table that is kept and grows by what is new.

        Meant for positions of which most are asked for again.

        Returns:
            The table, (t, t), and the row of each of the positions in it, (n,).
        """
        new = positions[self._place[positions] < 0]
        if len(new):
            known, size = self._paired, len(self._paired)
            self._paired = np.concatenate([known, new])
            self._place[new] = np.arange(size, len(self._paired))
            grown = np.empty((len(self._paired),) * 2, dtype=bool)
            grown[:size, :size] = self._near
            grown[size:] = self.alike(new, self._paired)
            grown[:size, size:] = grown[size:, :size].T
            self._near = grown
        return self._near, self._place[positions]
