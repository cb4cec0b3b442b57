"""Damaged files, an edited journal and a full disk: named, and the run continues with the same command."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from al_lightning.errors import ALError
from tests.support.errors import refused
from tests.support.runs import Answer, journal

Call = Callable[..., Answer]
Journal = list[dict[str, object]]


def damage(path: Path, how: str) -> None:
    """Cut a file short, flip a bit in the middle of it, or delete it."""
    content = bytearray(path.read_bytes())
    if how == "deleted":
        path.unlink()
        return
    content[len(content) // 2] ^= 1
    path.write_bytes(content[:-100] if how == "cut" else content)


@pytest.mark.parametrize(
    ("which", "how"),
    [
        ("last", "cut"),
        ("both", "flipped"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (("last", "flipped"), ("last", "deleted"), ("both", "cut"), ("both", "deleted"))
        ),
    ],
)
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    al: Call, here: Path, stop: dict[str, object], options: list[object], whole: Journal, how: str, which: str
) -> None:
    stop.update(stage="fit", count=8)
    assert al("fit", *options, "--run_dir", "r", "--chunk", 2).code == 1
    member = here / "r/cycle_01/member_0"
    assert sorted(path.name for path in member.glob("*.ckpt")) == ["step_6.ckpt", "step_8.ckpt"]
    damage(member / "step_8.ckpt", how)
    if which == "both":
        damage(member / "step_6.ckpt", how)
    # The fit passes the steps that it has to do again, and no others.
    stop.update(count=5 if which == "last" else 11)
    answer = al("fit", *options, "--run_dir", "r")
    assert answer.code == 0, answer.err
    for step, told in ((8, how != "deleted"), (6, how != "deleted" and which == "both")):
        assert (f"step_{step}.ckpt" in answer.err) == told
    assert journal(here / "r") == whole


@pytest.mark.parametrize(
    "name", ["cycle_01/member_0/weights.pt", "cycle_01/metrics.json", "cycle_01/selection.json", "selection.json"]
)
@pytest.mark.parametrize("how", ["cut", "flipped", "deleted"])
def test_what_an_unfinished_cycle_left_is_made_again_where_it_was_damaged(
    al: Call, here: Path, options: list[object], copied: Path, name: str, how: str
) -> None:
    before = journal(copied)
    lines = (here / "r/cycles.jsonl").read_text().splitlines(keepends=True)
    if name == "selection.json":
        (here / "r/cycles.jsonl").write_text(lines[0])
    else:
        (here / "r/cycles.jsonl").write_text("".join(lines[:3]) + lines[3][:40])  # a torn last line as well
    damage(here / "r" / name, how)
    answer = al("fit", *options, "--run_dir", "r")
    assert answer.code == 0, answer.err
    assert journal(here / "r") == before
    assert ("cycles.jsonl" in answer.err) == (name != "selection.json")


def test_an_edited_journal_is_refused_and_says_how_to_go_on(
    al: Call, here: Path, options: list[object], copied: Path
) -> None:
    before = journal(copied)
    text = (here / "r/cycles.jsonl").read_text()
    (here / "r/cycles.jsonl").write_text(text.replace('"labelled": 12', '"labelled": 13'))
    answer = al("fit", *options, "--run_dir", "r")
    assert refused(answer, ALError, "r/cycles.jsonl", "line 4")
    (here / "r/cycles.jsonl").write_text("".join(text.splitlines(keepends=True)[:3]))  # as the message says
    assert al("fit", *options, "--run_dir", "r").code == 0
    assert journal(here / "r") == before


def test_a_directory_that_cannot_be_written_to_is_one_sentence(al: Call, here: Path) -> None:
    (here / "file").write_text("")
    answer = al("fit", "--config", "digits_random", "--run_dir", "file/r", "--steps", 2)
    assert refused(answer, ALError, "file/r: ")
    assert answer.err.count("\n") < 5


def test_a_full_disk_is_one_sentence_and_the_run_goes_on_once_there_is_room(
    al: Call, here: Path, stop: dict[str, object], options: list[object], whole: Journal
) -> None:
    """Files may not grow over a limit, as on a full disk; the checkpoint is the first that would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        answer = al("fit", *options, "--run_dir", "r")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert refused(answer, ALError, "step_4.ckpt", "File too large")
    assert journal(here / "r") == whole[:1]
    assert al("fit", *options, "--run_dir", "r").code == 0
    assert journal(here / "r") == whole


def test_state_that_could_not_be_read_again_is_refused_when_it_is_written(
    al: Call, here: Path, stop: dict[str, object], options: list[object]
) -> None:
    answer = al("fit", *options, "--trainer.callbacks", "watched.Keeping", "--run_dir", "r")
    assert refused(answer, ALError, "pathlib.")
    assert not list((here / "r").rglob("*.ckpt"))


def test_flipped_bits_of_a_finished_cycles_weights_are_noticed(al: Call, copied: Path) -> None:
    damage(copied / "cycle_00/member_0/weights.pt", "flipped")
    answer = al("query", "r", "--cycle", 0, "--import", "watched")
    assert refused(answer, ALError, "r/cycle_00/member_0/weights.pt", "damaged", "cycle 0")
    assert al("query", "r", "--cycle", 1, "--import", "watched").code == 0
