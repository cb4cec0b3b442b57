"""TensorBoard's files: what a cycle's metrics look like there, and how they are written. The journal is the truth.

Tags: `curve/miou` for a metric, `curve/iou/road` for a class-wise one, against the number of labelled images.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from al_lightning.results.curves import curve_of
from al_lightning.runs.files import write_atomic
from al_lightning.runs.journal import CycleRecord, Run

FORMAT = 3
"""Part of each event file's name: views that are made in another way than before are made again."""


def scalar(tag: str, value: float) -> Any:
    """Return a point of a curve."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary.Value(tag=tag, simple_value=value)


def picture(tag: str, encoded: bytes, height: int, width: int) -> Any:
    """Return a picture.

    Args:
        tag: its name.
        encoded: the content of a JPEG or PNG file.
        height: in pixels.
        width: in pixels.
    """
    from tensorboard.compat.proto.summary_pb2 import Summary

    shown = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=encoded)
    return Summary.Value(tag=tag, image=shown)


def histogram(tag: str, numbers: npt.NDArray[np.float32]) -> Any:
    """Return a histogram of (N,) numbers."""
    from tensorboard.plugins.histogram.summary_v2 import histogram_pb

    return histogram_pb(tag, numbers.astype(np.float64)).value[0]


def curve_points(record: CycleRecord, class_names: Sequence[str]) -> dict[str, float]:
    """Return a cycle's metrics by tag; class-wise ones by the name of the class, without those of absent classes."""
    points: dict[str, float] = {}
    for name, value in record.metrics.items():
        if isinstance(value, float):
            points[f"curve/{name}"] = value
        elif isinstance(value, list) and len(value) == len(class_names):
            short = name.removeprefix("class_")
            named = zip(class_names, value, strict=True)
            points.update({f"curve/{short}/{label}": part for label, part in named if part is not None})
    return points


def layout(record: CycleRecord) -> Any:
    """Return the layout of TensorBoard's custom scalars.

    A chart per metric, all runs in it, and one of all classes; then what the batches repeat.
    """
    # The plugin's own function for this wants TensorFlow; the message is a string with a tag of the plugin's.
    from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_TENSOR, Summary
    from tensorboard.plugins.custom_scalar import layout_pb2, metadata
    from tensorboard.util.tensor_util import make_tensor_proto

    def chart(title: str, tag: str) -> Any:
        return layout_pb2.Chart(title=title, multiline=layout_pb2.MultilineChartContent(tag=[tag]))

    charts = []
    for name, value in record.metrics.items():
        if isinstance(value, float):
            charts.append(chart(name, f"^curve/{re.escape(name)}$"))
        elif isinstance(value, list):
            charts.append(chart(f"{name}, all classes", f"^curve/{re.escape(name.removeprefix('class_'))}/"))
    category = layout_pb2.Category(title="metrics against the number of labelled images", chart=charts)
    chosen = layout_pb2.Category(
        title="what was chosen, against the number of labelled images",
        chart=[
            chart("near-duplicates within the batch, a share", "^selection/near_duplicates$"),
            chart("the same of random batches", "^selection/near_duplicates_random$"),
        ],
    )
    about = metadata.create_summary_metadata()
    about.data_class = DATA_CLASS_TENSOR
    text = layout_pb2.Layout(category=[category, chosen]).SerializeToString()
    return Summary.Value(tag=metadata.CONFIG_SUMMARY_TAG, metadata=about, tensor=make_tensor_proto(text))


def event_file(folder: Path, place: int, content: object) -> Path:
    """Return the path of the event file that shows some content.

    The name holds the content's hash, so that a file that is there need not be made again; files are read in the order
    of their names, and by that of their places.
    """
    digest = hashlib.sha256(json.dumps([FORMAT, content], sort_keys=True).encode()).hexdigest()[:12]
    return folder / f"events.out.tfevents.{place:010d}.{digest}"


def write_events(path: Path, step: int, values: Iterable[Any]) -> None:
    """Write an event file with one point of each tag; a reader sees all of it or nothing."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    now = time.time()
    events = [Event(wall_time=now, file_version="brain.Event:2")]
    events += [Event(wall_time=now, step=step, summary=Summary(value=[value])) for value in values]

    def write(file: Any) -> None:
        records = RecordWriter(file)
        for event in events:
            records.write(event.SerializeToString())

    # Under a name that TensorBoard does not take for an event file, as it would `.events.out.tfevents...tmp`.
    whole = path.with_name(f"{path.name.rsplit('.', 1)[-1]}.new")
    whole.parent.mkdir(exist_ok=True)  # not its parents: the run's directory may have been deleted
    write_atomic(whole, write, make_folder=False)
    os.replace(whole, path)


def drop_events(folder: Path, keep: Iterable[Path] = ()) -> None:
    """Delete the event files of a folder, and what an interrupted write left; `keep` names those that stay."""
    kept = set(keep)
    for path in [*folder.glob("events.out.tfevents.*"), *folder.glob("*.new")]:
        if path not in kept:
            path.unlink(missing_ok=True)


def write_final(folder: Path, run: Run, settings: Mapping[str, Any]) -> None:
    """Write a finished run's settings and final metrics for TensorBoard's table of hyper-parameters.

    In a folder of their own: the table takes every tag of the folder for a metric. Seeds of one experiment make one
    line, with their mean.

    Args:
        folder: for the event file; older ones are replaced.
        run: the run, at least one cycle of it.
        settings: what bears on results, by dotted key.
    """
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    last, curve = run.cycles[-1], curve_of(run)
    numbers = {name: value for name, value in last.metrics.items() if isinstance(value, float)}
    if len(curve.values) > 1:
        numbers["area"] = curve.area
    path = event_file(folder, last.cycle, [numbers, last.labelled, dict(settings)])
    if not path.is_file():
        group = f"{run.record.name} {run.record.config_sha256[:6]}"
        opening = hparams_pb(short_settings(settings), trial_id=group).value[0]
        points = [scalar(f"final/{name}", value) for name, value in numbers.items()]
        ending = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=time.time())
        about = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=ending))
        closing = Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=about, tensor=metadata.NULL_TENSOR)
        write_events(path, last.labelled, [opening, *points, closing])
    drop_events(folder, [path])


def short_settings(settings: Mapping[str, Any]) -> dict[str, bool | float | str]:
    """Return settings as TensorBoard takes them: short keys, plain values, without what is not set.

    `network.class_path: a.b.UNet` becomes `network: UNet`.
    """
    short: dict[str, bool | float | str] = {}
    for key, value in settings.items():
        parts = [part for part in key.split(".") if part != "init_args"]
        if parts[-1] == "class_path":
            parts.pop()
            value = str(value).rsplit(".", 1)[-1]
        if value is None or value in ([], {}):
            continue
        short[".".join(parts)] = value if isinstance(value, (bool, int, float, str)) else str(value)
    return short
