"""Folders to audit, and the kinds of problems that are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from al_lightning.audits.audit import audit
from al_lightning.audits.folder import AuditFolder
from al_lightning.audits.result import Audit
from al_lightning.data.images import Array
from tests.support.pictures import scene


def mask(seed: int, height: int = 48, width: int = 64) -> Array:
    label = np.zeros((height, width), np.uint8)
    label[seed % 40 :, : width // 2] = 1
    label[0] = 255
    return label


def tree(root: Path, pool: int = 6, test: int = 4) -> Path:
    """Image and mask folders of different scenes, as pool and test set."""
    for side, first, count in (("train", 0, pool), ("test", 100, test)):
        for folder in ("images", "masks"):
            (root / folder / side).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(scene(first + number)).save(root / "images" / side / f"a_{number:03d}.png")
            Image.fromarray(mask(number)).save(root / "masks" / side / f"a_{number:03d}.png")
    return root


def look(root: Path, masks: bool = True, **options: object) -> Audit:
    folder = AuditFolder(root / "images", root / "masks" if masks else None)
    return audit(folder, "a tree", workers=0, **options)  # type: ignore[arg-type]


def kinds(found: Audit) -> list[str]:
    return [problem.kind for problem in found.problems]
