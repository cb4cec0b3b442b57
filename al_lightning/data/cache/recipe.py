"""What the pixels of a dataset follow from, as a few hashes: the name of its cache."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import os
import re
import sys
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
import torch
from lightning.pytorch import LightningDataModule
from PIL import features

import al_lightning.data.images as readers
from al_lightning.data.images import Images

FORMAT = 1
"""Of a cache's files; another one makes every cache an old one."""
NO_PIXELS = frozenset(
    (
        *(
            "root",
            "batch_size",
            "eval_batch_size",
            "workers",
            "augmentation",
            "mean",
            "std",
            "unlabelled",
            "cache",
            "timeout",
            "answers",
        ),
        *("memory_format", "source_train", "source_test", "_cached"),
        *("_asked", "_pool", "_key", "_steps", "_chunk", "_scoring", "_sampler"),
    )
)
"""What a datamodule holds that no pixel follows from."""
NONE = "none"


def recipe_of(data: LightningDataModule, root: Path, sets: Sequence[Images]) -> dict[str, str]:
    """Return what the pixels and labels of some sets follow from, part by part.

    What decides is the sets' own state, since a set decodes from its state alone: tables, sizes, and files, wherever
    below its attributes they stand. The datamodule's arguments would be too little (a mapping file's content reaches
    the set, its name would not tell) and too much. Every path in that state, and every name that is a file, counts
    with size and time of change; paths below `root` count without it, so that data may be moved.

    Args:
        data: the datamodule.
        root: its folder.
        sets: its image sets.

    Returns:
        by part: format, class, decoders (their versions), and hashes: code (of the classes in that state), names,
        files, settings (all else); `files` is "none" where nothing lies in files.
    """
    names = hashlib.sha256()
    state = _State(root)
    for images in sets:
        names.update(f"{len(images)}\n".encode())
        for index in range(len(images)):
            name = images.name(index)
            names.update(state.below(name).encode() + b"\0")
            state.file(name)
        state.add(images)
    return {
        "format": str(FORMAT),
        "class": f"{type(data).__module__}.{type(data).__qualname__}",
        "decoders": ", ".join(
            f"{name} {version}"
            for name, version in (
                ("pillow", PIL.__version__),
                ("jpeg", features.version("jpg")),
                ("opencv", cv2.__version__),
                ("numpy", np.__version__),  # for copies that are drawn
            )
        ),
        "code": _code({type(data), *map(type, sets), *state.kinds}),
        "names": names.hexdigest(),
        "files": state.files.hexdigest() if state.count else NONE,
        "settings": state.values.hexdigest(),
    }


