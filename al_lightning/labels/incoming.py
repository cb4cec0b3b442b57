"""Staged masks of an import: the list of the images that they belong to, and a check of links. No torch."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from al_lightning.errors import DatasetError
from al_lightning.labels.limits import Limits, parse_json
from al_lightning.labels.untrusted import Malformed, read_bytes

_STAGED = re.compile(r"\d{1,9}\.png", re.ASCII)
_LIMITS = Limits(128 << 20, parts=1, texts=2_000_000)
"""Bounds on the list, which has two texts a mask."""


def read_moves(path: Path) -> dict[str, str]:
    """Return the name of the image of each staged file, by the file's name; empty where there is no list.

    Raises:
        DatasetError: the list is damaged.
    """
    try:
        moves = parse_json(read_bytes(path, _LIMITS.size), _LIMITS)
        if not isinstance(moves, dict) or not all(
            _STAGED.fullmatch(file) and isinstance(name, str) for file, name in moves.items()
        ):
            raise Malformed("it is no list of masks, `NUMBER.png` and an image's name")
    except Malformed as error:
        if not path.exists():  # another process has just moved the masks
            return {}
        raise DatasetError(f"{path} is damaged: {error}; delete its folder, and import the labels again.") from error
    return moves


def check_inside(folder: Path, paths: Iterable[Path]) -> None:
    """Raise DatasetError where a link leads out of a folder; the folder itself may be a link."""
    home = os.path.realpath(folder)
    for path in dict.fromkeys(paths):
        target = os.path.realpath(path)
        if not Path(target).is_relative_to(home):
            raise DatasetError(
                f"{path} is a link to {target}, outside of the labels' folder {folder}, so nothing is written; "
                "put a plain file or folder in the link's place."
            )
