"""A2D2 (Geyer et al. 2020), the semantic segmentation part: driving video of six cameras, and pools cut from it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

from al_lightning.data.dataset import PoolDataset
from al_lightning.data.datasets.a2d2_pools import CopiedImages, draw_frames
from al_lightning.data.datasets.official import check_counts, check_missing, lines_of, pool_of_list
from al_lightning.data.images import Images, check_size
from al_lightning.data.labelled_files import MaskFiles
from al_lightning.data.mappings import find_mapping, load_mapping
from al_lightning.data.name_order import numbered
from al_lightning.data_sources import SOURCES
from al_lightning.errors import MOST, DatasetError, UsageError, from_home, require
from al_lightning.pool import Pool

TEST_SCENE = "20180925_112730"
COUNTS = (40135, 1142)
"""Numbers of training frames and of the test scene's frames."""
PART = "camera_lidar_semantic"
SCENE = re.compile(r"\d{8}_\d{6}")
FRAME = re.compile(r"\d+_camera_[a-z]+_(\d+)\.png")


class Frame(NamedTuple):
    """A recorded frame.

    Attributes:
        path: the image's path below the folder of scenes, SCENE/camera/CAMERA/FILE.png.
        image: the image file.
        label: the label file.
        drive: scene and camera.
        number: frame number, from the file's name.
    """

    path: str
    image: Path
    label: Path
    drive: str
    number: int


