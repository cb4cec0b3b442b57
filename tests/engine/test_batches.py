"""Batches for people that are damaged, gone, or cannot be written: they are mended, or a sentence tells how."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
from PIL import Image

from al_lightning.errors import ALError, DatasetError, LabelsAwaited, UsageError
from al_lightning.labels.project import project_file, read_project
from al_lightning.labels.store import LabelStore
from tests.support.annotators import CLASSES, ask, batch, fit, result, say, walk
from tests.support.errors import refused


def test_what_was_not_finished_is_made_again(al, here, class_folders, loose):
    """As after a kill between the choice, the batch and the journal, or of files that were lost since."""
    assert fit(al, class_folders, here / "simulated").code == 0
    run, store = here / "run", LabelStore(here / "run" / "labels", CLASSES, "image")
    ask(al, loose, run)
    say(store, [row["path"] for row in batch(run, "initial")])
    ask(al, loose, run)
    folder = run / "batches" / "cycle_00"
    whole = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    (folder / "export.json").write_text("an annotator's work")
    damages = [
        lambda: (folder / "label_studio" / "tasks.json").unlink(),
        lambda: next((folder / "images").iterdir()).unlink(),
        lambda: (folder / "to_label.csv").write_text("path,rank,score,sequence\nunlabelled/red/00.png,1,,\n"),
        lambda: shutil.rmtree(folder),
    ]
    for number, damage in enumerate(damages):
        damage()
        (run / "batches" / ".cycle_00.1.tmp" / "images").mkdir(parents=True)  # of a process that was killed
        answer = ask(al, loose, run)
        assert answer.code == 76
        assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == whole
        assert ("set_aside" in answer.err) == (number < 3)
        assert sorted(path.name for path in (run / "batches").iterdir()) == ["cycle_00", "initial"]
    assert (run / "set_aside" / "cycle_00-1" / "export.json").read_text() == "an annotator's work"
    (run / "cycle_00" / "selection.json").write_text("{")
    answer = ask(al, loose, run)
    assert refused(answer, LabelsAwaited, run / "cycle_00/selection.json", "damaged")
    assert "not whole" not in answer.err
    for weights in run.glob("cycle_00/member_*/weights.pt"):
        weights.unlink()
    shutil.rmtree(folder)
    (run / "labels" / "project.json").write_text("{")
    assert refused(ask(al, loose, run), LabelsAwaited, "without predictions")
    assert read_project(run).kind == "image"
    walk(lambda: ask(al, loose, run), run, lambda names: say(store, names))
    assert result(run) == result(here / "simulated")


def test_a_damaged_list_of_what_is_asked_for_is_written_again_by_the_same_command(al, here, loose):
    run, store = here / "run", LabelStore(here / "run" / "labels", CLASSES, "image")
    more = ["--budget.cycles", 0]
    walk(lambda: ask(al, loose, run, *more), run, lambda names: say(store, names))
    whole = read_project(run)
    for text in ("{", json.dumps({"kind": "image", "classes": ["a", "a"]}), None):
        if text is None:
            project_file(run).unlink()
        else:
            project_file(run).write_text(text)
            advice = [project_file(run), "damaged", "Run the command that began the run again"]
            assert refused(al("labels", "status", run), UsageError, *advice)
        again = ask(al, loose, run, *more)  # the run is finished, and no batch is written any more
        assert (again.code, f"{project_file(run)} was missing or damaged" in again.err) == (0, True)
        assert replace(read_project(run), command=None) == replace(whole, command=None)
        assert "6 of 6 labelled" in al("labels", "status", run).out


def test_a_table_that_cannot_be_read_is_mended_as_its_sentence_says(al, here, loose):
    run, store = here / "run", LabelStore(here / "run" / "labels", CLASSES, "image")
    ask(al, loose, run)
    (run / "batches/initial/to_label.csv").write_text("x\n")
    assert refused(al("labels", "status", run), ALError, run / "batches/initial", "away")
    (run / "batches/initial").rename(here / "away")
    ask(al, loose, run)
    say(store, [row["path"] for row in batch(run, "initial")])
    (run / "batches/initial/to_label.csv").write_text("x\n")
    (run / "batches/initial").rename(here / "away again")
    assert "There is no batch yet" in al("labels", "status", run).out
    assert refused(ask(al, loose, run), LabelsAwaited, "the choice of cycle 0")


def test_what_no_label_could_come_back_for_is_not_handed_out(al, here, loose):
    odd = here / "da\tta"
    loose.rename(odd)
    answer = ask(al, odd, here / "run")
    assert refused(answer, DatasetError, "Nothing was handed out", "`root` holds control characters")
    assert not (here / "run/batches").exists()
    odd.rename(loose)
    first = next((loose / "unlabelled").rglob("*.png"))
    shutil.copy(first, first.with_name("\u00e9.png"))
    Image.fromarray(255 - np.asarray(Image.open(first))).save(first.with_name("e\u0301.png"))
    answer = ask(al, loose, here / "run2")
    assert refused(answer, DatasetError, "Unicode form", "rename", "\u00e9.png", "e\u0301.png")
    assert not (here / "run2/batches").exists()
