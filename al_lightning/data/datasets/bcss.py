"""BCSS (Amgad et al. 2019): tissue in regions of breast cancer slides, in tiles, with a split by patient."""

from __future__ import annotations

import functools
import logging
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from al_lightning.data.datasets.bases import SplitDataset
from al_lightning.data.datasets.official import absent, check_missing
from al_lightning.data.images import Array, Images, read_image
from al_lightning.data.mappings import Mapping, find_mapping, load_mapping
from al_lightning.data.masks import read_mask
from al_lightning.data.name_order import numbered
from al_lightning.data_sources import SOURCES
from al_lightning.errors import MOST_PIXELS, DatasetError, require
from al_lightning.pool import Pool
from al_lightning.seeding import generator

REGIONS = 151
PART = "0_Public-data-Amgad2019_0.25MPP"
NAME = re.compile(r"(?P<patient>TCGA-[A-Z0-9]{2}-[A-Z0-9]{4})-DX\w*_xmin\d+_ymin\d+_.*\.png")

log = logging.getLogger(__name__)


class Region(NamedTuple):
    """An annotated rectangle of a slide: its patient's TCGA code, its image and its mask of codes."""

    patient: str
    image: Path
    mask: Path


class Tile(NamedTuple):
    """A square of a region.

    Attributes:
        region: number of the region.
        number: place on the region's grid, row by row, counting places whose tile is left out.
        top: first row.
        left: first column.
    """

    region: int
    number: int
    top: int
    left: int


class Tiles(Images):
    """Squares of larger images.

    A PNG can only be decoded as a whole. A process keeps the last image and the last mask (up to 250 MB for the largest
    regions). So tiles in order, as in a test, decode each region once. Tiles in random order decode a region for each
    tile, unless the data were prepared.
    """

    def __init__(self, regions: Sequence[Region], tiles: Sequence[Tile], side: int, mapping: Mapping) -> None:
        self.regions = regions
        self.tiles = tiles
        self.side = side
        self.mapping = mapping

    def __len__(self) -> int:
        return len(self.tiles)

    def image(self, index: int) -> Array:
        """Return the square."""
        return self._cut(_whole_image(self.regions[self.tiles[index].region].image), index)

    def label(self, index: int) -> Array:
        """Return the square's classes."""
        _, image, mask = self.regions[self.tiles[index].region]
        return self._cut(_whole_mask(mask, image, self.mapping), index)

    def _cut(self, whole: Array, index: int) -> Array:
        tile = self.tiles[index]
        square: Array = whole[tile.top : tile.top + self.side, tile.left : tile.left + self.side].copy()
        return square

    def sources(self, index: int) -> Sequence[Path]:
        """Return the region's image and mask."""
        return self.regions[self.tiles[index].region][1:]

    def name(self, index: int) -> str:
        """Return the region's image, and the tile's first row and column."""
        tile = self.tiles[index]
        return f"{self.regions[tile.region].image}, row {tile.top}, column {tile.left}"


@functools.lru_cache(maxsize=1)  # kept by the process, so that the set stays small when it is sent to workers
def _whole_image(path: Path) -> Array:
    return read_image(path)


@functools.lru_cache(maxsize=1)
def _whole_mask(path: Path, image: Path, mapping: Mapping) -> Array:
    return read_mask(path, mapping.table, None, image)


