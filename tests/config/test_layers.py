"""Config files, merged in order."""

from pathlib import Path

from al_lightning.config import layers
from al_lightning.errors import UsageError
from tests.support.errors import raises


def test_merging(here: Path) -> None:
    base, layer = here / "base", here / "layer"
    base.write_text("{a: {b: 1, c: [1, 2]}, steps: 5, d: {class_path: X, init_args: {e: 1}}}")
    layer.write_text("{a: {b: 2, c+: [3]}, epochs: 4, d: !replace {class_path: Y}, f: {g+: 6}}")
    merged = {"a": {"b": 2, "c": [1, 2, 3]}, "epochs": 4, "d": {"class_path": "Y"}, "f": {"g": [6]}}
    assert layers.read_layers([base, layer]) == merged


def test_a_value_by_task_is_that_of_the_task_before(here: Path) -> None:
    network, task = here / "network.yaml", here / "task.yaml"
    network.write_text(
        "{network: !by_task {classification: !replace {class_path: A}, segmentation: {init_args: {b: 2}}}, c: 3}"
    )
    text = "{task: {class_path: my.%s}, network: {class_path: Old, init_args: {a: 1}}}"
    expected = {
        "FocalClassification": {"class_path": "A"},
        "Segmentation": {"class_path": "Old", "init_args": {"a": 1, "b": 2}},
    }
    for name, merged in expected.items():
        task.write_text(text % name)
        assert layers.read_layers([task, network])["network"] == merged
        assert layers.read_layers([network], f"my.{name}") == {
            "network": merged if name != "Segmentation" else {"init_args": {"b": 2}},
            "c": 3,
        }
    task.write_text(text % "Depth")
    with raises(UsageError, network, "classification and segmentation", "Depth"):
        layers.read_layers([task, network])
    with raises(UsageError, network, "name a dataset first"):
        layers.read_layers([network, task])
