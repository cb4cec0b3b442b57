"""What a report advises, and the numbers that its advice follows from."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from al_lightning.reports.advice import Advice, advise
from al_lightning.reports.findings import Findings, gather
from al_lightning.reports.numbers import answer, datasets
from al_lightning.reports.origin import Origin
from al_lightning.runs.journal import Run
from tests.support.reported_runs import BATCHES, ENTROPY, RANDOM, a_run, comparison, data


def test_a_strategy_that_lies_behind_is_said_to() -> None:
    behind = [a_run("street_entropy", seed, [v - 5 for v in RANDOM[seed]], BATCHES) for seed in RANDOM]  # to the digit
    runs = [run for run in comparison() if "entropy" not in run.record.name]
    (dataset,) = datasets([*runs, *behind])
    assert "entropy is behind random by 5.0 points (95 % interval -" in " ".join(answer(dataset))
    assert any("entropy is not worth it" in one.text for one in advise(dataset, None))


def test_a_copy_of_the_baseline_and_a_shift_without_noise_are_no_claims() -> None:
    random = [run for run in comparison() if "random" in run.record.name]
    same = [a_run("street_same", seed, RANDOM[seed], BATCHES) for seed in RANDOM]
    shifted = [a_run("street_shifted", seed, [v + 5 for v in RANDOM[seed]], BATCHES) for seed in RANDOM]
    (dataset,) = datasets([*random, *same, *shifted])
    assert "same against random: cannot tell with 3 seeds: equal at each of them" in " ".join(answer(dataset))
    assert "shifted against random: cannot tell with 3 seeds: 5.0 points at each of them" in " ".join(answer(dataset))
    texts = " ".join(piece.text for piece in advise(dataset, None))
    assert "same against random is +0.00 ± 0.00 points over 3 seeds, which gives no measure of chance" in texts
    assert "shifted against random is +5.00 ± 0.00 points over 3 seeds, which gives no measure of chance" in texts


def test_a_lead_of_less_than_a_point_is_called_that() -> None:
    """Ahead by 0.5, 0.6, 0.4, 0.5, 0.5 points at five seeds: far beyond chance, and not much."""
    gains = (0.5, 0.6, 0.4, 0.5, 0.5)
    random = [a_run("street_random", seed, (40, 50 + seed, 60), BATCHES) for seed in range(5)]
    ahead = [a_run("street_ahead", s, (40 + g, 50 + s + g, 60 + g), BATCHES) for s, g in enumerate(gains)]
    behind = [a_run("street_behind", s, (40 - g, 50 + s - g, 60 - g), BATCHES) for s, g in enumerate(gains)]
    (dataset,) = datasets([*random, *ahead, *behind])
    assert "ahead is ahead of random by 0.5 points, less than 1 point (95 %" in " ".join(answer(dataset))
    assert "behind is behind random by 0.5 points, less than 1 point (95 %" in " ".join(answer(dataset))
    texts = " ".join(piece.text for piece in advise(dataset, None))
    assert "Ahead of random here: ahead (by less than 1 point)." in texts
    assert "behind is behind random here, by less than 1 point." in texts


def test_an_interval_beyond_a_point_is_not_called_hardly_worth_more_seeds() -> None:
    """Differences of 0.6 on average, with a deviation of 1.4 over 20 seeds: 1 point would have shown, 1.2 is open."""
    random = [a_run("street_random", seed, (40, 50, 60), BATCHES) for seed in range(20)]
    gains = [0.6 + (1.4 if seed % 2 else -1.4) for seed in range(20)]
    other = [a_run("street_other", s, (40 + g, 50 + g, 60 + g), BATCHES) for s, g in enumerate(gains)]
    (dataset,) = datasets([*random, *other])
    assert "other is not distinguishable from random" in " ".join(answer(dataset))
    texts = " ".join(piece.text for piece in advise(dataset, None))
    assert "the interval goes beyond" in texts
    assert "hardly" not in texts


def test_advice_follows_from_the_numbers() -> None:
    (one,) = datasets(comparison([0]))
    first = advise(one, None)[0]
    assert "One seed cannot tell a difference from luck" in first.text
    assert first.commands[0] == "al-lightning fit --config street_random --seed 1"
    assert len(first.commands) == 2 * 3
    (three,) = datasets(comparison())
    texts = " ".join(piece.text for piece in advise(three, None))
    assert "entropy against random is +0.00 ± 1.32 points over 3 seeds, within chance" in texts
    assert "even 30 seeds would not show it with 80 % probability" in texts
    assert "Ahead of random here: coreset." in texts


def seeds_advice(runs: list[Run], *words: str) -> Advice:
    """The first advice on a page that `al-lightning WORDS` made."""
    (dataset,) = datasets(runs)
    return advise(dataset, None, Origin(("al-lightning", *words)))[0]


def test_seeds_are_advised_that_would_show_something_and_no_sentence_comes_twice() -> None:
    random = [a_run("street_random", seed, RANDOM[seed], BATCHES) for seed in RANDOM]
    small = [a_run(f"street_{name}", seed, ENTROPY[seed], BATCHES) for name in ("one", "two") for seed in ENTROPY]
    compared = seeds_advice([*random, *small], "compare", "street", "--seeds", "3")
    assert compared.text.count("even 50 seeds would not show them with 80 % probability") == 1
    assert compared.commands == ("al-lightning compare street --seeds 50",)
    assert seeds_advice([*random, *small], "demo", "--seeds", "3").commands == ("al-lightning demo --seeds 4",)
    # A deviation of 2.2 and a mean of 1.7 over 6 seeds: more of them would show it, and the command makes as many.
    random = [a_run("street_random", seed, (40, 50, 60), BATCHES) for seed in range(6)]
    gains = [(40 + g, 50 + g, 60 + g) for g in (4, -1, 3, 0, 4, 0)]
    other = [a_run("street_other", seed, values, BATCHES) for seed, values in enumerate(gains)]
    needed = seeds_advice([*random, *other], "compare", "street")
    (count,) = re.findall(r"about (\d+) seeds would show it", needed.text)
    assert needed.commands == (f"al-lightning compare street --seeds {count}",)
    assert int(count) > 7
    # Six seeds tell a size, and where it is too small, no command would help.
    gains = [(40 + g, 50 + g, 60 + g) for g in (4, -4, 4, -4, 3, -4)]
    other = [a_run("street_other", seed, values, BATCHES) for seed, values in enumerate(gains)]
    hopeless = seeds_advice([*random, *other], "compare", "street")
    assert "even 50 seeds would not show it" in hopeless.text
    assert not hopeless.commands
    one = seeds_advice(comparison([0]), "compare", "street", "--seeds", "1")
    assert "makes 50 by itself" in one.text
    assert one.commands == ("al-lightning compare street --seeds 50",)


@pytest.mark.parametrize(("seconds", "sooner"), [(299, False), (301, True)])
def test_what_takes_minutes_is_advised_before_runs_of_over_an_hour(seconds: float, sooner: bool) -> None:
    """One seed of two methods: two more are advised, 4 runs of 3 cycles, of 299 or 301 s each."""
    command = ["--config", "street_random", "--steps", "9", "--data.root", "my roads", "--data.size", "[8, 8]"]
    runs = [
        replace(
            run,
            record=replace(run.record, command=command),
            cycles=tuple(replace(cycle, cost={"fit": seconds - 1, "test": 1.0}) for cycle in run.cycles),
        )
        for run in comparison([0])
        if "coreset" not in run.record.name
    ]
    (dataset,) = datasets(runs)
    first, *rest = advise(dataset, None)
    assert (first.commands == ("al-lightning compare street --data.root 'my roads' --data.size '[8, 8]'",)) is sooner
    assert ("4 runs that are advised below would take about 1 h 00 min" in first.text) is sooner
    assert len((rest[0] if sooner else first).commands) == 4
    people = [replace(run, record=replace(run.record, oracle="al_lightning.oracle.Files")) for run in runs]
    (dataset,) = datasets(people)
    assert "One seed" in advise(dataset, None)[0].text


def test_a_batch_from_few_scenes_is_pointed_out() -> None:
    runs = [
        a_run("street_random", 0, RANDOM[0], [[1, 18], [7, 23]]),
        a_run("street_entropy", 0, ENTROPY[0], [[1, 2], [3, 4]]),
    ]
    (dataset,) = datasets(runs)
    findings = gather(dataset, data)
    assert isinstance(findings, Findings)
    (piece,) = (one for one in advise(dataset, findings) if "entropy's first batch" in one.text)
    assert piece.text.startswith(
        "100 % of entropy's first batch are near-duplicates; it comes from 1 scene (random's from 2)"
    )
    assert ": +1.00 points against random (too few seeds)" in piece.text
    assert piece.commands == ("al-lightning fit --config street_coreset --seed 0",)
