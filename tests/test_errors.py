"""Kinds of errors: each has an exit code that people can look up, and arrives from other processes as what it was."""

from __future__ import annotations

import json
import multiprocessing
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from torch.utils.data import DataLoader, Dataset

from al_lightning.errors import (
    EXIT_CODES,
    ALError,
    DirectoryInUse,
    UnknownLabel,
    UsageError,
    own_line,
    printable,
    raised_in,
    require,
    require_folder,
)
from tests.support.errors import raises
from tests.support.runs import Answer

ROOT = Path(__file__).parents[1]


def kinds(kind: type[ALError] = ALError) -> Iterator[type[ALError]]:
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == ALError.__module__:
            yield from kinds(below)


def test_every_exit_code_is_listed_in_the_help_and_in_the_documents(al: Callable[..., Answer]) -> None:
    assert {kind.exit_code for kind in kinds()} | {0} == EXIT_CODES.keys()
    table = (ROOT / "docs/cluster.md").read_text()
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.M)] == list(EXIT_CODES)
    shown = al().out.split("exit codes:")[1]
    assert [int(code) for code in re.findall(r"^  (\d+) ", shown, re.M)] == list(EXIT_CODES)


class Failing(Dataset[int]):
    def __init__(self, kind: type[ALError]) -> None:
        self.kind = kind

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> int:
        raise self.kind("a sentence")


@pytest.mark.parametrize("kind", [UnknownLabel, DirectoryInUse])
def test_a_kind_comes_back_from_a_data_worker(kind: type[ALError]) -> None:
    with pytest.raises(kind, match="a sentence") as caught:
        list(DataLoader(Failing(kind), num_workers=1))
    assert caught.type is kind
    assert raised_in(caught.value, "torch._utils")


def test_the_code_that_raised_an_error_is_known() -> None:
    with pytest.raises(ValueError, match="Expecting") as caught:
        json.loads("nothing")
    assert raised_in(caught.value, "torch", "json")
    assert not raised_in(caught.value, "js", __name__)
    assert not raised_in(ValueError("never raised"), "json")


def test_the_users_own_line_on_an_errors_way_is_named() -> None:
    with pytest.raises(ValueError, match="Expecting") as caught:
        json.loads("nothing")
    raised = caught.tb.tb_lineno
    file = __file__.removeprefix(f"{Path.cwd()}/")
    assert own_line(caught.value) == f" in {file}:{raised}"  # not json's own line, which is deeper
    assert own_line(ValueError("never raised")) == ""


def wrong_number() -> None:
    int("none")


def test_the_users_own_line_comes_back_from_another_process() -> None:
    with (
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool,
        pytest.raises(ValueError, match="none") as caught,
    ):
        pool.submit(wrong_number).result()
    line = wrong_number.__code__.co_firstlineno + 1
    assert own_line(caught.value).endswith(f"{Path(__file__).name}:{line}")


def test_a_range_is_what_it_says():
    for inside in (0, 0.5, 2**63, 10**400):
        require("x", inside, least=0)
    require("x", (1, 2), above=0, most=2)
    for value, limits, facts in (
        (-1, {"least": 0}, ["x is -1", "at least 0"]),
        (0, {"above": 0}, ["x is 0", "above 0"]),
        (2, {"most": 1}, ["x is 2", "at most 1"]),
        (1, {"below": 1}, ["x is 1", "below 1"]),
        ((0, 3), {"most": 2}, ["x[1] is 3", "at most 2"]),
        (None, {}, ["x is None", "finite"]),
        ("3", {}, ["x is 3", "finite"]),
    ):
        with raises(UsageError, *facts):
            require("x", value, **limits)


def test_a_folder_is_what_it_says(here):
    Path("2012").mkdir()
    Path("file").touch()
    for name in ("2012", "later", "./7", "a/-b", Path("deep/er")):
        require_folder("share", name)
    for name in ("", " ", "7", "-1e-9", "nan", "--data.root", "file", "a\0b", None, 3):
        with raises(UsageError, "share", repr(str(name)), "a folder"):
            require_folder("share", name)


def test_what_can_be_shown_is_left_as_it_is() -> None:
    assert printable("a\nb ü 漢 \x1b\t\x9b\u202e\udcff") == "a\nb ü 漢 " + "\ufffd" * 5
