"""First images by a cold start, features of another encoder, and constraints, through the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from al_lightning.errors import UsageError
from al_lightning.runs.journal import Run, read_run
from al_lightning.runs.parts import method_of
from tests.support.errors import refused
from tests.support.methods import maps
from tests.support.runs import SMALL_NETWORK, TINY, Answer, journal

Call = Callable[..., Answer]
BUDGET = ["--budget.unit", "images", "--budget.initial", 12, "--budget.query", 6, "--budget.cycles", 1]
PROBE = ["fit", "--config", "digits_wrn28_coreset_probe", *BUDGET]


def only_run(folder: Path) -> Run:
    (path,) = folder.glob("**/cycles.jsonl")
    return read_run(path.parent)


def test_a_cold_start_is_the_same_for_all_strategies_and_after_a_restart(al: Call, here: Path) -> None:
    runs = {}
    for name, more in {"one": [], "other": ["--acquisition", "al_lightning.acquisition.Margin"]}.items():
        answer = al(*PROBE, "--initial", "typiclust", *more, "--run_dir", name)
        assert answer.code == 0, answer.err
        assert "without pretrained weights" in answer.err
        runs[name] = read_run(here / name)
    assert runs["one"].initial == runs["other"].initial
    assert method_of(runs["one"].record) == "coreset_from_typiclust_probe"
    assert runs["one"].record.settings["initial"] == "typiclust"
    kept = journal(here / "one")
    assert al(*PROBE, "--initial", "typiclust", "--run_dir", "one").code == 0
    assert journal(here / "one") == kept
    drawn = al(*PROBE, "--run_dir", "drawn")
    assert drawn.code == 0
    assert read_run(here / "drawn").initial != runs["one"].initial


@pytest.mark.slow
def test_three_processes_choose_a_cold_start_as_one_does(al: Call, here: Path) -> None:
    for name, more in {"one": [], "three": ["--trainer.devices", 3, "--data.batch_size", 33]}.items():
        answer = al(*PROBE, "--initial", "typiclust", *more, "--run_dir", name)
        assert answer.code == 0, answer.err
    one, three = read_run(here / "one"), read_run(here / "three")
    assert one.initial == three.initial
    assert [cycle.chosen for cycle in one.cycles] == [cycle.chosen for cycle in three.cycles]


def test_a_cold_start_of_ones_own_has_its_name_and_its_code_is_recorded(al: Call, here: Path) -> None:
    (here / "mine.py").write_text(
        "from al_lightning.acquisition import Random\n\n\nclass First(Random):\n    keyed_by_position = True\n\n"
        "    def select(self, rows, count, generator):\n"
        "        return super().select(rows, count, generator)._replace(indices=rows.index[:count].tolist())\n"
    )
    answer = al(*PROBE, "--initial", "mine.First", "--run_dir", "run")
    assert answer.code == 0, answer.err
    run = read_run(here / "run")
    assert run.initial == list(range(12))
    assert method_of(run.record) == "coreset_from_mine.First_probe"
    assert list(run.record.code) == ["mine"]


def test_an_option_of_a_cold_start_is_called_by_its_name(al: Call, here: Path) -> None:
    answer = al(*PROBE, "--initial", "maxherding", "--initial.radius", 0, "--run_dir", "run")
    assert refused(answer, UsageError, "initial.radius is 0")
    assert "acquisition" not in answer.err
    other = al(*PROBE, "--acquisition", "al_lightning.acquisition.MaxHerding", "--acquisition.radius", 0)
    assert refused(other, UsageError, "acquisition.radius is 0")


def test_a_strategy_that_is_no_cold_start_is_refused_before_anything_is_written(al: Call, here: Path) -> None:
    for name in ("Margin", "Full", "VariationRatio"):
        answer = al(*PROBE, "--initial", f"al_lightning.acquisition.{name}", "--run_dir", "run")
        assert refused(answer, UsageError, f"--initial {name}", "cold_start")
    (here / "mute.py").write_text(
        "from al_lightning.acquisition import Acquisition\n\n\nclass Mute(Acquisition):\n    cold_start = True\n"
    )
    assert refused(al(*PROBE, "--initial", "mute.Mute", "--run_dir", "run"), UsageError, "Mute", "score()")
    assert not (here / "run/cycles.jsonl").exists()


def test_a_strategy_reads_the_features_of_another_encoder_or_a_file(al: Call, here: Path) -> None:
    names = [*(f"digit {number}" for number in range(1438)), *(f"test digit {number}" for number in range(359))]
    vectors = np.zeros((1797, 2), np.float32)
    vectors[7], vectors[99] = (5, 0), (0, 9)
    np.savez(here / "vectors.npz", vectors=vectors, names=names)
    small = ["--steps", 1, "--network.depth", 10, "--network.width", 1, "--data.workers", 0]
    base = ["fit", "--config", "digits_coreset", *BUDGET, *small]
    answer = al(*base, "--acquisition.features", "vectors.npz", "--run_dir", "file")
    assert answer.code == 0, answer.err
    run = read_run(here / "file")
    assert run.cycles[0].chosen[:2] == [position for position in (99, 7) if position not in (run.initial or [])]
    query = al("query", "file", "--cycle", 0)
    assert json.loads(query.out) == run.cycles[0].chosen
    encoder = al(*base, "--acquisition.features", "wrn28", "--run_dir", "encoder", "--budget.cycles", 1)
    assert encoder.code == 0, encoder.err
    assert "features are made of" in encoder.err
    assert refused(al(*base, "--acquisition.features", "wrn2", "--run_dir", "wrong"), UsageError, "wrn28")
    assert refused(al(*base, "--acquisition.features", "no.npz", "--run_dir", "wrong"), UsageError, "no.npz")


def test_constraints_hold_in_a_run_and_in_what_it_is_called(al: Call, here: Path) -> None:
    halves = "name,half\n" + "".join(f"digit {number},{number < 900}\n" for number in range(1797))
    (here / "parity.csv").write_text(halves)
    by_half = ["--constraints.file", "parity.csv", "--constraints.column", "half", "--constraints.per_value", 3]
    answer = al(*PROBE, *by_half, "--acquisition", "al_lightning.acquisition.Margin", "--run_dir", "run")
    assert answer.code == 0, answer.err
    run = read_run(here / "run")
    assert sum(position < 900 for position in run.cycles[0].chosen) == 3
    assert method_of(run.record) == "Margin_per_value_3_probe"
    (here / "parity.csv").write_text(
        "name,half\n" + "".join(f"digit {number},{number % 2}\n" for number in range(1797))
    )
    margin = ["--acquisition", "al_lightning.acquisition.Margin", "--run_dir", "run", "--budget.cycles", 2]
    assert refused(al(*PROBE, *by_half, *margin), UsageError, "constraints.file", "other content")
    asked = ["query", "run", "--cycle", 0, "--constraints.per_group", 1]
    assert refused(al(*asked), UsageError, "--constraints.file", "put that file back")
    (here / "parity.csv").write_text(halves)
    loose = al(*asked, "--constraints.per_value", 1)
    assert "may have 4 times as many images of a group" in loose.err
    lacking = ["--constraints.per_sequence", 1, "--run_dir", "wrong"]
    assert refused(al(*PROBE, *lacking), UsageError, "--constraints.per_sequence", "sequences")
    at_once = al("fit", "--config", "digits_full_probe", "--constraints.per_group", 1, "--run_dir", "wrong")
    assert refused(at_once, UsageError, "Full", "--constraints")
    balanced = al(*PROBE, "--acquisition", "al_lightning.acquisition.Balanced", "--run_dir", "wrong")
    assert refused(balanced, UsageError, "--initial balanced")
    assert not (here / "wrong/cycles.jsonl").exists()


def test_constraints_hold_around_a_first_choice_and_the_next_on_a_video(al: Call, masks: Path, here: Path) -> None:
    limits = ["--constraints.per_sequence", 1, "--constraints.gap", 2]
    budget = ["--budget.unit", "images", "--budget.initial", 4, "--budget.query", 4]
    line = ["fit", *maps("maxherding", "supervised", masks), *budget, "--initial", "maxherding"]
    assert al(*line, "--run_dir", "free").code == 0
    answer = al(*line, *limits, "--run_dir", "run")
    assert answer.code == 0, answer.err
    assert "the constraints left too few images" not in answer.err
    run = read_run(here / "run")
    first, then = run.initial or [], run.cycles[0].chosen
    assert first != read_run(here / "free").initial
    assert [sorted(position // 4 for position in batch) for batch in (first, then)] == [[0, 1, 2, 3]] * 2
    assert all(abs(old - new) >= 2 for old in first for new in then if old // 4 == new // 4)
    assert method_of(run.record) == "maxherding_per_sequence_1_gap_2_from_maxherding"


def test_a_strategy_of_ones_own_takes_one_image_of_each_group_of_near_duplicates(al: Call, here: Path) -> None:
    draw = np.random.default_rng(0)
    for number, scene in enumerate(draw.integers(0, 2, (6, 4, 4, 3), dtype=np.uint8)):
        for frame in range(4):
            pixels = (
                100 + 100 * scene.repeat(8, axis=0).repeat(8, axis=1) + frame
            )  # four images that nobody tells apart
            folder = here / "data" / ("test" if frame == 3 else "train") / ("even", "odd")[number % 2]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}_{frame}.png")
    (here / "of_groups.py").write_text(
        "from al_lightning.acquisition import Acquisition\nfrom al_lightning.types import Selection\n\n\n"
        "class OfEach(Acquisition):\n    cold_start, needs_network, reads_groups = True, False, True\n\n"
        "    def select(self, rows, count, generator):\n        first = {}\n"
        "        for position, group in zip(rows.index.tolist(), rows.group.tolist()):\n"
        "            first.setdefault(group, position)\n"
        "        return Selection(list(first.values())[:count], [0.0] * count)\n"
    )
    line = ["fit", "--config", "small_image_folder_random", "--data.root", "data", "--data.size", "[32, 32]", *TINY]
    line += [*SMALL_NETWORK, *BUDGET, "--budget.initial", 3, "--initial", "of_groups.OfEach", "--run_dir", "run"]
    answer = al(*line, "--acquisition", "of_groups.OfEach")
    assert answer.code == 0, answer.err
    assert "OfEach: the first choice reads all 18 images, to group near-duplicates" in answer.err
    run = read_run(here / "run")
    assert [position // 3 for position in run.initial or []] == [0, 1, 2]
    assert sorted(position // 3 for position in run.cycles[0].chosen) == [0, 1, 2, 3, 4, 5]
