"""GPUs and cores of this machine. No torch, which would take memory on a GPU to count GPUs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

VISIBLE = "CUDA_VISIBLE_DEVICES"


def visible_gpus() -> list[str]:
    """Return the names, as in CUDA_VISIBLE_DEVICES, of the GPUs that this process may use, without torch.

    Parts of a GPU that was split (MIG) count as GPUs.
    """
    if (visible := os.environ.get(VISIBLE)) is not None:
        names = [name.strip() for name in visible.split(",")]
        ends = [position for position, name in enumerate(names) if name in ("", "-1", "NoDevFiles")]
        return names[: ends[0]] if ends else names  # CUDA stops at the first invalid name, too
    if shutil.which("nvidia-smi") is None:
        return []
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return listed_gpus(listed)


def listed_gpus(text: str) -> list[str]:
    """Return the identifiers in the output of `nvidia-smi -L`; of a split GPU, those of its parts."""
    names: list[str] = []
    for line in text.splitlines():
        if (match := re.search(r"UUID: ((GPU|MIG)-[^)\s]+)", line)) is None:
            continue
        if match[2] == "MIG" and names and names[-1].startswith("GPU-"):
            names.pop()  # the whole GPU, which cannot be used beside its parts
        names.append(match[1])
    return names


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