class A2D2(PoolDataset):
    """A2D2's labelled frames: 22 scenes with 40,135 frames to choose from, scene 20180925_112730 (1,142) for test.

    A pool holds all frames, the frames of a list in the format of the paper's public code, or, as in the paper (Mittal
    et al., IJCV 2025), a part with a chosen redundancy: drawn frames, each with the next labelled frames of the same
    scene and camera, or with augmented copies. Pools with the same `pool_seed` draw frames in the same order.

    Args:
        pool: `all`; or `0f`, `5f`, `11f`, `21f`: drawn frames with that number of consecutive frames after each (any
            number is possible); or `aug`: drawn frames with augmented copies after each.
        pool_size: images in a pool that is not `all`.
        pool_seed: seed of the drawn frames and of the copies; runs of every seed see the same pool.
        copies: augmented copies of each drawn frame of the pool `aug`.
        pool_list: file with an image path per line, SCENE/camera/CAMERA/FILE.png, in the working directory or below
            root; it is read instead of drawing frames.
        duplicates: `drop` leaves out repeats in a pool_list, `keep` has an image in the pool as often as it is listed.
        mapping: class of each of the 55 colours: `a2d2_19` (the grouping of the paper's public code), `cityscapes_19`,
            or a file of one's own.
        size: (height, width) to which images and labels are resized: a third of 1208 x 1920.
        complete: whether all frames are required; otherwise a part of the scenes is enough.
        **options: see PoolDataset.
    """

    folder, where = SOURCES["A2D2"]
    labels = "pixel"
    class_names: Sequence[str] = ()

    def __init__(
        self,
        pool: str = "all",
        pool_size: int = 2640,
        pool_seed: int = 0,
        copies: int = 5,
        pool_list: str | None = None,
        duplicates: Literal["drop", "keep"] = "drop",
        mapping: str = "a2d2_19",
        size: tuple[int, int] | None = (402, 640),
        complete: bool = True,
        mean: tuple[float, float, float] = (0.4499, 0.4365, 0.4364),
        std: tuple[float, float, float] = (0.1902, 0.1972, 0.2085),
        **options: Any,
    ) -> None:
        super().__init__(mean=mean, std=std, **options)
        if not re.fullmatch(r"all|aug|\d+f", pool):
            raise UsageError(
                f"data.pool is {pool!r}; all, 0f, 5f, 11f, 21f (or another number of frames) or aug was expected."
            )
        require("data.pool_size", pool_size, least=1, most=MOST)
        require("data.pool_seed", pool_seed, least=0)
        require("data.copies", copies, least=1, most=MOST)
        if duplicates not in ("drop", "keep"):
            raise UsageError(f"data.duplicates is {duplicates!r}; drop or keep was expected.")
        if pool_list and pool == "aug":
            raise UsageError("data.pool_list names files, and the copies of data.pool aug are none; leave one out.")
        self.kind = pool
        self.follow = int(pool[:-1]) if pool not in ("all", "aug") else 0
        self.copies = copies if pool == "aug" else 0
        clip = 1 + self.follow + self.copies
        if pool != "all" and not pool_list and pool_size % clip:
            raise UsageError(
                f"data.pool_size is {pool_size}, which is no multiple of the {clip} images that each drawn frame gives "
                f"in data.pool {pool}; {max(1, pool_size // clip) * clip} would do."
            )
        self.drawn = pool_size // clip
        self.pool_size = pool_size
        self.pool_seed = pool_seed
        self.pool_list = pool_list
        self.duplicates: Literal["drop", "keep"] = duplicates
        self.mapping = load_mapping(find_mapping(mapping, "a2d2", self.root))
        self.class_names = self.mapping.classes
        self.size = check_size(size)
        self.complete = complete

    @cached_property
    def _recorded(self) -> tuple[list[Frame], list[Frame]]:
        """(frames to choose from, test frames), each by scene, camera and time."""
        train: list[Frame] = []
        test: list[Frame] = []
        for scene in _scenes(self):
            (test if scene.name == TEST_SCENE else train).extend(_frames(scene))
        if not test or not train:
            raise self.missing(self.root / ("*" if test else TEST_SCENE))
        if self.complete:
            check_counts(self.root, (len(train), len(test)), COUNTS)
        return train, test

    @cached_property
    def _chosen(self) -> list[Frame]:
        """The pool's frames; with copies, the originals."""
        recorded = self._recorded[0]
        if self.pool_list:
            return self._listed(from_home("data.pool_list", self.pool_list))
        if self.kind == "all":
            return recorded
        drawn = draw_frames(numbered(frame.drive for frame in recorded), self.drawn, self.follow, self.pool_seed)
        if len(drawn) < self.drawn:
            raise DatasetError(
                f"{self.root} is too small for data.pool {self.kind} of {self.pool_size:,} images: among its "
                f"{len(recorded):,} frames there is room for {len(drawn):,} of {self.drawn:,} drawn ones with "
                f"{self.follow} after each. Lower data.pool_size, or add scenes."
            )
        return [recorded[place] for start in sorted(drawn) for place in range(start, start + self.follow + 1)]

    def _listed(self, path: Path) -> list[Frame]:
        """Return the frames of a list, in its order."""
        path = path if path.is_file() else self.root / path
        if not path.is_file():
            raise UsageError(f"data.pool_list: there is no file {self.pool_list}, nor {path}.")
        train, test = self._recorded
        known, tested = {frame.path: frame for frame in train}, {frame.path for frame in test}
        frames: list[Frame] = []
        for number, line in lines_of(path):
            name = PurePosixPath(line).as_posix()
            if name in tested:
                raise DatasetError(f"{path}, line {number}: {line} belongs to the test scene; take the line out.")
            if name not in known:
                raise DatasetError(
                    f"{path}, line {number}: there is no frame {line} below {self.root}; a line is "
                    "SCENE/camera/CAMERA/FILE.png. Unpack the scene, or take the line out."
                )
            frames.append(known[name])
        return pool_of_list(frames, [frame.image for frame in frames], self.duplicates == "keep", path)

    def _files(self, frames: Sequence[Frame]) -> MaskFiles:
        return MaskFiles([(frame.image, frame.label) for frame in frames], self.mapping.table, self.size)

    def build_train(self) -> Images:
        """Return the pool's frames, with their copies where `pool` is aug."""
        files = self._files(self._chosen)
        if not self.copies:
            return files
        return CopiedImages(files, self.copies, self.pool_seed, [frame.path for frame in self._chosen])

    def build_test(self) -> Images:
        """Return the frames of the test scene."""
        return self._files(self._recorded[1])

    def pool(self) -> Pool:
        """Return the pool; a sequence is one camera's frames of a scene, and copies have the time of their original."""
        frames = [frame for frame in self._chosen for _ in range(self.copies + 1)]
        return Pool(len(frames), (), numbered(frame.drive for frame in frames), tuple(frame.number for frame in frames))

    def details(self) -> str:
        """Return the mapping's hash, and the seed of copies."""
        return f"{self.mapping.digest()} {self.pool_seed if self.copies else ''}"


