"""What TensorBoard's files hold."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def events(folder: Path) -> EventAccumulator:
    everything = {"scalars": 0, "images": 0, "tensors": 0, "histograms": 0}
    return EventAccumulator(str(folder), size_guidance=everything).Reload()


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """All points of a folder, whose steps increase."""
    read = events(folder)
    found = {tag: [(p.step, p.value) for p in read.Scalars(tag)] for tag in read.Tags()["scalars"]}
    for tag, points in found.items():
        steps = [step for step, _ in points]
        assert steps == sorted(set(steps)), (folder, tag, steps)
    return found


def images_in(folder: Path) -> dict[str, list[tuple[int, bytes]]]:
    read = events(folder)
    return {tag: [(p.step, p.encoded_image_string) for p in read.Images(tag)] for tag in read.Tags()["images"]}


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def training_curves(run_dir: Path) -> dict[str, dict[str, list[tuple[int, float]]]]:
    return {str(folder.relative_to(run_dir)): scalars(folder) for folder in sorted(run_dir.glob("cycle_*/member_*"))}


def event_files(run_dir: Path) -> list[Path]:
    return sorted(run_dir.rglob("*tfevents*"))
