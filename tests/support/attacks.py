"""Class paths of a configuration that would run something, places to put them, and a watch over what runs."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from al_lightning.errors import UsageError

Place = tuple[str | int, ...]
MARK = "somebody_was_here"
ATTACKS: dict[str, dict[str, Any]] = {
    "os.system": {"command": f"touch {MARK}"},
    "subprocess.Popen": {"args": f"touch {MARK}", "shell": True},
    "builtins.eval": {"source": f"__import__('pathlib').Path('{MARK}').touch()"},
    "functools.partial": {"func": "os.system"},
    "torch.nn.Linear": {"in_features": 1, "out_features": 1},
}
EXTRA = {
    "callbacks": [
        {"class_path": "lightning.pytorch.callbacks.LambdaCallback"},
        {"class_path": "lightning.pytorch.callbacks.ModelSummary", "init_args": {"max_depth": 1}},
    ],
    "strategy": {
        "class_path": "lightning.pytorch.strategies.DDPStrategy",
        "init_args": {
            "cluster_environment": {"class_path": "lightning.fabric.plugins.environments.LightningEnvironment"}
        },
    },
    "profiler": {"class_path": "lightning.pytorch.profilers.SimpleProfiler"},
}
called: list[str] = []


def hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn") and MARK in repr(arguments):
        called.append(event)


sys.addaudithook(hear)  # it cannot be taken away again


def places(values: Any, at: Place = ()) -> Iterator[Place]:
    """Where a class is named, and where one could be: a callback's hook, a schedule that is not set."""
    if isinstance(values, dict):
        if "class_path" in values:
            yield at
        if values.get("class_path", "").endswith("LambdaCallback"):
            yield (*at, "init_args", "on_train_start")
        for key, part in values.items():
            yield from places(part, (*at, key))
    elif isinstance(values, list):
        for number, part in enumerate(values):
            yield from places(part, (*at, number))


def put(values: dict[str, Any], at: Place, new: Any) -> dict[str, Any]:
    values = copy.deepcopy(values)
    holder: Any = values
    for key in at[:-1]:
        holder = holder.setdefault(key, {}) if isinstance(holder, dict) else holder[key]
    holder[at[-1]] = new
    return values


def option(at: Place) -> str:
    return ".".join(str(key) for key in at if key != "init_args" and not isinstance(key, int))


def forms(path: str) -> list[Any]:
    return [{"class_path": path, "init_args": ATTACKS[path]}, {"class_path": path}, path]


def refused(parsing: Callable[[], object], name: str, path: str) -> None:
    """One sentence, which names the option and what was given."""
    with pytest.raises(UsageError) as error:
        parsing()
    text = str(error.value)
    assert path in text or path.rpartition(".")[2] in text, text
    assert text.startswith(name), text
    assert "\n" not in text
    assert len(text) < 350, text
