"""Kinds of errors: each has an exit code that people can look up, and arrives from other processes as what it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from torch.utils.data import DataLoader, Dataset

from al_lightning.errors import EXIT_CODES, ALError, DirectoryInUse, UnknownLabel
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
    with raises(kind, "a sentence"):
        list(DataLoader(Failing(kind), num_workers=1))
