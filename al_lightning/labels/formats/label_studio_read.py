"""Label Studio's JSON export: choices, brushes and polygons.

https://labelstud.io/guide/task_format
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from al_lightning.labels.formats.brush import decode_brush
from al_lightning.labels.formats.polygons import fill, polygon_of
from al_lightning.labels.import_result import MOST_REGIONS, Findings
from al_lightning.labels.region import Region
from al_lightning.labels.untrusted import Malformed, listed, mapped, shown, whole

_COMMENTS = frozenset({"textarea", "rating", "relation", "number", "datetime"})
"""Results that say nothing of where a class is."""


def is_label_studio(values: Any) -> bool:
    """Tell whether JSON is Label Studio's: a list of tasks."""
    return isinstance(values, list) and any(isinstance(task, dict) and "data" in task for task in values)


def read_label_studio(values: Any, where: str, findings: Findings) -> None:
    """Read an export.

    A task without annotations, or whose annotations were skipped, is not labelled yet. An annotation without a region
    says that nothing is there: with a background all is background, otherwise it is a problem.

    Raises:
        Malformed: the file is none.
    """
    waiting = left_out = 0
    for number, task in enumerate(listed(values, "the export"), start=1):
        place = f"{where}, task {shown(task.get('id', number)) if isinstance(task, dict) else number}"
        try:
            said = [one for one in _annotations(mapped(task, "a task")) if not one.get("was_cancelled")]
            if not said:
                waiting += 1
                continue
            name = _image(mapped(task.get("data"), "`data`"), findings)
            place = f"{place} ({shown(name)})"
            for annotation in said:
                left_out += _annotation(name, listed(annotation.get("result"), "`result`"), findings)
        except Malformed as error:
            findings.problem(place, error)
    if waiting:
        findings.notes.append(f"{where}: {waiting} tasks are not labelled yet, or were skipped.")
    if left_out:
        findings.notes.append(f"{where}: {left_out} results that are no labels of this kind were left out.")


def _annotations(task: dict[str, Any]) -> list[dict[str, Any]]:
    if "annotations" not in task:
        raise Malformed("it has no `annotations`; export the project as JSON (not JSON-MIN)")
    return [mapped(one, "an annotation") for one in listed(task["annotations"], "`annotations`")]


def _image(data: dict[str, Any], findings: Findings) -> str:
    """Return the image of a task: our own field `name` where it is there, else what the task shows."""
    if isinstance(name := data.get("name"), str) and name in findings.known:
        return name
    shows = [data["image"]] if isinstance(data.get("image"), str) else [v for v in data.values() if isinstance(v, str)]
    if not shows:
        raise Malformed("its `data` names no image")
    return findings.names.find(shows[0])


def _annotation(name: str, results: list[Any], findings: Findings) -> int:
    """Keep an annotation; return how many of its results are no labels of this kind."""
    if len(results) > MOST_REGIONS:
        raise Malformed(f"it has {len(results):,} regions; at most {MOST_REGIONS:,} are read")
    fields = [mapped(result, "a result") for result in results]
    if not all(isinstance(result.get("type"), str) for result in fields):
        raise Malformed("a result's `type` is no text")
    if findings.kind == "image":
        chosen = [_choice(result) for result in fields if result.get("type") == "choices"]
        if len(chosen) != 1:
            raise Malformed(f"it has {len(chosen)} answers; one choice of a class was expected")
        findings.add_class(name, findings.number(chosen[0]))
        return len(fields) - 1
    shapes = [result for result in fields if result.get("type") not in _COMMENTS | {"choices"}]
    findings.paint(name, _regions(name, shapes, findings))
    return len(fields) - len(shapes)


def _choice(result: dict[str, Any]) -> object:
    choices = listed(mapped(result.get("value"), "`value`").get("choices"), "`choices`")
    if len(choices) != 1:
        raise Malformed(f"it has {len(choices)} choices; one class was expected")
    return choices[0]


def _regions(name: str, results: list[dict[str, Any]], findings: Findings) -> Iterator[tuple[int, Region]]:
    width, height = findings.known[name]
    for result in results:
        kind, value = result.get("type"), mapped(result.get("value"), "`value`")
        if kind not in ("brushlabels", "polygonlabels"):
            raise Malformed(f"it has a region of type {shown(kind)}; brushes and polygons with a class are read")
        size = [whole(result.get(f"original_{side}"), f"original_{side}", 1, 1 << 30) for side in ("width", "height")]
        findings.check_size(name, size[0], size[1])
        if result.get("image_rotation"):
            raise Malformed("its image was turned in Label Studio; turn it back, and label it upright")
        labels = listed(value.get(kind), f"`{kind}`")
        if len(labels) != 1:
            raise Malformed(f"a region has {len(labels)} classes; one was expected")
        number = findings.number(labels[0])
        if kind == "brushlabels":
            if value.get("format") != "rle":
                raise Malformed(f"a brush has format {shown(value.get('format'))}; 'rle' was expected")
            yield number, Region(decode_brush(value.get("rle"), width, height))
        else:
            scale = width / 100, height / 100
            yield number, fill(polygon_of(value.get("points"), width, height, scale), width, height)
