"""People in the loop: a run that waits for labels ends as the simulated one does, wherever it was stopped."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

from al_lightning.errors import DatasetError, LabelsAwaited, UsageError
from al_lightning.labels.project import read_project
from al_lightning.labels.store import LabelStore
from al_lightning.runs.journal import read_run
from al_lightning.runs.selections import read_choice
from al_lightning.runs.store import RunStore
from tests.support.annotators import BUDGET, CLASSES, SMALL, ask, batch, draw, fit, result, say, walk
from tests.support.errors import lacking, refused
from tests.support.processes import finish, start
from tests.support.runs import journal


def test_a_run_with_people_ends_as_the_simulated_one(al, here, class_folders, loose):
    assert fit(al, class_folders, here / "simulated").code == 0
    run, command = here / "asked", ["--seed", "0"]
    store = LabelStore(run / "labels", CLASSES, "image")
    answer = ask(al, loose, run, *command)
    to_do = [run / "batches/initial", f"`al-lightning labels import {run} FILE...`"]
    assert refused(answer, LabelsAwaited, "6 of 6 images of the initial set", *to_do)
    assert len((run / "cycles.jsonl").read_text().splitlines()) == 1  # the run; its initial set is not labelled yet
    rows = batch(run, "initial")
    assert [row["rank"] for row in rows] == list("123456")
    project = read_project(run)
    assert (project.kind, project.classes, project.labels) == ("image", CLASSES, "labels")
    assert project.images == {row["path"]: (12, 12) for row in rows}
    assert project.root == str(loose)
    assert project.command is not None
    assert project.command.startswith("al-lightning fit --config small_image_folder_coreset")

    say(store, [row["path"] for row in rows[:2]])
    before = {path: path.stat().st_mtime_ns for path in (run / "batches").rglob("*")}
    assert refused(ask(al, loose, run), LabelsAwaited, "4 of 6 images of the initial set")
    assert {path: path.stat().st_mtime_ns for path in (run / "batches").rglob("*")} == before  # whole, so left alone

    batches = walk(lambda: ask(al, loose, run), run, lambda names: say(store, names))
    assert batches == ["initial", "cycle_00", "cycle_01"]
    assert result(run) == result(here / "simulated")
    assert {row["path"]: (12, 12) for name in batches for row in batch(run, name)} == read_project(run).images
    scores = [float(row["score"]) for row in batch(run, "cycle_00")]
    assert scores == read_choice(read_run(run), 0).scores
    assert scores[0] > 0
    tasks = json.loads((run / "batches" / "cycle_00" / "label_studio" / "tasks.json").read_text())
    assert len(tasks) == 5
    assert all(task["predictions"] for task in tasks)
    first = json.loads((run / "batches" / "initial" / "label_studio" / "tasks.json").read_text())
    assert not any(task.get("predictions") for task in first)  # no network had seen a label
    report, query = al("report", run, "--out", here / "page.html"), al("query", run, "--cycle", 0)
    assert (report.code, query.code) == (0, 0), report.err + query.err
    assert json.loads(query.out.splitlines()[-1]) == RunStore(run).selection(0)
    assert ask(al, loose, run).err.count("note:") == 2  # size and classes
    assert len(list((run / "curve").glob("events*"))) == 3


def test_masks_held_out_and_labelled_first(al, here, masks, bare):
    """Without a test set of one's own a share is held out; it goes out beside the initial set, and is never chosen."""
    config = "mask_folder_entropy"
    pattern = ["--data.sequence_pattern", r"(?P<sequence>drive\d)_(?P<frame>\d+)"]
    assert fit(al, masks, here / "simulated", *pattern, config=config).code == 0
    run = here / "asked"
    store = LabelStore(run / "labels", ("ground", "box"), "pixel")
    answer = ask(al, bare, run, *pattern, config=config)
    awaited = ["6 of 6 images of the initial set", "4 of 4 images of the test set"]
    assert refused(answer, LabelsAwaited, *awaited, run / "batches/initial", run / "batches/test")
    tested = batch(run, "test")
    drive = tested[0]["sequence"]  # one of five drives of four frames
    assert [row["path"] for row in tested] == [f"images/{drive}_00{frame}.png" for frame in range(4)]
    assert [row["frame"] for row in tested] == ["0", "1", "2", "3"]

    draw(store, [row["path"] for row in batch(run, "initial")], masks)
    draw(store, [row["path"] for row in tested[:3]], masks)
    answer = ask(al, bare, run, *pattern, "--oracle.accept_partial", "true", config=config)
    assert refused(answer, LabelsAwaited, "1 of 4 images of the test set")
    draw(store, [tested[3]["path"]], masks)
    batches = walk(lambda: ask(al, bare, run, *pattern, config=config), run, lambda names: draw(store, names, masks))
    assert batches == ["cycle_00", "initial", "test", "cycle_01"]
    assert result(run) == result(here / "simulated")
    chosen = {row["path"] for name in batches if name != "test" for row in batch(run, name)}
    assert not chosen & {row["path"] for row in tested}


