"""Names and values of events, by hand."""

from pathlib import Path

from al_lightning.runs.journal import CycleRecord
from al_lightning.tensorboard.events import curve_points, event_file, short_settings


def test_metrics_are_named_by_their_classes_without_absent_ones() -> None:
    record = CycleRecord(0, 0.1, 10, {"miou": 0.5, "class_iou": [0.25, None, 0.75], "odd": [1.0], "pixels": 7}, [])
    assert curve_points(record, ["road", "car", "sky"]) == {
        "curve/miou": 0.5,
        "curve/iou/road": 0.25,
        "curve/iou/sky": 0.75,
    }


def test_measures_of_health_are_points_too_and_lists_of_classes_by_their_length() -> None:
    record = CycleRecord(0, 0.1, 10, {}, [], health={"train": 0.5, "never_predicted": [3, 4], "train_lacks": []})
    assert curve_points(record, []) == {"health/train": 0.5, "health/never_predicted": 2.0, "health/train_lacks": 0.0}


def test_short_settings() -> None:
    settings = {
        "data.class_path": "al_lightning.data.Digits", "data.init_args.mean": [0.5, 0.5], "steps": None,
        "network.init_args.backbone.class_path": "a.ResNet", "network.init_args.backbone.init_args.depth": 18,
        "trainer.callbacks": [], "channels_last": True,
    }  # fmt: skip
    assert short_settings(settings) == {
        "data": "Digits",
        "data.mean": "[0.5, 0.5]",
        "network.backbone": "ResNet",
        "network.backbone.depth": 18,
        "channels_last": True,
    }


def test_an_event_file_is_named_by_what_it_shows(tmp_path: Path) -> None:
    names = [event_file(tmp_path, place, content).name for place, content in ((2, [1]), (10, [1]), (10, [2]))]
    assert len(set(names)) == 3
    assert names[0] < min(names[1:])  # read in the order of places
