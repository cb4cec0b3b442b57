"""The format of a run directory: a run that an earlier commit wrote is read, and written again byte for byte.

Who changes what a run directory holds raises `FORMAT` and puts a new run here, made with
`fit --config digits_entropy --config mine.yaml` (steps: 4), `--seed 1 --network.depth 10 --network.width 1
--budget.cycles 1 --keep none`, without TensorBoard's files.
"""

from collections.abc import Callable
from pathlib import Path

from al_lightning.runs.journal import FORMAT, JOURNAL, read_run
from al_lightning.runs.journal_lines import text_of
from al_lightning.runs.selections import choice_seal, read_choice, read_seen, selection_path
from al_lightning.runs.store import RunStore
from tests.support.runs import Answer

DIRECTORY = Path(__file__).parents[1] / "support" / "run_format_6"
Call = Callable[..., Answer]


def test_the_kept_run_has_the_format_that_is_written() -> None:
    assert DIRECTORY.name == f"run_format_{FORMAT}"


def test_the_journal_is_written_again_byte_for_byte() -> None:
    assert text_of(read_run(DIRECTORY).records) == (DIRECTORY / JOURNAL).read_text()


def test_what_the_journal_says_is_read() -> None:
    run = read_run(DIRECTORY)
    assert (run.record.name, run.record.seed, run.record.pool_size) == ("digits_entropy_mine", 1, 1438)
    assert run.record.parts == {
        "datasets": "digits", "acquisition": "entropy", "training": "supervised", "other": "mine",
    }  # fmt: skip
    assert run.record.settings["steps"] == 4
    assert run.record.classes == [str(digit) for digit in range(10)]
    assert [(done.labelled, len(done.chosen)) for done in run.cycles] == [(20, 20), (40, 0)]
    assert run.cycles[1].metrics["accuracy"] == 36 / 359


def test_each_file_is_read_and_fits_its_seal() -> None:
    run, store = read_run(DIRECTORY), RunStore(DIRECTORY, writes=False)
    assert [store.tested(done.cycle) for done in run.cycles] == [(done.metrics, done.health) for done in run.cycles]
    first, choice, seen = read_choice(run, None), read_choice(run, 0), read_seen(run, 0)
    assert first is not None
    assert choice is not None
    assert seen is not None
    assert first.indices == run.initial
    assert choice.indices == run.cycles[0].chosen
    assert choice.names[0] == f"digit {choice.indices[0]}"
    assert seen.value.shape == (1, 1418, 1)
    assert choice_seal(run, None, 20).fits(selection_path(DIRECTORY, None))


def test_it_is_shown_and_reported(al: Call) -> None:
    shown = al("show", DIRECTORY, "--chosen", "--no-plot").out.splitlines()
    assert shown[:6] == [
        "digits_entropy_mine, seed 1",
        "cycle  labelled  accuracy",
        "0            20   15.32 %",
        "1            40   10.03 %",
        "area 0.1763 from 20 to 40 labels (mean height 12.67 %)",
        "[!] cycle 0: never predicted on the test set, which has them: 1, 3, 8. Train longer (--steps, or --epochs), "
        "or buy more labels a cycle (--budget.query).",
    ]
    shown = [line for line in shown if not line.startswith("[!]")]  # four steps are no training
    assert shown[8] == "start        1           784  digit 784"
    assert shown[28] == "cycle 0      1  2.302   1035  digit 1035"
    reported = al("report", DIRECTORY, "--format", "text").out.splitlines()
    assert "digits: accuracy in %, one seed" in reported
    assert "entropy_mine  15.32  10.03  0.176        12.67      1" in reported
