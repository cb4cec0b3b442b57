"""What is recommended: differences by hand, cells that exist, abstention, and the command as typed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

import al_lightning
from al_lightning.config.experiment import configure
from al_lightning.config.names import shipped
from al_lightning.errors import UsageError
from al_lightning.recommendations.commands import commands, own_evidence
from al_lightning.recommendations.evidence import Difference, ask, judge
from al_lightning.recommendations.recommendation import Reading, Recommendation, readings_of
from al_lightning.recommendations.rules import Question, Scale, read_rules
from al_lightning.recommendations.situation import Situation
from al_lightning.recommendations.text import recommendation_text
from al_lightning.recommendations.trainings import training_methods
from al_lightning.runs.journal import FORMAT, JOURNAL, read_run, write_line
from al_lightning.tables.published import read_table
from tests.support.runs import Answer, parts_of

Call = Callable[..., Answer]
TABLES = {path.stem: read_table(path) for path in sorted((shipped() / "tables").glob("table*.yaml"))}
FILE = shipped() / "rules.yaml"
RULES = read_rules(FILE, TABLES)


def situation(**given: Any) -> Situation:
    base = {"title": "pool", "task": "segmentation", "images": 1000, "distinct": 100.0, "redundancy": 0.9}
    return Situation(**{**base, "labels": 100, "classes": 10, "sequences": None, **given})


def made(value: float, error: float) -> Difference:
    return Difference("t", "c", "T, C", "a", "b", value, value, error, (), error, 0.0)


def flat(text: str) -> str:
    """The text without its line breaks."""
    return " ".join(text.split())


def question(row: str, against: str, *settings: tuple[str, str], role: str = "strategy") -> Question:
    return Question(role, row, against, settings)


def recommend(**given: Any) -> Recommendation:
    here = situation(**given)
    return Recommendation(here, RULES, readings_of(RULES, here), training_methods(here.task)[0])


# Numbers by hand


def test_a_difference_is_in_mean_height_with_the_root_of_the_sum_of_squares() -> None:
    found = ask(RULES, question("Coreset-SSL", "Random-SSL", ("table3", "a2d2-pool-11f"), ("table7", "a2d2-3k")))
    first, second = found.differences
    assert first.score == pytest.approx(48.99 - 45.25)
    assert first.height == pytest.approx(0.99 / 0.4)  # 19.01 - 18.02 over 10 .. 50 %
    assert first.deviation == pytest.approx(math.sqrt(0.12**2 + 0.24**2) / 0.4)  # 0.671
    assert first.value == first.height
    assert first.error == first.deviation
    assert first.rounding == pytest.approx(0.025)
    assert first.title == "Table 3, A2D2 Pool-11f"
    # 5.72 - 5.53, twice Eq. 2 over 1,000 .. 3,000 of 40,135 images; no deviation is printed
    assert second.height == pytest.approx(0.19 / (2 * 2000 / 40135))
    assert second.deviation is None
    assert second.assumed
    assert second.error == 1.2
    assert found.mean == pytest.approx((2.475 + 1.90641) / 2, abs=1e-4)
    runs = math.sqrt((0.45 + 0) * 1.0 + 1.44) / 2  # 0.0720 / 0.16 = 0.45
    assert found.deviation == pytest.approx(runs)  # the spread, 0.2843, is smaller
    assert found.outcome == "ahead"  # 2.19 against 2 x 0.687


def test_a_doubtful_area_gives_way_to_the_score() -> None:
    found = ask(RULES, question("Coreset", "Random", ("table6", "a2d2-pool-11f"), ("table6", "bcss")))
    sound, doubtful = found.differences
    assert sound.value == pytest.approx((3.10 - 2.93) / 0.08)
    assert doubtful.height == pytest.approx((2.37 - 2.24) / 0.04)  # 3.25, which is not believed
    assert doubtful.value == pytest.approx(56.68 - 56.29)
    assert doubtful.assumed
    assert "probably 2.27" in doubtful.doubts[0]
    assert found.mean == pytest.approx((2.125 + 0.39) / 2)
    assert found.outcome == "noise"


def test_a_row_without_area_is_compared_by_score() -> None:
    (found,) = ask(RULES, question("Uniform", "Random", ("table7", "a2d2-3k"))).differences
    assert found.height is None
    assert found.value == pytest.approx(57.75 - 56.14)


@pytest.mark.parametrize(
    ("cells", "mean", "deviation", "outcome"),
    [
        ([(2, 0.3), (4, 0.4)], 3, 1.0, "ahead"),  # runs: 0.5 / 2; spread: sqrt(2) / sqrt(2) = 1, the larger
        ([(-2, 0.3), (-4, 0.4)], -3, 1.0, "behind"),
        ([(1, 0.6), (1, 0.8)], 1, 0.5, "ahead"),  # runs: 1 / 2; exactly two deviations
        ([(0.99, 0.6), (0.99, 0.8)], 0.99, 0.5, "noise"),
        ([(5, 0.5), (5, 0.5), (5, 0.5), (-1, 0.5)], 3.5, 1.5, "mixed"),  # -1 is beyond its deviation
        ([(5, 0.5), (5, 0.5), (5, 0.5), (-1, 1.5)], 3.5, 1.5, "ahead"),  # -1 is within it: 3.5 against 3
        ([(0, 0), (0, 0)], 0, 0, "noise"),
    ],
)
def test_when_evidence_stands(cells: list[tuple[float, float]], mean: float, deviation: float, outcome: str) -> None:
    found = judge([made(*cell) for cell in cells], 2)
    assert found == (pytest.approx(mean), pytest.approx(deviation), outcome)


def test_the_assumed_deviation_is_the_largest_that_is_printed() -> None:
    printed = [
        cell.area_std / (column.area_scale * column.width)
        for table in TABLES.values()
        for column in table.columns
        for row in table.rows
        if (cell := row.cells[column.key]).area_std is not None
    ]
    assert RULES.assumed["segmentation"] == round(math.sqrt(2) * max(printed), 1)
    assert not [c for t in TABLES.values() if t.task == "classification" for r in t.rows for c in r.cells.values()
                if c.area_std is not None]  # fmt: skip


# Rules


def test_each_situation_has_its_rule_and_each_cell_exists() -> None:
    cited = 0
    for rule in RULES.rules:
        for one in rule.questions:
            for table, column in one.settings:
                for row in (one.row, one.against):
                    assert RULES.cell(table, column, row)[2].score is not None
                    assert TABLES[table].task == rule.task
                    cited += 1
    assert cited > 100
    for budget in ("few", "many"):
        assert RULES.rule("classification", "diverse", budget) is not None
        for kind in ("diverse", "redundant"):
            assert RULES.rule("segmentation", kind, budget) is not None


def test_rules_cite_pairs_of_equal_network() -> None:
    """A row and the one it is held against train the same network: dropout is on both sides or on none."""
    for rule in RULES.rules:
        for one in rule.questions:
            for table, column in one.settings:
                first, second = (RULES.cell(table, column, row)[1] for row in (one.row, one.against))
                assert (first.mc_dropout, first.network) == (second.mc_dropout, second.network)
                assert first.strong_augmentation == second.strong_augmentation
                assert one.role != "kind" or first.training == second.training
                if one.role == "training":
                    assert first.acquisition == second.acquisition
                    assert (first.training, second.training) == (RULES.semi_supervised[rule.task], "supervised")
                if one.role == "strategy":
                    assert second.acquisition == "random"
                    assert first.training == second.training


def changed(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    content = yaml.safe_load(FILE.read_text())
    change(content)
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c["rules"][0]["questions"][0].update(row="Margin"), "cites the cell table1, cityscapes, 'Margin'"),
        (lambda c: c["rules"][0]["questions"][0].update(settings=[["table8", "x"]] * 2), "cites the cell table8"),
        (lambda c: c["rules"][0]["questions"][0].update(settings=[["table1", "cityscapes"]]), "fewer than two"),
        (lambda c: c["rules"][0].update(pool="odd"), "holds no rules"),
        (lambda c: c["rules"][0].update(questions=c["rules"][0]["questions"][1:]), "roles strategy and training"),
        (lambda c: c["thresholds"].update(redundancy={"diverse": 0.8, "redundant": 0.7}), "does not lie below"),
        (lambda c: c.pop("noise"), "KeyError: 'noise'"),
    ],
)
def test_wrong_rules_are_one_sentence(tmp_path: Path, change: Callable[[dict[str, Any]], None], says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        read_rules(changed(tmp_path, change), TABLES)


def test_a_scale_has_a_grey_zone_with_closed_ends() -> None:
    scale = Scale(0.1, 0.75, ("diverse", "redundant"))
    assert scale.read(0.1) == ("diverse",)
    assert scale.read(0.75) == ("redundant",)
    assert scale.read(0.464) == scale.read(None) == ("diverse", "redundant")


# Answers


def answer(found: Recommendation) -> tuple[str | None, str | None]:
    return found.strategy, found.training


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"redundancy": 0.9, "labels": 700}, ("coreset", "s4gan")),
        ({"redundancy": 0.01, "labels": 700}, ("entropy", None)),
        ({"redundancy": 0.9, "labels": 100}, (None, None)),
        ({"redundancy": 0.01, "labels": 100}, (None, None)),
        ({"redundancy": 0.5, "labels": 700}, (None, None)),
        ({"redundancy": 0.01, "task": "classification", "labels": 400}, ("random", "uda")),
        ({"redundancy": 0.01, "task": "classification", "classes": 2, "labels": 500}, ("random", "uda")),
        ({"redundancy": 0.9, "task": "classification", "labels": 400}, (None, "uda")),
    ],
)
def test_answers_and_abstentions(given: Mapping[str, Any], expected: tuple[str | None, str | None]) -> None:
    found = recommend(**given)
    assert answer(found) == expected
    assert ("random", found.to_compare[0][1]) == found.to_compare[0]
    assert len(found.to_compare) >= 2
    text = flat(recommendation_text(found))
    assert ("No advice on the strategy" in text) == (expected[0] is None)
    assert ("No advice on the training" in text) == (expected[1] is None)


def test_the_grey_zone_shows_all_readings() -> None:
    found = recommend(redundancy=0.464, classes=None)
    assert [(r.pool, r.rule.budget) for r in found.readings] == [
        ("diverse", "few"), ("diverse", "many"), ("redundant", "few"), ("redundant", "many")]  # fmt: skip
    text = flat(recommendation_text(found))
    assert "If the pool counts as redundant and the labels count as many: redundant-many" in text
    assert "number of classes is not known" in text


def test_it_abstains_where_settings_contradict_each_other() -> None:
    """Entropy, few labels, diverse: 4.38 and 3.25 on driving scenes, -1.37 on PASCAL VOC."""
    (reading,) = recommend(redundancy=0.01, labels=100).readings
    assert reading.rule.name == "diverse-few"
    assert reading.evidence[0].outcome == "mixed"
    assert reading.strategy is None


def test_training_is_supervised_where_semi_supervised_training_is_behind() -> None:
    (reading,) = recommend(redundancy=0.9, labels=700).readings
    turned = tuple(
        type(one)(one.question, one.differences, -one.mean, one.deviation, "behind") for one in reading.evidence
    )
    assert Reading(reading.rule, turned, reading.pool).training("s4gan") == "supervised"
    assert Reading(reading.rule, turned, reading.pool).strategy is None


def test_commands_divide_the_budget_and_name_real_configurations(tmp_path: Path) -> None:
    pairs = [("random", "supervised"), ("coreset", "uda")]
    lines, said = commands("image_folder", ["--data.root", "my pool"], 103, pairs)
    assert lines[0].startswith("for name in image_folder_random image_folder_coreset_uda; do for seed in 0 1 2; do")
    assert (
        "--data.root 'my pool' --budget.unit images --budget.initial 23 --budget.query 20 --budget.cycles 4" in lines[1]
    )
    assert "23 labels first and 20" in said
    options = ["--budget.unit=images", "--budget.initial=23", "--budget.query=20", "--budget.cycles=4"]
    for name in (
        "image_folder_random",
        "image_folder_coreset_uda",
        "mask_folder_coreset_s4gan",
        "image_folder_random_uda",
    ):
        extra = ["--data.classes", "[a, b]"] if name.startswith("mask") else []
        made = configure([name], [*options, *extra, "--data.root", str(tmp_path)], run_dir=tmp_path / "run")
        assert made.budget.total_count(1000) == 103
    assert "--budget.initial 1 --budget.query 1 --budget.cycles 1 " in commands("d", [], 2, pairs)[0][1]


# As typed


def smooth(draw: np.random.Generator, size: int = 24) -> np.ndarray:
    """A picture of a few large patches, unlike any other."""
    small = Image.fromarray(draw.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    return np.asarray(small.resize((size, size), Image.Resampling.BICUBIC), dtype=np.int16)


def pool(folder: Path, scenes: int, copies: int, masks: Path | None = None) -> Path:
    """`scenes` pictures, `copies` of each that differ by a little noise."""
    draw = np.random.default_rng(3)
    for scene in range(scenes):
        base = smooth(draw)
        for copy in range(copies):
            name = f"s{scene:02d}_{copy:03d}.png"
            pixels = np.clip(base + draw.integers(-3, 4, base.shape), 0, 255).astype(np.uint8)
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / name)
            if masks is not None:
                masks.mkdir(parents=True, exist_ok=True)
                label = np.full(base.shape[:2], scene % 2, np.uint8)
                label[:2] = 255
                Image.fromarray(label).save(masks / name)
    return folder


def test_a_redundant_folder_with_many_labels_wants_core_set(al: Call, here: Path) -> None:
    pool(here / "data/images", 25, 8, here / "data/masks")
    pattern = r"(?P<sequence>.+)_(?P<frame>\d+)"
    said = al("recommend", "--images", "data/images", "--masks", "data/masks", "--sequence-pattern", pattern,
              "--labels", 150, "--json", "out/r.json", "--processes", 1)  # fmt: skip
    assert said.code == 0, said.err
    assert "Choose with coreset. Train semi-supervised (s4GAN)." in flat(said.out)
    assert "They come from 25 sequences. 150 labels are 75.0 % of them and 75 for each of 2 classes: many" in flat(
        said.out
    )
    assert "Table 3, A2D2 Pool-11f" in flat(said.out)
    assert re.search(r"Coreset-SSL against Random-SSL +\+1\.68 \+- 0\.35 ahead", flat(said.out))
    assert "for name in mask_folder_random_s4gan mask_folder_coreset_s4gan;" in flat(said.out)
    assert "--data.images images --data.masks masks --data.classes '[class_0, class_1]'" in flat(said.out)
    assert "curves end at 50 %" in flat(said.out)
    values = json.loads((here / "out/r.json").read_text())
    assert values["strategy"] == "coreset"
    assert values["abstains"] == {"strategy": False, "training": False}
    assert values["situation"]["redundancy"] > 0.8
    assert values["readings"][0]["evidence"][0]["cells"][0]["table"] == "table3"


def test_a_diverse_folder_of_classes_wants_random_and_uda(al: Call, here: Path) -> None:
    for number in range(2):
        pool(here / f"pets/class{number}", 1, 1)
    draw = np.random.default_rng(9)
    for number in range(2):
        for position in range(30):
            Image.fromarray(smooth(draw).clip(0, 255).astype(np.uint8)).save(
                here / f"pets/class{number}/{position:02d}.png"
            )
    said = al("recommend", "--images", "pets", "--task", "classification", "--labels", 20, "--processes", 1)
    assert said.code == 0, said.err
    assert "10 for each of 2 classes: few" in flat(said.out)
    assert "Choose at random: the published cells show no strategy ahead of it. Train semi-supervised (UDA)." in flat(
        said.out
    )
    assert "for name in image_folder_random image_folder_random_uda;" in flat(said.out)
    assert "--data.root pets --budget.unit images --budget.initial 4 --budget.query 4 --budget.cycles 4" in flat(
        said.out
    )


def run_of(folder: Path, name: str, seed: int, chosen: list[int], data: str = "same") -> Path:
    """A journal as a run leaves it."""
    directory = folder / name / f"seed_{seed}"
    directory.mkdir(parents=True)
    first = {"kind": "run", "format": FORMAT, "name": name, "seed": seed, "settings": {}, "pool_size": 30,
             "data_sha256": data, "parts": parts_of(name)}  # fmt: skip
    cycle = {"kind": "cycle", "cycle": 0, "budget": 0.1, "labelled": 1, "metrics": {"accuracy": 0.5}, "chosen": chosen}
    lines, check = [], ""
    for record in (first, {"kind": "initial", "initial": [0]}, cycle):
        line, check = write_line(record, check)
        lines.append(line)
    (directory / JOURNAL).write_text("".join(lines))
    return directory


def test_finished_runs_of_the_same_data_count_more(here: Path) -> None:
    mine = run_of(here / "runs", "digits_entropy", 0, [])
    assert own_evidence(read_run(mine)) == ""  # nothing to compare with
    run_of(here / "runs", "digits_random", 0, [], data="other")
    run_of(here / "runs", "digits_random", 1, [3])  # not finished
    assert own_evidence(read_run(mine)) == ""
    run_of(here / "runs", "digits_random", 2, [])
    said = own_evidence(read_run(mine))
    assert said.startswith("There are 2 finished runs on these data (digits_entropy, digits_random).")
    assert "`al-lightning report runs/digits_entropy/seed_* runs/digits_random/seed_*`" in said


def test_a_run_directory_is_reopened(al: Call, here: Path, class_folders: Path) -> None:
    name = "image_folder_entropy"
    options = ["--data.root", class_folders, "--data.size", "null", "--network.depth", 10, "--network.width", 1]
    options += ["--data.workers", 0, "--steps", 1, "--budget.cycles", 0, "--run_dir", f"runs/{name}/seed_0"]
    assert al("fit", "--config", name, *options).code == 0
    said = al("recommend", f"runs/{name}/seed_0", "--labels", 10, "--processes", 1)
    assert said.code == 0, said.err
    assert f"The 30 images of {name} are worth" in flat(said.out)
    assert "3.33 for each of 3 classes: few" in flat(said.out)
    assert f"--data.root {class_folders}" in flat(said.out)
    had = len(read_run(Path("runs") / name / "seed_0").labelled_at(0))
    as_run = flat(al("recommend", f"runs/{name}/seed_0", "--processes", 1).out)
    assert f" {had} labels are" in as_run
    found = al_lightning.api.recommend(f"runs/{name}/seed_0", 10, processes=1)
    assert found.situation.classes == 3
    assert found.situation.task == "classification"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--labels", 5], "either RUN_DIR or --images DIR."),
        (["runs/x", "--images", "pool", "--labels", 5], "either RUN_DIR or --images DIR"),
        (["runs/x", "--labels", 5], "There is no run in runs/x"),
        (["runs/x", "--masks", "m", "--labels", 5], "belong to --images"),
        (["--images", "pool"], "--labels"),
        (["--images", "pool", "--labels", 0], "--labels is 0; it must be at least 1."),
        (["--images", "pool", "--labels", 1, "--task", "segmentation"], "it must be at least 2 and below the pool's 4"),
        (
            ["--images", "pool", "--labels", 4, "--task", "segmentation"],
            "--labels is 4; it must be at least 2 and below",
        ),
        (
            ["--images", "pool", "--labels", 3],
            "Say what is to be learned: --task classification or --task segmentation",
        ),
        (["--images", "pool", "--masks", "m", "--task", "classification", "--labels", 3], "which is segmentation"),
        (["--images", "nowhere", "--labels", 3], "There is no folder nowhere"),
        (["--images", "pool", "--labels", 3, "--task", "detection"], "invalid choice"),
    ],
)
def test_wrong_input_is_one_sentence(al: Call, here: Path, given: list[object], says: str) -> None:
    pool(here / "pool", 4, 1)
    said = al("recommend", *given, "--processes", 1)
    assert said.code in (2, 65)
    assert says in said.err
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
