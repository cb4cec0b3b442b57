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
        low: lower end of the interval in which the number lies; None for a single number.
        high: upper end.
        side: whether the value must be `most` (at most the bound) or `least`; a report has none.
        bound: the bound.
        note: the spread, sizes, and what else helps to read it.
        more: further numbers, for the JSON alone.
    """

    group: str
    what: str
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    side: Literal["most", "least"] | None = None
    bound: float | None = None
    note: str = ""
    more: dict[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """`met`, `MISSED`, or `not told apart` where the bound lies in the interval; empty where there is no bound."""
        if self.side is None or self.bound is None:
            return ""
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        if high <= self.bound if self.side == "most" else low >= self.bound:
            return "met"
        missed = low > self.bound if self.side == "most" else high < self.bound
        return "MISSED" if missed else "not told apart"

    @property
    def wanted(self) -> str:
        """The bound as text."""
        if self.side is None or self.bound is None:
            return "reported"
        return f"{'<=' if self.side == 'most' else '>='} {number(self.bound, self.unit)}"

    def line(self) -> str:
        """Return what, measured, bound and verdict."""
        note = f"  ({self.note})" if self.note else ""
        return f"{self.what}: {number(self.value, self.unit)}, {self.wanted} {self.verdict}".rstrip() + note


def number(value: float, unit: str = "") -> str:
    """Return a number with three digits and its unit."""
    digits = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits} {unit}".rstrip()


def machine(device: str) -> dict[str, Any]:
    """Return what the numbers were measured on; no names of hosts or people."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found: dict[str, Any] = {
        "cpu": processor(),
        "cores": cores,
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "device": device,
        "load": round(os.getloadavg()[0], 2),
    }
    if device == "cuda":
        found["gpu"] = torch.cuda.get_device_name()
    return found


def processor() -> str:
    """Return the processor's name, with what tells processors of one name apart: model, cache and matrix units."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().split("\n\n")[0].splitlines() if file.is_file() else []
    known = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    if "model name" not in known:
        return platform.processor()
    cache = known.get("cache size", "").partition(" ")[0]
    marks = [
        f"family {known.get('cpu family')} model {known.get('model')}",
        *([f"cache of {int(cache) / 1024:.0f} MB"] if cache.isdecimal() else []),
        *(["AMX"] if "amx_bf16" in known.get("flags", "").split() else []),
    ]
    return f"{known['model name']} ({', '.join(marks)})"


def versions() -> dict[str, str]:
    """Return Python's version and those of the packages that bear on time."""
    return {"python": sys.version.split()[0], **{name: version(name) for name in PACKAGES}}


def write(measures: list[Measure], before: dict[str, Any], path: Path) -> None:
    """Write machine, versions and numbers."""
    numbers = [{**asdict(measure), "verdict": measure.verdict} for measure in measures]
    lines = ",\n".join(map(json.dumps, numbers))
    head = f'{{"machine": {json.dumps(before)},\n"versions": {json.dumps(versions())}'
    path.write_text(f'{head},\n"measures": [\n{lines}\n]}}\n')


def read(path: Path) -> tuple[dict[str, Any], dict[str, str], list[Measure]]:
    """Return machine, versions and measures of a file."""
    content = json.loads(path.read_text())
    measures = [
        Measure(**{key: value for key, value in entry.items() if key != "verdict"}) for entry in content["measures"]
    ]
    return content["machine"], content["versions"], measures