def _scenes(data: A2D2) -> list[Path]:
    """Return the folders of all scenes, sorted by name."""
    root = data.root
    if (root / "train").is_dir() or (root / "val").is_dir():
        train, val = _scenes_in(root / "train"), _scenes_in(root / "val")
        for scene in (*train, *val):
            if (scene.parent.name == "val") != (scene.name == TEST_SCENE):
                raise DatasetError(
                    f"{scene} is in the wrong folder: only {TEST_SCENE} belongs below {root / 'val'}, all other "
                    f"scenes below {root / 'train'}."
                )
        if not val:
            raise data.missing(root / "val" / TEST_SCENE)
        return sorted([*train, *val], key=lambda scene: scene.name)
    for folder in (root, root / PART):
        if scenes := _scenes_in(folder):
            return scenes
    if SCENE.fullmatch(root.resolve().name) and (root / "camera").is_dir():
        raise DatasetError(f"{root} is a single scene; give the folder above: --data.root {root.resolve().parent}")
    below = sorted(path for path in root.glob("*") if _scenes_in(path) or _scenes_in(path / PART))
    if below:
        raise DatasetError(f"There are no scenes in {root}, but in {below[0]}: --data.root {below[0]}")
    raise data.missing(root / "20180807_145028" / "camera")


def _scenes_in(folder: Path) -> list[Path]:
    entries = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in entries if SCENE.fullmatch(path.name) and path.is_dir())


def _frames(scene: Path) -> list[Frame]:
    """Return a scene's frames by camera and time."""
    cameras: set[str] = set()
    for half in ("camera", "label"):
        if not (scene / half).is_dir():
            raise DatasetError(
                f"The scene {scene} has no folder {half!r} (camera has the images, label the labels); unpack it again."
            )
        cameras.update(path.name for path in (scene / half).iterdir() if path.is_dir())
    frames = []
    for camera in sorted(cameras):
        images, labels = scene / "camera" / camera, scene / "label" / camera
        image_names, label_names = _pngs(images), _pngs(labels)
        for name in image_names:
            if (match := FRAME.fullmatch(name)) is None:
                raise DatasetError(
                    f"The name of {images / name} differs from A2D2's, such as "
                    "20180807145028_camera_frontcenter_000000091.png; take the file out."
                )
            label = labels / name.replace("_camera_", "_label_")
            path = f"{scene.name}/camera/{camera}/{name}"
            frames.append(Frame(path, images / name, label, f"{scene.name}/{camera}", int(match[1])))
        remedy = f"every image needs a label, so unpack {scene.name} again"
        wanted = {name.replace("_camera_", "_label_") for name in image_names}
        check_missing("label", labels, wanted - label_names, remedy)
        check_missing("image", images, {n.replace("_label_", "_camera_") for n in label_names - wanted}, remedy)
    if not frames:
        raise DatasetError(f"The scene {scene} has no images below {scene / 'camera'}; unpack it again.")
    return sorted(frames, key=lambda frame: (frame.drive, frame.number))


def _pngs(folder: Path) -> set[str]:
    """Return the names of a folder's PNG files; A2D2 also has a JSON file for each image."""
    return {name for name in os.listdir(folder) if name.endswith(".png")} if folder.is_dir() else set()
