"""What a selection saw, for TensorBoard's projector: points, and whether each was labelled, chosen or neither."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from al_lightning.data.images import Images
from al_lightning.runs.files import write_atomic, write_text

MOST_POINTS = 2000


def write_points(
    folder: Path, cycle: int, index: npt.NDArray[np.int64], labelled: npt.NDArray[np.bool_],
    value: npt.NDArray[np.float32], chosen: Sequence[int], images: Images,
) -> None:  # fmt: skip
    """Write a cycle's points and what the projector says of each; of too many, an even sample and all the chosen.

    Args:
        folder: TensorBoard's.
        cycle: number of the cycle.
        index: (N,) positions.
        labelled: (N,) whether each was labelled.
        value: (N, K) embeddings.
        chosen: positions chosen, in order.
        images: the full training set.
    """
    place = {position: number for number, position in enumerate(chosen, start=1)}
    if len(index) > MOST_POINTS:
        keep = np.isin(index, list(place)[:MOST_POINTS])
        others = np.flatnonzero(~keep)
        room = MOST_POINTS - int(keep.sum())
        keep[others[np.linspace(0, len(others) - 1, room, dtype=np.int64)]] = True
        index, labelled, value = index[keep], labelled[keep], value[keep]
    lines = ["state\torder\tposition\tname"]
    for position, known in zip(index.tolist(), labelled.tolist(), strict=True):
        state = "labelled" if known else "chosen" if position in place else "candidate"
        name = " ".join(images.name(position).split())
        lines.append(f"{state}\t{place.get(position, '')}\t{position}\t{name}")
    points = np.ascontiguousarray(value, dtype="<f4")
    write_text(_says(folder, cycle), "\n".join(lines) + "\n")
    folder.mkdir(exist_ok=True)
    write_atomic(_points(folder, cycle), lambda file: file.write(points.tobytes()), make_folder=False)


def write_config(folder: Path, labelled: Sequence[int]) -> None:
    """Tell the projector which points there are.

    Args:
        folder: TensorBoard's.
        labelled: the number of labelled images in each cycle.
    """
    entries = []
    for cycle, count in enumerate(labelled):
        says, points = _says(folder, cycle), _points(folder, cycle)
        if says.is_file() and points.is_file():
            rows = says.read_text().count("\n") - 1
            entries.append(
                f'embeddings {{\n  tensor_name: "cycle {cycle}, {count} labelled"\n  tensor_path: "{points.name}"\n'
                f"  tensor_shape: {rows}\n  tensor_shape: {points.stat().st_size // 4 // rows}\n"
                f'  metadata_path: "{says.name}"\n}}\n'
            )
    path = folder / "projector_config.pbtxt"
    if entries:
        write_text(path, "".join(entries))
    else:
        path.unlink(missing_ok=True)


def forget_points(folder: Path, cycle: int) -> None:
    """Delete a cycle's points."""
    for path in (_says(folder, cycle), _points(folder, cycle)):
        path.unlink(missing_ok=True)


def _says(folder: Path, cycle: int) -> Path:
    return folder / f"embedding_{cycle:02d}.tsv"


def _points(folder: Path, cycle: int) -> Path:
    return folder / f"embedding_{cycle:02d}.bytes"
