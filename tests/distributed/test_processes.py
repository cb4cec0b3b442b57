"""The number of processes changes neither what is chosen from given weights nor the metrics."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from al_lightning.distributed.processes import Processes
from al_lightning.errors import ALError, DatasetError, UsageError
from tests.support.annotators import MASKS
from tests.support.errors import raises, refused
from tests.support.processes import STAGES, await_stage, command, environment, family, is_gone, parent
from tests.support.runs import SMALL_NETWORK, TINY, Answer, journal

Call = Callable[..., Answer]
pytestmark = pytest.mark.slow


def test_two_processes_train_test_score_and_agree(al: Call, here: Path, class_folders: Path) -> None:
    options = ["--data.root", class_folders, "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK, "--data.batch_size", 6]
    options += ["--budget.initial", 20, "--budget.query", 20, "--budget.cycles", 2]
    done = command(
        here, "fit", "--config", "small_image_folder_coreset", *options, "--trainer.devices", 2, "--run_dir", "two"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("area") == 1  # one process prints
    run = journal(here / "two")
    assert [cycle["labelled"] for cycle in run[1:]] == [6, 12, 18]
    for strategy in ("coreset", "entropy", "random"):
        chosen = [
            json.loads(
                command(
                    here, "query", "two", "--cycle", 1, "--acquisition", strategy, "--trainer.devices", processes
                ).stdout.splitlines()[-1]
            )
            for processes in (1, 2, 3)
        ]
        assert chosen[0] == chosen[1] == chosen[2]
        if strategy == "coreset":
            assert chosen[0] == run[2]["chosen"]
    # The same weights, tested by one process: delete what was measured, keep the weights, and go on with one.
    before = run[3]["metrics"]
    lines = (here / "two/cycles.jsonl").read_text().splitlines(keepends=True)
    (here / "two/cycles.jsonl").write_text("".join(lines[:-1]))
    (here / "two/cycle_02/metrics.json").unlink()
    again = al("fit", "--config", "small_image_folder_coreset", *options, "--run_dir", "two")
    assert again.code == 0, again.err
    assert journal(here / "two")[3]["metrics"] == before


def torchrun(*arguments: object) -> list[str]:
    line = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", free_port()]
    return [*line, "-m", "al_lightning", *map(str, arguments)]


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


SHORT = ["--steps", 6, "--budget.cycles", 1, "--data.batch_size", 8]


def test_all_launchers_are_the_same_code_path(here: Path) -> None:
    """Our own, torchrun, and SLURM's variables: two processes, one journal."""
    run = ["fit", "--config", "digits_entropy", *SHORT, "--run_dir"]
    environ = environment()
    assert command(here, *run, "own", "--trainer.devices", 2).returncode == 0
    done = subprocess.run(torchrun(*run, "torchrun"), cwd=here, capture_output=True, text=True, env=environ)
    assert done.returncode == 0, done.stderr
    port = free_port()
    tasks = [
        subprocess.Popen(
            [sys.executable, "-m", "al_lightning", *map(str, run), "slurm"],
            cwd=here,
            env={**environ, **slurm(rank, port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in (0, 1)
    ]
    out = [task.communicate(timeout=300)[0] for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], out
    assert out[1] == ""  # one process prints
    port = free_port()
    machines = [  # two machines by hand, as Lightning documents it; both are this one
        subprocess.Popen(
            [sys.executable, "-m", "al_lightning", *map(str, run), "machines", "--trainer.num_nodes", "2"],
            cwd=here,
            env={**environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "NODE_RANK": str(node)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for node in (0, 1)
    ]
    out = [machine.communicate(timeout=300)[0] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], out
    assert out[1] == ""
    own = journal(here / "own")
    assert [len(cycle["chosen"]) for cycle in own[1:]] == [20, 0]
    assert own == journal(here / "torchrun") == journal(here / "slurm") == journal(here / "machines")
    counts = [json.loads(line)["cost"]["processes"] for line in (here / "slurm/cycles.jsonl").open() if "cost" in line]
    assert counts == [2, 2]


def slurm(rank: int, port: str) -> dict[str, str]:
    """What srun sets for a job step of two tasks on one node."""
    return {
        "SLURM_JOB_ID": "4711",
        "SLURM_JOB_NAME": "al",
        "SLURM_STEP_ID": "0",
        "SLURM_NTASKS": "2",
        "SLURM_NNODES": "1",
        "SLURM_NODELIST": "localhost",
        "SLURM_PROCID": str(rank),
        "SLURM_LOCALID": str(rank),
        "SLURM_NODEID": "0",
        "MASTER_ADDR": "127.0.1.1",  # as a node's name may resolve
        "MASTER_PORT": port,
    }


@pytest.mark.parametrize("missing", ["SLURM_STEP_ID", None], ids=["sbatch", "salloc"])
def test_a_shell_that_slurm_opened_is_one_process(here: Path, missing: str | None) -> None:
    """SLURM_NTASKS counts the job's tasks; the shell of salloc may be a job step, of one task."""
    environ = {**environment(), **slurm(0, free_port()), "SLURM_NTASKS": "4", "SLURM_STEP_NUM_TASKS": "1"}
    environ.pop(missing or "", None)
    run = ["fit", "--config", "digits_random", *SHORT, "--trainer.devices", 1, "--run_dir", "r"]
    for arguments in (run, ["query", "r", "--cycle", 0]):
        line = [sys.executable, "-m", "al_lightning", *map(str, arguments)]
        done = subprocess.run(line, cwd=here, capture_output=True, text=True, env=environ, timeout=120)
        assert done.returncode == 0, done.stderr


def test_a_launcher_and_an_option_that_disagree(here: Path) -> None:
    environ = {**environment(), "TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "RANK": "0"}
    line = [sys.executable, "-m", "al_lightning", "fit", "--config", "digits_random", "--trainer.devices", "3"]
    done = subprocess.run(line, cwd=here, capture_output=True, text=True, env=environ, timeout=120)
    answer = Answer(done.returncode, done.stdout, done.stderr)
    assert refused(answer, UsageError, "torchrun", "devices = 2", "--trainer.devices", 3)


def test_under_torchrun_a_killed_process_ends_all_and_the_run_goes_on(here: Path) -> None:
    (here / "stages.py").write_text(STAGES)
    run = ["fit", "--config", "digits_random", *SHORT, "--acquisition", "stages.Choosing"]
    run += ["--trainer.callbacks", "stages.Watch", "--run_dir"]
    assert command(here, *run, "whole", "--trainer.devices", 2).returncode == 0
    agent = subprocess.Popen(
        torchrun(*run, "r"),
        cwd=here,
        env=environment(LINGER="fit/1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    await_stage(here, agent, 2)
    pids = [pid for pid, line in family(agent.pid) if "-m al_lightning" in line and parent(pid) == agent.pid]
    victim = next(pid for pid in pids if b"\0LOCAL_RANK=1\0" in Path(f"/proc/{pid}/environ").read_bytes())
    os.kill(victim, signal.SIGKILL)
    agent.communicate(timeout=60)
    assert agent.returncode != 0
    assert all(map(is_gone, pids))
    done = subprocess.run(torchrun(*run, "r"), cwd=here, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr
    assert journal(here / "r") == journal(here / "whole")


@pytest.mark.parametrize(("images", "query"), [(3, 1), (4, 3), (7, 5)])
def test_shards_that_are_empty_or_ragged(here: Path, images: int, query: int) -> None:
    """A pool and a test set smaller than processes x batch size, on 1, 2 and 3 processes."""
    draw = np.random.default_rng(0)
    for split, count in (("train", images), ("test", 2)):
        for name in ("a", "b"):
            (here / "data" / split / name).mkdir(parents=True)
            for number in range(count if name == "a" else 1):
                pixels = draw.integers(0, 255, (12, 12, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(here / "data" / split / name / f"{number}.png")
    options = ["--data.root", "data", "--data.size", "[12, 12]", *TINY, *SMALL_NETWORK, "--data.batch_size", 6]
    options += ["--data.eval_batch_size", 2, "--budget.unit", "images", "--budget.initial", 1]
    options += ["--budget.query", query, "--budget.cycles", 1]
    run = ["fit", "--config", "small_image_folder_coreset", *options, "--run_dir", "r"]
    assert command(here, *run).returncode == 0
    done = journal(here / "r")
    for processes in (1, 2, 3):
        answer = command(here, "query", "r", "--cycle", 0, "--trainer.devices", processes)
        assert answer.returncode == 0, answer.stderr
        assert json.loads(answer.stdout.splitlines()[-1]) == done[1]["chosen"]
        # The metrics again, from the same weights.
        lines = (here / "r/cycles.jsonl").read_text().splitlines(keepends=True)
        (here / "r/cycles.jsonl").write_text("".join(lines[:1]))
        for cycle in (0, 1):
            (here / f"r/cycle_{cycle:02d}/metrics.json").unlink()
        again = command(here, *run, "--trainer.devices", processes)
        assert again.returncode == 0, again.stderr
        assert journal(here / "r") == done


def test_the_health_of_a_cycle_is_the_same_on_any_number_of_processes(here: Path, masks: Path) -> None:
    """From the same weights: the bootstrap draws test images in their own order, whichever process counted them."""
    options = [*MASKS, "--data.classes", "[ground, box]", "--data.batch_size", 6, "--data.eval_batch_size", 3]
    options += ["--budget.unit", "images", "--budget.initial", 6, "--budget.cycles", 0, "--data.root", masks]
    run = ["fit", "--config", "mask_folder_random", *options, "--run_dir", "r"]
    assert command(here, *run, "--trainer.devices", 2).returncode == 0
    done = journal(here / "r")
    health = done[1]["health"]
    assert isinstance(health, dict)
    assert {"error", "guess", "train", "loss_start"} <= health.keys()
    for processes in (1, 3):
        lines = (here / "r/cycles.jsonl").read_text().splitlines(keepends=True)
        (here / "r/cycles.jsonl").write_text("".join(lines[:2]))
        (here / "r/cycle_00/metrics.json").unlink()
        again = command(here, *run, "--trainer.devices", processes)
        assert again.returncode == 0, again.stderr
        assert journal(here / "r") == done


def test_processes_that_see_other_images_are_told(here: Path) -> None:
    (here / "elsewhere.py").write_text(
        "import os\nfrom al_lightning.data import Digits\n\nclass Elsewhere(Digits):\n"
        "    def fingerprint(self):\n        return super().fingerprint() + os.environ.get('LOCAL_RANK', '0')\n"
    )
    run = ["fit", "--config", "digits_random", "--data", "elsewhere.Elsewhere", *SHORT, "--run_dir", "r"]
    done = command(here, *run, "--trainer.devices", 2)
    assert refused(Answer(done.returncode, done.stdout, done.stderr), DatasetError, "different images")
    assert done.stderr.count("different images") == 1


def test_a_process_that_does_not_reach_process_0_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    port = int(free_port())  # nobody listens there
    own = Processes(rank=1, count=2)
    monkeypatch.setattr("torch.distributed.new_group", lambda **_: None)
    monkeypatch.setattr(own, "once", lambda _: (port, b"key"))
    with raises(ALError, "Process 1 of 2", "process 0", "127.0.0.1", f"port {port}", "to go on"):
        own._connect("127.0.0.1", several_machines=False)


@pytest.mark.gpu
def test_collectives_run_on_the_device_of_the_process_group(here: Path) -> None:
    """NCCL gathers no CPU tensors: the same selection and metrics on one GPU as on the CPU, through NCCL."""
    environ = {**environment(), "RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
    environ |= {"TORCHELASTIC_RUN_ID": "x", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    run = ["fit", "--config", "digits_coreset", *SHORT, "--run_dir", "r", "--trainer.accelerator", "gpu"]
    devices = min(2, torch.cuda.device_count())
    assert command(here, *run, "--trainer.devices", devices, "--trainer.strategy", "ddp").returncode == 0
    chosen = journal(here / "r")[1]["chosen"]
    line = [sys.executable, "-m", "al_lightning", "query", "r", "--cycle", "0", "--trainer.strategy", "ddp"]
    gpu = subprocess.run(
        [*line, "--trainer.accelerator", "gpu"], cwd=here, capture_output=True, text=True, env=environ, timeout=300
    )
    cpu = command(here, "query", "r", "--cycle", 0, "--trainer.accelerator", "cpu")
    assert json.loads(gpu.stdout.splitlines()[-1]) == chosen, gpu.stderr
    assert len(set(json.loads(cpu.stdout.splitlines()[-1])) & set(chosen)) >= 18  # other kernels round differently
