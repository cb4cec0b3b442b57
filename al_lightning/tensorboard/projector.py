"""Files for TensorBoard's projector: embeddings of a selection, and the state of each image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from al_lightning.data.images import Images
from al_lightning.inspect.embedding_map import sampled
from al_lightning.runs.files import write_atomic, write_text

MOST_POINTS = 2000


def write_points(
    folder: Path, cycle: int, index: npt.NDArray[np.int64], labelled: npt.NDArray[np.bool_],
    value: npt.NDArray[np.float32], chosen: Sequence[int], images: Images,
) -> None:  # fmt: skip
    """Write a cycle's points and their metadata; at most `MOST_POINTS`, the chosen images and an even sample.

    Args:
        folder: TensorBoard's.
        cycle: number of the cycle.
        index: (N,) positions.
        labelled: (N,) whether each image was labelled.
        value: (N, K) embeddings.
        chosen: positions of the chosen images, in order.
        images: the full training set.
    """
    rank = {position: number for number, position in enumerate(chosen, start=1)}
    keep = np.isin(index, sampled(index, chosen, MOST_POINTS))
    index, labelled, value = index[keep], labelled[keep], value[keep]
    lines = ["state\torder\tposition\tname"]
    for position, known in zip(index.tolist(), labelled.tolist(), strict=True):
        state = "labelled" if known else "chosen" if position in rank else "candidate"
        name = " ".join(images.name(position).split())
        lines.append(f"{state}\t{rank.get(position, '')}\t{position}\t{name}")
    points = np.ascontiguousarray(value, dtype="<f4")
    metadata, vectors = _files(folder, cycle)
    write_text(metadata, "\n".join(lines) + "\n")
    folder.mkdir(exist_ok=True)
    write_atomic(vectors, lambda file: file.write(points.tobytes()), make_folder=False)


def write_config(folder: Path, labelled: Sequence[int]) -> None:
    """Write the projector's list of points; `labelled` is the number of labelled images in each cycle."""
    entries = []
    for cycle, count in enumerate(labelled):
        metadata, vectors = _files(folder, cycle)
        if metadata.is_file() and vectors.is_file():
            rows = metadata.read_text().count("\n") - 1
            entries.append(
                f'embeddings {{\n  tensor_name: "cycle {cycle}, {count} labelled"\n  tensor_path: "{vectors.name}"\n'
                f"  tensor_shape: {rows}\n  tensor_shape: {vectors.stat().st_size // 4 // rows}\n"
                f'  metadata_path: "{metadata.name}"\n}}\n'
            )
    path = folder / "projector_config.pbtxt"
    if entries:
        write_text(path, "".join(entries))
    else:
        path.unlink(missing_ok=True)


def forget_points(folder: Path, cycle: int) -> None:
    """Delete a cycle's points."""
    for path in _files(folder, cycle):
        path.unlink(missing_ok=True)


def _files(folder: Path, cycle: int) -> tuple[Path, Path]:
    """Return the files of a cycle's metadata and vectors."""
    return folder / f"embedding_{cycle:02d}.tsv", folder / f"embedding_{cycle:02d}.bytes"
