"""The processes of a run: their number, and how they start, agree and end together."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.pytorch.strategies import DDPStrategy

from al_lightning.distributed.control_channel import Client, Server
from al_lightning.distributed.launched import tasks_of_srun, trainer_of
from al_lightning.distributed.shutdown import AGAIN, LAUNCHER, shutdown
from al_lightning.errors import ALError, UsageError

log = logging.getLogger(__name__)
T = TypeVar("T")
MACHINE = ("accelerator", "strategy", "devices", "num_nodes", "precision")
"""The Trainer's options that say where it runs."""
ENVIRONMENT = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "WORLD_SIZE", LAUNCHER)
PATIENCE = 15.0
"""Seconds after which a process that waits for others says so."""


class Processes:
    """This process among those of its run.

    With `devices` above 1 the first process of a machine starts the others there, unless torchrun or SLURM did. They
    run the same command, find LOCAL_RANK set, and join. Lightning's launcher does the same, but kills all processes
    without a message once one of them fails, and runs sys.argv, which may be another program's.
    """

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank = rank  # over all machines
        self.count = count
        self._group: Any = None
        self._line: Server | Client | None = None
        self._pending: tuple[Any, torch.Tensor] | None = None

    @classmethod
    @contextlib.contextmanager
    def of(cls, options: Mapping[str, Any], batch_size: int, command: Sequence[str]) -> Iterator[Processes]:
        """Find or start the processes that a configuration asks for; they end with the block.

        Args:
            options: what the configuration says under `trainer`.
            batch_size: global batch size of a training step; it must divide by the number of processes.
            command: arguments of the command line that does the same as this process.

        Raises:
            UsageError: Lightning refuses the options, or its strategy does not run in several processes.
        """
        before = {name: os.environ.get(name) for name in ENVIRONMENT}
        machine = {name: options[name] for name in MACHINE if options.get(name) is not None}
        trial = trainer_of(machine, logger=False, enable_checkpointing=False, enable_progress_bar=False)
        own = cls(trial.global_rank, trial.world_size)
        shutdown.join(own.rank, own.count)
        if own.count == 1:
            yield own
            return
        launcher = trial.strategy.launcher
        if not isinstance(trial.strategy, DDPStrategy) or launcher is None or launcher.is_interactive_compatible:
            raise UsageError(
                f"trainer.strategy {options.get('strategy')} is not one that several processes can use here; leave it "
                "out, or name a form of ddp, and call the command line rather than a notebook."
            )
        if batch_size % own.count:
            raise UsageError(
                f"data.batch_size is global and must divide by the number of processes: {batch_size} does not by "
                f"{own.count}."
            )
        environment = trial.strategy.cluster_environment
        assert environment is not None
        if not environment.creates_processes_externally:
            own._launch(environment, trial.num_devices, trial.num_nodes, command)
        try:
            with own._awaited(environment, trial.num_nodes):
                trial.strategy.setup_environment()
            # On one machine by its own address: the name that a cluster gives it may lead elsewhere.
            several = trial.num_nodes > 1
            own._connect(environment.main_address if several else "127.0.0.1", several)
            yield own
            own._end()
            shutdown.children.clear()
        except BaseException:
            if not shutdown.owns_process:  # else the process ends, and all others with it
                own._abandon()
            raise
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def _launch(self, environment: ClusterEnvironment, devices: int, nodes: int, command: Sequence[str]) -> None:
        """Start the other processes of this machine."""
        os.environ.update(
            MASTER_ADDR=environment.main_address,
            MASTER_PORT=str(environment.main_port),
            NODE_RANK=str(environment.node_rank()),
            LOCAL_RANK="0",
            WORLD_SIZE=str(devices * nodes),
        )
        for local in range(1, devices):
            child = subprocess.Popen(
                [sys.executable, "-m", "al_lightning", *command],
                env={**os.environ, "LOCAL_RANK": str(local), LAUNCHER: str(os.getpid())},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
            shutdown.adopt(self.rank + local, child)

    @contextlib.contextmanager
    def _awaited(self, environment: ClusterEnvironment, nodes: int) -> Iterator[None]:
        """Say for whom this process waits where the block, in which all processes meet, takes long.

        Processes that this one started on its own machine are watched already.
        """

        def tell() -> None:
            if text := self._missing(environment):
                log.warning("%s", text)

        timer = threading.Timer(PATIENCE, tell)
        timer.daemon = True
        if environment.creates_processes_externally or nodes > 1:
            timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _missing(self, environment: ClusterEnvironment) -> str:
        """Return a sentence about the processes that are awaited; "" where process 0 says it."""
        me = f"Process {self.rank} of {self.count} waits for"
        if self.rank:
            host, port = environment.main_address, environment.main_port
            with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=5):
                return ""
            return f"{me} process 0, which does not answer at {host}, port {port}."
        if "TORCHELASTIC_RUN_ID" in os.environ:
            who, way = "torchrun", "see that torchrun runs on every machine"
        elif tasks_of_srun() > 1:
            who = f"srun (SLURM_NTASKS={self.count})"
            way = "if this shell is the only process, begin the command with srun, or unset SLURM_STEP_ID"
        else:
            who = "the command on other machines (NODE_RANK, --trainer.num_nodes)"
            way = "see that it runs there, with the same MASTER_ADDR and MASTER_PORT"
        return f"{me} the {self.count - 1} other(s) that {who} starts; {way}."

    def _connect(self, host: str, several_machines: bool) -> None:
        """Open a process group on the CPU, whatever the devices, and the control channel."""
        # A long selection on one process keeps the others waiting here.
        self._group = dist.new_group(backend="gloo", timeout=timedelta(days=7))
        if self.rank == 0:
            key = secrets.token_bytes(32)
            server = Server(self.count - 1, key, shutdown.receive, everywhere=several_machines)
            self._line = server
            self.once(lambda: (server.port, key))
        else:
            port, key = self.once(lambda: (0, b""))
            try:
                self._line = Client(host, port, key, self.rank, shutdown.receive)
            except ConnectionError as error:
                raise ALError(
                    f"Process {self.rank} of {self.count} cannot reach process 0 ({error}); see that it runs and that "
                    f"nothing between the two closes its ports, then {AGAIN}."
                ) from error
        shutdown.connect(self._line.send)

    def _end(self) -> None:
        """Shut the process group down in order, so that no other process mistakes the exit for a crash."""
        dist.barrier(group=self._group)
        shutdown.disconnect()
        dist.barrier(group=self._group)
        if self._line is not None:
            self._line.close()
        dist.destroy_process_group()
        for child in shutdown.children.values():
            child.wait()

    def _abandon(self) -> None:
        """End the run's other processes and connections in a process that continues without the run."""
        shutdown.disconnect()
        for child in shutdown.children.values():
            child.kill()
            child.wait()
        if self._line is not None:
            self._line.close()
        if dist.is_initialized():
            dist.destroy_process_group()

    def once(self, compute: Callable[..., T], *arguments: Any) -> T:
        """Compute on process 0 and return its result on all processes; an error is raised on all of them."""
        if self.count == 1:
            return compute(*arguments)
        answer: list[Any] = [None, None]
        problem: Exception | None = None
        if self.rank == 0:
            try:
                answer[1] = compute(*arguments)
            except Exception as error:  # the error itself may not be picklable
                problem = error
                kind = type(error) if type(error).__module__ == ALError.__module__ else ALError
                answer[0] = kind, str(error)
        dist.broadcast_object_list(answer, src=0, group=self._group)
        if problem is not None:
            raise problem
        if answer[0] is not None:
            kind, text = answer[0]
            raise kind(text)
        return answer[1]  # type: ignore[no-any-return]

    def all_agree(self, value: object) -> bool:
        """Whether a value is the same on all processes."""
        if self.count == 1:
            return True
        values: list[Any] = [None] * self.count
        dist.all_gather_object(values, value, group=self._group)
        return all(other == value for other in values)

    def stop_after_this_step(self) -> bool:
        """Whether all processes are to stop now; all of them call this after each step.

        The answer is that of the step before, so that no process waits for the others.
        """
        if self.count == 1:
            return shutdown.asked is not None
        stop = self._collect()
        flag = torch.tensor([shutdown.asked is not None], dtype=torch.int32)
        self._pending = dist.all_reduce(flag, dist.ReduceOp.MAX, self._group, async_op=True), flag
        return stop

    def stop_now(self) -> bool:
        """Whether all processes are to stop; all of them call this at the end of a chunk, and wait for each other."""
        earlier = self._collect()
        if self.count == 1:
            return shutdown.asked is not None
        flag = torch.tensor([earlier or shutdown.asked is not None], dtype=torch.int32)
        dist.all_reduce(flag, dist.ReduceOp.MAX, self._group)
        return bool(flag)

    def _collect(self) -> bool:
        if self._pending is None:
            return False
        work, flag = self._pending
        self._pending = None
        work.wait()
        return bool(flag)
