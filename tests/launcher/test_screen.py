"""What a launcher shows of its runs: plain lines, the live screen, and the time left."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from al_lightning import console
from al_lightning.launcher import Job, Outcome
from al_lightning.launcher import screen as screens
from al_lightning.launcher.job import Cost
from al_lightning.launcher.screen import Screen
from al_lightning.launcher.time_left import expected, overall


def told(path: Path, **more: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {"title": "cycle 1/2, 20 labelled: fit", "metric": "miou 25.00 %", "fraction": 0.5}
    path.write_text(json.dumps({**plain, "seconds_left": [50, 50], **more}))


def test_overall_time_left_fills_the_slots_in_order() -> None:
    assert overall([10, 30], [20, 20, 5], 2) == 50  # 10+20=30 and 30+20=50, then 30+5
    assert overall([10], [20], 3) == 20
    assert overall([], [], 2) == 0
    assert overall([10, None], [], 2) is None


def test_a_run_that_was_not_timed_takes_what_its_work_says() -> None:
    """`a` took 100 s for 50 units. A run of its kind with 75 units takes 150; others by their own range of work."""
    here = Path()
    a = Job("a", 0, here, cost=Cost("supervised", 50, 50))
    takes = expected([(a, (100, 100))])
    assert takes(Job("a", 1, here)) == (100, 100)
    assert takes(Job("b", 0, here, cost=Cost("supervised", 50, 100))) == (150, 150)
    s4gan = Job("c", 0, here, cost=Cost("s4gan", 100, 300))
    assert takes(s4gan) == pytest.approx((200 / 1.3, 600 * 1.3))
    # Once the kind is timed (here at 3 s a unit), the others of the kind follow; `a` tells best of further kinds.
    takes = expected([(a, (100, 100)), (s4gan, (600, 600))])
    assert takes(Job("d", 0, here, cost=Cost("s4gan", 50, 150))) == (300, 300)
    assert takes(Job("e", 0, here, cost=Cost("wide", 50, 50))) == pytest.approx((100 / 1.3, 100 * 1.3))
    assert expected([])(a) is None


def test_plain_lines_come_seldom(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    for module in (screens, console):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    jobs = [Job("a", 0, here / "0"), Job("a", 1, here / "1"), Job("b", 0, here / "2")]
    with Screen(jobs, 2, out := io.StringIO()) as screen:
        screen.begin(jobs[0])
        screen.begin(jobs[1])
        told(jobs[0].progress)
        for _ in range(62):
            now[0] += 1
            screen.tick()
        screen.end(Outcome(jobs[0], "done", 0, 62.0, ""))
        # Job 1 should be through by now; b is of another kind, and may be 1.3 times as fast or as slow as job 0.
        assert screen.seconds_left() == pytest.approx((62 / 1.3, 62 * 1.3))
    assert out.getvalue().splitlines() == [
        "a, seed 0 (1 of 3)",
        "a, seed 1 (2 of 3)",
        # after 31 s the run expects 50 more: 81 in all, for the silent one too, then 62 to 105 for the third
        "0 of 3 done, 2 running, 1 waiting, 0 failed; about 2 to 3 min left | a, seed 0: cycle 1/2, 20 labelled: fit, "
        "miou 25.00 %; a, seed 1: starting",
        "0 of 3 done, 2 running, 1 waiting, 0 failed; about 2 to 3 min left | a, seed 0: cycle 1/2, 20 labelled: fit, "
        "miou 25.00 %; a, seed 1: starting",
        "a, seed 0: done in 1 min 02 s",
        "1 of 3 done, 1 running, 1 waiting, 0 failed.",
    ]


@pytest.mark.parametrize("columns", [80, 200])
def test_the_metric_is_never_what_is_cut(here: Path, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm"), ("COLUMNS", str(columns))):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(screens, "READ_SECONDS", 0.0)
    monkeypatch.setattr(console, "DRAW_SECONDS", 0.0)
    job = Job("cifar10_250-250_noaug_uniform5_entropy_uda", 0, here)
    with Screen([job], 1, out := io.StringIO()) as screen:
        screen.begin(job)
        told(job.progress, metric="accuracy 25.00 % in cycle 0", seconds_left=[3700, 3700])
        out.truncate(0)
        screen.tick()
        frame = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\x00]", "", out.getvalue()).splitlines()
    assert frame[0].rstrip().endswith("  accuracy 25.00 % in cycle 0  1 h 01 min left")
    assert len(frame[0].rstrip()) <= columns
    assert ("━" in frame[0]) == (columns > 100)


def test_the_live_screen(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("FORCE_COLOR", "1"), ("TERM", "xterm"), ("COLUMNS", "110"), ("LINES", "7")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(screens, "READ_SECONDS", 0.0)
    monkeypatch.setattr(console, "DRAW_SECONDS", 0.0)
    jobs = [Job("camvid_entropy", seed, here / str(seed)) for seed in range(7)]
    with Screen(jobs, 5, out := io.StringIO()) as screen:
        for job in jobs[:5]:
            screen.begin(job, "GPU 1")
        told(jobs[0].progress)
        jobs[1].progress.parent.mkdir()
        jobs[1].progress.write_text("{torn")
        out.truncate(0)
        screen.tick()
        frame = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\x00]", "", out.getvalue()).splitlines()
        screen.end(Outcome(jobs[0], "failed", 1, 5.0, "al-lightning: [no] markup"))
    rows = [" ".join(line.replace("━", "").replace("╸", "").replace("╺", "").split()) for line in frame]
    assert rows == [
        "camvid_entropy, seed 0 cycle 1/2, 20 labelled: fit miou 25.00 % 50 s left",
        "camvid_entropy, seed 1 starting on GPU 1 for 0 s",
        "camvid_entropy, seed 2 starting on GPU 1 for 0 s",
        "... and 2 more at work",
        "",
        "all 0 of 7 done, 5 running, 2 waiting, 0 failed; about 1 min 40 s left",
    ]
    assert "al-lightning: [no] markup" in out.getvalue()
