"""Every command that pages and texts print runs as printed: `fit` up to its configuration, tables up to their plan."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from al_lightning.cli.demo import DIRECTORY, POOLS, STRATEGIES
from al_lightning.errors import DatasetError
from al_lightning.labels.store import LabelStore
from al_lightning.launcher import Job, Outcome
from al_lightning.runs.journal import read_run
from al_lightning.tables.plan import find_table, plan
from tests.support.annotators import CLASSES, batch, say
from tests.support.class_folders import write_class_folders
from tests.support.printed_commands import arguments, make_run, of_page, of_text
from tests.support.runs import SMALL_NETWORK, Answer, journal
from tests.support.table_runs import write_run

Call = Callable[..., Answer]
SMALL = ["--data.size", "[12, 12]", "--trainer.accelerator", "cpu", "--data.batch_size=4", "--steps", "5"]


@pytest.fixture(autouse=True)
def own_images(here: Path) -> None:
    """The folder ROOT of commands for images of one's own: folders of classes, and images with masks."""
    write_class_folders(here / "ROOT")
    draw = np.random.default_rng(2)
    for number in range(30):
        for folder, most in (("images", 256), ("masks", 3)):
            shape = (32, 32, 3) if folder == "images" else (32, 32)
            (here / "ROOT" / folder).mkdir(exist_ok=True)
            Image.fromarray(draw.integers(0, most, shape, dtype=np.uint8)).save(here / f"ROOT/{folder}/{number}.png")


def assert_they_run(al: Call, monkeypatch: pytest.MonkeyPatch, commands: Sequence[str]) -> list[list[str]]:
    """Run the commands as far as they train nothing; return their arguments. What is reported must have been run."""
    calls = arguments(commands)
    homes: list[str] = []
    once = {re.sub("--seed [0-9]+", "", " ".join(call)): call for call in calls}  # seeds differ in the number alone
    for name, *given in sorted(once.values(), key=lambda call: call[0] == "report"):
        if name == "demo":
            monkeypatch.setattr("al_lightning.cli.demo.compare", lambda *rest: None)
        elif name == "report":
            assert all(any(path in home for home in homes) for path in given), (given, homes)
            continue
        extra = {"fit": ["--print_config"], "reproduce": ["--dry-run"], "compare": ["--dry-run"]}.get(name, [])
        answer = al(name, *given, *extra)
        assert answer.code == 0, (name, given, answer.err)
        homes += re.findall(r"^# run_dir: (.*)", answer.out, re.MULTILINE)
    return calls


def calls_of(al: Call, monkeypatch: pytest.MonkeyPatch, page: Path) -> list[list[str]]:
    return assert_they_run(al, monkeypatch, of_page(page.read_text()))


def own_runs(root: Path, seeds: Sequence[int] = (0,)) -> list[Path]:
    """Random and entropy on one's own images, with a config file of one's own."""
    Path("mine.yaml").write_text("network: {init_args: {width: 1}}\n")
    options = ["--data.root", str(root), *SMALL]
    return [
        make_run([f"small_image_folder_{strategy}", "mine.yaml"], options, seed, height=height)
        for strategy, height in (("random", 0.5), ("entropy", 0.6))
        for seed in seeds
    ]


