"""Stopped anywhere, then the same command: the journal of the run that was not stopped."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from al_lightning.errors import DirectoryInUse
from al_lightning.runs.checkpoints import load
from tests.support.errors import refused
from tests.support.runs import Answer, journal

Call = Callable[..., Answer]
Journal = list[dict[str, object]]


@pytest.fixture(scope="session")
def kept_half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test that asks for it leaves the run that was stopped."""
    return tmp_path_factory.mktemp("half") / "r"


@pytest.fixture
def stopped(al: Call, here: Path, stop: dict[str, object], options: list[object], kept_half: Path) -> Path:
    """A copy of a run that an exception stopped after step 8 of its second fit, as `stopped`; it would go on now."""
    if not (kept_half / "cycles.jsonl").is_file():
        stop.update(stage="fit", count=7)
        assert al("fit", *options, "--run_dir", kept_half).code == 1
        stop.update(stage=None)
    return shutil.copytree(kept_half, here / "stopped")


@pytest.mark.parametrize(
    ("stage", "count", "finished", "workers"),
    [
        *[("fit", 7, 1, 2), ("score", 0, 0, 0)],
        *(
            pytest.param(*place, marks=pytest.mark.slow)
            for place in [
                *[("fit", 2, 1, 0), ("fit", 8, 1, 0), ("fit", 9, 1, 0)],
                *[("test", 0, 1, 0), ("select", 0, 0, 0)],
            ]
        ),
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
    al: Call, stop: dict[str, object], options: list[object], stopped: Path
) -> None:
    assert [path.name for path in (stopped / "cycle_01/member_0").glob("*.ckpt")] == ["step_4.ckpt"]
    stop.update(stage="fit", count=3)  # passed already: the second start must not see that step again
    assert al("fit", *options, "--budget.cycles", 1, "--run_dir", stopped).code == 0
    assert not list(stopped.rglob("*.ckpt"))


@pytest.mark.parametrize("chunk", [1, 4, 99])
def test_a_started_fit_keeps_its_chunks_whatever_is_asked_for_later(
    al: Call, options: list[object], whole: Journal, stopped: Path, chunk: int
) -> None:
    assert len(journal(stopped)) == 2
    assert al("fit", *options, "--chunk", chunk, "--run_dir", stopped).code == 0
    assert journal(stopped) == whole


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


@pytest.mark.parametrize(("keep", "left"), [("all", [0, 1]), ("last", [1]), ("none", [])])
def test_weights_are_kept_as_asked_for(
    al: Call, here: Path, stop: dict[str, object], options: list[object], keep: str, left: list[int]
) -> None:
    assert al("fit", *options, "--budget.cycles", 1, "--run_dir", "r", "--keep", keep).code == 0
    kept = sorted((here / "r").glob("cycle_*/member_*/weights.pt"))
    assert kept == [here / f"r/cycle_{cycle:02d}/member_0/weights.pt" for cycle in left]
    for path in kept:  # the optimizer went with the checkpoints
        assert load(path).keys() == {"network", "measures"}
    assert not list((here / "r").rglob("*.ckpt"))


def test_a_callbacks_draws_and_count_of_steps_survive_a_restart(
    al: Call, here: Path, stop: dict[str, object], options: list[object], whole: Journal
) -> None:
    options = [*options, "--trainer.callbacks", "watched.Meddling"]
    assert al("fit", *options, "--run_dir", "whole").code == 0
    assert journal(here / "whole") != whole
    stop.update(stage="fit", count=7)
    assert al("fit", *options, "--run_dir", "r").code == 1
    stop.update(stage=None)
    assert al("fit", *options, "--run_dir", "r").code == 0
    assert journal(here / "r") == journal(here / "whole")


@pytest.mark.parametrize(("stopped_in", "left"), [("loop.forget_weights", "weights.pt"), ("fit.forget", "step_*.ckpt")])
def test_files_that_a_kill_left_are_deleted(
    al: Call,
    here: Path,
    stop: dict[str, object],
    options: list[object],
    monkeypatch: pytest.MonkeyPatch,
    stopped_in: str,
    left: str,
) -> None:
    def fail(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"al_lightning.engine.{stopped_in}", fail)
        assert al("fit", *options, "--budget.cycles", 0, "--keep", "none", "--run_dir", "r").code == 75
    assert list((here / "r").rglob(left))
    assert al("fit", *options, "--budget.cycles", 0, "--keep", "none", "--run_dir", "r").code == 0
    assert not list((here / "r").rglob(left))
