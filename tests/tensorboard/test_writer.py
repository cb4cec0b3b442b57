"""What TensorBoard shows of a run, read back from its own files."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from al_lightning import drawing
from al_lightning.config.rebuild import reopen
from al_lightning.inspect.counts import repeats
from al_lightning.pool import Pool
from al_lightning.tensorboard import pictures
from al_lightning.tensorboard.writer import Boards
from tests.support.event_files import decoded, events, images_in, scalars
from tests.support.runs import Answer, journal

Call = Callable[..., Answer]


def first_label(masks: Path, run: Path) -> np.ndarray:
    """Of the first image of the test set, which the run holds out."""
    name = json.loads((run / "split.json").read_text())["test"][0]
    return np.asarray(Image.open(masks / "masks" / Path(name).name))


def test_a_segmentation_run(al: Call, here: Path, masks: Path, boxes: list[object]) -> None:
    answer = al("fit", *boxes, "--run_dir", "r")
    assert (answer.code, answer.err.count("note:")) == (0, 3), answer.err  # size, classes, and the test set
    record, *cycles = journal(here / "r")
    curve = scalars(here / "r/curve")
    for place, name in enumerate(("ground", "box")):
        expected = [(done["labelled"], pytest.approx(done["metrics"]["class_iou"][place])) for done in cycles]
        assert curve[f"curve/iou/{name}"] == expected
    steps = [done["labelled"] for done in cycles]
    seen = images_in(here / "r/curve")
    assert {tag: [step for step, _ in points] for tag, points in seen.items()} == {
        **{f"test/image {number}": steps for number in range(1, 5)},
        "chosen/in order": steps[:-1],
        "chosen/classes": steps[:-1],
    }
    read = events(here / "r/curve")
    assert {"scores/candidates", "scores/chosen", "custom_scalars__config__"} <= set(read.Tags()["tensors"])
    # All candidates are in the histogram, and in each cycle fewer.
    counts = [read.Tensors("scores/candidates")[cycle].tensor_proto for cycle in range(2)]
    totals = [np.frombuffer(proto.tensor_content, np.float64).reshape(-1, 3)[:, 2].sum() for proto in counts]
    assert totals == [record["pool_size"] - step for step in steps[:-1]]
    # The pictures hold the label that they should: void is black, a box is in its class's colour.
    tile = decoded(seen["test/image 1"][0][1])
    assert tile.shape == (84, 4 * 83 + 3, 3)
    assert tile[4:6, 90:160].max() < 60
    place = int(np.flatnonzero([label == 1 for label in first_label(masks, here / "r").ravel()])[0])
    y, x = 3 + 2 * (place // 40 + 2), 86 + 2 * (place % 40 + 2)
    assert tile[y, x] == pytest.approx(drawing.palette(2)[1], abs=12)


def test_layout_puts_all_runs_into_one_chart_per_metric(al: Call, here: Path, boxes: list[object]) -> None:
    from tensorboard.plugins.custom_scalar.layout_pb2 import Layout

    al("fit", *boxes, "--budget.cycles", 0, "--run_dir", "r")
    (tensor,) = events(here / "r/curve").Tensors("custom_scalars__config__")
    category, chosen = Layout.FromString(tensor.tensor_proto.string_val[0]).category
    assert {chart.title: list(chart.multiline.tag) for chart in category.chart} == {
        "miou": ["^curve/miou$"],
        "class_iou, all classes": ["^curve/iou/"],
        "pixel_accuracy": ["^curve/pixel_accuracy$"],
    }
    assert [list(chart.multiline.tag) for chart in chosen.chart] == [
        ["^selection/near_duplicates$"],
        ["^selection/near_duplicates_random$"],
    ]


def test_views_are_made_again_and_nothing_is_there_twice(al: Call, here: Path, options: list[object]) -> None:
    assert al("fit", *options, "--run_dir", "r").code == 0
    folder = here / "r/curve"
    before, seen = scalars(folder), images_in(folder)
    files = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert al("fit", *options, "--run_dir", "r").code == 0
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == files  # what is there stays
    (folder / "events.out.tfevents.1795375985.old.1.0").write_bytes(b"of an older version")
    (folder / "0123456789ab.new").touch()
    shutil.rmtree(here / "r/hparams")
    for path in folder.glob("events.out.tfevents.0000000001.*"):
        path.unlink()
    assert al("fit", *options, "--run_dir", "r").code == 0
    assert {path.name for path in folder.iterdir()} == set(files)
    shutil.rmtree(folder)
    assert al("fit", *options, "--run_dir", "r").code == 0
    assert (scalars(folder), images_in(folder)) == (before, seen)
    assert (here / "r/hparams").is_dir()


def test_more_cycles_replace_the_view_of_the_last_one(al: Call, here: Path, whole: Path, options: list[object]) -> None:
    assert al("fit", *options, "--budget.cycles", 1, "--run_dir", "r").code == 0
    assert list((here / "r/hparams").iterdir())
    assert al("fit", *options, "--run_dir", "r").code == 0
    assert scalars(here / "r/curve") == scalars(whole / "curve")
    assert images_in(here / "r/curve") == images_in(whole / "curve")
    assert len(list((here / "r/curve").glob("*tfevents*"))) == 3
    assert scalars(here / "r/hparams") == scalars(whole / "hparams")


def test_hyper_parameters_with_final_metrics(al: Call, here: Path, options: list[object]) -> None:
    from tensorboard.plugins.hparams.metadata import parse_session_start_info_plugin_data

    groups = set()
    for seed in (0, 1):
        assert al("fit", *options, "--seed", seed, "--run_dir", f"r{seed}").code == 0
        read = events(here / f"r{seed}/hparams")
        tag = "_hparams_/session_start_info"
        started = parse_session_start_info_plugin_data(read.SummaryMetadata(tag).plugin_data.content)
        groups.add(started.group_name)
        assert started.hparams["acquisition"].string_value == "Coreset"
        assert started.hparams["network.depth"].number_value == 10
        assert not any("init_args" in name or "class_path" in name for name in started.hparams)
        last = journal(here / f"r{seed}")[-1]
        final = scalars(here / f"r{seed}/hparams")
        assert final["final/accuracy"] == [(last["labelled"], pytest.approx(last["metrics"]["accuracy"]))]
        assert set(final) == {"final/accuracy", "final/area"}
    assert len(groups) == 1  # seeds of one experiment are one line of the table


# What was chosen


def test_the_projector_marks_what_was_chosen(whole: Path) -> None:
    _, first, second, _ = journal(whole)
    folder = whole / "curve"
    for cycle, done in enumerate((first, second)):
        header, *lines = [line.split("\t") for line in (folder / f"embedding_{cycle:02d}.tsv").read_text().splitlines()]
        assert header == ["state", "order", "position", "name"]
        chosen = sorted((int(order), int(position)) for state, order, position, _ in lines if state == "chosen")
        assert chosen == list(enumerate(done["chosen"], start=1))
        assert sum(state == "labelled" for state, *_ in lines) == done["labelled"]
        with np.load(whole / f"cycle_{cycle:02d}/rows.npz") as rows:
            points = np.fromfile(folder / f"embedding_{cycle:02d}.bytes", "<f4").reshape(len(lines), -1)
            assert np.array_equal(points, rows["value"][0])
    config = (folder / "projector_config.pbtxt").read_text()
    assert config.count("tensor_path") == 2
    assert f"tensor_shape: {len(lines)}\n" in config
    assert "cycle 1, 12 labelled" in config


def test_chosen_against_pool(whole: Path) -> None:
    _, first, *_ = journal(whole)
    points = scalars(whole / "curve")
    for place, name in enumerate(("blue", "green", "red")):  # 10 of each in the pool, in this order
        share = sum(index // 10 == place for index in first["chosen"]) / len(first["chosen"])
        assert points[f"chosen_to_pool/{name}"][0] == (first["labelled"], pytest.approx(3 * share))


def test_repetition_of_each_batch_against_random_ones(al: Call, here: Path, masks: Path, boxes: list[object]) -> None:
    for drive, frame in ((0, 1), (0, 2), (0, 3), (1, 1), (1, 2)):  # the car stands still
        shutil.copy(masks / f"images/drive{drive}_000.png", masks / f"images/drive{drive}_{frame:03d}.png")
    pattern = ("--data.sequence_pattern", r"(?P<sequence>.+)_(?P<frame>\d+)")
    assert al("fit", *boxes, *pattern, "--run_dir", "r").code == 0
    start, first, second, _ = journal(here / "r")
    points = scalars(here / "r/curve")
    # One of five drives of four frames is the test set.
    pool = Pool(16, (), *(tuple(part.tolist()) for part in np.divmod(np.arange(16), 4)))
    assert start["pool_size"] == pool.size
    images = reopen(here / "r").data.train
    for place, done in enumerate((first, second)):
        again = repeats(images, pool, done["chosen"])
        assert points["selection/near_duplicates"][place] == (done["labelled"], pytest.approx(np.mean(again)))
        assert points["selection/scenes"][place][1] == len({index // 4 for index in done["chosen"]})
    assert [step for step, _ in points["selection/near_duplicates_random"]] == [first["labelled"], second["labelled"]]
    assert all(0 < value < 1 for _, value in points["selection/near_duplicates_random"])
    # Three of 13 images miss the drive with d of them by C(13 - d, 3) of C(13, 3).
    left = [4 - sum(index // 4 == drive for index in start["initial"]) for drive in range(4)]
    expected = sum(1 - math.comb(13 - count, 3) / math.comb(13, 3) for count in left)
    assert points["selection/scenes_random"][0][1] == pytest.approx(expected)


# Nothing else notices


@pytest.mark.parametrize("view", ["gallery", "classified", "class_chart"])
def test_what_fails_costs_a_line_and_nothing_else(
    al: Call, here: Path, whole: Path, options: list[object], view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise MemoryError("no room\nfor a picture")

    monkeypatch.setattr(pictures, view, fail)
    answer = al("fit", *options, "--run_dir", "r")
    assert answer.code == 0
    notes = [line for line in answer.err.splitlines() if "could not be made" in line]
    assert len(notes) == (3 if view == "classified" else 2)
    assert "(MemoryError: no room for a picture); the run goes on" in notes[0]
    assert journal(here / "r") == journal(whole)
    assert scalars(here / "r/curve")["curve/accuracy"] == scalars(whole / "curve")["curve/accuracy"]


def test_results_do_not_depend_on_the_views(
    al: Call, here: Path, whole: Path, options: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network draws also where it predicts, and strategies see what it says."""
    monkeypatch.setattr(Boards, "predictions", lambda *rest: None)
    monkeypatch.setattr(Boards, "write", lambda *rest, **more: None)
    assert al("fit", *options, "--run_dir", "without").code == 0
    assert journal(whole) == journal(here / "without")
    for cycle in (0, 1):
        rows = f"cycle_{cycle:02d}/rows.npz"
        with np.load(whole / rows) as a, np.load(here / "without" / rows) as b:
            assert np.array_equal(a["value"], b["value"])
    assert not (here / "without/curve").exists()
