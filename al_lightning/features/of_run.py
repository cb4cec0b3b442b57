"""The stored features that a run's linear probe was fitted on: found, never made."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from al_lightning.config.named_files import contents_of_files
from al_lightning.config.rebuild import Reopened, data_of, reopen
from al_lightning.data.cache.files import MANIFEST, without_checksum
from al_lightning.data.dataset import PoolDataset
from al_lightning.errors import ALError, UsageError
from al_lightning.features.encoder import Encoder
from al_lightning.features.external import vectors_of
from al_lightning.features.make import contents_of, homes
from al_lightning.features.sets import FeatureSets
from al_lightning.features.store import Store
from al_lightning.networks.vector_classifier import VectorClassifier
from al_lightning.runs.journal import Run, RunRecord
from al_lightning.runs.parts import is_probe
from al_lightning.seeding import seed_of
from al_lightning.training.base import seed_global

SECTIONS = ("network", "training")
"""What has to be reopened of a run, for `find_features`."""


def how_to_make(record: RunRecord, run_dir: Path) -> str:
    """Return how a run's features are made again, as the end of a sentence."""
    weights = (value for name, value in record.settings.items() if re.fullmatch(r"network\b.*\bweights", name))
    if not any(weights):
        return "its encoder has random weights, whose features a new run with its seed alone makes again"
    return f"make them: al-lightning features {shlex.quote(str(run_dir / 'config.yaml'))}"


def find_features(run: Reopened, run_dir: Path) -> FeatureSets | None:
    """Return the stored features of a run's images; None where no complete store, or more than one, fits.

    A run is reopened without pretrained weights. So a store fits if all but these is equal: the encoder's structure
    and code, the images, and how they are read. Random weights follow from the run's seed, and have to be equal, too.

    Args:
        run: the run, with `SECTIONS`.
        run_dir: its directory.
    """
    data = run.data
    data.run_folder = run_dir
    seed_global(seed_of("build", run.seed, 0, 0))
    network = run.network(data.num_classes)
    if isinstance(network, VectorClassifier):
        there, recorded = contents_of_files(run.plain), run.record.files
        if any(there.get(key) != recorded[key] for key in recorded if key.rpartition(".")[2] == "vectors"):
            raise UsageError(
                f"{network.vectors} is not the file of vectors that the run of {run_dir} read; put that file back."
            )
        return vectors_of(data, network.vectors, lambda text: None)
    contents = contents_of(data, Encoder.of(network, data, run.trainer, run.memory_format))
    fitting: list[Store] = []
    for manifest in (path for home in homes(data) for path in sorted(home.glob(f"*/{MANIFEST}"))):
        try:
            there = without_checksum(manifest)["key"]["weights"]
        except (ValueError, KeyError, TypeError):  # damaged, or of another format
            continue
        key = {**contents.key, **({"weights": there} if run.pretrained else {})}
        store = Store(manifest.parent.parent, replace(contents, key=key))
        if store.path == manifest.parent and not any(store.damaged().values()):
            fitting.append(store)
    return fitting[0].sets() if len(fitting) == 1 else None


def data_and_features(imports: Sequence[str] = ()) -> Callable[[Run], PoolDataset]:
    """Return a function that builds a run's dataset, as `data_of`, with its stored features where there are some."""
    build = data_of(imports)

    def build_both(run: Run) -> PoolDataset:
        data = build(run)
        if is_probe(run.record):
            try:
                data.features = find_features(reopen(run.directory, (), SECTIONS, imports), run.directory)
            except ALError:  # the report does without them, and says how they are made
                data.features = None
        return data

    return build_both
