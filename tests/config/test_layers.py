"""Config files, merged in order."""

from pathlib import Path

from al_lightning.config import layers


def test_merging(here: Path) -> None:
    base, layer = here / "base", here / "layer"
    base.write_text("{a: {b: 1, c: [1, 2]}, steps: 5, d: {class_path: X, init_args: {e: 1}}}")
    layer.write_text("{a: {b: 2, c+: [3]}, epochs: 4, d: !replace {class_path: Y}, f: {g+: 6}}")
    merged = {"a": {"b": 2, "c": [1, 2, 3]}, "epochs": 4, "d": {"class_path": "Y"}, "f": {"g": [6]}}
    assert layers.read_layers([base, layer]) == merged
