"""`al-lightning compare` from the command line, on scikit-learn's digits."""

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from al_lightning.comparisons.command import page_of
from al_lightning.comparisons.plan import Limits, Request
from al_lightning.comparisons.strategies import Strategies
from al_lightning.config.rebuild import reopen
from al_lightning.data.datasets import bases
from al_lightning.engine.fit import Fit
from al_lightning.errors import DatasetError, Interrupted, UsageError
from al_lightning.progress import Reporter
from al_lightning.runs.journal import read_run
from tests.support.class_folders import write_class_folders
from tests.support.errors import refused
from tests.support.runs import SMALL_NETWORK, Answer, journal

Call = Callable[..., Answer]
BUDGET = ["--budget.unit", "images", "--budget.initial", 20, "--budget.query", 10, "--budget.cycles", 2]
SMALL = ["compare", "digits", "--encoder", "wrn28", "--strategies", "margin", "--processes", 1, *BUDGET]


def test_a_comparison_and_what_it_leaves(al: Call, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = al(*SMALL, "--minutes", 0.001, "--run_dir", "one")
    assert "2 runs, 1 seed in " in one.out
    assert "its time (--minutes 0.001) is over" in one.out
    assert "Train a network" not in one.out
    (more,) = [line for line in one.out.splitlines() if line.startswith("  al-lightning")]
    assert more.endswith(" --run_dir one --seeds 10 --minutes 1")
    planned = al(*SMALL, "--dry-run")
    assert "up to 50 seeds in 10 minutes, 3 budgets from 20 to 40 labels, 1 at a time" in planned.out
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
    (path,) = (here / "runs").glob("compare_digits*.html")
    assert answer.out.splitlines()[-1] == f"Page: {path.relative_to(here)}"
    page = path.read_text()
    for words in ("Which digits?", "choose", "frozen", "labels, random_probe changed by"):
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
    shown: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(Reporter, "show", lambda reporter, table, line: shown.append(line))
        more = al(*SMALL, "--seeds", 3)
    assert more.code == 0
    assert [path.stat().st_mtime_ns for path in kept] == before
    assert len(list((here / "runs").glob("*/*/seed_2"))) == 2
    assert journal(runs[1]) == whole
    assert "1 of 3 seeds, at most 9 min" in shown[0]  # runs that were found say nothing of how long others take
    # Every command that is printed is one that runs.
    check, train = [shlex.split(line)[1:] for line in more.out.splitlines() if line.startswith("  al-lightning")]
    assert al(*check, "--dry-run").code == 0
    assert al(*train, "--print_config").code == 0
    # A run with another number of budgets is not replaced, and its refusal says how to go on.
    for more in (["--seeds", 2], ["--dry-run"]):
        longer = al(*SMALL, *more, "--budget.cycles", 3)
        assert refused(longer, UsageError, "3 budgets, and this comparison has 4", "--run_dir DIR", "seed_0")
        assert "features" not in longer.err.partition("al-lightning: ")[0]  # refused before any are looked for
    assert [path.stat().st_mtime_ns for path in kept] == before
    # A directory that holds something else is left alone.
    (runs[1] / "cycles.jsonl").write_text("".join((runs[1] / "cycles.jsonl").read_text().splitlines(True)[:3]))
    assert refused(al(*SMALL, "--seeds", 3), UsageError, runs[1].relative_to(here), "not finished")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--budget.cycles", 3], "4 budgets from 10 to 40 labels, "),
        (["--budget", "{query: 5}"], "10 budgets from 10 to 55 labels, "),
        (
            ["--budget.unit", "percent", "--budget.cycles", 3],
            "4 budgets from 287 to 1,148 labels (20 to 80 % of the pool), ",
        ),
        (["--budget.cycles", 0], "1 budget from 10 to 10 labels, "),
    ],
)
def test_one_option_of_the_budget_changes_no_other(al: Call, here: Path, options: list[object], said: str) -> None:
    answer = al("compare", "digits", "--encoder", "wrn28", "--strategies", "margin", *options, "--dry-run")
    assert answer.code == 0, answer.err
    assert said in answer.out


