"""Export of a finished cycle's network to a file for other programs, checked against the network before writing."""

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
"""Number of the run's images on which a file is checked, at batch sizes 1 and 3."""


@dataclass(frozen=True)
class Exported:
    """The files of an export.

    Attributes:
        path: the model file.
        description: the JSON file beside it.
        difference: largest difference from the network's own probabilities.
        images: number of the run's images that the model file was checked on.
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
    say: Callable[[str], object],
    fixed_size: bool,
) -> Exported:
    """Write a network to a model file, with a description in a JSON file beside it.

    Args:
        predictor: has the network, on the CPU.
        run: the run that trained the network.
        cycle: the cycle that trained the network.
        form: format of the model file.
        out: the model file; the JSON file is `out` with `.json` added.
        say: called with notes for the user.
        fixed_size: accept only images of the run's size in ONNX; for other sizes some networks take minutes to export.

    Raises:
        ALError: the file does not give the network's probabilities, and is not written; or it cannot be written.
        DatasetError: the run's images, on which the file is checked, cannot be read.
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
    if not difference <= TOLERANCE:  # true for NaN
        raise ALError(
            f"The {form} of {run.directory}, cycle {cycle.cycle}, gives other probabilities than the network (by up to "
            f"{difference:.1e}, where {TOLERANCE:.0e} is allowed), so no file was written; try another --format."
        )
    if any_size and not made.sizes:
        say(
            f"note: this network cannot be exported for images of any size; the file takes {images.shape[1]} x "
            f"{images.shape[2]} (height x width)"
        )
    description = out.with_name(f"{out.name}.json")
    content = _description(predictor, run, cycle, form, images, made.sizes)
    # The model file comes last, so that it is never without its description.
    write_text(description, json.dumps({**content, "largest_difference": difference}, indent=2) + "\n")
    write_atomic(out, lambda file: file.write(made.content))
    return Exported(out, description, difference, len(images))


def _some_images(predictor: Predictor) -> Array:
    """Return images of the run's test set, else of its pool, all of one size, (3, H, W, 3) uint8; some may repeat."""
    data = predictor.data
    images = data.test if len(data.test) else data.train
    if not len(images):
        raise DatasetError(f"There are no images in {data.root} to check the file on.")
    spread = np.linspace(0, len(images) - 1, min(len(images), 10 * CHECKED)).round().astype(int)
    read = [images.image(int(index)) for index in spread]
    same_size = [image for image in read if image.shape == read[0].shape]
    return np.stack([same_size[pick] for pick in np.linspace(0, len(same_size) - 1, CHECKED).round().astype(int)])


def _difference(run: Infer, predictor: Predictor, images: Array) -> float:
    """Return the largest difference from `predict`'s probabilities, over all images at batch sizes 1 and 3."""
    largest = 0.0
    for batch in (images, *(images[place : place + 1] for place in range(len(images)))):
        wanted = torch.softmax(predictor.logits(batch), dim=1).cpu().numpy()
        largest = larger(largest, run(floats(batch)), wanted)
    return largest


def _description(
    predictor: Predictor, run: Run, cycle: CycleRecord, form: Format, images: Array, sizes: bool
) -> dict[str, Any]:
    """Return the description of a model file, plain data."""
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
        about["network"] = predictor.network_settings
        given = predictor.network_settings.get("init_args") or {}
        if "loss_predictor" in given:  # the state dict has none
            about["network"] = {**predictor.network_settings, "init_args": {**given, "loss_predictor": False}}
    return about
