"""What was measured, against what is wanted: lines for a person, JSON for `table.py`."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import torch

PACKAGES = ("al-lightning", "torch", "torchvision", "lightning", "torchmetrics", "albumentations", "numpy")


@dataclass(frozen=True)
class Measure:
    """A number and its bound.

    Attributes:
        group: the part of the suite.
        what: what was measured.
        value: the number.
        unit: of it; "" for a ratio.
        side: whether the value must be `most` (at most the bound) or `least`; a report has none.
        bound: the bound; NaN never meets one.
        note: the spread, sizes, and what else helps to read it.
        more: further numbers, for the JSON alone.
    """

    group: str
    what: str
    value: float
    unit: str = ""
    side: Literal["most", "least"] | None = None
    bound: float | None = None
    note: str = ""
    more: dict[str, float] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the bound is met; None where there is none."""
        if self.side is None or self.bound is None:
            return None
        return self.value <= self.bound if self.side == "most" else self.value >= self.bound

    @property
    def wanted(self) -> str:
        """The bound as text."""
        if self.side is None or self.bound is None:
            return "reported"
        return f"{'<=' if self.side == 'most' else '>='} {number(self.bound, self.unit)}"

    def line(self) -> str:
        """Return what, measured, bound, met or MISSED."""
        verdict = {True: "met", False: "MISSED", None: ""}[self.met]
        note = f"  ({self.note})" if self.note else ""
        return f"{self.what}: {number(self.value, self.unit)}, {self.wanted} {verdict}".rstrip() + note


def number(value: float, unit: str = "") -> str:
    """Return a number with three digits and its unit."""
    digits = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits} {unit}".rstrip()


def machine(device: str) -> dict[str, Any]:
    """Return what the numbers were measured on; no names of hosts or people."""
    model = platform.processor()
    if Path("/proc/cpuinfo").is_file():
        models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        model = models[0].partition(":")[2].strip() if models else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found: dict[str, Any] = {
        "cpu": model,
        "cores": cores,
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "device": device,
        "load": round(os.getloadavg()[0], 2),
    }
    if device == "cuda":
        found["gpu"] = torch.cuda.get_device_name()
    return found


def versions() -> dict[str, str]:
    """Return Python's version and those of the packages that bear on time."""
    return {"python": sys.version.split()[0], **{name: version(name) for name in PACKAGES}}


def write(measures: list[Measure], before: dict[str, Any], path: Path) -> None:
    """Write machine, versions and numbers."""
    numbers = [{**asdict(measure), "met": measure.met} for measure in measures]
    path.write_text(json.dumps({"machine": before, "versions": versions(), "measures": numbers}, indent=1) + "\n")


def read(path: Path) -> tuple[dict[str, Any], dict[str, str], list[Measure]]:
    """Return machine, versions and measures of a file."""
    content = json.loads(path.read_text())
    measures = [
        Measure(**{key: value for key, value in entry.items() if key != "met"}) for entry in content["measures"]
    ]
    return content["machine"], content["versions"], measures
