"""Stopped anywhere, then the same command: the journal of the run that was not stopped."""

import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from al_lightning.errors import ALError, DirectoryInUse
from al_lightning.runs.checkpoints import load
from tests.support.errors import refused
from tests.support.runs import SMALL_NETWORK, TINY, Answer, journal

Call = Callable[..., Answer]
Journal = list[dict[str, object]]
MODULE = '''
import pathlib, random
import numpy, torch
from lightning.pytorch import Callback
from al_lightning.acquisition import Coreset
from al_lightning.networks import WideResNet

STOP = {"stage": None, "cycle": 1, "count": 0, "member": 0}

class Stopped(Exception):
    pass

def passing(stage, cycle=None, count=0):
    if STOP["stage"] == stage and STOP["cycle"] in (cycle, None) and STOP["count"] == count:
        raise Stopped(stage)

class Watch(Callback):
    """Stops where the test says."""
    def on_train_batch_end(self, trainer, module, *rest):
        if module.key[2] == STOP["member"]:
            passing("fit", module.key[1], module.step - 1)
    def on_test_batch_end(self, trainer, module, *rest):
        passing("test", module.key[1])
    def on_predict_batch_end(self, trainer, module, *rest):
        passing("score", STOP["cycle"])

class Meddling(Watch):
    """Draws from the global generators, and reads Lightning's count of steps."""
    def on_train_batch_start(self, trainer, module, *rest):
        with torch.no_grad():
            draw = numpy.random.randn() + random.random() + torch.randn(()).item()
            next(module.parameters()).add_(0.01 * draw * (1 + trainer.global_step % 7))

class Keeping(Callback):
    def state_dict(self):
        return {"where": pathlib.Path("here")}

class Choosing(Coreset):
    def select(self, rows, count, generator):
        passing("select", STOP["cycle"])
        return super().select(rows, count, generator)

class Ensemble(Coreset):
    members = 2
    def select(self, rows, count, generator):
        return super().select(rows._replace(value=rows.value[1:]), count, generator)

class Dropping(WideResNet):
    """Draws from torch's own generator while it trains."""
    def decode(self, features):
        return super().decode(features._replace(embedding=torch.dropout(features.embedding, 0.5, self.training)))
'''