class BCSS(SplitDataset):
    """BCSS: tiles of 151 regions of 151 patients' slides, 0.25 micrometres per pixel; pool and test share no patient.

    A region is cut on a centred grid of whole tiles. The margins, narrower than a tile, are not used, so that no pixel
    counts twice and none is invented. Tiles in which every pixel is ignored are left out. The dataset has no official
    split; the patients of the test set are drawn.

    Args:
        tile: side of a tile in pixels.
        test_share: share of the patients whose tiles are the test set; the paper has 2,768 of 8,768 images for test.
        split_seed: seed of the draw of patients; runs of every seed see the same split.
        images: folder of the regions' images, below root: `rgbs_colorNormalized`, or `rgbs`.
        masks: folder of the masks, which have the names of their images.
        mapping: class of each of the 22 codes: `bcss_5`, or a file of one's own.
        complete: whether all 151 regions are required; otherwise some of them are enough.
        **options: see PoolDataset.
    """

    folder, where = SOURCES["BCSS"]
    labels = "pixel"
    class_names: Sequence[str] = ()

    def __init__(
        self,
        tile: int = 512,
        test_share: float = 0.316,
        split_seed: int = 0,
        images: str = "rgbs_colorNormalized",
        masks: str = "masks",
        mapping: str = "bcss_5",
        complete: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        require("data.tile", tile, least=1, most=MOST_PIXELS)
        require("data.test_share", test_share, above=0, below=1)
        require("data.split_seed", split_seed, least=0)
        self.tile = tile
        self.test_share = test_share
        self.split_seed = split_seed
        self.images, self.masks = images, masks
        self.mapping = load_mapping(find_mapping(mapping, "bcss", self.root))
        self.class_names = self.mapping.classes
        self.complete = complete

    @cached_property
    def _regions(self) -> list[Region]:
        """All regions, by name."""
        base = next((base for base in (self.root, self.root / PART) if (base / self.images).is_dir()), None)
        if base is None:
            raise absent(self, self.root / self.images, self.images)
        if not (base / self.masks).is_dir():
            raise self.missing(base / self.masks)
        names, masks = ({p.name for p in (base / f).glob("*.png")} for f in (self.images, self.masks))
        remedy = "every region needs an image and a mask of the same name, so download it again"
        check_missing("mask", base / self.masks, names - masks, remedy)
        check_missing("image", base / self.images, masks - names, remedy)
        if self.complete and len(names) != REGIONS:
            raise DatasetError(
                f"{base / self.images} has {len(names)} regions; BCSS has {REGIONS}. Download the rest, or work with a "
                "part of them by --data.complete false."
            )
        regions = []
        for name in sorted(names):
            if (match := NAME.fullmatch(name)) is None:
                raise DatasetError(
                    f"The name of {base / self.images / name} differs from BCSS's, such as "
                    "TCGA-A1-A0SK-DX1_xmin45749_ymin25055_MPP-0.2500.png, and names no patient; take the file out."
                )
            regions.append(Region(match["patient"], base / self.images / name, base / self.masks / name))
        if (patients := len({region.patient for region in regions})) < 2:
            raise DatasetError(
                f"{base / self.images} has {len(regions)} regions of {patients} patients; at least two patients are "
                "needed, since each is in the pool or in the test set."
            )
        return regions

    @cached_property
    def _sets(self) -> tuple[Tiles, Tiles]:
        """(tiles of the pool, tiles of the test set), by region and place."""
        regions = self._regions
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            places = list(pool.map(lambda region: _places(region, self.tile, self.mapping), regions))
        patients = sorted({region.patient for region in regions})
        count = min(max(1, round(self.test_share * len(patients))), len(patients) - 1)
        order = generator("bcss/split", self.split_seed).permutation(len(patients))
        held = {patients[place] for place in order[:count]}
        parts: tuple[list[Tile], list[Tile]] = ([], [])
        for number, (region, (tiles, _)) in enumerate(zip(regions, places, strict=True)):
            parts[region.patient in held].extend(Tile(number, *place) for place in tiles)
        for part, what in zip(parts, ("pool", "test set"), strict=True):
            if not part:
                raise DatasetError(
                    f"No tile of {self.tile} x {self.tile} with annotated pixels is left for the {what} in "
                    f"{regions[0].image.parent}; lower --data.tile or add regions."
                )
        log.info(
            "BCSS: %d regions of %d patients. %s tiles of %d patients are the pool, %s of %d the test set; %s tiles "
            "without an annotated pixel are left out, and %d regions are smaller than a tile.",
            len(regions),
            len(patients),
            f"{len(parts[0]):,}",
            len(patients) - count,
            f"{len(parts[1]):,}",
            count,
            f"{sum(ignored for _, ignored in places):,}",
            sum(1 for tiles, ignored in places if not tiles and not ignored),
        )
        train, test = (Tiles(regions, part, self.tile, self.mapping) for part in parts)
        return train, test

    def pool(self) -> Pool:
        """Return the pool; a sequence is a region, and a frame the tile's place on its grid, row by row."""
        tiles = self._sets[0].tiles
        return Pool(len(tiles), (), numbered(tile.region for tile in tiles), tuple(tile.number for tile in tiles))

    def details(self) -> str:
        """Return the mapping's hash."""
        return self.mapping.digest()


Places = tuple[list[tuple[int, int, int]], int]
"""((number, top, left) of the used tiles, number of the tiles without an annotated pixel)."""


def _places(region: Region, side: int, mapping: Mapping) -> Places:
    """Return the places of a region's tiles, read from its mask."""
    try:
        stamp = region.mask.stat().st_mtime_ns
    except OSError as error:
        raise DatasetError(f"The mask {region.mask} cannot be read ({error}).") from error
    return _read_places(region, stamp, side, mapping)


@functools.lru_cache(maxsize=1024)  # reading takes seconds, and the runs of a comparison share the result
def _read_places(region: Region, stamp: int, side: int, mapping: Mapping) -> Places:
    used = read_mask(region.mask, mapping.table, None, region.image) != 255
    rows, columns = used.shape[0] // side, used.shape[1] // side
    top, left = (used.shape[0] - rows * side) // 2, (used.shape[1] - columns * side) // 2
    grid = used[top : top + rows * side, left : left + columns * side].reshape(rows, side, columns, side)
    wanted = grid.any(axis=(1, 3))
    tiles = [
        (row * columns + column, top + row * side, left + column * side)
        for row in range(rows)
        for column in range(columns)
        if wanted[row, column]
    ]
    return tiles, rows * columns - len(tiles)
