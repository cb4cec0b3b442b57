"""One method against another: the difference, the verdict, and the sentence. A sentence claims only what was shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from al_lightning.results.inference import ALPHA, POWER
from al_lightning.results.renderers import all_of, number

FEWEST = 2
"""Seeds below which nothing is claimed."""
MANY = 5
"""Seeds from which on a pair is judged by its own differences alone."""
RELEVANT = 1.0
"""A difference that matters, in points."""
MOST_NAMES = 4
"""Most methods of one seed that a sentence names."""
MOST_PLACES = 6
"""Most digits of a number in a sentence, after the point."""
SHOWN = f"would have shown with {100 * POWER:.4g} % probability"
RULE = (
    "Differences are taken seed by seed. A method is called ahead or behind only where a t test of these differences "
    "says so, corrected after Holm for all comparisons that are made here together: where there is no difference, at "
    f"most {100 * ALPHA:.4g} % of such sets of comparisons claim any. From {MANY} seeds on, a pair is judged by its "
    "own differences: other methods enter its interval through the number of comparisons alone (Holm counts those that "
    f"are not yet decided), never through their noise. With {FEWEST} to {MANY - 1} seeds the noise is estimated from "
    f"all methods of the setting together, and the {100 * ALPHA:.4g} % assume equal noise of all methods; each such "
    "verdict says so. Not distinguishable means that no difference showed although differences of "
    f"{RELEVANT:g} point {SHOWN}, or that the interval lies within it; cannot tell, that the seeds are too few for "
    "either. Assumed: seeds are independent, and differences roughly normal. Where accuracies do not vary at all over "
    "the seeds, their interval is that of the test images (Newcombe): it is conservative, since both networks see the "
    "same images, and which of them were right is not stored."
)
"""How verdicts are reached, for a reader."""


class Verdict(Enum):
    """The verdict on a method against another."""

    AHEAD = "ahead"
    BEHIND = "behind"
    NOT_DISTINGUISHABLE = "not distinguishable"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Comparison:
    """One method against another, paired by seed; made by `statistics.compare`.

    Attributes:
        method: name of the method under test.
        baseline: name of the method it is compared with.
        by_seed: (seed, method - baseline) of each seed that both have, ascending; in points.
        mean: estimated difference, in points: the mean of `by_seed`; with 2 to 4 seeds, of which some method lacks one,
            the estimate of least squares, to which the other methods' seeds contribute. NaN without a common seed.
        low: lower end of the interval, in points; -inf where nothing bounds the difference. The interval covers the
            true difference with at least the stated confidence. Holm's correction widens it, so that it excludes 0
            exactly where the verdict is ahead or behind.
        high: its upper end; inf where nothing bounds the difference.
        p: two-sided p of the t test, corrected after Holm for all comparisons of one call; 1 where none was possible.
        p_single: the same without correction.
        smallest: the smallest true difference, in points, that these seeds show with probability `POWER`, at Holm's
            strictest level; inf where none would show. It is an estimate, since the variance is.
        deviation: standard deviation of a difference of one seed, in points: of the pair's own differences, or under
            the model of all methods; NaN where no test was possible.
        df: degrees of freedom of the variance; 0 where no test was possible.
        tests: number of comparisons that the correction is for.
        pooled: whether other methods contribute to the variance, with 2 to 4 seeds: the 5 % then assume that all
            methods have equal noise.
        images: number of test images, where `by_images` is known; else 0.
        by_images: where no test was possible, and accuracies were compared: the interval of the difference from the
            number of test images alone, by Newcombe's method; None otherwise. It says nothing about other seeds.
        place: where one point of the curve is compared, which point: `at 300 labels`; "" for the whole curve.
        higher_is_better: whether a higher value of the metric is better.
    """

    method: str
    baseline: str
    by_seed: tuple[tuple[int, float], ...]
    mean: float = math.nan
    low: float = -math.inf
    high: float = math.inf
    p: float = 1.0
    p_single: float = 1.0
    smallest: float = math.inf
    deviation: float = math.nan
    df: int = 0
    tests: int = 0
    pooled: bool = False
    images: int = 0
    by_images: tuple[float, float] | None = None
    place: str = ""
    higher_is_better: bool = True

    @property
    def values(self) -> tuple[float, ...]:
        """The differences of `by_seed`."""
        return tuple(value for _, value in self.by_seed)

    @property
    def seeds(self) -> int:
        """Number of seeds that both have."""
        return len(self.by_seed)

    @property
    def advantage(self) -> float:
        """The difference in points, positive where the method is the better one."""
        return self.mean if self.higher_is_better else -self.mean

    @property
    def verdict(self) -> Verdict:
        """The verdict.

        `NOT_DISTINGUISHABLE` where no difference showed although the seeds suffice: the interval lies within
        `RELEVANT`, or a difference of `RELEVANT` would have shown with probability `POWER`. The latter does not prove
        that the difference is smaller; the sentence therefore shows the interval.
        """
        if self.low > 0 or self.high < 0:
            return Verdict.AHEAD if self.advantage > 0 else Verdict.BEHIND
        enough = self.within or self.smallest <= RELEVANT
        return Verdict.NOT_DISTINGUISHABLE if enough else Verdict.CANNOT_TELL

    @property
    def within(self) -> bool:
        """Whether the interval lies within the relevant difference; of equal values, that of the test images."""
        low, high = self.by_images if self.by_images and self._equal else (self.low, self.high)
        return low >= -RELEVANT and high <= RELEVANT

    @property
    def shows(self) -> bool:
        """Whether a difference is claimed."""
        return self.verdict in (Verdict.AHEAD, Verdict.BEHIND)

    @property
    def small(self) -> bool:
        """Whether a difference is claimed that is smaller than `RELEVANT`."""
        return self.shows and abs(self.mean) < RELEVANT

    @property
    def of_images(self) -> str:
        """The interval of the test images, in words; empty where there is none."""
        if self.by_images is None:
            return ""
        ends = " to ".join(number(end, 1) for end in self.by_images)
        sure = f"{100 * (1 - ALPHA):.4g} % interval, conservative"
        return f"the {self.images:,} test images alone leave {ends} points open ({sure})"

    def interval(self, digits: int | None = None) -> str:
        """Return the interval as text: `0.4 to 2.0`; empty where nothing bounds the difference.

        Args:
            digits: after the point; by default as in the sentence.
        """
        if not math.isfinite(self.low + self.high):
            return ""
        places = self._places() if digits is None else digits
        return f"{number(self.low, places)} to {number(self.high, places)}"

    def clause(self, metric: str = "", brief: bool = False) -> str:
        """Return the sentence, without the caution that a single seed asks for.

        A `brief` one leaves out what a table beside it says: the assumption, and the differences that would have shown.

        Numbers have one digit after the point by default, two where one would round a number to 0.0, and as many as a
        claim of less than `RELEVANT` needs not to be rounded to `RELEVANT`.
        """
        method, baseline, places = self.method, self.baseline, self._places()
        of = (f" of {metric}" if metric else "") + (f" {self.place}" if self.place else "")
        if not self.by_seed:
            return f"{method} and {baseline} have no seed in common"
        size = f"{number(abs(self.mean), places)} points{of}"
        if self.seeds < FEWEST:
            side = "above" if self.mean > 0 else "below" if self.mean < 0 else "away from"
            more = f"; {self.of_images}" if self.of_images else ""
            return f"{method} measured {size} {side} {baseline} (one seed){more}"
        if not self.tests:
            return self._without_noise(of, places)
        signed = f"{number(self.mean, places)} points{of}"
        interval = f"{100 * (1 - ALPHA):.4g} % interval {self.interval()}"
        assumed = ", assuming equal noise of all methods" * (self.pooled and not brief)
        if self.shows:
            side = "ahead of" if self.verdict is Verdict.AHEAD else "behind"
            small = f", less than {RELEVANT:g} point" if self.small else ""
            return f"{method} is {side} {baseline} by {size}{small} ({interval}, {self.seeds} seeds{assumed})"
        would = f"differences of {number(self.smallest, places)} points or more {SHOWN}"
        if self.verdict is Verdict.NOT_DISTINGUISHABLE:
            head = (
                f"{method} is not distinguishable from {baseline}: {signed} ({interval}, {self.seeds} seeds{assumed})"
            )
            if self.within:
                return f"{head}, within {RELEVANT:g} point"
            return head if brief else f"{head}, {would}"
        head = f"{method} against {baseline}: cannot tell with {self.seeds} seeds: {signed} ({interval}{assumed})"
        return head if brief else f"{head}; {would}"

    def sentence(self, metric: str = "", brief: bool = False) -> str:
        """Return the verdict in words, without a full stop; `metric` is what the points belong to, such as "mIoU"."""
        clause = self.clause(metric, brief)
        return f"{clause}; one seed shows nothing certain" if self.seeds == 1 else clause

    @property
    def _equal(self) -> bool:
        """Whether the two are equal at each of several seeds."""
        return self.seeds >= FEWEST and not self.tests and self.mean == 0

    def _without_noise(self, of: str, places: int) -> str:
        """Return the sentence of differences that do not vary from seed to seed."""
        each = "equal" if self._equal else f"{number(self.mean, places)} points{of}"
        if self._equal and self.within:
            head = f"{self.method} is not distinguishable from {self.baseline}: equal at each of {self.seeds} seeds"
            return f"{head}; {self.of_images}, within {RELEVANT:g} point"
        return (
            f"{self.method} against {self.baseline}: cannot tell with {self.seeds} seeds: {each} at each of them, and "
            f"what does not vary gives no measure of chance{f'; {self.of_images}' if self.of_images else ''}"
        )

    def _places(self) -> int:
        shown = [value for value in (self.mean, self.low, self.high) if math.isfinite(value) and value]
        places = 2 if any(abs(value) < 0.05 for value in shown) else 1
        while self.small and float(number(abs(self.mean), places)) >= RELEVANT and places < MOST_PLACES:
            places += 1
        return places


def sentences(compared: Sequence[Comparison], metric: str = "", brief: bool = False) -> list[str]:
    """Return the verdicts on several methods, a sentence each; those of one seed, which claim nothing, in one.

    Args:
        compared: in the order in which they are shown.
        metric: as for `Comparison.sentence`.
        brief: as for `Comparison.clause`.
    """
    single = list(dict.fromkeys(each.method for each in compared if each.seeds == 1))
    if len(single) < 2:
        return [each.sentence(metric, brief) for each in compared]
    of = all_of(single) if len(single) <= MOST_NAMES else f"{len(single)} methods"
    several = [each.sentence(metric, brief) for each in compared if each.seeds != 1]
    return [*several, f"One seed shows nothing certain: no verdict on {of}"]