def test_a_part_is_taken_only_where_that_is_asked_for(al, here, loose):
    run = here / "run"
    store = LabelStore(here / "said", CLASSES, "image")
    partial = ["--oracle.accept_partial", "true", "--oracle.labels", here / "said", "--data.accept_labels", "true"]
    assert refused(ask(al, loose, run, *partial), LabelsAwaited, "6 of 6")  # of nothing there is nothing to take
    first = [row["path"] for row in batch(run, "initial")]
    say(store, [first[4], first[1]])
    answer = ask(al, loose, run, *partial)
    taken = "2 of 6 images of the initial set are labelled"
    assert refused(answer, LabelsAwaited, taken, "5 of 5 images of the choice of cycle 0")
    assert journal(run)[0]["initial"] == [RunStore(run).selection(None)[place] for place in (1, 4)]
    picked = [row["path"] for row in batch(run, "cycle_00")]
    say(store, [picked[2], picked[0], picked[3]])
    assert ask(al, loose, run, *partial).code == 76
    say(store, [row["path"] for row in batch(run, "cycle_01")])
    assert ask(al, loose, run, *partial).code == 0
    _, *cycles = journal(run)
    assert cycles[0]["chosen"] == [RunStore(run).selection(0)[place] for place in (0, 2, 3)]
    assert [(c["labelled"], c["budget"]) for c in cycles] == [(2, 2 / 30), (5, 5 / 30), (10, 10 / 30)]
    rest = {RunStore(run).selection(0)[place] for place in (1, 4)}
    assert rest <= set(range(30)) - {index for c in cycles[:1] for index in c["chosen"]}
    assert read_project(run).labels == str(here / "said")
    assert json.dumps(result(run))
    assert ask(al, loose, run).code == 0


def test_seeds_share_a_store_and_nothing_is_labelled_twice(al, here, loose):
    store = LabelStore(here / "said", CLASSES, "image")
    asked: list[str] = []

    def label(names: list[str]) -> None:
        assert not set(names) & set(asked)
        asked.extend(names)
        say(store, names)

    for seed in (0, 1):
        more = ["--seed", seed, "--oracle.labels", here / "said", "--budget.cycles", 1]
        run = here / f"run{seed}"
        walk(lambda run=run, more=more: ask(al, loose, run, *more), run, label)
    assert 11 < len(asked) < 22
    # With accept_partial, labels of another seed do not stand for a batch that nobody was shown.
    answer = ask(
        al, loose, here / "run2", "--seed", 2, "--oracle.labels", here / "said", "--oracle.accept_partial", "true"
    )
    missing = len(batch(here / "run2", "initial"))
    assert 0 < missing < 6
    assert refused(answer, LabelsAwaited, f"{missing} of 6 images")


def test_without_a_test_set_a_run_chooses_and_says_that_it_does_not_know(al, here, loose, monkeypatch):
    shutil.rmtree(loose / "test")
    run, store = here / "run", LabelStore(here / "run" / "labels", CLASSES, "image")
    more = ["--data.classes", "[blue, green, red]", "--data.test_share", "0", "--keep", "last"]
    answer = ask(al, loose, run, *more)
    assert answer.err.count("note: there is no test set") == 1
    walk(lambda: ask(al, loose, run, *more), run, lambda names: say(store, names))
    assert [cycle["metrics"] for cycle in journal(run)[1:]] == [{}, {}, {}]
    done = ask(al, loose, run, *more)
    assert done.code == 0
    for out in (done.out, al("show", run).out, al("show", run, run, "--chosen").out):
        assert not lacking(out, ["6, 11, 16", "no test set"])
    assert len(list((run / "curve").glob("events*"))) == 3
    assert len(list((run / "hparams").glob("events*"))) == 1
    report = al("report", run, "--out", here / "report.html")
    assert report.code == 0, report.err


def test_an_initial_set_spread_over_the_pool_needs_no_label(al, here, class_folders, loose):
    spread = ["--initial", "spread", "--budget.cycles", 0]
    answer = ask(al, loose, here / "asked", *spread)
    assert answer.code == 76
    assert answer.err.count("note: the first images are chosen by the features of a network without") == 1
    assert fit(al, class_folders, here / "simulated", *spread).code == 0
    indices, scores, _ = read_choice(read_run(here / "asked"), None)
    assert journal(here / "simulated")[0]["initial"] == indices
    assert len(set(indices)) == 6
    assert scores[0] == 0
    assert scores[1:] == sorted(scores[1:], reverse=True)
    assert scores[-1] > 0
    again = ask(al, loose, here / "asked", *spread)
    assert again.err.count("note:") == 2  # size and classes; the initial set was drawn once
    ask(al, loose, here / "seed1", *spread, "--seed", 1)
    assert RunStore(here / "seed1").selection(None) != indices


