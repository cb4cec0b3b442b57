"""Staged masks of an import: the list that says which image each belongs to, and a check of links. No torch."""

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
"""Of the list, which has two texts a mask."""


def read_moves(path: Path) -> dict[str, str]:
    """Return the name of the image of each staged file, by the file's name; nothing where there is no list.

    Raises:
        DatasetError: the list is damaged.
    """
    try:
        moves = parse_json(read_bytes(path, _LIMITS.size), _LIMITS)
        if not isinstance(moves, dict) or not all(
            _STAGED.fullmatch(one) and isinstance(moves[one], str) for one in moves
        ):
            raise Malformed("it is no list of masks, `NUMBER.png` and an image's name")
    except Malformed as error:
        if not path.exists():  # another process has just moved them
            return {}
        raise DatasetError(f"{path} is damaged: {error}; delete its folder, and import the labels again.") from error
    return moves


def check_inside(folder: Path, paths: Iterable[Path]) -> None:
    """Check that no link leads out of a folder; the folder itself may be a link.

    Raises:
        DatasetError: a link leads out.
    """
    home = os.path.realpath(folder)
    for path in dict.fromkeys(paths):
        there = os.path.realpath(path)
        if not Path(there).is_relative_to(home):
            raise DatasetError(
                f"{path} leads to {there} by a link, outside of the labels' folder {folder}, so nothing is written; "
                "put a plain file or folder in the link's place."
            )
