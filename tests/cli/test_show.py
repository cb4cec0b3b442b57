"""The command show, as typed: tables, the plot in text, and what was chosen."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from al_lightning.errors import UsageError
from tests.support.errors import refused
from tests.support.runs import DIGITS, Answer

Call = Callable[..., Answer]


def test_show_lists_what_was_chosen_by_file_name_without_the_data(al: Call, here: Path, class_folders: Path) -> None:
    options = ["--data.root", class_folders, "--data.size", "[12, 12]", "--data.workers", 0, "--steps", 2]
    options += ["--network.depth", 10, "--network.width", 1, "--budget.cycles", 1, "--run_dir", "r"]
    answer = al("fit", "--config", "small_image_folder_entropy", *options)
    assert answer.code == 0, answer.err
    class_folders.rename(here / "elsewhere")
    out = al("show", "r", "--chosen").out
    selection = json.loads((here / "r/cycle_00/selection.json").read_text())
    rows = [line.split() for line in out.splitlines() if line.startswith("cycle 0 ")]
    assert [int(row[-2]) for row in rows] == selection["indices"]
    assert all(re.fullmatch(r"train/(red|green|blue)/\d\d\.png", row[-1]) for row in rows)
    assert [f"{score:.4g}" for score in selection["scores"]] == [row[-3] for row in rows]
    assert out.count("\nstart ") == len(json.loads((here / "r/selection.json").read_text())["indices"])
    assert "accuracy in %" in out
    assert "accuracy in %" not in al("show", "r", "--no-plot").out


def test_show(al: Call, here: Path) -> None:
    for seed in (0, 1):
        al("fit", "--config", "digits_random", *DIGITS, "--seed", seed, "--run_dir", f"r{seed}")
    assert "digits_random, seed 1" in al("show", "r1").out
    table = al("show", "r0", "r1", "--no-plot").out
    assert al("show", here, "--no-plot").out == table  # runs below a folder
    (here / "empty").mkdir()
    assert refused(al("show", "r0", "empty"), UsageError, "empty")
    assert "+-" in table
    assert table.splitlines()[1].split()[0] == "digits_random"
    assert al("show", "r0", "r0").out == al("show", "r0").out
    shutil.copytree(here / "r0", here / "again")
    assert "seed 0" in al("show", "r0", "again", "--no-plot").out.splitlines()[-1]  # one of the two is left out
    assert "seed 0, is given twice" in al("report", "r0", "again", "--format", "text").out
    exported = al("report", "r0", "again", "--format", "csv")
    assert "seed 0, is given twice" in exported.err
    assert exported.out == al("report", "r0", "--format", "csv").out  # standard output is the table alone
    al("fit", "--config", "digits_random", *DIGITS, "--network.width", 2, "--run_dir", "wide")
    lines = al("show", "r0", "r1", "wide", "--no-plot").out.splitlines()[1:]
    assert any(line.startswith("[!]") for line in lines)  # in six steps no network learns much
    lines = [line for line in lines if not line.startswith("[!]")]
    assert [line.split()[0] for line in lines[:2]] == ["digits_random"] * 2
    assert lines[2:4] == ["", "digits"]
    measured = (
        r"  random \(\w{6}\) measured [\d.]+ points of accuracy \w+ random \(one seed\); the 359 test images alone "
    )
    assert re.match(measured + r"leave .* \(95 % interval, conservative\); one seed shows nothing certain", lines[4])


def test_a_csv_file_without_the_baseline_says_so(al: Call, here: Path) -> None:
    """Names count as they are spelled: `Random`, as a paper prints it, is another method."""
    rows = "run,method,dataset,seed,labelled,metric\na,{0},d,0,10,50\na,{0},d,0,20,60\n"
    for name, said in (("Random", True), ("random", False)):
        Path("results.csv").write_text(rows.format(name))
        assert ("no method is called random" in al("report", "results.csv", "--format", "text").out) is said
