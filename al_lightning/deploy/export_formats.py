"""Formats of model files, and their execution: TorchScript, ONNX, and a state dict."""

from __future__ import annotations

import contextlib
import copy
import io
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from al_lightning.data.images import Array
from al_lightning.errors import ALError
from al_lightning.networks.base import Network

TOLERANCE = 1e-4
"""Largest allowed difference of a probability."""
SHAPES = ((13, 22), (32, 8))
"""Pixels added to height and width to try a file at other sizes; not all are multiples of a network's stride."""
Floats = npt.NDArray[np.float32]
Infer = Callable[[Floats], Floats]


class Deployed(nn.Module):
    """A network that normalises images itself and returns probabilities.

    Args:
        network: in evaluation mode; it is copied without its loss predictor.
        mean: (3, 1, 1), mean of each channel, on a scale of 0 to 1.
        std: (3, 1, 1), standard deviation of each channel.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: Network, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
        self.network.loss_predictor = None
        self.register_buffer("mean", mean.clone())
        self.register_buffer("std", std.clone())
        self.requires_grad_(False).eval()

    def forward(self, image: Tensor) -> Tensor:
        """Map (B, 3, H, W) float32 RGB, 0 to 1, to probabilities, (B, C) or (B, C, H, W) float32."""
        return torch.softmax(self.network((image - self.mean) / self.std).logits, dim=1)


@dataclass(frozen=True)
class Made:
    """A model file's content, and a function that runs it.

    Attributes:
        content: content of the file.
        run: maps (B, 3, H, W) float32 images, 0 to 1, to probabilities, with a model read from the content.
        sizes: whether the file accepts images of any size.
    """

    content: bytes
    run: Infer
    sizes: bool


def larger(largest: float, got: Floats, wanted: Floats) -> float:
    """Return the larger of a number and the largest difference of two arrays; infinite where their shapes differ."""
    if got.shape != wanted.shape:
        return float("inf")
    return float(np.maximum(largest, np.abs(got - wanted).max()))  # keeps NaN


def floats(images: Array) -> Floats:
    """Return (B, H, W, 3) uint8 images as (B, 3, H, W) float32 from 0 to 1."""
    floats: Floats = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.float32) / np.float32(255)
    return floats


def takes_any_size(run: Infer, deployed: Deployed, images: Array) -> bool:
    """Return whether a file gives the network's probabilities for images of other sizes than the traced one."""
    for more in SHAPES:
        high, wide = (size + plus for size, plus in zip(images.shape[1:3], more, strict=True))
        other = floats(np.resize(images[:2], (2, high, wide, 3)))
        try:
            with torch.no_grad():
                wanted = deployed(torch.from_numpy(other)).numpy()
            if not larger(0.0, run(other), wanted) <= TOLERANCE:
                return False
        except Exception:  # each runtime has its own errors; all mean that the size is not accepted
            return False
    return True


def _example(images: Array) -> Tensor:
    """Return a batch to trace: two images, since a batch of 1 becomes a constant; black, since the file may keep it."""
    return torch.zeros(2, 3, *images.shape[1:3])


def torchscript(deployed: Deployed, images: Array) -> Made:
    """Return a traced network; most traced networks accept images of any size."""
    buffer = io.BytesIO()
    with torch.no_grad():
        traced = torch.jit.trace(deployed, (_example(images),), check_trace=False)  # type: ignore[no-untyped-call]
        torch.jit.save(traced, buffer)
    content = _without_sources(buffer)
    module = torch.jit.load(io.BytesIO(content), map_location="cpu")  # type: ignore[no-untyped-call]

    def run(batch: Floats) -> Floats:
        with torch.no_grad():
            return module(torch.from_numpy(batch)).numpy()  # type: ignore[no-any-return]

    return Made(content, run, takes_any_size(run, deployed, images))


def _without_sources(file: BinaryIO) -> bytes:
    """Return a TorchScript file without paths and lines of Python code."""
    kept = io.BytesIO()
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(kept, "w", zipfile.ZIP_STORED) as fewer:
        for name in archive.namelist():
            if not name.endswith(".debug_pkl"):
                fewer.writestr(archive.getinfo(name), archive.read(name))  # keeps the member's date
    return kept.getvalue()


def onnx(deployed: Deployed, images: Array, any_size: bool) -> Made:
    """Return a network as ONNX, for images of any size where that is requested and possible, else of the run's size."""
    if any_size:
        with contextlib.suppress(Exception):  # of exporter and runtime; the caller tells the user that sizes are fixed
            content = _onnx_of(deployed, images, sizes=True)
            run = _onnx_run(content)
            if takes_any_size(run, deployed, images):
                return Made(content, run, True)
    try:
        content = _onnx_of(deployed, images, sizes=False)
        return Made(content, _onnx_run(content), False)
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ALError(f"The network cannot be exported as ONNX ({type(error).__name__}: {reason}).") from error


def _onnx_of(deployed: Deployed, images: Array, sizes: bool) -> bytes:
    axes = {0: "batch", 2: "height", 3: "width"} if sizes else {0: "batch"}
    # The exporter prints its progress.
    with torch.no_grad(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        program = torch.onnx.export(
            deployed,
            (_example(images),),
            input_names=["image"],
            output_names=["probabilities"],
            dynamic_shapes=(axes,),
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ALError("the exporter returned nothing")
    model = program.model_proto
    _strip(model)
    return bytes(model.SerializeToString())


def _strip(message: Any) -> None:
    """Remove the notes in all parts of a protocol buffer: they have paths and lines of Python code."""
    for field, value in message.ListFields():
        if field.name in ("metadata_props", "doc_string"):
            message.ClearField(field.name)
        elif field.message_type is not None:
            for part in value if isinstance(value, Iterable) else (value,):
                _strip(part)


def _onnx_run(content: bytes) -> Infer:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(["probabilities"], {"image": batch})[0]


def state_dict(deployed: Deployed) -> Made:
    """Return the network's tensors; its `run` uses a copy of the network with the saved tensors."""
    buffer = io.BytesIO()
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in deployed.network.state_dict().items()}
    torch.save(plain, buffer)
    buffer.seek(0)
    read = torch.load(buffer, map_location="cpu", weights_only=True)
    fresh = Deployed(deployed.network, deployed.mean, deployed.std)
    for tensor in fresh.network.state_dict().values():  # so that only saved tensors can give the right result
        tensor.zero_()
    fresh.network.load_state_dict(read)

    def run(batch: Floats) -> Floats:
        with torch.no_grad():
            return fresh(torch.from_numpy(batch)).numpy()  # type: ignore[no-any-return]

    return Made(buffer.getvalue(), run, True)
