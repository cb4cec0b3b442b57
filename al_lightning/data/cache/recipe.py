"""What the pixels of a dataset follow from: version, arguments and files. It is the name of the dataset's cache."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
from PIL import features

from al_lightning.data.images import Images

FORMAT = 2
"""Of a cache's files: raised by hand when they change; a cache of another format is refused."""
NONE = "none"
"""What a recipe says of files where a dataset has its images in memory."""


def recipe_of(
    kind: type, pixels: int, arguments: Mapping[str, object], fingerprint: str, root: Path, sets: Sequence[Images]
) -> dict[str, str]:
    """Return what the pixels and labels of some sets follow from, part by part.

    Args:
        kind: class of the dataset.
        pixels: version of the code that makes its pixels and labels.
        arguments: that the dataset was made with, by name.
        fingerprint: of the names of images and classes, and of what labels mean.
        root: folder of the data; paths below count without it, so that data may be moved.
        sets: the dataset's images; the files that they name count with size and time of change.

    Returns:
        by part: format, class, pixels, decoders (their versions), arguments, fingerprint, and the hash of files;
        "none" where no file is named.
    """
    decoders = {
        "pillow": PIL.__version__,
        "jpeg": features.version("jpg"),
        "opencv": cv2.__version__,
        "numpy": np.__version__,  # for copies that are drawn
    }
    return {
        "format": str(FORMAT),
        "class": f"{kind.__module__}.{kind.__qualname__}",
        "pixels": str(pixels),
        "decoders": ", ".join(f"{name} {version}" for name, version in decoders.items()),
        "arguments": repr(sorted(arguments.items())),
        "fingerprint": fingerprint,
        "files": _files(root, sets),
    }


def key_of(recipe: Mapping[str, str]) -> str:
    """Return the name of a recipe's cache, 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(dict(recipe), sort_keys=True).encode()).hexdigest()[:16]


def arguments_of(kind: type, base: type, args: Sequence[Any], options: Mapping[str, Any]) -> dict[str, object]:
    """Return the arguments of a class by name, defaults filled in, without those of its base.

    Args:
        kind: the class.
        base: a class above it.
        args: positional arguments.
        options: arguments by name.
    """
    values: dict[str, object] = {}
    for one in reversed(kind.__mro__):  # what a class hands on by **options has its default in a class above
        parameters = inspect.signature(one.__init__).parameters.values()  # type: ignore[misc]
        values.update({each.name: each.default for each in parameters if each.default is not each.empty})
    signature = inspect.signature(kind.__init__)  # type: ignore[misc]
    values.update(signature.bind(None, *args, **options).arguments)
    for each in signature.parameters.values():
        if each.kind is each.VAR_KEYWORD:
            values.update(values.pop(each.name, {}))  # type: ignore[call-overload]
    common = inspect.signature(base.__init__).parameters  # type: ignore[misc]
    return {name: value for name, value in values.items() if name not in common}


def _files(root: Path, sets: Sequence[Images]) -> str:
    paths = dict.fromkeys(path for images in sets for index in range(len(images)) for path in images.sources(index))
    digest, count = hashlib.sha256(), 0
    for path in paths:
        try:
            status = path.stat()
        except OSError:  # a label that people have yet to give
            continue
        name = str(path).removeprefix(f"{root}{os.sep}")
        digest.update(f"{name}\0{status.st_size} {status.st_mtime_ns}\n".encode(errors="surrogateescape"))
        count += 1
    return digest.hexdigest() if count else NONE
