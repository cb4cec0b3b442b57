"""Configurations and run directories that nobody wrote: each ends in an answer or in one sentence, and runs nothing."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from al_lightning.config.experiment import merged
from al_lightning.runs.journal_lines import text_of
from tests.support.runs import Answer, forge

EXAMPLES = int(os.environ.get("AL_FUZZ_EXAMPLES", "1000"))
COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True}
STARTS = ("os.system", "subprocess.Popen", "os.posix_spawn", "os.exec")
"""What Python tells of before it is done; none of it is a configuration's to do."""
CLASSES = (
    "os.system",
    "builtins.eval",
    "functools.partial",
    "al_lightning.data.Digits",
    "torch.optim.SGD",
    "nowhere.At",
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(CLASSES), st.just("null")
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["class_path", "init_args", "command", "lr", "root", "a"]), inner, max_size=3),
    ),
    max_leaves=6,
)


STARTED: list[str] = []
WATCHING = [False]


def _watch(event: str, arguments: Any) -> None:
    if WATCHING[0] and event.startswith(STARTS):
        STARTED.append(f"{event} {arguments}")


sys.addaudithook(_watch)


@pytest.fixture(autouse=True)
def _nothing_runs() -> Iterator[None]:
    STARTED.clear()
    WATCHING[0] = True
    yield
    WATCHING[0] = False
    assert STARTED == []


def places(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a mapping."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield (*at, key)
            yield from places(value, (*at, key))


def put(node: dict[str, Any], at: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy with another value at a place."""
    key, *rest = at
    return {**node, key: put(node[key], tuple(rest), value) if rest else value}


def sound(answer: Answer) -> None:
    """An answer, or one sentence: no other library's words, no traceback."""
    assert answer.code in (0, 1, 2, 65), answer
    assert "Traceback" not in answer.err
    if answer.code:
        last = answer.err.splitlines()[-1]
        assert last.startswith("al-lightning: "), answer.err
        assert "Error:" not in last, last


def configurations(al: Callable[..., Answer], examples: int) -> Callable[..., None]:
    base = merged(["digits_entropy_uda"])[0]
    known = sorted(places(base), key=str)

    @settings(max_examples=examples, **COMMON)
    @given(st.lists(st.tuples(st.sampled_from(known), values), min_size=1, max_size=3))
    def check(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
        config = base
        for at, value in changes:
            if at in set(places(config)):
                config = put(config, at, value)
        Path("c.yaml").write_text(yaml.safe_dump(config))
        sound(al("fit", "--config", "c.yaml", "--print_config"))

    return check


def test_configurations(al: Callable[..., Answer], here: Path) -> None:
    configurations(al, 60)()


@pytest.mark.slow
def test_many_configurations(al: Callable[..., Answer], here: Path) -> None:
    configurations(al, EXAMPLES)()


COMMANDS = (
    ["show", "sent", "--chosen"],
    ["report", "sent", "--format", "text"],
    ["report", "sent", "--out", "page.html"],
    ["predict", "sent", "image.png", "--out", "out"],
    ["export", "sent", "--format", "state-dict", "--out", "model.pt"],
    ["query", "sent", "--cycle", "0"],
    ["recommend", "sent", "--labels", "50", "--processes", "1"],
)
EXTREME = (10**400, 1e308, 1e12, -1, True)
FILES = ("config.yaml", "cycles.jsonl", "selection.json", "cycle_00/selection.json", "cycle_00/rows.npz",
         "cycle_00/metrics.json", "cycle_01/member_0/weights.pt", "cycle_00/member_0/weights.pt.seal")  # fmt: skip


def run_directories(al: Callable[..., Answer], here: Path, digits_run: Path, examples: int) -> Callable[..., None]:
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(here / "image.png")
    config = yaml.safe_load((digits_run / "config.yaml").read_text())
    known = sorted(places(config), key=str)

    @settings(max_examples=examples, **COMMON)
    @given(st.sampled_from(COMMANDS), st.sampled_from(FILES), st.binary(max_size=40), st.integers(0, 1 << 20))
    def damaged(command: list[str], name: str, content: bytes, place: int) -> None:
        shutil.rmtree(here / "sent", ignore_errors=True)
        shutil.copytree(digits_run, here / "sent")
        path = here / "sent" / name
        whole = path.read_bytes()
        at = place % (len(whole) + 1)
        path.write_bytes(whole[:at] + content + whole[at + place % 7 :])
        sound(al(*command))

    @settings(max_examples=examples, **COMMON)
    @given(st.sampled_from(COMMANDS), st.sampled_from(known), values)
    def forged(command: list[str], at: tuple[Any, ...], value: Any) -> None:
        shutil.rmtree(here / "sent", ignore_errors=True)
        shutil.copytree(digits_run, here / "sent")
        forge(here / "sent", put(config, at, value))
        sound(al(*command))

    @settings(max_examples=examples, **COMMON)
    @given(
        st.sampled_from(COMMANDS), st.integers(0, 3), st.integers(0, 40), st.one_of(st.sampled_from(EXTREME), values)
    )
    def rewritten(command: list[str], line: int, key: int, value: Any) -> None:
        shutil.rmtree(here / "sent", ignore_errors=True)
        shutil.copytree(digits_run, here / "sent")
        path = here / "sent" / "cycles.jsonl"
        records = [json.loads(text) for text in path.read_text().splitlines()]
        at = line % len(records)
        known = sorted(places(records[at]), key=str)
        records[at] = put(records[at], known[key % len(known)], value)
        rechained(path, records)
        sound(al(*command))

    def check() -> None:
        damaged()
        forged()
        rewritten()

    return check


def rechained(path: Path, records: list[dict[str, Any]]) -> None:
    """Write a journal whose checks fit, whatever it says."""
    with contextlib.suppress(ValueError, TypeError):  # infinity, which JSON does not know
        path.write_text(text_of({key: value for key, value in record.items() if key != "check"} for record in records))


def test_run_directories(al: Callable[..., Answer], here: Path, digits_run: Path) -> None:
    run_directories(al, here, digits_run, 6)()


@pytest.mark.slow
def test_many_run_directories(al: Callable[..., Answer], here: Path, digits_run: Path) -> None:
    run_directories(al, here, digits_run, EXAMPLES)()
