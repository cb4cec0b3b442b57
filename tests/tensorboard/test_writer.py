"""What TensorBoard shows: read back from its own files, after runs that were stopped and runs that were not."""

import io
import math
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from al_lightning import drawing
from al_lightning.config.rebuild import reopen
from al_lightning.inspect.counts import repeats
from al_lightning.pool import Pool
from al_lightning.runs.journal import CycleRecord
from al_lightning.tensorboard import pictures
from al_lightning.tensorboard.events import curve_points, event_file, short_settings
from al_lightning.tensorboard.network import probabilities, undisturbed
from al_lightning.tensorboard.pictures import Bar, bars, fitted, heat
from al_lightning.tensorboard.projector import MOST_POINTS, write_config, write_points
from al_lightning.tensorboard.writer import Boards
from tests.support.processes import arguments, await_stage, finish, kill_all, start
from tests.support.runs import SMALL_NETWORK, TINY, Answer, journal

Call = Callable[..., Answer]
WATCHED = '''
import torch
from lightning.pytorch import Callback
from al_lightning.networks import WideResNet

STOP = {"at": None}

class Watch(Callback):
    def on_train_batch_end(self, trainer, module, *rest):
        if STOP["at"] == (module.key[1], module.step - 1):
            raise RuntimeError("stopped by the test")

class Dropping(WideResNet):
    """Draws from torch's own generator also where it only predicts."""
    def decode(self, features):
        return super().decode(features._replace(embedding=torch.dropout(features.embedding, 0.1, True)))
'''


