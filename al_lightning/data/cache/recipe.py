"""The recipe of a cache: version, arguments and files, which a dataset's pixels depend on. Its hash names the cache."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from abc import ABCMeta
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
from PIL import features

from al_lightning.data.images import Images
from al_lightning.data.inventory import check_name

FORMAT = 2
"""Format of a cache's files: raised by hand when it changes; a cache of another format is refused."""
NONE = "none"
"""The recipe's part `files` of a dataset whose images are in memory."""


def decoders() -> str:
    """Return the versions of the libraries that decode and resize."""
    versions = {
        "pillow": PIL.__version__,
        "jpeg": features.version("jpg"),
        "opencv": cv2.__version__,
        "numpy": np.__version__,  # for augmented copies
    }
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def key_of(recipe: Mapping[str, str]) -> str:
    """Return the name of a recipe's cache, 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(dict(recipe), sort_keys=True).encode()).hexdigest()[:16]


class KeepsArguments(ABCMeta):
    """Metaclass of datasets that keeps an object's arguments, since its pixels may depend on each of them."""

    def __call__(cls, *args: Any, **options: Any) -> Any:
        """Make an object; `arguments` has its arguments without those of the first class of this kind."""
        dataset = super().__call__(*args, **options)
        base = [level for level in cls.__mro__ if isinstance(level, KeepsArguments)][-1]
        dataset.arguments = arguments_of(cls, base, args, options)
        return dataset


def arguments_of(kind: type, base: type, args: Sequence[Any], options: Mapping[str, Any]) -> dict[str, object]:
    """Return the arguments of a call of a class by name, with defaults, without those of a base class."""
    values: dict[str, object] = {}
    for level in reversed(kind.__mro__):  # the defaults of **options are in the classes above
        parameters = inspect.signature(level.__init__).parameters.values()  # type: ignore[misc]
        values.update({each.name: each.default for each in parameters if each.default is not each.empty})
    signature = inspect.signature(kind.__init__)  # type: ignore[misc]
    values.update(signature.bind(None, *args, **options).arguments)
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            values.update(values.pop(parameter.name, {}))  # type: ignore[call-overload]
    common = inspect.signature(base.__init__).parameters  # type: ignore[misc]
    return {name: value for name, value in values.items() if name not in common}


def hash_of_files(root: Path, sets: Sequence[Images]) -> str:
    """Return the hash of the files of images and labels, with size and time of change; `NONE` without files.

    Paths count relative to `root`, so that data may be moved.
    """
    paths = dict.fromkeys(path for images in sets for index in range(len(images)) for path in images.sources(index))
    digest, count = hashlib.sha256(), 0
    for path in paths:
        try:
            status = path.stat()
        except OSError:  # a label file that people have not written yet
            continue
        name = str(path).removeprefix(f"{root}{os.sep}")
        digest.update(f"{name}\0{status.st_size} {status.st_mtime_ns}\n".encode(errors="surrogateescape"))
        count += 1
    return digest.hexdigest() if count else NONE


def hash_of_names(root: Path, sets: Sequence[Images], classes: Sequence[str], details: str) -> str:
    """Return the hash of class names, image names and details; files' names count relative to `root`.

    Raises:
        DatasetError: a name is no text in UTF-8.
    """
    digest = hashlib.sha256("\n".join(classes).encode())
    for images in sets:
        digest.update(f"\n\n{len(images)}\n".encode())
        for index in range(len(images)):
            check_name(name := images.name(index).removeprefix(str(root)))
            digest.update(name.encode() + b"\n")
    return hashlib.sha256(f"{digest.hexdigest()}\n{details}".encode()).hexdigest() if details else digest.hexdigest()
