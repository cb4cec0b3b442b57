"""YAML that would cost memory, time or the stack: refused by a stated number, and in a moment."""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml

from al_lightning import yaml_files
from al_lightning.config.layers import load
from al_lightning.config.names import shipped
from al_lightning.data.mappings import load_mapping
from al_lightning.errors import UsageError
from al_lightning.recommendations.rules import read_rules
from al_lightning.tables.published import read_table
from al_lightning.tables.reduced_scale import reduced
from al_lightning.yaml_files import DEEPEST, MOST_BYTES, MOST_VALUES, check_text, load_yaml, read_mapping, read_yaml
from tests.support.errors import raises, refused
from tests.support.runs import Answer
from tests.support.table_runs import TABLE
from tests.support.yaml_bombs import ALIASES

Call = Callable[..., Answer]
MERGES = "a0: &a0 {a: 1}\n" + "".join(
    f"a{level}: &a{level}\n  <<: [{','.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 9)
)
VALUES, DEEP = (20_000, "values"), (100, "levels")
BOMBS = {
    "aliases": (ALIASES, VALUES),
    "merges": (MERGES, VALUES),
    "wide": ("x: [" + "[]," * 300_000 + "]", VALUES),
    "deep lists": ("x: " + "[" * 20_000, DEEP),
    "deep closed lists": ("x: " + "[" * 20_000 + "]" * 20_000, DEEP),
    "deep mappings": ("{a: " * 20_000, DEEP),
    "deep blocks": ("- " * 20_000 + "x", DEEP),
    "a cycle": ("x: &x [1, *x]", ("alias *x", "inside")),
    "a cycle further up": ("x: &x {a: [&y [*x]], b: *y}", ("alias *x", "inside")),
    "a text that is YAML": ("x: '" + ALIASES.replace("\n", "\n\n  ") + "'", VALUES),
    "a long text": (f"x: {'y' * 70_000}", (65_536, "characters")),
}


@pytest.fixture
def cheap() -> Iterator[None]:
    """Within seconds and 30 MiB; with aliases written out it took above 40 s and 1.3 GB."""
    tracemalloc.start()
    begun = time.process_time()
    yield
    seconds, (_, peak) = time.process_time() - begun, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 3
    assert peak < 30 * 2**20


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_by_a_number(name: str) -> None:
    text, facts = BOMBS[name]
    with raises(yaml_files.TooMuch, *facts):
        load_yaml(text)


@pytest.mark.parametrize("name", BOMBS)
def test_without_libyaml_it_is_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_files, "Base", yaml.SafeLoader)
    text, facts = BOMBS[name]
    with raises(yaml_files.TooMuch, *facts):
        yaml_files.check(text)


def test_what_is_within_the_bounds_is_read() -> None:
    deep = "[" * DEEPEST + "]" * DEEPEST
    assert load_yaml(deep) is not None
    with pytest.raises(yaml_files.TooMuch):
        load_yaml(f"[{deep}]")
    ten = "- &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\n"  # a list and nine numbers
    fit = (MOST_VALUES - 1) // 10
    assert len(load_yaml(ten + "- *a\n" * (fit - 1))) == fit
    with pytest.raises(yaml_files.TooMuch):
        load_yaml(ten + "- *a\n" * fit)


@pytest.mark.parametrize(
    "text",
    [
        "x: " + "9" * 5000,
        "2024-13-45",
        "1" + ":1" * 400 + ".5",
        "!!timestamp x",
        "!!int x",
        "? [a]\n: b",
        "a: 1\na: 2",
        "!!python/object/apply:os.system [x]",
        "a: 1\n---\nb: 2",
        "\0",
        "[*b]",
        "a: [",
    ],
)
def test_whatever_is_wrong_is_one_kind_of_error(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        load_yaml(text)


def test_a_file_is_read_to_its_bound_alone(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"x: 1\n" + b"#" * (MOST_BYTES - 5))
    assert read_yaml(path) == {"x": 1}
    with path.open("r+b") as file:
        file.truncate(10 * 2**30)  # a hole, of which no disk is used
    with raises(yaml_files.TooMuch, MOST_BYTES, "bytes"):
        read_yaml(path)
    path.write_bytes(b"x: \xff")
    with raises(yaml.YAMLError, "UTF-8"):
        read_yaml(path)
    path.write_text("- 1")
    with raises(yaml.YAMLError, "mapping"):
        read_mapping(path)
    os.mkfifo(tmp_path / "pipe")
    with raises(OSError, "regular file"):
        read_yaml(tmp_path / "pipe")
    with pytest.raises(FileNotFoundError):
        read_yaml(tmp_path / "nowhere")


@pytest.mark.usefixtures("cheap")
def test_every_reader_of_the_package_has_the_bounds(tmp_path: Path) -> None:
    path = tmp_path / "bomb.yaml"
    path.write_text(ALIASES)
    for read in (load, load_mapping, read_table, partial(reduced, TABLE), lambda path: read_rules(path, {})):
        with raises(UsageError, path, *VALUES):
            read(path)


@pytest.mark.usefixtures("cheap")
def test_texts_that_the_parser_reads_once_more_have_them_too() -> None:
    for text in ("plain", "[1, 2]", "{a: 1}", "a * b", "* c", "x" * 60_000):
        check_text(text)
    for text in (ALIASES, "[" * 200, BOMBS["a text that is YAML"][0], "x" * 70_000):
        with pytest.raises(yaml_files.TooMuch):
            check_text(text)


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        (["--config", "bomb"], ["bomb.yaml", *VALUES]),
        (["--config", "deep"], ["deep.yaml", *DEEP]),
        (["--config", "inner"], ["inner.yaml", *VALUES]),
        ([f"--data.mean={ALIASES}"], ["--data.mean", *VALUES]),
        (["--data", "[" * 20_000], ["--data ", *DEEP]),
        (["--steps", "1" * 70_000], ["--steps", 65_536, "characters"]),
    ],
    ids=["file", "deep", "inner", "option", "deep option", "long option"],
)
def test_fit_says_so(al: Call, here: Path, options: list[str], facts: list[object]) -> None:
    (here / "bomb.yaml").write_text(ALIASES)
    (here / "deep.yaml").write_text("data: " + "[" * 20_000)
    (here / "inner.yaml").write_text("data: {init_args: {mean: '" + ALIASES.replace("\n", "\n\n  ") + "'}}\n")
    begun = time.process_time()
    answer = al("fit", "--config", "digits_entropy", *options)
    assert time.process_time() - begun < 15  # most of which is importing
    assert refused(answer, UsageError, *facts)
    assert answer.err.count("\n") == 1


def test_what_comes_with_the_package_is_far_from_the_bounds() -> None:
    for path in shipped().rglob("*.yaml"):
        events = yaml.parse(path.read_text(), Loader=yaml_files.Base)
        kinds = (yaml.ScalarEvent, yaml.CollectionStartEvent, yaml.AliasEvent)
        assert sum(isinstance(event, kinds) for event in events) < MOST_VALUES / 10, path
