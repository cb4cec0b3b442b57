"""A finished cycle's network as a file that others can run, checked against the network before it is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from al_lightning.config.experiment import versions
from al_lightning.data.images import Array
from al_lightning.deploy.export_formats import TOLERANCE, Deployed, Infer, floats, larger, onnx, state_dict, torchscript
from al_lightning.deploy.predictor import Predictor
from al_lightning.drawing import palette
from al_lightning.errors import ALError, DatasetError
from al_lightning.runs.files import write_atomic, write_text
from al_lightning.runs.journal import CycleRecord, Run
from al_lightning.runs.weights import check_at

Format = Literal["torchscript", "onnx", "state-dict"]
CHECKED = 3
"""Images of the run on which a file is checked: at batch sizes 1 and 3."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the file.
        description: the JSON beside it.
        difference: largest difference from the network's own probabilities.
        images: number of images of the run that it was checked on.
    """

    path: Path
    description: Path
    difference: float
    images: int


def export(
    predictor: Predictor,
    run: Run,
    cycle: CycleRecord,
    form: Format,
    out: Path,
    say: Callable[[str], object] = lambda text: None,
    fixed_size: bool = False,
) -> Exported:
    """Write a network into a file, and what one has to know of it beside it.

    Args:
        predictor: holds the network, on the CPU.
        run: that trained it.
        cycle: that trained it.
        form: of the file.
        out: the file; the JSON is `out` with `.json` behind it.
        say: told what the user should know.
        fixed_size: whether ONNX need take images of the run's size alone; some networks take minutes otherwise.

    Raises:
        ALError: the file does not give what the network gives, and is not written; or it cannot be.
        DatasetError: the run's images, on which it is checked, cannot be read.
    """
    images = _some_images(predictor)
    deployed = Deployed(predictor.network, predictor.data.mean, predictor.data.std)
    any_size = not fixed_size and (predictor.network.predicts == "pixel" or predictor.size is None)
    if form == "torchscript":
        made = torchscript(deployed, images)
    elif form == "onnx":
        made = onnx(deployed, images, any_size)
    else:
        made = state_dict(deployed)
    difference = _difference(made.run, predictor, images)
    if not difference <= TOLERANCE:  # NaN neither
        raise ALError(
            f"The {form} of {run.directory}, cycle {cycle.cycle}, gives other probabilities than the network (by up to "
            f"{difference:.1e}, where {TOLERANCE:.0e} is let pass), so that no file was written; try another --format."
        )
    if any_size and not made.sizes:
        say(
            f"note: this network cannot be exported for images of any size; the file takes {images.shape[1]} x "
            f"{images.shape[2]} (height x width)"
        )
    description = out.with_name(f"{out.name}.json")
    content = _description(predictor, run, cycle, form, images, made.sizes)
    # The model last: where it is, its description is too.
    write_text(description, json.dumps({**content, "largest_difference": difference}, indent=2) + "\n")
    write_atomic(out, lambda file: file.write(made.content))
    return Exported(out, description, difference, len(images))


def _some_images(predictor: Predictor) -> Array:
    """Return images of the run's test set, else of its pool, all of one size, (3, H, W, 3) uint8.

    Where there are not so many of one size, some come again.
    """
    data = predictor.data
    images = data.test if len(data.test) else data.train
    if not len(images):
        raise DatasetError(f"There are no images in {data.root} on which the file could be checked.")
    found: list[Array] = []
    for index in np.linspace(0, len(images) - 1, min(len(images), 10 * CHECKED)).round().astype(int):
        image = images.image(int(index))
        if not found or image.shape == found[0].shape:
            found.append(image)
    picks = np.linspace(0, len(found) - 1, CHECKED).round().astype(int)
    return np.stack([found[pick] for pick in picks])


def _difference(run: Infer, predictor: Predictor, images: Array) -> float:
    """Return the largest difference from what `predict` computes, over all images at batch sizes 1 and 3."""
    largest = 0.0
    for batch in (images, *(images[place : place + 1] for place in range(len(images)))):
        wanted = torch.softmax(predictor.logits(batch), dim=1).cpu().numpy()
        largest = larger(largest, run(floats(batch)), wanted)
    return largest


def _description(
    predictor: Predictor, run: Run, cycle: CycleRecord, form: Format, images: Array, sizes: bool
) -> dict[str, Any]:
    """Return what one has to know to use the file."""
    data, per_pixel = predictor.data, predictor.network.predicts == "pixel"
    high, wide = images.shape[1:3]
    free = ["height", "width"] if sizes else [high, wide]
    image = {"name": "image", "shape": ["batch", 3, *free], "dtype": "float32", "channels": "RGB", "range": [0, 1]}
    probabilities = {
        "name": "probabilities",
        "shape": ["batch", data.num_classes, *(free if per_pixel else [])],
        "dtype": "float32",
        "range": [0, 1],
    }
    more = {name: version(name) for name in ("onnx", "onnxscript", "onnxruntime")} if form == "onnx" else {}
    about: dict[str, Any] = {
        "format": form,
        "task": "segmentation" if per_pixel else "classification",
        "inputs": [image],
        "outputs": [probabilities],
        "normalised_inside": True,
        "class_names": list(data.class_names),
        "colours": palette(data.num_classes).tolist(),
        "mean": data.mean.flatten().tolist(),
        "std": data.std.flatten().tolist(),
        "size": list(predictor.size) if predictor.size else None,
        "size_of_checked_images": [high, wide],
        "resize": "bilinear with antialiasing, to `size` (height, width), before the network"
        if predictor.size
        else None,
        "versions": {**versions(), **more},
        "run": {
            "name": run.record.name,
            "seed": run.record.seed,
            "config_sha256": run.record.config_sha256,
            "journal_check": check_at(run.directory, cycle.cycle),
            **{key: value for key, value in asdict(cycle).items() if key in ("cycle", "labelled", "metrics")},
        },
    }
    if form == "state-dict":
        about["normalised_inside"] = False
        about["inputs"] = [{**image, "range": "(0 to 1 - mean) / std"}]
        about["outputs"] = [{**probabilities, "name": "logits", "range": "unnormalised; softmax makes probabilities"}]
        about["network"] = _without_loss_predictor(predictor.network_settings)
    return about


def _without_loss_predictor(settings: dict[str, Any]) -> dict[str, Any]:
    """Return a network's settings such that the state dict, which has no loss predictor, fills what they make."""
    given = settings.get("init_args") or {}
    return {**settings, "init_args": {**given, "loss_predictor": False}} if "loss_predictor" in given else settings
