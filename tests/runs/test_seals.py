"""Every file of a run knows whose it is: exchanged, edited, damaged or left behind, it is never taken for another."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from al_lightning.errors import ALError, DirectoryInUse, UsageError
from al_lightning.runs import seals
from al_lightning.runs.journal import FORMAT
from al_lightning.runs.journal_lines import write_line
from al_lightning.runs.seals import Seal, seal_of, sealed_digest
from tests.support.errors import raises, refused
from tests.support.runs import Answer, journal
from tests.support.whole_runs import RUN, unfinish

Call = Callable[..., Answer]


def copy(source: Path, target: Path) -> None:
    """Copy a file with its seal."""
    shutil.copyfile(source, target)
    shutil.copyfile(seal_of(source), seal_of(target))


# Seals


def test_a_seal_fits_what_was_written_and_nothing_else(tmp_path: Path) -> None:
    path, seal = tmp_path / "a.bin", Seal("one")
    seal.write(path, lambda file: file.write(b"content"))
    assert seal.fits(path)
    assert sealed_digest(path) == seals.digest_of(path)
    assert not Seal("two").fits(path)  # another origin
    copy(path, tmp_path / "b.bin")
    assert not seal.fits(tmp_path / "b.bin")  # another file's
    path.write_bytes(b"contenT")
    assert not seal.fits(path)
    assert seal.drop_unfit(path)
    assert list(tmp_path.iterdir()) == [tmp_path / "b.bin", tmp_path / "b.bin.seal"] or not path.exists()
    assert not seal.drop_unfit(path)  # there is none
    path.write_bytes(b"content")
    assert not seal.fits(path)  # none was written for it


@pytest.mark.parametrize("text", ["", "{", "[1]", '"a"', "[" * 5000, "x" * 10_000, "\0"])
def test_a_seal_that_is_none_fits_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.bin"
    Seal().write(path, lambda file: file.write(b"content"))
    seal_of(path).write_text(text)
    assert not Seal().fits(path)
    assert sealed_digest(path) is None


def test_nothing_is_written_where_the_folder_is_no_longer_the_runs(tmp_path: Path) -> None:
    def refuse() -> None:
        raise DirectoryInUse("theirs")

    with raises(DirectoryInUse, "theirs"):
        Seal("one", refuse).write(tmp_path / "a.bin", lambda file: file.write(b"content"))
    with raises(ALError, tmp_path / "gone" / "a.bin"):
        Seal("one").write(tmp_path / "gone" / "a.bin", lambda file: file.write(b"content"))
    assert not list(tmp_path.iterdir())


# Files that are another run's, cycle's or nobody's


@pytest.mark.parametrize("gone", [["cycles.jsonl"], ["cycles.jsonl", "config.yaml", "selection.json", "images.json"]])
def test_files_without_a_journal_are_refused_with_the_way_out(al: Call, whole: Path, gone: list[str]) -> None:
    for name in gone:
        (whole / name).unlink()
    before = {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    answer = al(*RUN, "--seed", 3, "--run_dir", whole)
    assert refused(answer, UsageError, whole, "cycles.jsonl", "--run_dir DIR")
    assert {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "other",
    [
        ["--seed", 3],
        pytest.param(["--training.optimizer.lr", 0.01], marks=pytest.mark.slow),
        pytest.param(["--acquisition.beyond", 1], marks=pytest.mark.slow),
    ],
)
def test_what_another_run_left_is_made_again(al: Call, here: Path, whole: Path, other: list[object]) -> None:
    if other[0] == "--acquisition.beyond":
        other = ["--acquisition", "al_lightning.acquisition.Entropy"]
    assert al(*RUN, *other, "--run_dir", "other").code == 0
    expected = journal(here / "other")
    unfinish(here / "other", 0)
    for path in [
        *whole.glob("cycle_0?/member_0/weights.pt"),
        *whole.glob("cycle_0?/*.json"),
        *whole.glob("cycle_0?/*.npz"),
    ]:
        copy(path, here / "other" / path.relative_to(whole))
    answer = al(*RUN, *other, "--run_dir", "other")
    assert answer.code == 0, answer.err
    assert answer.err.count("done again") >= 1
    assert journal(here / "other") == expected


def test_files_of_another_cycle_are_made_again(al: Call, whole: Path) -> None:
    expected = journal(whole)
    unfinish(whole, 1)
    for name in ("member_0/weights.pt", "metrics.json", "selection.json", "rows.npz"):
        copy(whole / "cycle_00" / name, whole / "cycle_01" / name)
    answer = al(*RUN, "--run_dir", whole)
    assert (answer.code, answer.err.count("done again")) == (0, 4), answer.err
    assert journal(whole) == expected


def test_a_finished_cycles_network_in_anothers_place_is_a_sentence(al: Call, here: Path, whole: Path) -> None:
    copy(whole / "cycle_00/member_0/weights.pt", whole / "cycle_02/member_0/weights.pt")
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(here / "a.png")
    for command in (["predict", whole, "a.png"], ["export", whole, "--format", "state-dict"]):
        assert refused(al(*command), ALError, whole / "cycle_02/member_0/weights.pt", "cycle 2")
    assert al("predict", whole, "a.png", "--cycle", 1).code == 0


def test_a_warm_start_takes_no_other_network(al: Call, here: Path) -> None:
    options = [*RUN, "--warm_start", "all", "--run_dir", "r"]
    assert al(*options).code == 0
    expected = journal(here / "r")
    unfinish(here / "r", 1)
    weights = here / "r/cycle_00/member_0/weights.pt"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    shutil.rmtree(here / "r/cycle_01")
    assert refused(al(*options), ALError, "cycle_00/member_0/weights.pt")
    unfinish(here / "r", 0)  # as one who wants it made again
    assert al(*options).code == 0
    assert journal(here / "r") == expected


def test_a_run_of_another_format_is_refused(al: Call, whole: Path) -> None:
    lines = whole / "cycles.jsonl"
    first = json.loads(lines.read_text().splitlines()[0])
    del first["format"]
    lines.write_text(write_line(first)[0])
    for command in ([*RUN, "--run_dir", whole], ["show", whole]):
        assert refused(al(*command), UsageError, whole, "format 1", FORMAT)
    # A later format may check its lines in another way.
    lines.write_text(lines.read_text().replace('"kind": "run"', f'"kind": "run", "format": {FORMAT + 1}', 1))
    assert refused(al("show", whole), UsageError, whole, f"format {FORMAT + 1}")


@pytest.mark.parametrize("depth", [900, 20_000])
@pytest.mark.parametrize("name", ["cycles.jsonl", "cycle_01/metrics.json", "cycle_01/selection.json", "images.json"])
def test_values_nested_deeply_are_damage(al: Call, here: Path, whole: Path, name: str, depth: int) -> None:
    expected = journal(whole)
    unfinish(whole, 1)
    text = "[" * depth + "]" * depth
    if name == "cycles.jsonl":
        text = f'{{"kind": "run", "format": {FORMAT}, "name": {text}, "check": "0"}}\n'
    (whole / name).write_text(text)
    answer = al(*RUN, "--run_dir", whole)
    assert answer.code == (ALError.exit_code if name == "cycles.jsonl" else 0), answer.err
    assert answer.err.count("Error") == 0
    if name != "cycles.jsonl":
        assert journal(whole) == expected
