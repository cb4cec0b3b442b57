"""Which processes another program started, and what a process says that waits for them."""

import logging
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from lightning.fabric.plugins.environments.lightning import LightningEnvironment

from al_lightning.distributed import processes
from al_lightning.distributed.launched import trainer_of
from al_lightning.distributed.processes import Processes
from tests.support.errors import lacking

STEP = {
    "SLURM_JOB_ID": "12", "SLURM_JOB_NAME": "al", "SLURM_NTASKS": "4", "SLURM_NTASKS_PER_NODE": "4",
    "SLURM_NNODES": "1", "SLURM_STEP_ID": "0", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0",
    "MASTER_ADDR": "127.0.0.1",
}  # fmt: skip
"""What srun sets in a step of four tasks on a node."""
INTERACTIVE = {"SLURM_STEP_ID": "4294967290", "SLURM_STEP_NUM_TASKS": "1", "SLURM_JOB_NAME": "interactive"}
"""What the shell of `salloc -n 4` has on a cluster with LaunchParameters=use_interactive_step, beside the job's own."""


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*STEP, *INTERACTIVE, "MASTER_PORT", "LOCAL_RANK", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ({}, 4),
        ({"SLURM_STEP_NUM_TASKS": "4"}, 4),
        (INTERACTIVE, 1),
        ({**INTERACTIVE, "SLURM_JOB_NAME": "al"}, 1),
        ({"SLURM_STEP_NUM_TASKS": "1", "SLURM_NTASKS": "1"}, 1),
        ({"SLURM_STEP_ID": None}, 1),
    ],
    ids=["step", "step that counts its tasks", "interactive", "interactive, named", "one task", "batch script"],
)
def test_srun_started_as_many_processes_as_its_step_has(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, str | None], count: int
) -> None:
    for name, value in {**STEP, **more}.items():
        if value is not None:
            monkeypatch.setenv(name, value)
    trainer = trainer_of({"accelerator": "cpu", "devices": 1}, logger=False, enable_checkpointing=False)
    assert trainer.world_size == count


class Elsewhere(LightningEnvironment):
    """Processes that another program starts."""

    @property
    def creates_processes_externally(self) -> bool:
        return True


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Process 0's end of the process group."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
        monkeypatch.setenv("MASTER_PORT", str(server.getsockname()[1]))
        yield server


def said(rank: int, caplog: pytest.LogCaptureFixture, external: bool = True, nodes: int = 1) -> str:
    """What a process of four says while it waits."""
    environment = Elsewhere() if external else LightningEnvironment()
    with caplog.at_level(logging.WARNING, "al_lightning"), Processes(rank, 4)._awaited(environment, nodes):
        for thread in [one for one in threading.enumerate() if isinstance(one, threading.Timer)]:
            thread.join(10)
    return " ".join(caplog.messages)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 0.05)
    monkeypatch.setattr(logging.getLogger("al_lightning"), "propagate", True)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("environ", "facts"),
    [
        (STEP, ["Process 0 of 4", "3 other", "SLURM_NTASKS=4", "unset SLURM_STEP_ID"]),
        ({"TORCHELASTIC_RUN_ID": "x"}, ["Process 0 of 4", "3 other", "torchrun"]),
        ({}, ["Process 0 of 4", "3 other", "NODE_RANK", "MASTER_ADDR"]),
    ],
    ids=["srun", "torchrun", "by hand"],
)
def test_process_0_says_how_many_it_waits_for_and_who_starts_them(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], facts: list[str]
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert not lacking(said(0, caplog), facts)


@pytest.mark.usefixtures("impatient")
def test_another_process_speaks_only_where_process_0_is_not_there(
    caplog: pytest.LogCaptureFixture, listener: socket.socket
) -> None:
    assert said(2, caplog) == ""
    port = listener.getsockname()[1]
    listener.close()
    assert not lacking(said(2, caplog), ["Process 2 of 4", "process 0", "127.0.0.1", f"port {port}"])


@pytest.mark.usefixtures("impatient")
def test_nothing_is_said_of_processes_that_are_watched_or_come_in_time(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said(0, caplog, external=False) == ""
    assert "NODE_RANK" in said(0, caplog, external=False, nodes=2)
    caplog.clear()
    monkeypatch.setattr(processes, "PATIENCE", 0.5)
    with Processes(0, 4)._awaited(Elsewhere(), 1):
        pass
    time.sleep(0.7)
    assert not caplog.messages
