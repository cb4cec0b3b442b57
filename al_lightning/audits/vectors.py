"""The vectors of audited images: from the store of an encoder's features, which is made if missing, or from a file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from al_lightning.audits.folder import AuditFolder, folder_to_encode
from al_lightning.audits.result import SIDES, Side
from al_lightning.config.experiment import Experiment, configure_to_read
from al_lightning.config.hints import imported
from al_lightning.config.names import ENCODER, with_network, with_strategy
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.feature_batches import StoredFeatures
from al_lightning.data.images import Images
from al_lightning.distributed.processes import Processes
from al_lightning.duplicates.vectors import UnitVectors
from al_lightning.errors import DatasetError, UsageError, from_home
from al_lightning.features.external import vectors_of
from al_lightning.features.make import find_or_make
from al_lightning.features.sets import FeatureSets
from al_lightning.labels.content import count_of
from al_lightning.networks.base import Network
from al_lightning.progress import Reporter
from al_lightning.seeding import seed_of
from al_lightning.training.base import seed_global
from al_lightning.vector_files import ENDINGS

OPTION = "--features"


@dataclass(frozen=True)
class Vectors:
    """The vectors of the readable images of pool and test set.

    Attributes:
        encoder: its name, or the file of the vectors.
        of: by set, in the order of the readable images.
    """

    encoder: str
    of: Mapping[Side, UnitVectors]


Readable = Mapping[Side, Sequence[int]]
"""Positions of the readable images of each set, ascending."""
Make = Callable[[Readable], Vectors]
"""Returns the vectors of the readable images. Raises DatasetError where they cannot be made of these images."""


def maker(data: PoolDataset, configs: Sequence[str], options: Sequence[str], features: str, reporter: Reporter) -> Make:
    """Return the function that finds or makes vectors. What is wrong with names and options is reported at once.

    Args:
        data: the audited dataset.
        configs: names and files that configure it; none for an `AuditFolder`.
        options: further options of its configuration.
        features: a network as names have it; a file of vectors; or "" for the network of the name, or the default.
        reporter: shows progress.

    Raises:
        UsageError: there is no such network or file, or an image has no vector in it.
    """
    if Path(features).suffix in ENDINGS:
        found = vectors_of(data, from_home(OPTION, features), reporter.say)
        return lambda readable: _vectors(Path(features).name, found, readable)
    photos = configure_to_read(with_network(with_strategy(["image_folder"]), features or ENCODER, ENCODER))
    if not configs:
        encoded: PoolDataset = folder_to_encode(data.root, photos.data)
        return _Encoding(data, encoded, photos, reporter)
    named = configure_to_read(with_network(with_strategy(configs), features or None, ENCODER), options)
    if imported(named.plain["task"]["class_path"]).predicts == "image":
        return _Encoding(data, named.data, named, reporter)
    named.data.mean, named.data.std = photos.data.mean, photos.data.std
    return _Encoding(data, named.data, photos, reporter)


class _Encoding:
    """Encodes the images of an audited dataset.

    Args:
        data: the audited dataset.
        encoded: the same images, normalised as the encoder needs them.
        experiment: has the encoder.
        reporter: shows progress.
    """

    def __init__(self, data: PoolDataset, encoded: PoolDataset, experiment: Experiment, reporter: Reporter) -> None:
        if encoded.cache_folder is None:
            raise UsageError(f"data.cache is false, so that there is no place for vectors; leave it out with {OPTION}.")
        self.data = data
        self.encoded = encoded
        self.experiment = experiment
        self.reporter = reporter
        seed_global(seed_of("build", 0, 0, 0))  # the network of a run with seed 0
        self.network: Network = experiment.network(encoded.num_classes if experiment.data is encoded else 2)
        self.name = experiment.parts.get("networks", type(self.network).__name__)
        if self.network.predicts != "image":
            raise UsageError(
                f"{self.name} gives maps, and no vector of an image; {OPTION} takes a network for classification, for "
                f"example {ENCODER}, or a file of vectors ({', '.join(ENDINGS)})."
            )

    def __call__(self, readable: Readable) -> Vectors:
        sets = dict(zip(SIDES, (self.data.train, self.data.test), strict=True))
        if isinstance(self.data, AuditFolder):
            paths = {side: [_below(sets[side], index, self.data.root) for index in readable[side]] for side in SIDES}
            encoded = self._folder({path for side in SIDES for path in paths[side]})
            found = self._features(encoded)
            for side, images in zip(SIDES, (encoded.train, encoded.test), strict=True):
                place = {_below(images, index, encoded.root): index for index in range(len(images))}
                readable = {**readable, side: [place[path] for path in paths[side]]}
            return _vectors(self.name, found, readable)
        if lost := sum(len(images) - len(readable[side]) for side, images in sets.items()):
            raise DatasetError(
                f"{count_of(lost, 'image')} cannot be read, and features belong to positions in the whole dataset; "
                "mend these files, or take them out."
            )
        self.encoded.take_split(self.data.find_split())
        return _vectors(self.name, self._features(self.encoded), readable)

    def _folder(self, kept: Collection[Path]) -> PoolDataset:
        """Return the folder without all else: files that cannot be read, and masks in folders below."""
        root = self.encoded.root
        left_out = [path for path in self.encoded.image_files() if path.relative_to(root) not in kept]
        return folder_to_encode(root, self.experiment.data, left_out) if left_out else self.encoded

    def _features(self, encoded: PoolDataset) -> FeatureSets:
        made = self.experiment
        how = (made.trainer, made.memory_format, made.pretrained)
        return find_or_make(encoded, self.network, Processes(), self.reporter, *how)


def _below(images: Images, index: int, root: Path) -> Path:
    """Return the path of an image's file below a dataset's folder."""
    return images.sources(index)[0].relative_to(root)


def _vectors(name: str, features: FeatureSets, positions: Readable) -> Vectors:
    """Return the embeddings at some positions as vectors."""
    return Vectors(name, {side: _unit(stored, positions[side]) for side, stored in zip(SIDES, features, strict=True)})


def _unit(stored: StoredFeatures, positions: Sequence[int]) -> UnitVectors:
    def rows(part: slice) -> npt.NDArray[np.float32]:
        return stored.layout.split(stored.rows(positions[part])).embedding.float().numpy()

    return UnitVectors.of(rows, len(positions))
