"""The audit, the report and TensorBoard count the same near-duplicates of one pool."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from al_lightning.audits.audit import audit
from al_lightning.data.images import Images
from al_lightning.pool import Pool
from al_lightning.reports.findings import Findings, gather
from al_lightning.reports.numbers import datasets
from al_lightning.runs.journal import CycleRecord, RunRecord, read_run
from al_lightning.runs.store import RunStore
from al_lightning.tensorboard.writer import Boards
from tests.support.pictures import scene
from tests.support.reported_runs import Data, Drawn, turning

FLAT = np.full((16, 24, 3), 90, np.uint8)
PICTURES = np.stack([scene(5, 16, 24), *turning(24), FLAT, FLAT + 1, FLAT, scene(5, 16, 24) // 2 + 40, turning(24)[3]])


class Pictures(Drawn):
    """A picture, two clips of twelve frames, flat images, a darker copy of the picture, and a frame again."""

    def __init__(self) -> None:
        super().__init__(True, "p")
        self.pixels = PICTURES


class PicturesData(Data):
    def build_train(self) -> Images:
        return Pictures()

    def pool(self) -> Pool:
        return Pool(len(PICTURES))


def test_audit_report_and_tensorboard_count_the_same(tmp_path: Path) -> None:
    data, size = PicturesData(), len(PICTURES)
    found = audit(data, workers=0).pool
    # Of each clip frames 0 and 6 lead groups; one flat image and the frame at the end are equal to an earlier one.
    assert (found.exact_repeats, found.near_repeats) == (2, 2 * 10 + 1)

    store = RunStore(tmp_path)
    store.begin(RunRecord("pictures_random", 0, {}, size, parts={"dataset": "pictures", "acquisition": "random"}))
    store.label_initial([0])
    store.append(CycleRecord(0, 0.1, 1, {"miou": 0.5}, list(range(1, size))))
    store.append(CycleRecord(1, 1.0, size, {"miou": 0.5}, []))
    (dataset,) = datasets([read_run(tmp_path)])
    findings = gather(dataset, lambda run: data)
    assert isinstance(findings, Findings)
    (batch,) = findings.batches["random"][0]
    assert sum(batch.repeats) == found.exact_repeats + found.near_repeats
    # What was labelled before plays no part in TensorBoard's share, and the darker copy alone repeats it.
    assert batch.repeats[size - 3]
    Boards(tmp_path, data, {}, pytest.fail).write(finished=True)
    (point,) = EventAccumulator(str(tmp_path / "curve")).Reload().Scalars("selection/near_duplicates")
    assert point.value * (size - 1) == pytest.approx(found.exact_repeats + found.near_repeats - 1)
