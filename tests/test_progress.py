"""Progress: the time left, lines and the live part, the file for a launcher; and Lightning's messages silenced."""

import contextlib
import io
import json
import logging
import re
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from al_lightning import console, progress
from al_lightning.metrics import MIOU
from al_lightning.progress import PROGRESS, Reporter, duration, span


@pytest.mark.parametrize(("seconds", "text"), [(12.4, "12 s"), (200, "3 min 20 s"), (3900, "1 h 05 min")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    # The modules' clock alone: data workers that are collected meanwhile are waited for by the real one.
    for module in (progress, console):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_time_left_comes_from_steps_and_from_what_a_cycle_costs_besides(clock: list[float]) -> None:
    reporter = Reporter(stream=io.StringIO())
    reporter.plan([100, 200, 300], 0, {"test": [5, 5, 5]}, {"test": (0.5, 2.0)})
    reporter.cycle(0, 10)
    assert reporter.seconds_left() is None
    reporter.begin("fit", 100)
    clock[0] = 50  # half a second a step
    reporter.finish()
    # A batch of the test, not timed yet, costs half a step to two steps: 0.25 to 1 s, fifteen times.
    assert reporter.seconds_left() == pytest.approx((500 * 0.5 + 15 * 0.25, 500 * 0.5 + 15 * 1.0))
    reporter.begin("test", 5)
    clock[0] = 60
    reporter.finish()
    assert reporter.seconds_left() == pytest.approx((500 * 0.5 + 10 * 2.0,) * 2)


def test_the_time_left_is_unknown_while_a_step_tells_nothing_of_a_batch(clock: list[float]) -> None:
    reporter = Reporter(stream=io.StringIO())
    reporter.plan([1, 1], 0, {"test": [2, 2], "score": [0, 0]})
    reporter.cycle(0, 10)
    reporter.begin("fit", 1)
    clock[0] = 30
    reporter.finish()
    assert reporter.seconds_left() is None
    reporter.begin("test", 2)
    clock[0] = 34
    reporter.finish()
    assert reporter.seconds_left() == pytest.approx((30 + 2 * 2.0,) * 2)


def test_what_was_expected_counts_until_it_is_timed(clock: list[float]) -> None:
    reporter = Reporter(stream=io.StringIO())
    reporter.plan([100, 100], 0, {"score": [10, 0]}, {"score": (1.0, 1.0)})
    reporter.expect({"fit": 2.0, "score": 3.0})
    assert reporter.seconds_left() == pytest.approx((200 * 2.0 + 10 * 3.0,) * 2)
    reporter.cycle(0, 10)
    reporter.begin("fit", 100)
    clock[0] = 100  # a second a step
    reporter.finish()
    reporter.begin("score", 10)
    clock[0] = 104
    reporter.advance(4)
    assert reporter.seconds_left() == pytest.approx((100 * 1.0 + 6 * 1.0,) * 2)


def test_the_slow_first_steps_of_a_fit_do_not_tell_the_time_left(clock: list[float]) -> None:
    """Four steps of 10 s, while workers start, then one a second: 900 steps are left, which means 900 s."""
    reporter = Reporter(stream=io.StringIO())
    reporter.plan([1000], 0)
    reporter.cycle(0, 10)
    reporter.begin("fit", 1000)
    for step in range(1, 101):
        clock[0] += 10 if step <= 4 else 1
        reporter.advance(step)
    assert reporter.seconds_left() == pytest.approx((900,) * 2)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        ((200, 200), "3 min 20 s"),
        ((700, 1210), "12 to 20 min"),
        ((5500, 11000), "1.5 to 3.1 h"),
        ((36_000, 72_100), "10 to 20 h"),
        ((20, 1000), "up to 17 min"),
        ((40, 80), "40 to 80 s"),
        ((1000, 1010), "16 min 45 s"),
        ((0, 0), "0 s"),
    ],
)
def test_a_range_of_seconds(seconds: tuple[float, float], text: str) -> None:
    assert span(seconds) == text


def test_plain_lines_where_there_is_no_terminal(clock: list[float]) -> None:
    out = io.StringIO()
    with Reporter(stream=out) as reporter:
        reporter.plan([100, 200], first=0)
        reporter.cycle(0, 10)
        reporter.begin("fit", 100)
        for step in range(1, 101):
            clock[0] += 1
            reporter.advance(step)
        reporter.result(MIOU, 0.25)
        reporter.cycle(1, 20)
        reporter.begin("fit", 200)
        reporter.begin("fit", 1)
    assert out.getvalue().splitlines() == [
        "cycle 0/1, 10 labelled: fit, 100 steps",
        "cycle 0/1, 10 labelled: fit, 31 of 100, 4 min 29 s left",
        "cycle 0/1, 10 labelled: fit, 62 of 100, 3 min 58 s left",
        "cycle 0/1, 10 labelled: fit, 93 of 100, 3 min 27 s left",
        "cycle 0/1, 10 labelled: miou 25.00 %, 3 min 20 s left",
        "cycle 1/1, 20 labelled: fit, 200 steps, miou 25.00 % in cycle 0, 3 min 20 s left",
        "cycle 1/1, 20 labelled: fit, miou 25.00 % in cycle 0, 0 s left",
    ]


