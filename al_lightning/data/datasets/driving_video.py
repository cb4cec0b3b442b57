"""A driving video drawn by the program, with a chosen redundancy."""

from __future__ import annotations

import functools
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from al_lightning.data.augmentation import colour_jitter
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import Array, ArrayImages, Images
from al_lightning.data.streets import CLASSES, Nuisance, draw, sample_scene
from al_lightning.errors import MOST, MOST_PIXELS, UsageError, require
from al_lightning.pool import Pool
from al_lightning.seeding import generator


def _copy(image: Array, label: Array, draws: np.random.Generator) -> tuple[Array, Array]:
    """Return an 85 % crop, resized to the original size, with colour jitter."""
    height, width = label.shape
    high, wide = round(0.85 * height), round(0.85 * width)
    y, x = int(draws.integers(height - high + 1)), int(draws.integers(width - wide + 1))
    crop = cv2.resize(image[y : y + high, x : x + wide], (width, height), interpolation=cv2.INTER_LINEAR)
    cut = cv2.resize(label[y : y + high, x : x + wide], (width, height), interpolation=cv2.INTER_NEAREST)
    jittered = colour_jitter(np.asarray(crop, np.uint8), draws.uniform(0.75, 1.25, 3), draws.uniform(0.94, 1.06, 3))
    return jittered, cut.astype(np.uint8)


@functools.lru_cache(maxsize=4)  # the runs of a comparison share the images
def _drawn(
    split: str, seed: int, scenes: int, follow: int, copies: int, size: tuple[int, int], nuisance: Nuisance
) -> tuple[Array, Array]:
    """Draw all images and labels of a set, scene by scene."""
    cv2.setNumThreads(0)  # data workers are forked, and a forked process hangs where OpenCV had threads
    pairs = []
    for number in range(scenes):
        scene = sample_scene(split, seed, number, nuisance)
        for frame in range(follow + 1):
            row, column = generator(f"street/{split}/frame", seed, number, frame).integers(0, 192, 2)
            pairs.append(draw(scene, frame, size, (int(row), int(column))))
        for copy in range(copies):
            pairs.append(_copy(*pairs[-1 - copy], generator(f"street/{split}/copy", seed, number, copy)))
    images, labels = np.stack([image for image, _ in pairs]), np.stack([label for _, label in pairs])
    for array in (images, labels):
        array.setflags(write=False)
    return images, labels


class DrivingVideo(PoolDataset):
    """Street scenes drawn by the program: ten classes, and void where a pixel shows more than one class.

    It stands in for driving video with a chosen redundancy, like the pools that the paper (Mittal et al., IJCV 2025)
    cut from A2D2. Of each scene the pool has one frame, and in addition `follow` consecutive frames or `copies`
    augmented copies (85 % crops, resized to the original size, with colour jitter). The size of the pool does not
    depend on its kind, so a redundant pool has fewer scenes. All kinds draw their scenes in the same order. The test
    set has one frame of each of its own scenes, and is the same for all.

    Args:
        size: (height, width) of the images.
        pool_size: images in the pool; a multiple of 132 suits follow 0, 5, 11 and 21.
        follow: consecutive frames in addition to each scene's first one.
        copies: augmented copies in addition to each scene's frame, instead of `follow`.
        test_size: images in the test set, one per scene.
        nuisance: `mild` differences of light, or `strong`: also night, snow, thick fog and noisy sensors.
        repeated: share of the pool's entries that are exact copies of other entries, drawn by the seed; the published
            lists of the paper's redundant pools repeat 9 % of their entries.
        seed: seed of the streets; runs of every seed see the same ones.
        **options: see PoolDataset, except `root`.
    """

    folder = "driving_video"
    labels = "pixel"
    class_names = CLASSES

    def __init__(
        self,
        size: tuple[int, int] = (64, 128),
        pool_size: int = 528,
        follow: int = 0,
        copies: int = 0,
        test_size: int = 200,
        nuisance: Nuisance = "mild",
        repeated: float = 0.0,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(root=None, **options)  # the scenes come with the package
        require("data.size", size, least=16, most=MOST_PIXELS)
        require("data.pool_size", pool_size, least=1, most=MOST)
        require("data.follow", follow, least=0, most=MOST)
        require("data.copies", copies, least=0, most=MOST)
        require("data.test_size", test_size, least=1, most=MOST)
        require("data.repeated", repeated, least=0, below=0.5)
        require("data.seed", seed, least=0)
        if follow and copies:
            raise UsageError(
                f"data.follow is {follow} and data.copies is {copies}; a pool has consecutive frames or augmented "
                "copies, so set one of them to 0."
            )
        if pool_size % (clip := 1 + follow + copies):
            raise UsageError(
                f"data.pool_size is {pool_size}, which is no multiple of the {clip} images that each scene gives; "
                f"{max(1, pool_size // clip) * clip} would do."
            )
        if nuisance not in ("mild", "strong"):
            raise UsageError(f"data.nuisance is {nuisance!r}; mild or strong was expected.")
        self.size = (size[0], size[1])
        self.pool_size = pool_size
        self.follow = follow
        self.copies = copies
        self.test_size = test_size
        self.nuisance: Nuisance = nuisance
        self.repeated = repeated
        self.seed = seed

    @property
    def _clip(self) -> int:
        """Number of images of a scene."""
        return 1 + self.follow + self.copies

    def build_train(self) -> Images:
        """Draw the pool."""
        scenes = self.pool_size // self._clip
        drawn = _drawn("pool", self.seed, scenes, self.follow, self.copies, self.size, self.nuisance)
        what = "copy" if self.copies else "frame"
        names = [
            f"scene {scene:03d}, {what if place else 'frame'} {place:02d}"
            for scene in range(scenes)
            for place in range(self._clip)
        ]
        if not self.repeated:
            return ArrayImages(*drawn, names)
        images, labels = (array[self._entries] for array in drawn)
        again = [names[entry] + (" (again)" if entry != place else "") for place, entry in enumerate(self._entries)]
        return ArrayImages(images, labels, again)

    @functools.cached_property
    def _entries(self) -> npt.NDArray[np.int64]:
        """(N,) positions of the images that the pool shows: its own position, or another one where it repeats."""
        entries, count = np.arange(self.pool_size), round(self.repeated * self.pool_size)
        draw = generator("street/repeated", self.seed)
        order = draw.permutation(self.pool_size)
        entries[order[:count]] = draw.choice(order[count:], count, replace=False)
        return entries

    def build_test(self) -> Images:
        """Draw the test set."""
        drawn = _drawn("test", self.seed, self.test_size, 0, 0, self.size, self.nuisance)
        return ArrayImages(*drawn, [f"test scene {scene:03d}, frame 00" for scene in range(self.test_size)])

    def pool(self) -> Pool:
        """Return the pool, with the scene as sequence; copies count as frames."""
        sequence, frame = np.divmod(self._entries, self._clip)
        return Pool(self.pool_size, (), tuple(sequence.tolist()), tuple(frame.tolist()))

    def details(self) -> str:
        """Return the arguments that the pixels follow from."""
        repeated = f" {self.repeated}" if self.repeated else ""
        return f"{self.seed} {self.size} {self.nuisance} {self.follow} {self.copies}{repeated}"
