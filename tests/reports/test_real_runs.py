"""The report of runs that trained, through the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from al_lightning.reports.choices import digits
from tests.support.reported_runs import Balance, text_of
from tests.support.runs import SMALL_NETWORK, TINY, Answer, journal

Call = Callable[..., Answer]


def test_the_report_of_real_runs(al: Call, here: Path, masks: Path) -> None:
    options = [
        *(
            "--network.width",
            2,
            "--data.root",
            masks,
            "--training.head_lr_factor",
            1,
            "--data.classes",
            "[ground, box]",
        ),
        *("--data.sequence_pattern", r"(?P<sequence>.+)_(?P<frame>\d+)", *TINY, "--data.batch_size", 4),
        *("--budget.initial", 20, "--budget.query", 20, "--budget.cycles", 2),
    ]
    runs = []
    for strategy in ("random", "entropy", "coreset"):
        runs.append(f"r/{strategy}")
        assert al("fit", "--config", f"mask_folder_unet_{strategy}", *options, "--run_dir", runs[-1]).code == 0
    for name in ("a.html", "b.html"):
        assert al("report", *runs, "--out", name).code == 0
    html = (here / "a.html").read_text()
    assert html == (here / "b.html").read_text()
    text = text_of(html)
    assert "Positions are from the embeddings of mask_folder_unet_coreset after the first fit" in text
    assert "another one" not in text  # one network for all three
    first = journal(here / "r/entropy")[1]
    said = json.loads((here / "r/entropy/cycle_00/selection.json").read_text())
    assert said["indices"] == first["chosen"]
    assert all(f'<span title="score">{digits(score)}</span>' in html for score in said["scores"])
    assert html.count('class="scores"') == 2 * 2  # two batches of entropy and of core-set; random has no opinion
    parser = Balance()
    parser.feed(html)
    assert parser.open == []


def test_classes_of_whole_images_and_no_time_order(al: Call, here: Path, class_folders: Path) -> None:
    options = [
        *("--data.root", class_folders, "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK),
        *("--budget.initial", 20, "--budget.query", 20, "--budget.cycles", 1),
    ]
    assert al("fit", "--config", "small_image_folder_entropy", *options, "--run_dir", "r").code == 0
    assert al("report", "r", "--out", "r.html").code == 0
    text = text_of((here / "r.html").read_text())
    assert "shows the images' thumbnails" in text
    assert "at random)" not in text  # there are no scenes


def test_the_map_of_linear_probes_shows_their_stored_features(al: Call, here: Path) -> None:
    options = ["--budget.unit", "images", "--budget.initial", 20, "--budget.query", 5, "--budget.cycles", 1]
    for strategy in ("random", "margin"):
        assert al("fit", "--config", f"digits_{strategy}_probe", *options, "--run_dir", f"r/{strategy}").code == 0
    assert al("report", "r", "--out", "r.html").code == 0
    assert "Positions are from the stored features (1000 of the images)" in text_of((here / "r.html").read_text())
    (store,) = {manifest.parent for manifest in here.rglob("features/*/manifest.json")}
    shutil.rmtree(store)
    assert al("report", "r", "--out", "r.html").code == 0
    text = text_of((here / "r.html").read_text())
    assert "shows the images' thumbnails" in text
    assert f"there is no store of them; make them: al-lightning features {here}/r/random/config.yaml" in text
