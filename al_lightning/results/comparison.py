"""One method against another: the difference, the verdict, and the sentence. A sentence claims only what was shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from al_lightning.results.inference import ALPHA, POWER
from al_lightning.results.renderers import number

FEWEST = 2
"""Seeds below which nothing is claimed."""
MANY = 10
"""Seeds from which on a claim needs the bootstrap, too."""
RELEVANT = 1.0
"""A difference that matters, in points."""
RULE = (
    "Differences are taken seed by seed. A method is called ahead or behind only where a paired t test says so, with "
    "the variance estimated from all methods of the setting and corrected after Holm for the number of comparisons: "
    f"where there is no difference, at most {100 * ALPHA:.4g} % of such sets of comparisons claim any. From {MANY} "
    "seeds on, a bootstrap interval (BCa) must agree. Not distinguishable means that no difference showed although one "
    f"of {RELEVANT:g} point would have, with {100 * POWER:.4g} % probability, or that the interval lies within it; "
    "cannot tell, that the seeds are too few for either. Assumed: chance moves every method of a setting by about as "
    "much (all pairwise differences have one variance, estimated from all of them together), roughly normally, and "
    "from seed to seed independently."
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
        mean: estimated difference, in points: the mean of `by_seed` where every method has every seed, or there is one
            seed; else the estimate of least squares, to which the other methods' seeds contribute. NaN without a
            common seed.
        low: lower end of the interval, in points; -inf where nothing bounds the difference. The interval covers the
            true difference with at least the stated confidence. Holm's correction widens it, so that it excludes 0
            exactly where the verdict is ahead or behind.
        high: its upper end; inf where nothing bounds the difference.
        p: two-sided p of the t test, corrected after Holm for all comparisons of one call; 1 where none was possible.
        p_single: the same without correction.
        smallest: the smallest true difference, in points, that these seeds show with probability `POWER`, at Holm's
            strictest level; inf where none would show. It is an estimate, since the variance is. From `MANY` seeds on
            it takes the variance as known from the pair's own differences, the only ones that the bootstrap sees.
        deviation: standard deviation of a difference of one seed under the model, in points; NaN where unknown.
        df: degrees of freedom of the variance.
        tests: number of comparisons that the correction is for.
        bootstrap: BCa interval of the mean of `by_seed`, at the level of the t interval, from `MANY` seeds on; the
            interval is then the hull of both, so that a claim needs both.
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
    bootstrap: tuple[float, float] | None = None
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
        would_have = self.smallest <= RELEVANT and self.p > ALPHA
        return Verdict.NOT_DISTINGUISHABLE if self.within or would_have else Verdict.CANNOT_TELL

    @property
    def within(self) -> bool:
        """Whether the interval lies within the relevant difference."""
        return self.low >= -RELEVANT and self.high <= RELEVANT

    @property
    def shows(self) -> bool:
        """Whether a difference is claimed."""
        return self.verdict in (Verdict.AHEAD, Verdict.BEHIND)

    def interval(self, digits: int | None = None) -> str:
        """Return the interval as text: `0.4 to 2.0`; empty where nothing bounds the difference."""
        if not math.isfinite(self.low + self.high):
            return ""
        places = self._places(digits)
        return f"{number(self.low, places)} to {number(self.high, places)}"

    def clause(self, metric: str = "", digits: int | None = None) -> str:
        """Return the sentence, without the caution that a single seed asks for.

        Numbers have one digit after the point by default, or two where one would round a number to 0.0.
        """
        method, baseline, places = self.method, self.baseline, self._places(digits)
        of = f" of {metric}" if metric else ""
        if not self.by_seed:
            return f"{method} and {baseline} have no seed in common"
        size = f"{number(abs(self.mean), places)} points{of}"
        if self.seeds < FEWEST:
            side = "above" if self.mean > 0 else "below" if self.mean < 0 else "away from"
            return f"{method} measured {size} {side} {baseline} (one seed)"
        signed = f"{number(self.mean, places)} points{of}"
        if not self.interval():
            return (
                f"{method} against {baseline}: cannot tell with {self.seeds} seeds: {signed} at each of them, and what "
                "does not vary gives no measure of chance"
            )
        interval = f"{100 * (1 - ALPHA):.4g} % interval {self.interval(digits)}"
        if self.shows:
            side = "ahead of" if self.verdict is Verdict.AHEAD else "behind"
            return f"{method} is {side} {baseline} by {size} ({interval}, {self.seeds} seeds)"
        if self.verdict is Verdict.NOT_DISTINGUISHABLE:
            head = f"{method} is not distinguishable from {baseline}"
            if self.low == self.high:
                return f"{head}: equal at each of {self.seeds} seeds"
            why = f"within {RELEVANT:g} point" if self.within else self._would_show(places, "already ")
            return f"{head}: {signed} ({interval}, {self.seeds} seeds), {why}"
        head = f"{method} against {baseline}: cannot tell with {self.seeds} seeds: {signed} ({interval})"
        if self.p <= ALPHA:
            return f"{head}; the t test sees a difference, the bootstrap of these seeds does not"
        return f"{head}; only {self._would_show(places)}"

    def sentence(self, metric: str = "") -> str:
        """Return the verdict in words, without a full stop; `metric` is what the points belong to, such as "mIoU"."""
        clause = self.clause(metric)
        return f"{clause}; one seed shows nothing certain" if self.seeds == 1 else clause

    def _would_show(self, places: int, already: str = "") -> str:
        return f"a difference of {number(self.smallest, places)} points or more would {already}have shown"

    def _places(self, digits: int | None) -> int:
        if digits is not None:
            return digits
        shown = [value for value in (self.mean, self.low, self.high) if math.isfinite(value) and value]
        return 2 if any(abs(value) < 0.05 for value in shown) else 1