def test_a_stage_alone_shows_its_own_time_left_and_counts_in_no_estimate(clock: list[float]) -> None:
    out = io.StringIO()
    with Reporter(stream=out) as reporter:
        reporter.plan([100, 200], first=0)
        reporter.begin("features", 1000, done=100, alone=True)
        clock[0] = 45
        reporter.advance(550)
        reporter.finish()
        reporter.cycle(0, 10)
        reporter.begin("fit", 100)
        clock[0] += 50
        reporter.finish()
        assert reporter.seconds_left() == pytest.approx((100, 100))
    assert out.getvalue().splitlines()[0] == "features, 550 of 1000, 45 s left"


def test_a_terminal_has_one_live_line_below_those_that_stay(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm"), ("COLUMNS", "110")):
        monkeypatch.setenv(name, value)
    out = io.StringIO()
    with Reporter(stream=out) as reporter:
        reporter.plan([100, 100], first=0)
        reporter.cycle(0, 10)
        reporter.begin("fit", 100)
        for step in range(1, 11):
            clock[0] += 0.03
            reporter.advance(step)
        reporter.say(":bug: stays [as it is]")
        reporter.result(MIOU, 0.25)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[━╸╺]", "", out.getvalue())
    drawn = [line.strip() for line in re.split(r"[\r\n]", text) if line.strip()]
    live = "cycle 0/1, 10 labelled: fit"
    # At the start, after 0.12 s and 0.24 s, then once below each line that stays.
    assert drawn == [live, live, live, ":bug: stays [as it is]", live, "cycle 0/1, 10 labelled: miou 25.00 %", live]


@pytest.mark.parametrize("columns", [80, 130])
def test_the_metric_is_never_what_is_cut(clock: list[float], monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm"), ("COLUMNS", str(columns))):
        monkeypatch.setenv(name, value)
    with Reporter(stream=(out := io.StringIO())) as reporter:
        reporter.plan([100, 100], first=0)
        reporter.cycle(0, 10)
        reporter.begin("fit", 100)
        clock[0] += 100
        reporter.result(MIOU, 0.25)
        reporter.cycle(1, 1000)
        reporter.begin("fit of member 2", 100)
        clock[0] += 10
        reporter.advance(10)
    frames = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue()).split("\r")
    last = next(frame.rstrip() for frame in reversed(frames) if "cycle 1/1" in frame)
    assert re.search(r"miou 25\.00 % in cycle 0, [\w ]+ left$", last)
    assert len(last) <= columns
    assert ("━" in last) == (columns > 80)
    assert ("…" in last) == (columns < 100)


def test_a_process_that_does_not_print_prints_nothing() -> None:
    out = io.StringIO()
    with Reporter(shown=False, stream=out) as reporter:
        reporter.plan([1], 0)
        reporter.cycle(0, 1)
        reporter.begin("fit", 1)
        reporter.result(MIOU, 0.5)
    assert out.getvalue() == ""


def test_work_of_an_earlier_process_is_not_counted_as_this_ones_speed(clock: list[float]) -> None:
    reporter = Reporter(stream=io.StringIO())
    reporter.plan([100, 200], first=0)
    reporter.cycle(0, 10)
    reporter.begin("fit", 100, done=80)
    clock[0] = 10
    reporter.finish()
    assert reporter.seconds_left() == pytest.approx((200 * 10 / 20,) * 2)
    reporter.skip(200)
    assert reporter.seconds_left() == pytest.approx((0, 0))


def test_a_call_from_python_silences_lightning_and_leaves_the_process_as_it_was() -> None:
    from al_lightning.console import LIGHTNING, lightning_silenced

    loggers = [logging.getLogger(name) for name in LIGHTNING]
    before = [logger.level for logger in loggers]
    filters = list(warnings.filters)
    try:
        for logger in loggers:
            logger.setLevel(logging.INFO)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with contextlib.suppress(KeyError), lightning_silenced():
                assert not any(logger.isEnabledFor(logging.WARNING) for logger in loggers)
                warnings.warn_explicit("theirs", UserWarning, "trainer.py", 1, module="lightning.pytorch.trainer")
                warnings.warn_explicit("the user's", UserWarning, "mine.py", 1, module="my_strategy")
                raise KeyError
        assert [str(one.message) for one in caught] == ["the user's"]
        assert [logger.level for logger in loggers] == [logging.INFO] * len(loggers)
        assert warnings.filters == filters
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def test_a_run_tells_how_far_it_is_and_never_minds_a_full_disk(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("al_lightning.progress.time", SimpleNamespace(monotonic=lambda: now[0]))
    file = here / "p.json"
    reporter = Reporter(shown=False, stream=io.StringIO(), file=file)
    reporter.plan([100, 300], first=0)
    reporter.cycle(0, 10)
    reporter.begin("fit", 100)
    now[0] = 0.5
    reporter.advance(1)
    assert json.loads(file.read_text())["done"] == 0  # not so soon again
    now[0] = 20
    reporter.advance(40)
    assert json.loads(file.read_text()) == {
        "title": "cycle 0/1, 10 labelled: fit",
        "cycle": 0,
        "cycles": 1,
        "done": 40,
        "total": 100,
        "metric": "",
        "fraction": 0.1,
        "seconds_left": [180.0, 180.0],  # 360 steps at half a second
    }
    reporter.result(MIOU, 0.25)
    assert json.loads(file.read_text())["metric"] == "miou 25.00 % in cycle 0"
    broken = Reporter(shown=False, stream=io.StringIO(), file=here / "nowhere" / "p.json")
    broken.plan([10], first=0)
    broken.begin("fit", 10)
    broken.advance(10)
    assert not (here / "nowhere").exists()
    assert PROGRESS == "AL_PROGRESS"
