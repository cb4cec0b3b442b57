"""`al-lightning compare` from the command line, on scikit-learn's digits."""

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from al_lightning.errors import DatasetError, UsageError
from al_lightning.runs.journal import read_run
from tests.support.errors import refused
from tests.support.runs import Answer, journal

Call = Callable[..., Answer]
BUDGET = ["--budget.unit", "images", "--budget.initial", 20, "--budget.query", 10, "--budget.cycles", 2]
SMALL = ["compare", "digits", "--encoder", "wrn28", "--strategies", "margin", "--processes", 1, *BUDGET]


def test_a_comparison_and_what_it_leaves(al: Call, here: Path) -> None:
    planned = al(*SMALL, "--dry-run")
    assert "3 budgets from 20 to 40 labels" in planned.out
    assert not (here / "runs").exists()
    answer = al(*SMALL, "--seeds", 2, "--title", "Which digits?")
    assert all((here / line / "seed_1").is_dir() for line in planned.out.splitlines()[1:])
    elsewhere = al(*SMALL, "--run_dir", "study", "--dry-run").out.splitlines()[1:]
    assert elsewhere == ["study/digits_wrn28_random_probe", "study/digits_wrn28_margin_probe"]
    assert answer.code == 0, answer.err
    assert "margin_probe" in answer.out
    assert "all 2 seeds are done" in answer.out
    runs = sorted((here / "runs").glob("*/*/seed_*"))
    assert [path.name for path in runs] == ["seed_0", "seed_1"] * 2
    for path in runs:
        assert sorted(file.name for file in path.iterdir()) == ["config.yaml", "cycles.jsonl"]
    assert read_run(runs[0]).initial == read_run(runs[2]).initial  # at a seed all strategies begin alike
    page = (here / "runs/compare_digits.html").read_text()
    for words in ("Which digits?", "choose", "frozen", "100 more"):
        assert words in page
    # The runs are those of `fit`, which reads them.
    margin = next(path for path in runs if "margin" in str(path) and path.name == "seed_1")
    again = al("fit", "--config", "digits_wrn28_margin_probe", *BUDGET, "--seed", 1)
    assert again.code == 0
    assert str(margin.relative_to(here)) in again.err
    # A third seed goes on: what is there is read, and a run that was deleted is made again as it was.
    whole = journal(runs[1])
    shutil.rmtree(runs[1])
    kept = [path / "cycles.jsonl" for path in (runs[0], *runs[2:])]
    before = [path.stat().st_mtime_ns for path in kept]
    more = al(*SMALL, "--seeds", 3)
    assert more.code == 0
    assert [path.stat().st_mtime_ns for path in kept] == before
    assert len(list((here / "runs").glob("*/*/seed_2"))) == 2
    assert journal(runs[1]) == whole
    # Every command that is printed is one that runs.
    check, train = [shlex.split(line)[1:] for line in more.out.splitlines() if line.startswith("  al-lightning")]
    assert al(*check, "--dry-run").code == 0
    assert al(*train, "--print_config").code == 0
    # A directory that holds something else is left alone.
    (runs[1] / "cycles.jsonl").write_text("".join((runs[1] / "cycles.jsonl").read_text().splitlines(True)[:3]))
    assert refused(al(*SMALL, "--seeds", 3), UsageError, runs[1].relative_to(here), "not finished")


@pytest.mark.parametrize(
    ("words", "kind", "facts"),
    [
        (["compare", "digit"], UsageError, ["digits"]),
        (["compare", "digits", "--strategies", "random"], UsageError, ["--strategies"]),
        (["compare", "digits", "--strategies", "entrop"], UsageError, ["entropy"]),
        ([*SMALL, "--strategies", "equal"], UsageError, ["EquAL", "images themselves"]),
        (["compare", "digits", "--seeds", 0], UsageError, ["--seeds"]),
        (["compare", "digits", "--minutes", 0], UsageError, ["--minutes"]),
        (["compare", "digits", "--seed", 3], UsageError, ["--seeds"]),
        (["compare", "image_folder", "--data.root", "nowhere"], DatasetError, ["nowhere"]),
    ],
)
def test_mistakes(al: Call, here: Path, words: list[object], kind: type[UsageError], facts: list[str]) -> None:
    assert refused(al(*words), kind, *facts)
    assert not (here / "runs").exists()


def test_strategies_share_the_dropout_that_one_of_them_needs(al: Call, here: Path) -> None:
    answer = al(*SMALL, "--strategies", "entropy,bald", "--seeds", 1)
    assert answer.code == 0, answer.err
    assert "dropout 0.1" in answer.err
    settings = [read_run(path).record.settings for path in sorted((here / "runs").glob("*/*/seed_0"))]
    assert [each["network.init_args.dropout"] for each in settings] == [0.1] * 3
