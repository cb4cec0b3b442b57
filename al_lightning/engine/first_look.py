"""The look at a run's data before its first fit: what is wrong with them costs no finished cycle."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial

from al_lightning.config.experiment import Experiment
from al_lightning.data.remarks import Remark
from al_lightning.data.survey import NAMED, SETS, Survey
from al_lightning.data.uneven import check_batches
from al_lightning.errors import DatasetError
from al_lightning.labels.content import count_of
from al_lightning.progress import Reporter
from al_lightning.runs.store import RunStore


class FirstLook:
    """Surveys the data of a run; process 0 alone does so.

    What is wrong ends the run before its first fit. Once a network was trained, it is said, and the run ends only where
    it needs the file: labels may be mended at any time, and images are those that the run began with.

    Args:
        experiment: the run's configuration.
        store: the run directory.
        reporter: shows progress.
    """

    def __init__(self, experiment: Experiment, store: RunStore, reporter: Reporter) -> None:
        self.data = experiment.data
        self.last = 0 if experiment.acquisition.one_fit else experiment.budget.cycles
        self.scores = experiment.acquisition.needs_network and self.last > 0
        self.store = store
        self.reporter = reporter
        self.survey: Survey | None = None

    def set_up(self) -> None:
        """Set up both sets, and keep what was found in files, so that other processes need not look for it."""
        _ = self.data.file_sets, self.data.details()
        self.data.save_known_files()

    @property
    def finished(self) -> bool:
        """Whether the run is finished, so that it needs no data."""
        return self.store.exists() and len(self.store.finished(self.last)) > self.last

    def files(self) -> list[Remark]:
        """Survey the data of a run that is not finished; return what is to be said of files and labels.

        Labels are judged where all images of a set have one.

        Raises:
            DatasetError: files cannot be used, or no network can learn from the labels.
        """
        if self.finished:
            return []
        trained = self.store.trained()
        self.survey = survey = Survey.begin(self.data)
        if new := [job for job in survey.jobs if job.new]:
            images, are = count_of(len(new), "image"), "is" if len(new) == 1 else "are"
            whole = sum(job.whole for job in new)
            self.reporter.say(
                f"{images} {are} looked at first, with labels ({whole:,} decoded); other runs look at changed files "
                "alone"
            )
        workers = min(8, os.cpu_count() or 1) if self.data.workers else 0
        survey.look(workers, partial(self.reporter.count, "looking at files"))
        if not trained:
            if survey.troubles:
                raise survey.refusal()
            pool, test = (sorted(survey.sizes[side].values()) for side in SETS)
            check_batches(self.data, pool, test, self.scores)
        return [
            *(Remark(trouble.text, warning=True) for trouble in survey.troubles[:NAMED]),
            *survey.absent(),
            *self._judged([side for side in SETS if not survey.unlabelled[side]]),
        ]

    def labels(self) -> list[Remark]:
        """Judge the labels by people, once those that the first fit needs are there.

        Raises:
            DatasetError: no network can learn from the labels.
        """
        survey = self.survey
        return self._judged([side for side in SETS if survey.unlabelled[side]]) if survey is not None else []

    def _judged(self, sides: Sequence[str]) -> list[Remark]:
        """Return the doubts about the labels of sets as warnings; raise DatasetError where they stop the run."""
        assert self.survey is not None
        found = [text for side in sides for text in self.survey.doubts(side)]
        if found and not self.data.accept_labels and not self.store.trained():
            advice = [advice] if (advice := self.data.label_advice()) else []
            accept = "--data.accept_labels true begins the run all the same."
            raise DatasetError(" ".join([*found, *advice, accept]))
        return [Remark(text, warning=True) for text in found]
