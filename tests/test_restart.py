"""Stopped anywhere, then the same command: the journal of the run that was not stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SMALL_NETWORK, TINY, Answer, journal

Call = Callable[..., Answer]
MODULE = '''
import torch
from lightning.pytorch import Callback
from al_lightning.acquisition import Coreset
from al_lightning.networks import WideResNet

STOP = {"stage": None, "cycle": 1, "count": 0}

class Stopped(Exception):
    pass

def passing(stage, cycle=None, count=0):
    if STOP["stage"] == stage and STOP["cycle"] in (cycle, None) and STOP["count"] == count:
        raise Stopped(stage)

class Watch(Callback):
    """Stops where the test says."""
    def on_train_batch_end(self, trainer, module, *rest):
        passing("fit", module.key[1], module.step)
    def on_test_batch_end(self, trainer, module, *rest):
        passing("test", module.key[1])
    def on_predict_batch_end(self, trainer, module, *rest):
        passing("score", STOP["cycle"])

class Choosing(Coreset):
    def select(self, rows, count, generator):
        passing("select", STOP["cycle"])
        return super().select(rows, count, generator)

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
    stage: str,
    count: int,
    finished: int,
    workers: int,
) -> None:
    assert al("fit", *options, "--run_dir", "whole").code == 0
    stop.update(stage=stage, count=count)
    assert al("fit", *options, "--data.workers", workers, "--run_dir", "stopped").code == 1
    assert len(journal(here / "stopped")) == 1 + finished
    stop.update(stage=None)
    assert al("fit", *options, "--data.workers", workers, "--run_dir", "stopped").code == 0
    assert journal(here / "stopped") == journal(here / "whole")


@pytest.mark.parametrize("name", ["append", "save_selection", "save_metrics", "begin"])
def test_stopped_before_something_is_written(
    al: Call, here: Path, stop: dict[str, object], options: list[object], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert al("fit", *options, "--run_dir", "whole").code == 0

    def fail(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"al_lightning.results.store.RunStore.{name}", fail)
        assert al("fit", *options, "--run_dir", "stopped").code == 75
    assert al("fit", *options, "--run_dir", "stopped").code == 0
    assert journal(here / "stopped") == journal(here / "whole")


def test_a_started_fit_goes_on_from_its_last_chunk(
    al: Call, here: Path, stop: dict[str, object], options: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop.update(stage="fit", count=7)
    al("fit", *options, "--run_dir", "r")
    assert (here / "r/cycle_01/member_0/last.ckpt").is_file()
    stop.update(count=3)  # passed already: the second start must not see that step again
    assert al("fit", *options, "--budget.cycles", 1, "--run_dir", "r").code == 0
    assert not (here / "r/cycle_01/member_0/last.ckpt").exists()


@pytest.mark.parametrize("chunk", [1, 10, 99])
def test_a_started_fit_keeps_its_chunks_whatever_is_asked_for_later(
    al: Call, here: Path, stop: dict[str, object], options: list[object], chunk: int
) -> None:
    assert al("fit", *options, "--run_dir", "whole").code == 0
    stop.update(stage="fit", count=7)
    assert al("fit", *options, "--run_dir", "stopped").code == 1
    stop.update(stage=None)
    assert al("fit", *options, "--chunk", chunk, "--run_dir", "stopped").code == 0
    assert journal(here / "stopped") == journal(here / "whole")


def test_a_second_run_in_the_same_directory_is_refused(al: Call, here: Path, stop: dict[str, object]) -> None:
    code = (
        "import sys; from pathlib import Path; from al_lightning.results import RunStore\n"
        "store = RunStore(Path('r')); store.lock(); print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        answer = al("fit", "--config", "digits_random", "--run_dir", "r", "--steps", 2)
        assert (answer.code, "Another process is at work" in answer.err) == (1, True)
        other.kill()
    assert al("fit", "--config", "digits_random", "--run_dir", "r", "--steps", 2, "--budget.cycles", 0).code == 0


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_killed_at_any_moment(here: Path, class_folders: Path, processes: int) -> None:
    """SIGKILL of the whole process group at growing delays, until the run gets through."""
    (here / "watched.py").write_text(MODULE)
    base = [sys.executable, "-m", "al_lightning", "fit", "--config", "image_folder_random"]
    base += ["--acquisition", "watched.Choosing", "--network", "watched.Dropping", "--data.root", str(class_folders)]
    base += [
        "--data.size",
        "[12, 12]",
        *TINY,
        *SMALL_NETWORK,
        "--steps",
        "30",
        "--chunk",
        "4",
        "--budget.initial",
        "20",
    ]
    base += ["--budget.query", "20", "--budget.cycles", "2", "--trainer.devices", str(processes)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run([*base, "--run_dir", "whole"], cwd=here, check=True, capture_output=True, env=environment)
    delay, kills = 6.0, 0
    while True:
        run = subprocess.Popen(
            [*base, "--run_dir", "killed"],
            cwd=here,
            start_new_session=True,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert run.wait(timeout=delay) == 0
            break
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            kills, delay = kills + 1, delay + 0.7
            time.sleep(0.5)
    assert kills >= 2
    assert journal(here / "killed") == journal(here / "whole")
