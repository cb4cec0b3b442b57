"""Whole runs from Python."""

from pathlib import Path

import al_lightning
from al_lightning.errors import UsageError
from tests.support.errors import raises
from tests.support.runs import DIGITS


def test_from_python(here: Path) -> None:
    run = al_lightning.fit("digits_random", run_dir="r", options=DIGITS)
    assert [cycle.labelled for cycle in run.cycles] == [20, 30, 40]
    again = al_lightning.read_run("r")
    assert again == run
    assert again.labelled_at(1) == [*(run.initial or ()), *run.cycles[0].chosen]
    with raises(UsageError, "'nothing'"):
        al_lightning.fit("digits_nothing")
    with raises(UsageError, "0 to 2"):
        al_lightning.query("r", 7)
