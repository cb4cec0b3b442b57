"""The datasets that need files are known before torch is imported."""

import al_lightning.data as data
from al_lightning.data_sources import SOURCES


def test_every_dataset_that_says_where_its_data_come_from_is_known() -> None:
    kinds = [kind for kind in vars(data).values() if isinstance(kind, type) and issubclass(kind, data.PoolDataset)]
    assert {kind.__name__: (kind.folder, kind.where) for kind in kinds if kind.where} == SOURCES
