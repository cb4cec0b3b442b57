"""Commands divide the budget, and point to finished runs of the same data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from al_lightning.config.experiment import configure
from al_lightning.recommendations.commands import candidates, commands, own_evidence, sooner
from al_lightning.runs.journal import FORMAT, JOURNAL, CycleRecord, Run, RunRecord, read_run
from al_lightning.runs.journal_lines import write_line
from tests.support.runs import parts_of


def test_commands_divide_the_budget_and_name_real_configurations(tmp_path: Path) -> None:
    pairs = [("random", "supervised"), ("coreset", "uda")]
    lines, said = commands(candidates("image_folder", ["--data.root", "my pool"], pairs), 103, "my-pool")
    assert lines == (
        "for name in image_folder_random image_folder_coreset_uda; do for seed in 0 1 2; do",
        "  al-lightning fit --config $name --data.root 'my pool' --budget.unit images --budget.initial 23 "
        "--budget.query 20 --budget.cycles 4 --seed $seed",
        "done; done",
        "al-lightning report runs/image_folder_random/my-pool runs/image_folder_coreset_uda/my-pool",
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
    assert "--budget.initial 1 --budget.query 1 --budget.cycles 1 " in commands(candidates("d", [], pairs), 2)[0][1]


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
    mine.rename(mine.parent / "first try")  # by --run_dir
    said = own_evidence(read_run(mine.parent / "first try"))
    assert "`al-lightning report 'runs/digits_entropy/first try' runs/digits_random/seed_*`" in said


def test_finished_runs_of_the_same_data_lie_in_directories_of_their_own_too(here: Path) -> None:
    runs = [run_of(here / "runs", name, 0, []) for name in ("digits_entropy", "digits_random")]
    moved = []
    for run, below in zip(runs, ("leaves/a1b2c3", "leaves/size=24-d4e5f6"), strict=True):
        (run.parent / below).mkdir(parents=True)
        moved.append(run.rename(run.parent / below / run.name))
    paths = "runs/digits_entropy/leaves/a1b2c3/seed_* runs/digits_random/leaves/size=24-d4e5f6/seed_*"
    assert all(f"`al-lightning report {paths}`" in own_evidence(read_run(run)) for run in moved)
    named = run_of(here / "runs", "digits_coreset", 0, [])
    assert f"`al-lightning report runs/digits_coreset/seed_* {paths}`" in own_evidence(read_run(named))


@pytest.mark.parametrize(("seconds", "words"), [(399, ""), (401, "al-lightning compare digits --data.workers 0")])
def test_compare_comes_first_where_runs_like_the_given_one_take_over_an_hour(seconds: float, words: str) -> None:
    record = RunRecord("digits_random", 0, {}, 100, parts=parts_of("digits_random"))
    record = replace(record, command=["--config", "digits_random", "--steps", "9", "--data.workers", "0"])
    run = Run(Path("run"), record, [0], (CycleRecord(0, 0.1, 10, {}, [], {"fit": seconds}),))
    assert sooner(run, 3) == words  # three candidates, three seeds
    assert sooner(replace(run, record=replace(record, oracle="al_lightning.oracle.Files")), 3) == ""
