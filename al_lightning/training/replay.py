"""A network's passes as CUDA graphs: recorded at the first step of a fit, then replayed by one launch each.

A small network is over on a GPU sooner than Python can issue its next operation. The kernels are the same ones, in the
same order, so that nothing changes but the time between them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from al_lightning.errors import UsageError
from al_lightning.networks.base import Network
from al_lightning.types import NetworkOutput

WARM_UP = 3
"""Passes before the recording, in which cuDNN chooses its kernels."""


@dataclass
class Recording:
    """Both passes for one shape of image, and the memory that they read and write each time.

    Attributes:
        image: the input, (B, 3, H, W).
        outputs: what the forward pass writes.
        given: the gradient of each output, which the backward pass reads.
        gradients: the gradient of each parameter; None for one that plays no part.
        forward: the forward pass.
        backward: the backward pass.
    """

    image: Tensor
    outputs: tuple[Tensor, ...]
    given: tuple[Tensor, ...]
    gradients: tuple[Tensor | None, ...]
    forward: torch.cuda.CUDAGraph
    backward: torch.cuda.CUDAGraph


class _Replayed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, recording: Recording, image: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        ctx.recording = recording
        recording.image.copy_(image)
        recording.forward.replay()
        return tuple(output.detach() for output in recording.outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        recording: Recording = ctx.recording
        for place, gradient in zip(recording.given, gradients, strict=True):
            place.copy_(gradient)
        recording.backward.replay()
        return None, None, *(None if own is None else own.detach() for own in recording.gradients)


class Replay(Callback):
    """Stands in for a network's `forward` while it is trained.

    Each pass of a step has a recording of its own, since what one has written is needed until its gradients are there.
    Passes without gradients, and those on images of another shape than recorded, go their usual way or are recorded
    too.

    Args:
        network: the network.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self._plain: Callable[[Tensor], NetworkOutput] = network.forward
        self._recordings: dict[tuple[Any, ...], Recording] = {}
        self._parameters: list[nn.Parameter] = []
        self._turn = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the place of `forward`; the network is on its device by now."""
        self._parameters = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.network.forward = self  # type: ignore[method-assign]

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Begin with the first pass again."""
        self._turn = 0

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the place back; the recordings' memory is freed."""
        self._recordings = {}
        self.network.__dict__.pop("forward", None)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the place back."""
        self.on_train_end(trainer, pl_module)

    def __call__(self, image: Tensor) -> NetworkOutput:
        """Return what the network says about images, (B, 3, H, W) float32 on a GPU."""
        if not (self.network.training and torch.is_grad_enabled() and image.is_cuda and not image.requires_grad):
            return self._plain(image)
        predictor = self.network.loss_predictor
        key = (
            self._turn,
            image.shape,
            image.stride(),
            torch.is_autocast_enabled("cuda"),
            predictor is not None and predictor.stop_gradient,
        )
        self._turn += 1
        if key not in self._recordings:
            self._recordings[key] = self._record(image)
        return NetworkOutput(*_Replayed.apply(self._recordings[key], image, *self._parameters))

    def _tensors(self, image: Tensor) -> tuple[Tensor, ...]:
        return tuple(part for part in self._plain(image) if part is not None)

    def _record(self, image: Tensor) -> Recording:
        """Record both passes; neither buffers nor random numbers are further than before."""
        device, current = image.device, torch.cuda.current_stream(image.device)
        buffers = list(self.network.buffers())
        before = [buffer.clone() for buffer in buffers]
        drawn = torch.cuda.get_rng_state(device)
        shown = image.clone()
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        pool = torch.cuda.graph_pool_handle()
        forward, backward = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        # Weights cast to a lower precision must be cast at each replay, not once.
        low = torch.autocast(
            "cuda", torch.get_autocast_dtype("cuda"), torch.is_autocast_enabled("cuda"), cache_enabled=False
        )
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                with low:
                    outputs = self._tensors(shown)
                self._gradients(outputs, tuple(map(torch.zeros_like, outputs)))
        current.wait_stream(stream)
        del outputs
        # Other threads may go on taking pinned memory meanwhile.
        with torch.cuda.graph(forward, pool, stream, capture_error_mode="thread_local"), low:
            outputs = self._tensors(shown)
        given = tuple(map(torch.zeros_like, outputs))
        with torch.cuda.graph(backward, pool, stream, capture_error_mode="thread_local"):
            gradients = self._gradients(outputs, given)
        with torch.no_grad():
            for buffer, old in zip(buffers, before, strict=True):
                buffer.copy_(old)
        torch.cuda.set_rng_state(drawn, device)
        return Recording(shown, tuple(output.detach() for output in outputs), given, gradients, forward, backward)

    def _gradients(self, outputs: tuple[Tensor, ...], given: tuple[Tensor, ...]) -> tuple[Tensor | None, ...]:
        return torch.autograd.grad(outputs, self._parameters, given, allow_unused=True)


def replay(network: Network, device: torch.device, processes: int) -> Replay:
    """Return the callback, where it can work.

    Raises:
        UsageError: there is no GPU, or more than one process.
    """
    if device.type != "cuda":
        raise UsageError(
            f"--compile cuda-graphs is for a GPU, and this fit runs on {device.type}; take --trainer.accelerator gpu, "
            "or another way to compile."
        )
    if processes > 1:
        raise UsageError(
            "--compile cuda-graphs is for one process; leave it out with several, or take --trainer.devices 1."
        )
    return Replay(network)
