"""Label Studio: reading of its JSON export, and a batch's config, tasks and predictions for it.

https://labelstud.io/guide/task_format, https://labelstud.io/guide/predictions, https://labelstud.io/guide/storage
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from al_lightning.labels.filenames import link_name
from al_lightning.labels.formats import Format
from al_lightning.labels.import_result import IGNORE, MOST_REGIONS, Annotations
from al_lightning.labels.item import Item, LabelBatch
from al_lightning.labels.pictures import Colours
from al_lightning.labels.shapes.brush import decode_brush, encode_brush
from al_lightning.labels.shapes.polygons import fill, polygon_of
from al_lightning.labels.shapes.region import Region
from al_lightning.labels.source import Source
from al_lightning.labels.store import Kind
from al_lightning.labels.untrusted import Malformed, listed, mapped, shown, whole

_COMMENTS = frozenset({"textarea", "rating", "relation", "number", "datetime"})
"""Types of results without a class."""
IMAGE, CLASS, BRUSH, POLYGON = "image", "class", "brush", "polygon"
"""Names in the config, which tasks and exports refer to."""


class LabelStudio(Format):
    """Choices, brushes and polygons.

    A task is not labelled yet where it has no annotation or all were skipped. An annotation without a region makes the
    whole image background where there is a background class; otherwise it is a problem.
    """

    form: ClassVar[str] = "Label Studio's JSON (a list of tasks with `data`; export JSON, not JSON-MIN)"
    members: ClassVar[tuple[str, ...]] = ("*.json",)
    folder: ClassVar[str] = "label_studio"

    def recognises(self, source: Source) -> bool:
        """Accept a JSON list with a task in it."""
        tasks = source.json if isinstance(source.json, list) else []
        return any(isinstance(task, dict) and "data" in task for task in tasks)

    def read(self, source: Source, annotations: Annotations) -> None:
        """Read the annotations of each task."""
        waiting = left_out = 0
        for number, task in enumerate(source.json, start=1):
            place = f"{source.where}, task {shown(task.get('id', number)) if isinstance(task, dict) else number}"
            try:
                kept = [entry for entry in _annotations(mapped(task, "a task")) if not entry.get("was_cancelled")]
                if not kept:
                    waiting += 1
                    continue
                name = _image(mapped(task.get("data"), "`data`"), annotations)
                place = f"{place} ({shown(name)})"
                for entry in kept:
                    left_out += _annotation(name, listed(entry.get("result"), "`result`"), annotations)
            except Malformed as error:
                annotations.problem(place, error)
        annotations.note(source.where, waiting, "task", "not labelled yet, or skipped")
        annotations.note(source.where, left_out, "result", "left out, for other kinds of labels")

    def write(self, folder: Path, batch: LabelBatch) -> None:
        """Write the labelling config, the tasks with predictions, and instructions."""
        (folder / "config.xml").write_text(config_xml(batch.classes, batch.kind, batch.colours), encoding="utf-8")
        (folder / "tasks.json").write_text(json.dumps(tasks(batch.folder, batch.items, batch.classes)) + "\n")
        text = _readme(batch.folder, batch.kind)
        (folder / "README.txt").write_text(text, encoding="utf-8", errors="surrogateescape")


FORMAT = LabelStudio()


def _annotations(task: dict[str, Any]) -> list[dict[str, Any]]:
    if "annotations" not in task:
        raise Malformed("it has no `annotations`; export the project as JSON (not JSON-MIN)")
    return [mapped(entry, "an annotation") for entry in listed(task["annotations"], "`annotations`")]


def _image(data: dict[str, Any], annotations: Annotations) -> str:
    """Return the image of a task: the field `name` that a batch has, else the file in `image`, else the first text."""
    if isinstance(name := data.get("name"), str) and (image := annotations.names.own(name)) is not None:
        return image
    texts = [value for value in (data.get("image"), *data.values()) if isinstance(value, str)]
    if not texts:
        raise Malformed("its `data` names no image")
    return annotations.names.find(texts[0])


def _annotation(name: str, results: list[Any], annotations: Annotations) -> int:
    """Add an annotation; return the number of its results that are no labels of this kind."""
    if len(results) > MOST_REGIONS:
        raise Malformed(f"it has {len(results):,} regions; at most {MOST_REGIONS:,} are read")
    fields = [mapped(result, "a result") for result in results]
    if not all(isinstance(result.get("type"), str) for result in fields):
        raise Malformed("a result's `type` is no text")
    if annotations.kind == "image":
        chosen = [_choice(result) for result in fields if result.get("type") == "choices"]
        if len(chosen) != 1:
            raise Malformed(f"it has {len(chosen)} answers; one choice of a class was expected")
        annotations.add_class(name, annotations.number(chosen[0]))
        return len(fields) - 1
    shapes = [result for result in fields if result.get("type") not in _COMMENTS | {"choices"}]
    annotations.paint(name, _regions(name, shapes, annotations))
    return len(fields) - len(shapes)


def _choice(result: dict[str, Any]) -> object:
    choices = listed(mapped(result.get("value"), "`value`").get("choices"), "`choices`")
    if len(choices) != 1:
        raise Malformed(f"it has {len(choices)} choices; one class was expected")
    return choices[0]


def _regions(name: str, results: list[dict[str, Any]], annotations: Annotations) -> Iterator[tuple[int, Region]]:
    width, height = annotations.known[name]
    for result in results:
        kind, value = result.get("type"), mapped(result.get("value"), "`value`")
        if kind not in ("brushlabels", "polygonlabels"):
            raise Malformed(f"it has a region of type {shown(kind)}; brushes and polygons with a class are read")
        annotations.check_size(
            name, *(whole(result.get(side), side, 1, 1 << 30) for side in ("original_width", "original_height"))
        )
        if result.get("image_rotation"):
            raise Malformed("its image was turned in Label Studio; turn it back, and label it upright")
        labels = listed(value.get(kind), f"`{kind}`")
        if len(labels) != 1:
            raise Malformed(f"a region has {len(labels)} classes; one was expected")
        number = annotations.number(labels[0])
        if kind == "brushlabels":
            if value.get("format") != "rle":
                raise Malformed(f"a brush has format {shown(value.get('format'))}; 'rle' was expected")
            yield number, Region(decode_brush(value.get("rle"), width, height))
        else:
            scale = width / 100, height / 100
            yield number, fill(polygon_of(value.get("points"), width, height, scale), width, height)


def config_xml(classes: Sequence[str], kind: Kind, colours: Colours) -> str:
    """Return the labelling config: a choice of a class, or a brush and a polygon for each class and for `ignore`."""
    lines = ["<View>", f'  <Image name="{IMAGE}" value="$image" zoom="true" zoomControl="true"/>']
    if kind == "image":
        lines.append(f'  <Choices name="{CLASS}" toName="{IMAGE}" choice="single" required="true" showInline="true">')
        lines += [f"    <Choice value={quoteattr(name)}/>" for name in classes]
        lines.append("  </Choices>")
    else:
        labels = [(name, "#" + bytes(colour).hex()) for name, colour in zip(classes, colours, strict=True)]
        labels += [] if IGNORE in classes else [(IGNORE, "#000000")]
        for tag, name in (("BrushLabels", BRUSH), ("PolygonLabels", POLYGON)):
            lines.append(f'  <{tag} name="{name}" toName="{IMAGE}">')
            lines += [f"    <Label value={quoteattr(label)} background={quoteattr(hue)}/>" for label, hue in labels]
            lines.append(f"  </{tag}>")
    return "\n".join([*lines, "</View>", ""])


def tasks(folder: Path, items: Sequence[Item], classes: Sequence[str]) -> list[dict[str, Any]]:
    """Return the tasks of a batch, whose final folder is `folder`."""
    written = []
    for item in items:
        # Only the last two names of the folder, so that a run can be moved.
        file = f"{folder.parent.name}/{folder.name}/images/{link_name(item.name, item.rank)}"
        task: dict[str, Any] = {
            "data": {
                "image": f"/data/local-files/?d={quote(file, errors='surrogateescape')}",
                "name": item.name,
                "rank": item.rank,
                "score": item.score,
                "sequence": item.sequence,
            }
        }
        if item.prediction is not None:
            prediction = {"model_version": folder.name, "result": _result(item, classes)}
            task["predictions"] = [prediction | ({} if item.confidence is None else {"score": item.confidence})]
        written.append(task)
    return written


def _result(item: Item, classes: Sequence[str]) -> list[dict[str, Any]]:
    to_image = {"to_name": IMAGE}
    if not isinstance(item.prediction, np.ndarray):
        chosen = classes[int(item.prediction or 0)]
        return [{"id": "class", "from_name": CLASS, **to_image, "type": "choices", "value": {"choices": [chosen]}}]
    size = {"original_width": item.width, "original_height": item.height, "image_rotation": 0}
    return [
        {
            "id": f"brush-{number}",
            "from_name": BRUSH,
            **to_image,
            "type": "brushlabels",
            **size,
            "value": {"format": "rle", "rle": encode_brush(item.prediction == number), "brushlabels": [name]},
        }
        for number, name in enumerate(classes)
        if (item.prediction == number).any()
    ]


def _readme(folder: Path, kind: Kind) -> str:
    run_dir, batches = folder.parent.parent, folder.parent
    how = "choose a class for each image" if kind == "image" else f"paint or outline classes (`{IGNORE}` for no class)"
    return f"""Label Studio (https://labelstud.io): this batch in, labels out.

1. Let it serve images below the run's folder (where it lies now), and start it:
     export LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true
     export LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={shlex.quote(str(run_dir))}
     label-studio start
2. Once per run: create a project; in Settings > Labeling Interface > Code paste config.xml; in Settings > Cloud
   Storage add a source storage of type Local Files with the path {batches} (add it, and do not sync:
   it only allows the images to be shown). Settings > Annotation > Use predictions to prelabel tasks shows those of the
   network.
3. Once per batch: Import tasks.json, and {how}.
   (Without steps 1 and 2: drag the files of the folder images in, and keep their names, which begin with a number.)
4. Export as JSON (not JSON-MIN), then:
     al-lightning labels import {shlex.quote(str(run_dir))} FILE.json
   A task that is not submitted yet, or skipped, counts as not labelled.
"""