@pytest.fixture
def stop(here: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    (here / "watched.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(here))
    monkeypatch.delitem(sys.modules, "watched", raising=False)
    import watched

    return watched.STOP


@pytest.fixture
def options(class_folders: Path) -> list[object]:
    """AutoAugment, dropout, batches larger than the labelled set, chunks that do not divide the fit, 3 cycles."""
    return [
        *("--config", "image_folder_random", "--acquisition", "watched.Choosing", "--network", "watched.Dropping"),
        *("--data.root", class_folders, "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK, "--steps", 10, "--chunk", 4),
        *("--budget.initial", 20, "--budget.query", 20, "--budget.cycles", 2, "--trainer.callbacks", "watched.Watch"),
    ]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test that asks for it leaves the run that was not stopped."""
    return tmp_path_factory.mktemp("unstopped") / "r"


@pytest.fixture
def unstopped(al: Call, stop: dict[str, object], options: list[object], kept: Path) -> Path:
    """The run that was not stopped; to be copied, not changed."""
    if not (kept / "cycles.jsonl").is_file():
        assert al("fit", *options, "--run_dir", kept).code == 0
    return kept


@pytest.fixture
def whole(unstopped: Path) -> Journal:
    return journal(unstopped)


@pytest.fixture
def copied(unstopped: Path, here: Path) -> Path:
    """A copy of the run that was not stopped, as `r`."""
    return shutil.copytree(unstopped, here / "r")


@pytest.mark.parametrize(
    ("stage", "count", "finished", "workers"),
    [
        *[("fit", 2, 1, 0), ("fit", 7, 1, 0), ("fit", 7, 1, 2), ("fit", 8, 1, 0), ("fit", 9, 1, 0)],
        *[("test", 0, 1, 0), ("score", 0, 0, 0), ("select", 0, 0, 0)],
    ],
)
def test_an_exception_anywhere(
    al: Call,
    here: Path,
    stop: dict[str, object],
    options: list[object],
    whole: Journal,
    stage: str,
    count: int,
    finished: int,
    workers: int,
) -> None:
    stop.update(stage=stage, count=count)
    assert al("fit", *options, "--data.workers", workers, "--run_dir", "stopped").code == 1
    assert len(journal(here / "stopped")) == 1 + finished
    stop.update(stage=None)
    assert al("fit", *options, "--data.workers", workers, "--run_dir", "stopped").code == 0
    assert journal(here / "stopped") == whole


@pytest.mark.parametrize("name", ["append", "save_selection", "save_metrics", "begin"])
def test_stopped_before_something_is_written(
    al: Call,
    here: Path,
    stop: dict[str, object],
    options: list[object],
    whole: Journal,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:

    def fail(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"al_lightning.runs.store.RunStore.{name}", fail)
        assert al("fit", *options, "--run_dir", "stopped").code == 75
    assert al("fit", *options, "--run_dir", "stopped").code == 0
    assert journal(here / "stopped") == whole


def test_a_started_fit_goes_on_from_its_last_chunk(
    al: Call, here: Path, stop: dict[str, object], options: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop.update(stage="fit", count=7)
    al("fit", *options, "--run_dir", "r")
    assert [path.name for path in (here / "r/cycle_01/member_0").glob("*.ckpt")] == ["step_4.ckpt"]
    stop.update(count=3)  # passed already: the second start must not see that step again
    assert al("fit", *options, "--budget.cycles", 1, "--run_dir", "r").code == 0
    assert not list((here / "r").rglob("*.ckpt"))


@pytest.mark.parametrize("chunk", [1, 10, 99])
def test_a_started_fit_keeps_its_chunks_whatever_is_asked_for_later(
    al: Call, here: Path, stop: dict[str, object], options: list[object], whole: Journal, chunk: int
) -> None:
    stop.update(stage="fit", count=7)
    assert al("fit", *options, "--run_dir", "stopped").code == 1
    stop.update(stage=None)
    assert al("fit", *options, "--chunk", chunk, "--run_dir", "stopped").code == 0
    assert journal(here / "stopped") == whole


def test_a_second_run_in_the_same_directory_is_refused(al: Call, here: Path, stop: dict[str, object]) -> None:
    code = (
        "import sys; from pathlib import Path; from al_lightning.runs.store import RunStore\n"
        "store = RunStore(Path('r')); store.lock(); print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        answer = al("fit", "--config", "digits_random", "--run_dir", "r", "--steps", 2)
        assert refused(answer, DirectoryInUse, "r")
        other.kill()
    assert al("fit", "--config", "digits_random", "--run_dir", "r", "--steps", 2, "--budget.cycles", 0).code == 0


def damage(path: Path, how: str) -> None:
    """Cut a file short, flip a bit in the middle of it, or delete it."""
    content = bytearray(path.read_bytes())
    if how == "deleted":
        path.unlink()
        return
    content[len(content) // 2] ^= 1
    path.write_bytes(content[:-100] if how == "cut" else content)


@pytest.mark.parametrize("how", ["cut", "flipped", "deleted"])
@pytest.mark.parametrize("which", ["last", "both"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    al: Call, here: Path, stop: dict[str, object], options: list[object], whole: Journal, how: str, which: str
) -> None:
    stop.update(stage="fit", count=8)
    assert al("fit", *options, "--run_dir", "r", "--chunk", 2).code == 1
    member = here / "r/cycle_01/member_0"
    assert sorted(path.name for path in member.glob("*.ckpt")) == ["step_6.ckpt", "step_8.ckpt"]
    damage(member / "step_8.ckpt", how)
    if which == "both":
        damage(member / "step_6.ckpt", how)
    # The fit passes the steps that it has to do again, and no others.
    stop.update(count=5 if which == "last" else 11)
    answer = al("fit", *options, "--run_dir", "r")
    assert answer.code == 0, answer.err
    for step, told in ((8, how != "deleted"), (6, how != "deleted" and which == "both")):
        assert (f"step_{step}.ckpt" in answer.err) == told
    assert journal(here / "r") == whole


@pytest.mark.parametrize(
    "name", ["cycle_01/member_0/weights.pt", "cycle_01/metrics.json", "cycle_01/selection.json", "selection.json"]
)
@pytest.mark.parametrize("how", ["cut", "flipped", "deleted"])
def test_what_an_unfinished_cycle_left_is_made_again_where_it_was_damaged(
    al: Call, here: Path, options: list[object], copied: Path, name: str, how: str
) -> None:
    before = journal(copied)
    lines = (here / "r/cycles.jsonl").read_text().splitlines(keepends=True)
    if name == "selection.json":
        (here / "r/cycles.jsonl").write_text(lines[0])
    else:
        (here / "r/cycles.jsonl").write_text("".join(lines[:3]) + lines[3][:40])  # a torn last line as well
    damage(here / "r" / name, how)
    answer = al("fit", *options, "--run_dir", "r")
    assert answer.code == 0, answer.err
    assert journal(here / "r") == before
    assert ("cycles.jsonl" in answer.err) == (name != "selection.json")


def test_an_edited_journal_is_refused_and_says_how_to_go_on(
    al: Call, here: Path, options: list[object], copied: Path
) -> None:
    before = journal(copied)
    text = (here / "r/cycles.jsonl").read_text()
    (here / "r/cycles.jsonl").write_text(text.replace('"labelled": 12', '"labelled": 13'))
    answer = al("fit", *options, "--run_dir", "r")
    assert refused(answer, ALError, "r/cycles.jsonl", "line 4")
    (here / "r/cycles.jsonl").write_text("".join(text.splitlines(keepends=True)[:3]))  # as the message says
    assert al("fit", *options, "--run_dir", "r").code == 0
    assert journal(here / "r") == before


def test_an_ensemble_goes_on_with_the_member_that_was_interrupted(
    al: Call, here: Path, stop: dict[str, object], options: list[object]
) -> None:
    ensemble = [*options, "--acquisition", "watched.Ensemble"]
    assert al("fit", *ensemble, "--run_dir", "whole").code == 0
    assert len(list((here / "whole/cycle_01").glob("member_*/weights.pt"))) == 2
    stop.update(stage="fit", count=7, member=1)
    assert al("fit", *ensemble, "--run_dir", "r").code == 1
    assert (here / "r/cycle_01/member_0/weights.pt").is_file()
    assert not (here / "r/cycle_01/member_1/weights.pt").exists()
    stop.update(stage=None)
    assert al("fit", *ensemble, "--run_dir", "r").code == 0
    assert journal(here / "r") == journal(here / "whole")


def test_a_directory_that_cannot_be_written_to_is_one_sentence(al: Call, here: Path) -> None:
    (here / "file").write_text("")
    answer = al("fit", "--config", "digits_random", "--run_dir", "file/r", "--steps", 2)
    assert refused(answer, ALError, "file/r: ")
    assert answer.err.count("\n") < 5


def test_a_full_disk_is_one_sentence_and_the_run_goes_on_once_there_is_room(
    al: Call, here: Path, stop: dict[str, object], options: list[object], whole: Journal
) -> None:
    """Files may not grow over a limit, as on a full disk; the checkpoint is the first that would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        answer = al("fit", *options, "--run_dir", "r")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert refused(answer, ALError, "step_4.ckpt", "File too large")
    assert journal(here / "r") == whole[:1]
    assert al("fit", *options, "--run_dir", "r").code == 0
    assert journal(here / "r") == whole


@pytest.mark.parametrize(("keep", "left"), [("all", [0, 1, 2]), ("last", [2]), ("none", [])])
def test_weights_are_kept_as_asked_for(
    al: Call, here: Path, stop: dict[str, object], options: list[object], keep: str, left: list[int]
) -> None:
    assert al("fit", *options, "--run_dir", "r", "--keep", keep).code == 0
    kept = sorted((here / "r").glob("cycle_*/member_*/weights.pt"))
    assert kept == [here / f"r/cycle_{cycle:02d}/member_0/weights.pt" for cycle in left]
    for path in kept:  # the optimizer went with the checkpoints
        assert load(path).keys() == {"network"}
    assert not list((here / "r").rglob("*.ckpt"))


def test_a_callbacks_draws_and_count_of_steps_survive_a_restart(
    al: Call, here: Path, stop: dict[str, object], options: list[object]
) -> None:
    assert al("fit", *options, "--run_dir", "plain").code == 0
    options = [*options, "--trainer.callbacks", "watched.Meddling"]
    assert al("fit", *options, "--run_dir", "whole").code == 0
    assert journal(here / "whole") != journal(here / "plain")
    stop.update(stage="fit", count=7)
    assert al("fit", *options, "--run_dir", "r").code == 1
    stop.update(stage=None)
    assert al("fit", *options, "--run_dir", "r").code == 0
    assert journal(here / "r") == journal(here / "whole")


def test_state_that_could_not_be_read_again_is_refused_when_it_is_written(
    al: Call, here: Path, stop: dict[str, object], options: list[object]
) -> None:
    answer = al("fit", *options, "--trainer.callbacks", "watched.Keeping", "--run_dir", "r")
    assert refused(answer, ALError, "pathlib.")
    assert not list((here / "r").rglob("*.ckpt"))


def test_flipped_bits_of_a_finished_cycles_weights_are_noticed(al: Call, copied: Path) -> None:
    damage(copied / "cycle_00/member_0/weights.pt", "flipped")
    answer = al("query", "r", "--cycle", 0, "--import", "watched")
    assert refused(answer, ALError, "r/cycle_00/member_0/weights.pt", "damaged", "cycle 0")
    assert al("query", "r", "--cycle", 1, "--import", "watched").code == 0


def test_weights_that_a_kill_left_are_forgotten_as_asked_for(
    al: Call, here: Path, stop: dict[str, object], options: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("al_lightning.engine.loop.forget_weights", fail)
        assert al("fit", *options, "--budget.cycles", 0, "--keep", "none", "--run_dir", "r").code == 75
    assert list((here / "r").rglob("weights.pt"))
    assert al("fit", *options, "--budget.cycles", 0, "--keep", "none", "--run_dir", "r").code == 0
    assert not list((here / "r").rglob("weights.pt"))
