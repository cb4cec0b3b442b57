"""One method against another: what was found, the verdict, and the words for it. No more is claimed than was shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Literal

FEWEST = 2
"""Seeds below which nothing is claimed."""
MANY = 10
"""Seeds from which on a claim needs the bootstrap, too."""
ASSUMPTION = (
    "Assumed: chance moves every method of a setting by about as much (all pairwise differences have one variance, "
    "estimated from all of them together), roughly normally, and from seed to seed independently."
)


class Verdict(Enum):
    """What may be said of a method against another."""

    AHEAD = "ahead"
    BEHIND = "behind"
    NOT_DISTINGUISHABLE = "not distinguishable"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Comparison:
    """One method against another, paired by seed; made by `statistics.compare`.

    Attributes:
        method: name of the method under test.
        other: name of the method it is compared with.
        by_seed: (seed, method - other) of each seed that both have, ascending; in points.
        mean: estimated difference, in points: the mean of `by_seed` where every method has every seed, or there is one
            seed; else the estimate of least squares, to which the other methods' seeds contribute. NaN without a
            common seed.
        low: lower end of the interval, in points; -inf where nothing bounds the difference. The interval covers the
            true difference with at least the stated confidence: it is widened by as much as Holm's correction asks, so
            that it excludes 0 exactly where the verdict is ahead or behind.
        high: its upper end; inf where nothing bounds the difference.
        p: two-sided p of the t test, corrected after Holm for all comparisons of one call; 1 where none was possible.
        p_single: the same without correction.
        smallest: the smallest true difference, in points, that these seeds show with probability `power`, at Holm's
            strictest level; inf where none would show. An estimate, as the variance it rests on is. From `MANY` seeds
            on it is that of a variance known from the pair's own differences, the only ones the bootstrap sees.
        deviation: standard deviation of a difference of one seed under the model, in points; NaN where unknown.
        df: degrees of freedom of the variance.
        tests: comparisons that were corrected for.
        bootstrap: BCa interval of the mean of `by_seed`, at the level of the t interval, from `MANY` seeds on; the
            interval is then the hull of both, so that a claim needs both.
        alpha: share of false claims that is accepted over all comparisons of a call; the confidence is 1 - alpha.
        power: probability that `smallest` stands for.
        relevant: a difference that matters, in points.
    """

    method: str
    other: str
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
    alpha: float = 0.05
    power: float = 0.8
    relevant: float = 1.0

    @property
    def values(self) -> tuple[float, ...]:
        """The differences of `by_seed`."""
        return tuple(value for _, value in self.by_seed)

    @property
    def seeds(self) -> int:
        """Number of seeds that both have."""
        return len(self.by_seed)

    @property
    def verdict(self) -> Verdict:
        """What may be said.

        `NOT_DISTINGUISHABLE` where no difference showed although it was looked for closely enough: the interval lies
        within the relevant difference, or the relevant difference would have shown with probability `power`. The
        second is no proof that the difference is smaller; the sentence shows the interval for that.
        """
        if self.low > 0:
            return Verdict.AHEAD
        if self.high < 0:
            return Verdict.BEHIND
        would_have = self.smallest <= self.relevant and self.p > self.alpha
        return Verdict.NOT_DISTINGUISHABLE if self.within or would_have else Verdict.CANNOT_TELL

    @property
    def within(self) -> bool:
        """Whether the interval lies within the relevant difference."""
        return -self.relevant <= self.low and self.high <= self.relevant

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
        """Return the sentence, without the caution that a single seed asks for."""
        mine, other, places, of = self.method, self.other, self._places(digits), f" of {metric}" if metric else ""
        if not self.by_seed:
            return f"{mine} and {other} have no seed in common"
        if self.seeds < FEWEST:
            side = "above" if self.mean > 0 else "below" if self.mean < 0 else "away from"
            return f"{mine} measured {number(abs(self.mean), places)} points{of} {side} {other} (one seed)"
        told = f"{number(self.mean, places)} points{of}"
        if not self.interval():
            return (
                f"{mine} against {other}: cannot tell with {self.seeds} seeds: {told} at each of them, and what does "
                "not vary gives no measure of chance"
            )
        about = f"{100 * (1 - self.alpha):.4g} % interval {self.interval(digits)}"
        if self.shows:
            side = "ahead of" if self.mean > 0 else "behind"
            size = f"{number(abs(self.mean), places)} points{of}"
            return f"{mine} is {side} {other} by {size} ({about}, {self.seeds} seeds)"
        if self.verdict is Verdict.NOT_DISTINGUISHABLE:
            head = f"{mine} is not distinguishable from {other}"
            if self.low == self.high:
                return f"{head}: equal at each of {self.seeds} seeds"
            why = f"within {points(self.relevant)}" if self.within else self._would_show(places, "already ")
            return f"{head}: {told} ({about}, {self.seeds} seeds), {why}"
        head = f"{mine} against {other}: cannot tell with {self.seeds} seeds: {told} ({about})"
        if self.p <= self.alpha:
            return f"{head}; the t test sees a difference, the bootstrap of these seeds does not"
        return f"{head}; only {self._would_show(places)}"

    def sentence(self, metric: str = "", digits: int | None = None) -> str:
        """Return the verdict in words, without a full stop.

        Args:
            metric: what the points are of, for example "mIoU"; empty for none.
            digits: after the decimal point; by default one, or two where one would make something of it 0.0.
        """
        clause = self.clause(metric, digits)
        return f"{clause}; one seed shows nothing certain" if self.seeds == 1 else clause

    def _would_show(self, places: int, already: str = "") -> str:
        return f"a difference of {number(self.smallest, places)} points or more would {already}have shown"

    def _places(self, digits: int | None) -> int:
        if digits is not None:
            return digits
        shown = [value for value in (self.mean, self.low, self.high) if math.isfinite(value) and value]
        return 2 if any(abs(value) < 0.05 for value in shown) else 1


def number(value: float, digits: int | None = None) -> str:
    """Return a number as text, without the sign of a zero; without digits, as short as it is."""
    text = f"{value:g}" if digits is None else f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def points(value: float) -> str:
    """Return a number of points as text: `1 point`, `0.5 points`."""
    return f"{number(value)} point{'s' * (value != 1)}"


def rule(
    alpha: float = 0.05, power: float = 0.8, relevant: float = 1.0, pool: Literal["methods", "settings"] = "methods"
) -> str:
    """Return how verdicts are reached, for a reader: plain sentences.

    Args:
        alpha: as given to `statistics.compare`.
        power: as given there.
        relevant: as given there.
        pool: as given to `statistics.compare_settings`.
    """
    together = "the setting" if pool == "methods" else "all settings, noise being taken to be as large in each,"
    return (
        "Differences are taken seed by seed. A method is called ahead or behind only where a paired t test says so, "
        f"with the variance estimated from all methods of {together} and corrected after Holm for the number of "
        f"comparisons: where there is no difference, at most {100 * alpha:.4g} % of such sets of comparisons claim "
        f"any. From {MANY} seeds on, a bootstrap interval (BCa) must agree. Not distinguishable means that no "
        f"difference showed although one of {points(relevant)} would have, with "
        f"{100 * power:.4g} % probability, or that the interval lies within it; cannot tell, that the seeds are too "
        f"few for either. {ASSUMPTION}"
    )
