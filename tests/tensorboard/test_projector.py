"""Points for the projector."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from al_lightning.tensorboard.projector import MOST_POINTS, write_config, write_points


def test_of_too_many_points_the_chosen_stay(tmp_path: Path) -> None:
    count = 3 * MOST_POINTS
    index, chosen = np.arange(count) * 2, [4, 2 * count - 2, 6]
    value = np.stack([index, -index], axis=1).astype(np.float32)
    images: Any = SimpleNamespace(name=lambda position: f"a\tname {position}")
    write_points(tmp_path, 0, index, np.zeros(count, bool), value, chosen, images)
    write_config(tmp_path, [10])
    lines = [line.split("\t") for line in (tmp_path / "embedding_00.tsv").read_text().splitlines()[1:]]
    assert len(lines) == MOST_POINTS
    assert [int(p) for _, o, p, _ in sorted(lines, key=lambda line: line[1]) if o] == chosen
    points = np.fromfile(tmp_path / "embedding_00.bytes", "<f4").reshape(-1, 2)
    assert points[:, 0].tolist() == [int(position) for _, _, position, _ in lines]
    assert f"tensor_shape: {MOST_POINTS}\n  tensor_shape: 2\n" in (tmp_path / "projector_config.pbtxt").read_text()
