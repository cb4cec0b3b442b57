"""The stored features that a run's linear probe was fitted on: found, never made."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from glob import escape
from pathlib import Path

from al_lightning.config.named_files import contents_of_files
from al_lightning.config.rebuild import Reopened, data_of, reopen
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.feature_batches import StoredFeatures
from al_lightning.errors import ALError, UsageError
from al_lightning.features.external import vectors_of
from al_lightning.features.make import FOLDER, homes
from al_lightning.features.sets import FeatureSets, MappedFeatures
from al_lightning.features.store import Store
from al_lightning.networks.vector_classifier import VectorClassifier
from al_lightning.runs.journal import Run
from al_lightning.runs.parts import is_probe

SECTIONS = ("network", "training")
"""What has to be reopened of a run, for `find_features`."""


def store_of(features: tuple[StoredFeatures, StoredFeatures] | None) -> str:
    """Return the name of the store that features come from; "" where they come from none."""
    return features[0].path.parent.name if features and isinstance(features[0], MappedFeatures) else ""


def how_to_make(run_dir: Path) -> str:
    """Return how a run's features are made again, as the end of a sentence."""
    return f"make them: al-lightning features {shlex.quote(str(run_dir / 'config.yaml'))}"


def find_features(run: Reopened, run_dir: Path) -> FeatureSets | None:
    """Return the stored features that a run's head was fitted on; None where their store is gone or damaged.

    Args:
        run: the run, with `SECTIONS`.
        run_dir: its directory.

    Raises:
        UsageError: the run read a file of vectors, and that one has other content now.
    """
    data = run.data
    data.run_folder = run_dir
    if name := Path(run.record.features).name:  # a journal may be somebody else's: no path leads out of the folder
        found = (Store.at(home / name) for home in _homes(data, run_dir) if (home / name).is_dir())
        return next((store.sets() for store in found if store is not None), None)
    network = run.network(data.num_classes)
    if not isinstance(network, VectorClassifier):
        return None
    there, recorded = contents_of_files(run.plain), run.record.files
    if any(there.get(key) != recorded[key] for key in recorded if key.rpartition(".")[2] == "vectors"):
        raise UsageError(
            f"{network.vectors} is not the file of vectors that the run of {run_dir} read; put that file back."
        )
    return vectors_of(data, network.vectors, lambda text: None)


def _homes(data: PoolDataset, run_dir: Path) -> Iterator[Path]:
    """Yield the folders that may hold the store of a run; `compare` may have put it beside another strategy's runs."""
    yield from homes(data)
    for depth in range(1, min(4, len(run_dir.absolute().parents))):
        top, below = run_dir.absolute().parents[depth], run_dir.absolute().parent.parts[-depth:]
        yield from sorted(top.glob("/".join(["*", *map(escape, below[1:]), FOLDER])))


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