@pytest.fixture
def stop(here: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    (here / "boards_watched.py").write_text(WATCHED)
    monkeypatch.syspath_prepend(str(here))
    monkeypatch.delitem(sys.modules, "boards_watched", raising=False)
    import boards_watched

    return boards_watched.STOP


@pytest.fixture
def options(class_folders: Path, stop: dict[str, Any]) -> list[object]:
    """Three cycles of 10 steps, in chunks of 3, with a point every second step."""
    return [
        *("--config", "image_folder_coreset", "--network", "boards_watched.Dropping"),
        *("--data.root", class_folders, "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK, "--steps", 10, "--chunk", 3),
        *("--budget.initial", 20, "--budget.query", 20, "--budget.cycles", 2),
        *("--trainer.callbacks", "boards_watched.Watch"),
    ]


@pytest.fixture
def boxes(masks: Path) -> list[object]:
    return [
        *("--config", "mask_folder_unet_entropy", "--network.width", 2, "--data.root", masks),
        *("--training.head_lr_factor", 1),
        *("--data.classes", "[ground, box]", *TINY, "--data.batch_size", 4, "--budget.initial", 20),
        *("--budget.query", 20, "--budget.cycles", 2),
    ]


def events(folder: Path) -> EventAccumulator:
    everything = {"scalars": 0, "images": 0, "tensors": 0, "histograms": 0}
    return EventAccumulator(str(folder), size_guidance=everything).Reload()


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """All points of a folder, whose steps increase."""
    read = events(folder)
    found = {tag: [(p.step, p.value) for p in read.Scalars(tag)] for tag in read.Tags()["scalars"]}
    for tag, points in found.items():
        steps = [step for step, _ in points]
        assert steps == sorted(set(steps)), (folder, tag, steps)
    return found


def images_in(folder: Path) -> dict[str, list[tuple[int, bytes]]]:
    read = events(folder)
    return {tag: [(p.step, p.encoded_image_string) for p in read.Images(tag)] for tag in read.Tags()["images"]}


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def training_curves(run_dir: Path) -> dict[str, dict[str, list[tuple[int, float]]]]:
    return {str(folder.relative_to(run_dir)): scalars(folder) for folder in sorted(run_dir.glob("cycle_*/member_*"))}


def event_files(run_dir: Path) -> list[Path]:
    return sorted(run_dir.rglob("*tfevents*"))


# Training curves


@pytest.mark.parametrize(("step", "files"), [(2, 1), (4, 2), (5, 2), (8, 2)])
def test_a_restart_leaves_the_training_curves_of_an_uninterrupted_run(
    al: Call, here: Path, stop: dict[str, Any], options: list[object], step: int, files: int
) -> None:
    assert al("fit", *options, "--run_dir", "whole").code == 0
    stop["at"] = (1, step)
    assert al("fit", *options, "--run_dir", "r").code == 1
    stop["at"] = None
    assert al("fit", *options, "--run_dir", "r").code == 0
    whole = training_curves(here / "whole")
    assert training_curves(here / "r") == whole
    assert [step for step, _ in whole["cycle_01/member_0"]["train/loss"]] == [2, 4, 6, 8, 10]
    # One file for each process that trained: none of those that only tested or scored.
    counts = [len(list((here / f"r/cycle_{cycle:02d}/member_0").glob("*tfevents*"))) for cycle in range(3)]
    assert counts == [1, files, 1]


def test_a_process_that_only_tests_and_scores_leaves_no_event_file(
    al: Call, here: Path, options: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("al_lightning.runs.store.RunStore.save_selection", fail_in_cycle)
        assert al("fit", *options, "--run_dir", "r").code == 1
    before = event_files(here / "r")
    assert len(before) == 1
    assert al("fit", *options, "--budget.cycles", 1, "--run_dir", "r").code == 0
    member = here / "r/cycle_00/member_0"
    assert [path for path in event_files(here / "r") if path.parent == member] == before
    assert {tag.split("/")[0] for tag in scalars(member)} == {"train"}


def fail_in_cycle(store: object, cycle: int | None, *rest: object) -> None:
    if cycle is not None:
        raise RuntimeError("stopped by the test")


@pytest.mark.parametrize("how", [pytest.param("killed", marks=pytest.mark.slow), "asked"])
def test_two_processes_write_one_set_of_curves(here: Path, class_folders: Path, how: str) -> None:
    options = arguments(class_folders, "--trainer.devices", 2, cycles=1)
    finish(here, [*options, "--run_dir", "whole"])
    run = start(here, [*options, "--run_dir", "r"], LINGER="fit/1", LINGER_SECONDS=0.2)
    await_stage(here, run, 2)
    if how == "killed":
        kill_all(run)
    else:
        os.kill(run.pid, signal.SIGTERM)
        run.communicate(timeout=60)
    finish(here, [*options, "--run_dir", "r"])
    assert training_curves(here / "r") == training_curves(here / "whole")
    assert scalars(here / "r/curve") == scalars(here / "whole/curve")
    assert len(event_files(here / "whole")) == 2 + 2 + 1  # members, cycles, hyper-parameters


# The curve


def test_metrics_are_named_by_their_classes_without_absent_ones() -> None:
    record = CycleRecord(0, 0.1, 10, {"miou": 0.5, "class_iou": [0.25, None, 0.75], "odd": [1.0], "pixels": 7}, [])
    assert curve_points(record, ["road", "car", "sky"]) == {
        "curve/miou": 0.5,
        "curve/iou/road": 0.25,
        "curve/iou/sky": 0.75,
    }


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


def first_label(masks: Path) -> np.ndarray:
    """Of the first image of the test set, a fifth drawn of all."""
    return np.asarray(Image.open(masks / "masks/drive0_006.png"))


def test_a_segmentation_run(al: Call, here: Path, masks: Path, boxes: list[object]) -> None:
    answer = al("fit", *boxes, "--run_dir", "r")
    assert (answer.code, "note:" in answer.err) == (0, False), answer.err
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
    place = int(np.flatnonzero([label == 1 for label in first_label(masks).ravel()])[0])
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


def test_more_cycles_replace_the_view_of_the_last_one(al: Call, here: Path, options: list[object]) -> None:
    assert al("fit", *options, "--budget.cycles", 1, "--run_dir", "r").code == 0
    assert list((here / "r/hparams").iterdir())
    assert al("fit", *options, "--run_dir", "r").code == 0
    assert al("fit", *options, "--run_dir", "whole").code == 0
    assert scalars(here / "r/curve") == scalars(here / "whole/curve")
    assert images_in(here / "r/curve") == images_in(here / "whole/curve")
    assert len(list((here / "r/curve").glob("*tfevents*"))) == 3
    assert scalars(here / "r/hparams") == scalars(here / "whole/hparams")


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


def test_the_projector_marks_what_was_chosen(al: Call, here: Path, options: list[object]) -> None:
    assert al("fit", *options, "--run_dir", "r").code == 0
    _, first, second, _ = journal(here / "r")
    folder = here / "r/curve"
    for cycle, done in enumerate((first, second)):
        header, *lines = [line.split("\t") for line in (folder / f"embedding_{cycle:02d}.tsv").read_text().splitlines()]
        assert header == ["state", "order", "position", "name"]
        chosen = sorted((int(order), int(position)) for state, order, position, _ in lines if state == "chosen")
        assert chosen == list(enumerate(done["chosen"], start=1))
        assert sum(state == "labelled" for state, *_ in lines) == done["labelled"]
        with np.load(here / f"r/cycle_{cycle:02d}/rows.npz") as rows:
            points = np.fromfile(folder / f"embedding_{cycle:02d}.bytes", "<f4").reshape(len(lines), -1)
            assert np.array_equal(points, rows["value"][0])
    config = (folder / "projector_config.pbtxt").read_text()
    assert config.count("tensor_path") == 2
    assert f"tensor_shape: {len(lines)}\n" in config
    assert "cycle 1, 12 labelled" in config


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


def test_chosen_against_pool(al: Call, here: Path, class_folders: Path, options: list[object]) -> None:
    assert al("fit", *options, "--run_dir", "r").code == 0
    _, first, *_ = journal(here / "r")
    points = scalars(here / "r/curve")
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
    # Of each drive's ten frames, the last two are for test.
    pool = Pool(16, (), *(tuple(part.tolist()) for part in np.divmod(np.arange(16), 8)))
    assert start["pool_size"] == pool.size
    images = reopen(here / "r").data.train
    for place, done in enumerate((first, second)):
        again = repeats(images, pool, done["chosen"])
        assert points["selection/near_duplicates"][place] == (done["labelled"], pytest.approx(np.mean(again)))
        assert points["selection/scenes"][place][1] == len({index // 8 for index in done["chosen"]})
    assert [step for step, _ in points["selection/near_duplicates_random"]] == [first["labelled"], second["labelled"]]
    assert all(0 < value < 1 for _, value in points["selection/near_duplicates_random"])
    # Three of 13 images miss the drive with d of them by C(13 - d, 3) of C(13, 3).
    left = [8 - sum(index // 8 == drive for index in start["initial"]) for drive in (0, 1)]
    expected = sum(1 - math.comb(13 - count, 3) / math.comb(13, 3) for count in left)
    assert points["selection/scenes_random"][0][1] == pytest.approx(expected)


# Nothing else notices


@pytest.mark.parametrize("view", ["gallery", "classified", "class_chart"])
def test_what_fails_costs_a_line_and_nothing_else(
    al: Call, here: Path, options: list[object], view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert al("fit", *options, "--run_dir", "whole").code == 0

    def fail(*arguments: object) -> None:
        raise MemoryError("no room\nfor a picture")

    monkeypatch.setattr(pictures, view, fail)
    answer = al("fit", *options, "--run_dir", "r")
    assert answer.code == 0
    notes = [line for line in answer.err.splitlines() if "could not be made" in line]
    assert len(notes) == (3 if view == "classified" else 2)
    assert "(MemoryError: no room for a picture); the run goes on" in notes[0]
    assert journal(here / "r") == journal(here / "whole")
    assert scalars(here / "r/curve")["curve/accuracy"] == scalars(here / "whole/curve")["curve/accuracy"]


def test_results_do_not_depend_on_the_views(
    al: Call, here: Path, options: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network draws also where it predicts, and strategies see what it says."""
    assert al("fit", *options, "--run_dir", "with").code == 0
    monkeypatch.setattr(Boards, "predictions", lambda *rest: None)
    monkeypatch.setattr(Boards, "write", lambda *rest, **more: None)
    assert al("fit", *options, "--run_dir", "without").code == 0
    assert journal(here / "with") == journal(here / "without")
    for cycle in (0, 1):
        with np.load(f"with/cycle_{cycle:02d}/rows.npz") as a, np.load(f"without/cycle_{cycle:02d}/rows.npz") as b:
            assert np.array_equal(a["value"], b["value"])
    assert not (here / "without/curve").exists()


def test_a_network_is_left_as_it_was() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2), torch.nn.Dropout())
    network[1].eval()
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    state, other = torch.get_rng_state(), random.getstate()
    with undisturbed(network, torch.device("cpu")):
        assert not any(module.training for module in network.modules())
        network(torch.rand(3, 2))
    assert [module.training for module in network] == [True, False, True]
    assert network.training
    assert torch.equal(torch.get_rng_state(), state)
    assert random.getstate() == other
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())
    with pytest.raises(KeyError), undisturbed(network, torch.device("cpu")):
        raise KeyError
    assert [module.training for module in network] == [True, False, True]


# Pictures


def test_entropy_by_hand() -> None:
    logits = np.log(np.array([[[0.5, 1.0]], [[0.25, 1.0]], [[0.25, 1.0]]], dtype=np.float32))
    probability, entropy = probabilities(logits + 100)
    assert probability[:, 0, 0] == pytest.approx([0.5, 0.25, 0.25], rel=1e-4)
    assert entropy[0] == pytest.approx([1.5 * math.log(2), math.log(3)], rel=1e-4)
    _, sure = probabilities(np.array([1000.0, 0.0], dtype=np.float32))
    assert sure == 0


def test_heat_rises_from_dark_to_bright() -> None:
    colours = heat(np.array([[0.0, 0.5, 1.0, 2.0]], dtype=np.float32), 1.0).astype(int)
    light = colours.sum(axis=-1)[0]
    assert (light[0], light[2] == light[3]) == (4, True)
    assert light[0] < light[1] < light[2]


@pytest.mark.parametrize(("size", "shown"), [((8, 8), (64, 64)), ((64, 128), (64, 128)), ((40, 10), (80, 20)),
                                             ((320, 640), (160, 320)), ((100, 7), (100, 7))])  # fmt: skip
def test_images_are_shown_at_a_size_that_can_be_looked_at(size: tuple[int, int], shown: tuple[int, int]) -> None:
    assert fitted(np.zeros((*size, 3), np.uint8)).shape == (*shown, 3)


def test_the_longest_bar_fills_the_width() -> None:
    red, grey = (255, 0, 0), (150, 150, 150)
    page = bars("title", [Bar("a", ((0.5, red), (0.25, grey))), Bar("b" * 99, ((0.0, red), (0.0, grey)))], 520)
    lengths = [(page == colour).all(axis=-1).sum(axis=1).max() for colour in (red, grey)]
    assert lengths[0] == pytest.approx(2 * lengths[1], abs=2)
    assert lengths[0] == pytest.approx(520 - 110 - 44, abs=2)
    assert bars("nothing", [], 100).shape[1] == 100
