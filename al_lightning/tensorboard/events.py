"""TensorBoard's event files of a run. They are derived from the journal, which is the authority.

Tags: `curve/miou` for a metric, `curve/iou/road` for a metric of a class, and `health/train` for a measure of whether
training worked, against the number of labelled images.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from al_lightning.results.curves import curve_of
from al_lightning.runs.files import write_atomic
from al_lightning.runs.journal import CycleRecord, Run

FORMAT = 4
"""Hashed into the names of event files; raise it when the views change, and existing runs get new ones."""


def scalar(tag: str, value: float) -> Any:
    """Return a point of a curve."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary.Value(tag=tag, simple_value=value)


def picture(tag: str, content: bytes) -> Any:
    """Return a picture from the content of a JPEG or PNG file."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    with Image.open(io.BytesIO(content)) as image:  # reads the header alone
        width, height = image.size
    return Summary.Value(
        tag=tag, image=Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=content)
    )


def histogram(tag: str, numbers: npt.NDArray[np.float32]) -> Any:
    """Return a histogram of (N,) numbers."""
    from tensorboard.plugins.histogram.summary_v2 import histogram_pb

    return histogram_pb(tag, numbers.astype(np.float64)).value[0]


def curve_points(record: CycleRecord, class_names: Sequence[str]) -> dict[str, float]:
    """Return a cycle's metrics by tag, and the measures of its health.

    Metrics per class have the class in the tag, without absent classes. Of a list of classes its length is shown.
    """
    points: dict[str, float] = {}
    for name, value in record.metrics.items():
        if isinstance(value, float):
            points[f"curve/{name}"] = value
        elif isinstance(value, list) and len(value) == len(class_names):
            short = name.removeprefix("class_")
            named = zip(class_names, value, strict=True)
            points.update({f"curve/{short}/{label}": part for label, part in named if part is not None})
    for name, value in record.health.items():
        points[f"health/{name}"] = float(len(value) if isinstance(value, list) else value)
    return points


def layout(record: CycleRecord) -> Any:
    """Return the layout of TensorBoard's custom scalars.

    It has a chart for each metric with all runs, a chart for each metric per class, and the repeats of the batches.
    """
    # The plugin's own function needs TensorFlow; the message is a string with the plugin's tag.
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
        title="chosen images, against the number of labelled images",
        chart=[
            chart("share of near-duplicates within the batch", "^selection/near_duplicates$"),
            chart("the same for random batches", "^selection/near_duplicates_random$"),
        ],
    )
    about = metadata.create_summary_metadata()
    about.data_class = DATA_CLASS_TENSOR
    text = layout_pb2.Layout(category=[category, chosen]).SerializeToString()
    return Summary.Value(tag=metadata.CONFIG_SUMMARY_TAG, metadata=about, tensor=make_tensor_proto(text))


def event_file(folder: Path, place: int, content: object) -> Path:
    """Return the path of the event file of some content.

    The name holds a hash of the content: an existing file is up to date. Readers sort files by name, and so by place.
    """
    digest = hashlib.sha256(json.dumps([FORMAT, content], sort_keys=True).encode()).hexdigest()[:12]
    return folder / f"events.out.tfevents.{place:010d}.{digest}"


def write_events(path: Path, step: int, values: Iterable[Any]) -> None:
    """Write an event file with one point of each tag, atomically."""
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

    # TensorBoard would read a temporary file `.events.out.tfevents...tmp` as an event file.
    temporary = path.with_name(f"{path.name.rsplit('.', 1)[-1]}.new")
    temporary.parent.mkdir(exist_ok=True)  # not its parents: the run directory may have been deleted
    write_atomic(temporary, write, make_folder=False)
    os.replace(temporary, path)


def drop_events(folder: Path, keep: Iterable[Path] = ()) -> None:
    """Delete a folder's event files, except those to keep, and the remains of interrupted writes."""
    for path in {*folder.glob("events.out.tfevents.*"), *folder.glob("*.new")}.difference(keep):
        path.unlink(missing_ok=True)


def write_final(folder: Path, run: Run, settings: Mapping[str, Any]) -> None:
    """Write a finished run's settings and final metrics for TensorBoard's table of hyper-parameters.

    They need their own folder, because the table shows every tag of the folder as a metric. The seeds of an experiment
    share a row with their mean. The folder's older event files are deleted.
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
        start = hparams_pb(short_settings(settings), trial_id=group).value[0]
        points = [scalar(f"final/{name}", value) for name, value in numbers.items()]
        end_info = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=time.time())
        about = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=end_info))
        end = Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=about, tensor=metadata.NULL_TENSOR)
        write_events(path, last.labelled, [start, *points, end])
    drop_events(folder, [path])


def short_settings(settings: Mapping[str, Any]) -> dict[str, bool | float | str]:
    """Return settings for TensorBoard: short keys and plain values, without unset ones.

    `network.class_path: a.b.UNet` becomes `network: UNet`.
    """
    short: dict[str, bool | float | str] = {}
    for key, value in settings.items():
        parts = [part for part in key.split(".") if part != "init_args"]
        if parts[-1] == "class_path":
            parts.pop()
            value = str(value).rsplit(".", 1)[-1]
        if value not in (None, [], {}):
            short[".".join(parts)] = value if isinstance(value, (bool, int, float, str)) else str(value)
    return short