def test_images_with_masks(al: Call, here: Path, masks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [
        "compare",
        "mask_folder",
        "--data.root",
        masks,
        "--data.classes",
        "[ground, box]",
        "--strategies",
        "margin",
    ]
    answer = al(*words, "--seeds", 2, "--processes", 1)
    assert answer.code == 0, answer.err
    assert answer.err.count("weights of tf_efficientnet_lite0 (package)") == 1
    # A sixth of the 16 images that are not held out for the test is less than the least query.
    assert "2 budgets from 4 to 8 labels" in answer.err
    assert "mIoU" in answer.out
    (page,) = (here / "runs").glob("compare_mask_folder_boxes-*.html")
    written = page.read_text()
    assert "mIoU" in written
    assert f"<h1>{masks.name}: strategies compared</h1>" in written
    assert written.count("Train a network with") == 1
    assert written.index('id="next"') < written.index("Train a network with") < written.index('id="made"')
    assert "minutes of work" not in written
    # Both tables say what stands after their ±.
    assert "± half of its 95 % interval (the page has ± one standard deviation)" in " ".join(answer.out.split())
    assert "mean ± standard deviation over seeds" in written
    # Each image was read once, for the split, which the runs keep; the same command reads none.
    assert answer.err.count("images are read once") == 1
    assert "(0 decoded)" in answer.err
    homes = sorted((here / "runs").glob("*/*/*/seed_*"))
    shutil.rmtree(masks / ".al_cache")
    with monkeypatch.context() as patch:
        patch.setattr(bases, "divide_images", None)
        assert [len(reopen(home).data.test) for home in homes] == [4] * 4
    assert al(*words, "--seeds", 2, "--processes", 1).err.count("images are read once") == 1
    again = al(*words, "--seeds", 2, "--processes", 1)
    assert again.code == 0, again.err
    assert "read once" not in again.err
    heights = [run.cycles[-1].metrics["miou"] for run in map(read_run, (here / "runs").glob("*/*/*/seed_*"))]
    assert len(heights) == 4
    assert min(heights) > 0.8  # a bright box on a dark ground


@pytest.mark.slow
def test_two_folders_have_a_page_each(al: Call, here: Path) -> None:
    words = ["compare", "image_folder", "--strategies", "margin", "--seeds", 1, "--processes", 1, "--encoder", "wrn28"]
    words += ["--data.size", "[12, 12]", "--budget.unit", "images", "--budget.initial", 2, "--budget.query", 1]
    words += ["--budget.cycles", 1, "--initial", "random"]
    for place in ("one", "two"):
        root = write_class_folders(here / place / "photos")
        answer = al(*words, "--data.root", root)
        assert answer.code == 0, answer.err
        # Two labels of three classes.
        assert "In 2 of 2 runs the first 2 labels lack a class" in answer.out
    assert len(list((here / "runs").glob("compare_image_folder_wrn28_photos-*.html"))) == 2


@pytest.mark.slow
def test_the_check_says_its_time_first_goes_on_and_is_shown(
    al: Call, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # EfficientNet would take minutes.
    monkeypatch.setattr("al_lightning.comparisons.check.NETWORK", "wrn28")
    words = [*SMALL, *SMALL_NETWORK, "--steps", 1, "--seeds", 2, "--check", "--out", "page.html"]

    class Stopped(Fit):
        def test(self) -> dict[str, object]:
            raise Interrupted("Interrupted; the same command goes on.")

    with monkeypatch.context() as patch:
        patch.setattr("al_lightning.comparisons.check.Fit", Stopped)
        answer = al(*words)
    assert answer.code == Interrupted.exit_code
    said = answer.err.partition("--check trains digits_wrn28_random on 40 labels: ")
    assert "steps were timed" in said[2]
    assert "trained on the same" not in (here / "page.html").read_text()  # the comparison's page, before the check
    weights = here / "page.check/member_0/weights.pt"
    trained = weights.stat().st_mtime_ns
    monkeypatch.setattr("al_lightning.comparisons.check.MARGIN", -200.0)
    answer = al(*words)
    assert answer.code == 0, answer.err
    assert "--check trains" not in answer.err
    assert weights.stat().st_mtime_ns == trained
    (line,) = [line for line in answer.out.splitlines() if "wrong judge" in line]
    run = read_run(next((here / "runs").glob("*random_probe/*/seed_0")))
    assert f"the probe {100 * run.cycles[-1].metrics['accuracy']:.1f}" in line
    page = (here / "page.html").read_text()
    assert page.index(line) < page.index("<li>")  # above the verdicts
    monkeypatch.setattr("al_lightning.comparisons.check.MARGIN", 200.0)
    (line,) = [line for line in al(*words).out.splitlines() if line.startswith("Checked: ")]
    assert line in (here / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "kind", "facts"),
    [
        (["compare", "digit"], UsageError, ["digits"]),
        (["compare", "digits", "--strategies", "random"], UsageError, ["--strategies"]),
        (["compare", "digits", "--strategies", "entrop"], UsageError, ["Did you mean 'entropy'"]),
        (["compare", "."], UsageError, ["image_folder --data.root . instead"]),
        (["compare", "digits", "--strategies", "margin_from_"], UsageError, ["margin_from_typiclust"]),
        (["compare", "digits", "--strategies", "../x"], UsageError, ["'../x'", "my_module.MyAcquisition"]),
        ([*SMALL, "--strategies", "equal"], UsageError, ["EquAL", "images themselves"]),
        ([*SMALL, "--strategies", "variation_ratio", "--dry-run"], UsageError, ["VariationRatio", "several networks"]),
        ([*SMALL, "--strategies", "learning_loss", "--dry-run"], UsageError, ["LearningLoss", "stored features"]),
        ([*SMALL, "--acquisition.features", "resnet18"], UsageError, ["Random, Margin", "'features'"]),
        ([*SMALL, "--initial.features", "resnet18"], UsageError, ["first choice", "Balanced"]),
        ([*SMALL, "--acquisition", "my.Margin"], UsageError, ["--strategies my.Margin"]),
        (
            [*SMALL, "--strategies", "coreset", "--acquisition.features", "resnet1", "--dry-run"],
            UsageError,
            ["resnet18"],
        ),
        ([*SMALL, "--strategies", "margin,random_from_balanced"], UsageError, ["random_from_balanced", "out"]),
        ([*SMALL, "--strategies", "random_mcd"], UsageError, ["random_mcd and random"]),
        ([*SMALL, "--initial", "typiclust", "--strategies", "random_from_typiclust"], UsageError, ["and random "]),
        ([*SMALL, "--strategies", "margin,al_lightning.acquisition.margin.Margin"], UsageError, ["and margin "]),
        ([*SMALL, "--out", "x.txt"], UsageError, ["x.html"]),
        ([*SMALL, "--out", "."], UsageError, ["folder", "compare.html"]),
        ([*SMALL, "--run_dir", __file__], UsageError, ["a folder"]),
        (["compare", "digits", "--seeds", 0], UsageError, ["--seeds"]),
        (["compare", "digits", "--minutes", 0], UsageError, ["--minutes"]),
        (["compare", "digits", "--seed", 3], UsageError, ["--seeds"]),
        (["compare", "image_folder", "--data.root", "nowhere"], DatasetError, ["nowhere"]),
    ],
)
def test_mistakes(al: Call, here: Path, words: list[object], kind: type[UsageError], facts: list[str]) -> None:
    assert refused(al(*words), kind, *facts)
    assert not (here / "runs").exists()


def test_an_option_of_a_strategy_is_for_those_that_have_it(al: Call, here: Path) -> None:
    options = ["--acquisition.features", "resnet18", "--initial.init_args.features=resnet18", "--data.cache", "c"]
    answer = al(*SMALL, "--strategies", "coreset,margin_from_typiclust", *options, "--seeds", 1, "--dry-run")
    assert answer.code == 0, answer.err
    assert "up to 1 seed in" in answer.out
    assert "--acquisition.features: used by coreset\n" in answer.err
    assert "--initial.features: used by margin_from_typiclust\n" in answer.err
    plain = al(*SMALL, "--strategies", "coreset,margin_from_typiclust", "--dry-run")
    (random, *others), (before, *others_before) = (each.out.splitlines()[1:] for each in (answer, plain))
    assert random == before
    assert not set(others) & set(others_before)


def test_each_comparison_has_its_own_page(tmp_path: Path) -> None:
    def page(
        *strategies: str, options: tuple[str, ...] = (), encoder: str = "wrn28", where: Path | None = None
    ) -> Path:
        budget = tuple(map(str, BUDGET))
        request = Request("digits", ("random", *strategies), (*budget, *options), Limits(1, 1), where, encoder)
        return page_of(request, Strategies(request, lambda text: None))

    usual = ("entropy", "margin", "coreset")
    pages = [
        page(*usual),
        page(*usual, encoder="resnet18"),
        page(*usual, options=("--acquisition.features", "resnet18")),
        page("margin"),
        page("coreset"),
        page("coreset", options=("--acquisition.features", "resnet18")),
        page("margin", where=tmp_path),
    ]
    assert len(set(pages)) == len(pages)
    assert pages[-1].parent == tmp_path
    assert page("margin") == pages[3]
    assert "margin" in pages[3].name


@pytest.mark.slow
def test_a_shared_cold_start_has_random_after_it_as_baseline_and_notes_are_said_once(al: Call, here: Path) -> None:
    answer = al(*SMALL, "--strategies", "probcover", "--initial", "typiclust", "--seeds", 2)
    assert answer.code == 0, answer.err
    assert "no run of random" not in answer.out
    page = next((here / "runs").glob("compare_*.html")).read_text()
    assert "probcover_from_typiclust_probe is behind random_from_typiclust_probe" in page
    assert "only the acquisition differs" in page
    assert answer.out.count("features of a network without pretrained weights") == 1
    assert [line for line in answer.out.splitlines() if line.startswith("probcover: delta ")]


@pytest.mark.slow
def test_full_is_not_advised_and_spaces_do_not_count(al: Call, here: Path) -> None:
    answer = al(*SMALL, "--strategies", "margin, full", "--seeds", 1)
    assert answer.code == 0, answer.err
    assert "Train a network with full," not in answer.out  # all labels are more than the budgets of the others
    assert len(list((here / "runs").glob("*full_probe/*/seed_0"))) == 1


@pytest.mark.slow
def test_other_vectors_under_the_same_name_are_no_finished_runs(al: Call, here: Path, tmp_path: Path) -> None:
    root, file = tmp_path / "photos", tmp_path / "vectors.npy"
    write_class_folders(root)
    names = sorted(str(path.relative_to(root)) for path in root.glob("*/*/*"))
    file.with_suffix(".txt").write_text("\n".join(names))
    draw = np.random.default_rng(0)
    options = ["--data.root", root, "--network.vectors", file, *BUDGET, "--budget.initial", 8, "--budget.query", 4]
    compare = ["compare", "image_folder", "--encoder", "vectors", "--strategies", "margin", "--seeds", 1, *options]
    fit = ["fit", "--config", "image_folder_vectors_entropy_probe", *options, "--run_dir", "fit"]
    np.save(file, draw.normal(size=(len(names), 5)).astype(np.float32))
    for words in (compare, fit, compare, fit):
        assert (answer := al(*words)).code == 0, answer.err
    np.save(file, draw.normal(size=(len(names), 5)).astype(np.float32))
    assert refused(al(*compare), UsageError, "network.vectors: a file of other content", "--run_dir DIR")
    assert refused(al(*fit), UsageError, "network.vectors: a file of other content", "--run_dir DIR")
    run = next((here / "runs").glob("*margin_probe/*/*/seed_0"))
    assert refused(al("query", run, "--cycle", 0), UsageError, "--network.vectors", "put that file back")
    file.unlink()
    assert al(*fit).code == 0  # a finished run is read without it


@pytest.mark.slow
def test_features_without_a_place_beside_the_data_are_in_no_run(al: Call, here: Path) -> None:
    for seeds in (1, 2):
        answer = al(*SMALL, "--seeds", seeds, "--data.cache", "false", "--run_dir", "study")
        assert answer.code == 0, answer.err
    assert not list((here / "runs").glob("*/*"))
    assert len(list((here / "study/digits_wrn28_random_probe/features").glob("*/train.npy"))) == 1
    assert "come from study/digits_wrn28_random_probe/features" in answer.err
    assert al("query", "study/digits_wrn28_margin_probe/seed_1", "--cycle", 0).code == 0


@pytest.mark.slow
def test_strategies_share_the_dropout_that_one_of_them_needs(al: Call, here: Path) -> None:
    answer = al(*SMALL, "--strategies", "entropy,bald", "--seeds", 1)
    assert answer.code == 0, answer.err
    assert "dropout 0.1" in answer.err
    settings = [read_run(path).record.settings for path in sorted((here / "runs").glob("*/*/seed_0"))]
    assert [each["network.init_args.dropout"] for each in settings] == [0.1] * 3