@pytest.mark.slow
def test_unlabelled_images_are_learned_from_before_anyone_labels_them(al, here, class_folders, loose, masks, bare):
    uda = ["--data.unlabelled.batch_size", 8, "--budget.cycles", 1]
    assert fit(al, class_folders, here / "simulated", *uda, config="small_image_folder_random_uda").code == 0
    store = LabelStore(here / "asked/labels", CLASSES, "image")
    config = "small_image_folder_random_uda"
    walk(lambda: ask(al, loose, here / "asked", *uda, config=config), here / "asked", lambda names: say(store, names))
    assert result(here / "asked") == result(here / "simulated")

    config, once = "mask_folder_random_s4gan", ["--data.augmentation.crop", "[24, 32]", "--budget.cycles", 1]
    assert fit(al, masks, here / "maps", *once, config=config).code == 0
    store = LabelStore(here / "painted/labels", ("ground", "box"), "pixel")
    run = here / "painted"
    walk(lambda: ask(al, bare, run, *once, config=config), run, lambda names: draw(store, names, masks))
    assert result(run) == result(here / "maps")


def test_settings_that_do_not_go_together_are_told_before_anyone_labels(al, here, loose):
    wrong = ask(al, loose, here / "run", "--task", "al_lightning.tasks.Segmentation")
    assert wrong.code == 2
    assert not (here / "run" / "batches").exists()
    balanced = ask(al, loose, here / "run", "--initial", "balanced")
    assert refused(balanced, UsageError, "balanced", "classes")
    digits = al("fit", "--config", "digits_random", "--oracle", "files", "--run_dir", here / "digits")
    assert refused(digits, UsageError, "Digits", "--oracle files")
    for value, facts in (([], ["--oracle", "no value"]), (["fils"], ["oracle is 'fils'", "simulated", "files"])):
        assert refused(al("fit", "--config", "digits_random", "--oracle", *value), UsageError, *facts)
    typo = ask(al, loose, here / "run", "--oracle.accept_partal", "true")
    assert refused(typo, UsageError, "'accept_partal'", "'accept_partial'")
    ask(al, loose, here / "run")
    changed = ask(al, loose, here / "run", "--budget.initial", "4")  # nothing was trained: another initial set
    assert refused(changed, LabelsAwaited, "4 of 4 images")
    assert (here / "run" / "set_aside").is_dir()


def test_the_oracle_can_be_named_in_a_config(al, here, loose):
    for number, oracle in enumerate(("files", {"class_path": "files", "init_args": {"accept_partial": True}})):
        (here / f"mine{number}.yaml").write_text(yaml.safe_dump({"oracle": oracle}))
        shown = al(
            "fit", "--config", "small_image_folder_random", "--config", here / f"mine{number}.yaml", "--print_config"
        )
        assert yaml.safe_load(shown.out)["oracle"]["class_path"] == "al_lightning.oracle.Files"
        assert yaml.safe_load(shown.out)["oracle"]["init_args"]["accept_partial"] is bool(number)
    shown = al(
        "fit", "--config", "small_image_folder_random", "--oracle.labels", "x", "--oracle=files", "--print_config"
    )
    assert yaml.safe_load(shown.out)["oracle"]["init_args"] == {"labels": "x", "accept_partial": False}


def test_a_cache_gives_pixels_and_never_labels(al, here, loose):
    run, store = here / "run", LabelStore(here / "run" / "labels", CLASSES, "image")
    options = ["--data.root", loose, "--data.size", "[12, 12]"]
    assert refused(al("prepare", "image_folder", *options), DatasetError, "--oracle files")
    made = al("prepare", "image_folder", *options, "--oracle", "files", "--processes", 1)
    assert made.code == 0, made.err
    more = ["--budget.cycles", 1]
    walk(lambda: ask(al, loose, run, *more), run, lambda names: say(store, names))
    walk(
        lambda: ask(al, loose, here / "plain", *more, "--data.cache", "false"),
        here / "plain",
        lambda names: say(LabelStore(here / "plain" / "labels", CLASSES, "image"), names),
    )
    assert result(run) == result(here / "plain")


@pytest.mark.slow
def test_two_processes_ask_once(al, here, class_folders, loose):
    """Both stop with the sentence's exit code; with all labels there, both go on to the end."""
    run = here / "run"
    more = ["--budget.cycles", "0", "--initial", "spread"]
    options = ["fit", "--config", "small_image_folder_coreset", *SMALL, *BUDGET, *more, "--oracle", "files"]
    options += ["--data.root", str(loose), "--run_dir", str(run)]
    options += ["--trainer.accelerator", "cpu", "--trainer.devices", "2"]
    process = start(here, options)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 76, out
    assert out.count("6 of 6 images") == 1
    say(LabelStore(run / "labels", CLASSES, "image"), [row["path"] for row in batch(run, "initial")])
    finish(here, options)
    assert fit(al, class_folders, here / "simulated", *more).code == 0
    assert result(run)[0] == result(here / "simulated")[0]  # spread over the pool by features of both processes
    assert len(result(run)) == 2
