"""A batch for Label Studio: its labelling config, its tasks with predictions, and how to bring them in and out.

https://labelstud.io/guide/tasks (tasks), https://labelstud.io/guide/predictions, https://labelstud.io/guide/storage
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from al_lightning.labels.filenames import link_name
from al_lightning.labels.formats.brush import encode_brush
from al_lightning.labels.import_result import IGNORE, IGNORED
from al_lightning.labels.item import Item
from al_lightning.labels.pictures import Colours
from al_lightning.labels.store import Kind

IMAGE, CLASS, BRUSH, POLYGON = "image", "class", "brush", "polygon"
"""Names of the config's parts, which tasks and exports refer to."""


def config_xml(classes: Sequence[str], kind: Kind, colours: Colours) -> str:
    """Return the labelling config: one choice of a class, or a brush and a polygon for each, and for what to ignore."""
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
    """Return the tasks of a batch, by rank.

    Args:
        folder: where the batch will lie; of it two names are written, so that a run can be moved.
        items: the images.
        classes: names of the classes.
    """
    found = []
    for item in sorted(items, key=lambda item: item.rank):
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
        found.append(task)
    return found


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
            "value": {
                "format": "rle",
                "rle": encode_brush(item.prediction == number),
                "brushlabels": [classes[number]],
            },
        }
        for number in np.unique(item.prediction).tolist()
        if number != IGNORED
    ]


def readme(folder: Path, kind: Kind) -> str:
    """Return how to bring a batch into Label Studio, and the labels back."""
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
4. Export as JSON (not JSON-MIN), then:
     al-lightning labels import {shlex.quote(str(run_dir))} FILE.json
   A task that is not submitted yet, or skipped, counts as not labelled.
"""
