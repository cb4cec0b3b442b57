"""The files of a run's cycles, each with a seal: weights, metrics, choices, and the rows that they were made from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from al_lightning.errors import ALError
from al_lightning.runs.checks import check_metrics
from al_lightning.runs.files import in_the_way
from al_lightning.runs.journal import JOURNAL, Run, read_run
from al_lightning.runs.lock import Held
from al_lightning.runs.origins import cycle_dir, fit_origin, weights_path
from al_lightning.runs.scores import SeenRows, write_rows
from al_lightning.runs.seals import Seal
from al_lightning.runs.selections import (
    Choice,
    choice_seal,
    damaged,
    read_choice,
    read_json,
    rows_path,
    selection_path,
    write_json,
)


class CycleFiles(Held):
    """Writes and reads the files of a run's cycles. Only one process of a run writes (`writes`); the others read."""

    def read(self) -> Run:
        """Read the journal."""
        return read_run(self.directory)

    def cycle_dir(self, cycle: int) -> Path:
        """Folder of a cycle."""
        return cycle_dir(self.directory, cycle)

    def member_dir(self, cycle: int, member: int) -> Path:
        """Folder of one trained network: weights, TensorBoard events."""
        return weights_path(self.directory, cycle, member).parent

    def metrics_path(self, cycle: int) -> Path:
        """Path of the test metrics of a cycle, and of its health."""
        return self.cycle_dir(cycle) / "metrics.json"

    def _make(self, folder: Path) -> None:
        """Make a folder; never the run's own where this run holds it, for then it was deleted meanwhile."""
        if self.holds and folder == self.directory:
            return
        try:
            folder.mkdir(parents=not self.holds, exist_ok=True)
        except FileExistsError as error:
            raise in_the_way(folder) from error

    def begin_fit(self, cycle: int, member: int) -> str:
        """Make the folders of a fit, and return the origin of its files."""
        if self.writes:
            self.still_ours()
            self._make(self.cycle_dir(cycle))
            self._make(self.member_dir(cycle, member))
        return fit_origin(self.read(), cycle, member)

    def fit_seal(self, cycle: int, member: int) -> Seal:
        """Return the seal of a fit's files."""
        return Seal(fit_origin(self.read(), cycle, member), self.still_ours)

    def weights(self, cycle: int, member: int = 0) -> Path:
        """Return the file of a trained network, which need not be there.

        Raises:
            ALError: it is not what was written, or is another network's.
        """
        path = weights_path(self.directory, cycle, member)
        if path.is_file() and not self.fit_seal(cycle, member).fits(path):
            raise ALError(
                f"{path} is damaged, or is not the network of cycle {cycle} of this run: its seal is missing or does "
                f"not fit. Take another cycle's, or {self.again(cycle)}"
            )
        return path

    def again(self, cycle: int) -> str:
        """Return how to make a finished cycle once more, as the end of a sentence."""
        lines = f"the lines of {self.directory / JOURNAL} from that of cycle {cycle} on"
        return f"delete {lines}: the run's own `al-lightning fit` command makes these cycles again."

    def tested(self, cycle: int) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return metrics and health of a cycle that was tested but may not be finished; None where it was not.

        Raises:
            ALError: they are damaged, or another run's.
        """
        path = self.metrics_path(cycle)
        if not path.is_file():
            return None
        content = read_json(path, self.fit_seal(cycle, 0))
        metrics, health = content.get("metrics"), content.get("health")
        if not isinstance(metrics, dict) or not isinstance(health, dict):
            raise damaged(path)
        return metrics, health

    def save_metrics(self, cycle: int, metrics: dict[str, Any], health: dict[str, Any] | None = None) -> None:
        """Write the test metrics of a cycle, and its health.

        Raises:
            ALError: they are no metrics, or others than those of the cycles before.
        """
        if self.writes:
            try:
                check_metrics([*(done.metrics for done in self.read().cycles[:cycle]), metrics])
            except ValueError as error:
                raise ALError(
                    f"The metrics of cycle {cycle} cannot be kept: {error}. A task's are numbers up to 1e12, or lists "
                    "of them, the first one a number, the same in each cycle."
                ) from error
            self._make(self.cycle_dir(cycle))
            content = {"metrics": metrics, "health": health or {}}
            write_json(self.metrics_path(cycle), content, self.fit_seal(cycle, 0))

    def selection(self, cycle: int | None) -> list[int] | None:
        """Return what a cycle, or for None the initial set, chose; None where nothing was chosen yet."""
        choice = read_choice(self.read(), cycle)
        return None if choice is None else choice.indices

    def save_rows(self, cycle: int, rows: SeenRows, chosen: list[int]) -> None:
        """Write what a selection saw; see `write_rows`."""
        if self.writes:
            self._make(self.cycle_dir(cycle))
            seal = choice_seal(self.read(), cycle, len(chosen), self.still_ours)
            seal.write(rows_path(self.directory, cycle), lambda file: write_rows(file, rows, chosen))

    def save_selection(
        self, cycle: int | None, selection: tuple[list[int], list[float]], names: Sequence[str] = ()
    ) -> None:
        """Write what was chosen before any label is asked for: from now on the cycle is SELECTED.

        Args:
            cycle: its number; None for the initial set.
            selection: (indices, scores), in order.
            names: what a person calls the images.
        """
        if self.writes:
            self._make(self.directory if cycle is None else self.cycle_dir(cycle))
            indices, scores = selection
            # A strategy's scores may be infinite, which JSON cannot express.
            finite = [score if math.isfinite(score) else None for score in scores]
            choice = Choice(indices, finite, list(names) or [f"image {index}" for index in indices])
            seal = choice_seal(self.read(), cycle, len(indices), self.still_ours)
            write_json(selection_path(self.directory, cycle), choice._asdict(), seal)

    def drop_unfit(self, cycle: int, members: int, count: int) -> list[Path]:
        """Delete, and return, what an unfinished cycle of `members` networks left that is not what this run wrote.

        A choice, or its rows, fit only where the cycle is to choose `count` images.
        """
        files = [(weights_path(self.directory, cycle, member), member) for member in range(members)]
        files.append((self.metrics_path(cycle), 0))
        unfit = [path for path, member in files if self.fit_seal(cycle, member).drop_unfit(path)]
        if count:  # the origin of a choice depends on the weights that are left
            seal = choice_seal(self.read(), cycle, count, self.still_ours)
            choice = (selection_path(self.directory, cycle), rows_path(self.directory, cycle))
            unfit += [path for path in choice if seal.drop_unfit(path)]
        return unfit