def key_of(recipe: Mapping[str, str]) -> str:
    """Return the name of a recipe's cache, 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(dict(recipe), sort_keys=True).encode()).hexdigest()[:16]


def in_memory(images: Images) -> bool:
    """Whether a set holds its decoded images in an array, (N, H, W, ...)."""
    return any(
        isinstance(value, (np.ndarray, torch.Tensor)) and value.ndim >= 3 and len(value) == len(images)
        for value in getattr(images, "__dict__", {}).values()
    )


class _State:
    """Hashes of what an object holds, and of the files that are named in it.

    Args:
        root: folder that paths are taken relative to.
    """

    def __init__(self, root: Path) -> None:
        self.root = f"{root}{os.sep}"
        self.values = hashlib.sha256()
        self.files = hashlib.sha256()
        self.count = 0
        self.kinds: set[type] = set()
        self._within: set[int] = set()

    def below(self, path: str) -> str:
        """Return a path, relative to the root where it lies there."""
        return path.removeprefix(self.root)

    def file(self, path: str) -> None:
        """Count a file, if it is one."""
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            return
        if not os.path.isdir(path):
            self.files.update(f"{self.below(path)}\0{found.st_size} {found.st_mtime_ns}\n".encode())
            self.count += 1

    def _say(self, kind: str, text: str | bytes = "") -> None:
        content = text.encode(errors="surrogateescape") if isinstance(text, str) else text
        self.values.update(f"{kind} {len(content)} ".encode() + content)

    def add(self, value: Any) -> None:
        """Take in a value, and what it holds."""
        if isinstance(value, (str, os.PathLike)):
            path = os.fspath(value)
            self._say("text", path if isinstance(path, bytes) else self.below(path))
            if isinstance(value, os.PathLike) or os.path.isabs(path) or str(path).startswith(self.root):
                self.file(str(path))
        elif value is None or isinstance(value, (bool, int, float, complex, type)):
            self._say(type(value).__name__, repr(value))
        elif isinstance(value, (bytes, bytearray)):
            self._say("bytes", bytes(value))
        elif isinstance(value, torch.Tensor):
            self.add(value.detach().cpu().numpy())
        elif isinstance(value, (np.ndarray, np.generic)) and value.dtype != object:
            self._say(f"{value.dtype} {value.shape}", value.tobytes())
        elif isinstance(value, re.Pattern):
            self._say("pattern", f"{value.pattern!r} {value.flags}")
        elif id(value) not in self._within:  # else it holds itself
            self._within.add(id(value))
            self.kinds.add(type(value))
            self._say(f"{type(value).__module__}.{type(value).__qualname__}")
            for part in _parts(value):
                self.add(part)
            self._say("end")
            self._within.remove(id(value))


def _parts(value: Any) -> Iterator[Any]:
    """Yield what an object is made of, in an order that is the same in every process."""
    if isinstance(value, Mapping):
        for key in sorted(value, key=repr):
            yield from (key, value[key])
    elif isinstance(value, (set, frozenset)):
        yield from sorted(value, key=repr)
    elif isinstance(value, (Sequence, np.ndarray)):
        yield from value
    elif isinstance(value, types.MethodType):
        yield from (value.__func__, value.__self__)
    elif isinstance(value, types.FunctionType):
        yield from (value.__qualname__, value.__code__.co_code, value.__defaults__)
        yield from inspect.getclosurevars(value).nonlocals.items()
    elif isinstance(value, functools.partial):
        yield from (value.func, value.args, value.keywords)
    elif not isinstance(value, (types.ModuleType, types.BuiltinFunctionType)):
        held = dict(getattr(value, "__dict__", {}))
        held.update({name: getattr(value, name) for name in _slots(type(value)) if hasattr(value, name)})
        if isinstance(value, LightningDataModule):
            held = {name: part for name, part in held.items() if name not in NO_PIXELS | _of_lightning()}
        for name in sorted(held):
            yield from (name, held[name])


def _slots(kind: type) -> Iterator[str]:
    for base in kind.__mro__:
        slots = vars(base).get("__slots__", ())
        yield from (name for name in ([slots] if isinstance(slots, str) else slots) if not name.startswith("__"))


@functools.cache
def _of_lightning() -> frozenset[str]:
    return frozenset(vars(LightningDataModule()))


def _code(kinds: Iterable[type]) -> str:
    """Return the hash of the files that define some classes and their bases, and of the readers of images."""
    files = {readers.__file__}
    digest = hashlib.sha256()
    bases = {base for kind in kinds for base in kind.__mro__}
    for kind in sorted(bases, key=lambda kind: (kind.__module__, kind.__qualname__)):
        package = kind.__module__.partition(".")[0]
        if package in sys.stdlib_module_names - {"__main__"} or package in ("torch", "lightning", "numpy"):
            continue
        if kind.__module__ == "al_lightning.data.datamodule":  # it decodes nothing
            continue
        try:
            files.add(inspect.getfile(kind))
        except (OSError, TypeError):  # typed into a session
            for name, member in sorted(vars(kind).items()):
                if isinstance(member, types.FunctionType):
                    code = member.__code__
                    fixed = [part for part in code.co_consts if not isinstance(part, types.CodeType)]
                    digest.update(f"{name} {fixed!r} {code.co_names}".encode() + code.co_code)
    for path in sorted(files, key=os.path.basename):
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()