def test_a_report_goes_on_with_all_options_and_files(
    al: Call, here: Path, class_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = own_runs(class_folders)
    assert al("report", *runs).code == 0
    calls = calls_of(al, monkeypatch, Path("report.html"))
    words = {(call[2], call[call.index("--seed") + 1]) for call in calls}
    names = ("small_image_folder_random", "small_image_folder_entropy")
    assert words >= {(name, seed) for name in names for seed in "012"}
    assert ("small_image_folder_random_uda", "0") in words  # the paper's guide
    fits = [call for call in calls if call[0] == "fit"]
    assert all(call[3:5] == ["--config", "mine.yaml"] for call in fits)
    assert all([*call, *SMALL] and set(SMALL) <= set(call) for call in fits)
    assert all("--run_dir" not in call for call in fits)
    page = Path("report.html").read_text()
    assert "On your own images" not in page
    shutil.rmtree("runs/small_image_folder_entropy_mine")  # random with a config file is the baseline all the same
    assert al("report", *runs[:1]).code == 0
    assert "There is random alone" in Path("report.html").read_text()
    calls = calls_of(al, monkeypatch, Path("report.html"))
    assert ["small_image_folder_coreset", "--config", "mine.yaml"] in [call[2:5] for call in calls]


def test_a_run_that_waits_or_was_stopped_goes_on_by_its_own_command(
    al: Call, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(["digits_entropy"], ["--steps", "5", "--share", str(here)], 3, "out/entropy/seed_3")
    lines = (run / "cycles.jsonl").read_text().splitlines(keepends=True)
    (run / "cycles.jsonl").write_text("".join(lines[:-1]))
    assert al("report", run).code == 0
    calls = calls_of(al, monkeypatch, Path("report.html"))
    own = ["fit", "--config", "digits_entropy", "--steps", "5", "--share", str(here), "--seed", "3"]
    assert [*own, "--run_dir", "out/entropy/seed_3"] in calls
    random = ["fit", "--config", "digits_random", "--steps", "5", "--seed", "3"]
    assert random in calls  # neither the shared network of this seed, nor this directory
    page = Path("report.html").read_text()
    assert "image_folder_random" in page


def test_a_journal_without_a_command_says_that_options_are_missing(
    al: Call, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(here / "old", "digits_entropy", 0, [(0.1, 60.0), (0.2, 70.0)])
    assert al("report", here / "old").code == 0
    calls_of(al, monkeypatch, Path("report.html"))
    assert "journals have no command" in Path("report.html").read_text()


def test_a_tables_page_goes_on_with_the_table(al: Call, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["reproduce", "figure4", "--scale", "smoke", "--only", "cifar10"]
    wanted = plan(find_table("figure4", "smoke"), Path("runs"), reduced=True, only=["cifar10"]).runs
    assert {run.status.cell.run.split("_")[0] for run in wanted} == {"cifar10"}
    assert al(*given, "--dry-run").out.count("missing") == len(wanted) > 4
    for run in wanted:
        points = [(0.01, 60.0), (0.03, 70.0), (0.05, 80.0)]
        write_run(run.job.directory, run.job.name, 0, [(1.0, 90.0)] if run.status.row.everything else points)
    assert al(*given, "--report-only").code == 0
    calls = calls_of(al, monkeypatch, Path("runs/smoke/figure4.html"))
    assert calls[-1] == given
    assert [*given, "--seeds", "3"] in calls
    own = [call for call in calls if call[0] == "fit" and "_folder_" not in call[2]]
    assert own == []
    assert "make " not in " ".join(of_page(Path("runs/smoke/figure4.html").read_text()))


def test_the_demos_page_goes_on_with_the_demo(al: Call, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(launcher: object, jobs: Sequence[Job]) -> list[Outcome]:
        for job in jobs:
            make_run([job.name], job.options, job.seed, str(job.directory), len(job.name) / 100)
        return [Outcome(job, "done") for job in jobs]

    monkeypatch.setattr("al_lightning.cli.demo.LocalLauncher.run", run)
    options = ["--steps", "7", "--data.pool_size", "24", "--data.test_size", "4", "--data.size", "[32, 64]"]
    assert al("demo", "--seeds", "1", *options).code == 0
    assert len(list(DIRECTORY.glob("*/seed_0"))) == len(POOLS) * len(STRATEGIES)
    calls = calls_of(al, monkeypatch, DIRECTORY / "report.html")
    assert ["demo", *options, "--seeds", "3"] in calls
    assert ["demo", "--seeds", "1", *options] in calls
    further = [call for call in calls if call[0] == "fit" and "_folder_" not in call[2]]
    assert {call[2].partition("_")[2] for call in further} <= {"0f_random_s4gan", "11f_random_s4gan"}  # no demo has it
    assert all(set(options) <= set(call) for call in further)
    assert "make demo" not in (DIRECTORY / "report.html").read_text()


def coloured(root: Path) -> Path:
    """The masks of a folder in two colours, and the file that names their classes."""
    for path in sorted((root / "masks").iterdir()):
        ids = np.asarray(Image.open(path))
        Image.fromarray(np.stack([ids == 0, ids == 1, ids == 255], axis=-1).astype(np.uint8) * 200).save(path)
    content = {"classes": ["ground", "box"], "colours": {"#c80000": "ground", "#00c800": "box"}, "ignore": ["#0000c8"]}
    (root / "colours.yaml").write_text(yaml.safe_dump(content))
    return root / "colours.yaml"


def test_recommended_commands_run_and_are_reported(
    al: Call, here: Path, class_folders: Path, masks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classes = ["--images", class_folders, "--task", "classification", "--labels", 10]
    by_id = ["--images", masks / "images", "--masks", masks / "masks", "--labels", 6]
    for given, config in ((classes, "image_folder"), (by_id, "mask_folder")):
        answer = al("recommend", *given, "--processes", 1)
        assert answer.code == 0, answer.err
        calls = assert_they_run(al, monkeypatch, of_text(answer.out))
        assert len([call for call in calls if call[0] == "fit" and call[2].startswith(config)]) >= 6
        assert "--run_dir" not in answer.out
        assert "Ours. On features of a frozen encoder" in " ".join(answer.out.split())
    mapping = coloured(masks)
    refused = al("recommend", *by_id, "--processes", 1)
    assert (refused.code, "--mapping FILE" in refused.err) == (DatasetError.exit_code, True), refused.err
    answer = al("recommend", *by_id, "--mapping", mapping, "--processes", 1)
    assert "for each of 2 classes" in " ".join(answer.out.split())
    calls = assert_they_run(al, monkeypatch, of_text(answer.out))
    assert all(call[call.index("--data.mapping") + 1] == str(mapping) for call in calls if call[0] == "fit")
    audited = al("audit", *by_id[:-2], "--mapping", mapping, "--processes", 1)
    assert (audited.code, "ground" in Path("audit/audit.json").read_text()) == (0, True), audited
    assert_they_run(al, monkeypatch, [*of_text(audited.out), *of_page(Path("audit/audit.html").read_text())])


def test_recommended_commands_of_a_run_have_its_options_and_files(
    al: Call, here: Path, class_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, *_ = own_runs(class_folders)
    answer = al("recommend", run, "--labels", 10, "--processes", 1)
    assert answer.code == 0, answer.err
    calls = assert_they_run(al, monkeypatch, of_text(answer.out))
    fits = [call for call in calls if "--budget.cycles" in call]
    assert len(fits) >= 6
    assert all(set(SMALL) <= set(call) and call[3:5] == ["--config", "mine.yaml"] for call in fits)


def test_labels_status_goes_on_until_the_run_is_finished(
    al: Call, here: Path, loose: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = [
        "fit",
        "--config",
        "small_image_folder_random",
        "--data.root",
        loose,
        *SMALL,
        *SMALL_NETWORK,
        "--oracle",
        "files",
    ]
    fit += ["--budget.unit", "images", "--budget.initial", 6, "--budget.cycles", 0, "--initial", "random"]
    fit += ["--run_dir", "mine/seed 0"]
    assert al(*fit).code == 76
    answer = al("labels", "status", "mine/seed 0")
    assert "Once these are labelled: al-lightning fit" in answer.out
    (call,) = assert_they_run(al, monkeypatch, of_text(answer.out))
    assert call[:3] == ["fit", "--config", "small_image_folder_random"]
    run = read_run(Path("mine/seed 0"))
    assert run.record.command[-2:] == ["--run_dir", "mine/seed 0"]
    store = LabelStore(run.directory / "labels", CLASSES, "image")
    say(store, [row["path"] for row in batch(run.directory, "initial")])
    assert "To go on: al-lightning fit" in al("labels", "status", "mine/seed 0").out
    assert al(*fit).code == 0
    answer = al("labels", "status", "mine/seed 0")
    assert "The run is finished." in answer.out
    assert assert_they_run(al, monkeypatch, of_text(answer.out)) == [["show", "mine/seed 0"]]


def test_options_that_change_no_result_are_those_of_the_last_command(al: Call, here: Path, digits_run: Path) -> None:
    run = Path(shutil.copytree(digits_run, "run"))
    before = (run / "cycles.jsonl").read_text()
    command = [*read_run(run).record.command[:-1], "run"]
    assert al("fit", *command, "--data.workers", "0").code == 0
    assert read_run(run).record.command == [*command[:-2], "--data.workers", "0", *command[-2:]]
    assert journal(run) == journal(digits_run)
    assert (run / "cycles.jsonl").read_text() != before
