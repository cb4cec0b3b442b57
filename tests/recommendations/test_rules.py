"""Rules cite cells that exist, and rows that can be compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from al_lightning.errors import UsageError
from al_lightning.recommendations.rules import SSL, read_rules
from al_lightning.results.regimes import Scale
from tests.support.errors import raises
from tests.support.evidence import FILE, RULES, TABLES


def test_each_situation_has_its_rule_and_each_cell_exists() -> None:
    cited = 0
    for rule in RULES.rules:
        for one in rule.questions:
            for table, column in one.settings:
                for row in (one.row, one.against):
                    assert RULES.cell(table, column, row)[2].score is not None
                    assert TABLES[table].task == rule.task
                    cited += 1
    assert cited > 100
    for budget in ("few", "many"):
        assert RULES.rule("classification", "diverse", budget) is not None
        for kind in ("diverse", "redundant"):
            assert RULES.rule("segmentation", kind, budget) is not None


def test_rules_cite_pairs_of_equal_network() -> None:
    """A row and the one it is held against train the same network: dropout is on both sides or on none."""
    for rule in RULES.rules:
        for one in rule.questions:
            for table, column in one.settings:
                first, second = (RULES.cell(table, column, row)[1] for row in (one.row, one.against))
                assert (first.mc_dropout, first.network) == (second.mc_dropout, second.network)
                assert first.strong_augmentation == second.strong_augmentation
                assert one.role != "kind" or first.training == second.training
                if one.role == "training":
                    assert first.acquisition == second.acquisition
                    assert (first.training, second.training) == (RULES.semi_supervised[rule.task], "supervised")
                if one.role == "strategy":
                    assert second.acquisition == "random"
                    assert first.training == second.training
                if one.role == "rival":
                    assert (second.acquisition, rule.strategy) == ("random", "random")
                    assert first.training != second.training


def test_table_8_is_quoted_as_printed_and_each_rule_follows_it() -> None:
    """Facts of the study: for diverse pools Random-SSL and Single-SSL, for redundant ones Batch and Batch-SSL."""
    assert RULES.guide.cells == {
        ("diverse", "few"): "Random-SSL", ("diverse", "many"): "Single-SSL",
        ("redundant", "few"): "Batch", ("redundant", "many"): "Batch-SSL",
    }  # fmt: skip
    for (pool, budget), printed in RULES.guide.cells.items():
        rule = RULES.rule("segmentation", pool, budget)
        assert rule is not None
        assert RULES.guide.means(printed, rule.strategy, semi_supervised=rule.training == "s4gan")
        assert (rule.training == "s4gan") == printed.endswith(SSL)
    asked = {(one.row, one.against) for rule in RULES.rules for one in rule.questions if rule.task == "segmentation"}
    assert ("Random-SSL", "Random") in asked


def test_the_words_of_a_cell_mean_kinds_of_strategies() -> None:
    means = RULES.guide.means
    assert means("Single-SSL", "equal", semi_supervised=True)
    assert not means("Single-SSL", "equal", semi_supervised=False)
    assert not means("Single-SSL", "coreset", semi_supervised=True)
    assert means("Batch", "coreset", semi_supervised=False)
    assert not means("Batch", "coreset", semi_supervised=True)
    assert RULES.guide.method("classification", "diverse", "few") == "Random-SSL"
    assert RULES.guide.method("classification", "diverse", "many") == ""
    assert RULES.guide.method("classification", "redundant", "few") == ""


def changed(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    content = yaml.safe_load(FILE.read_text())
    change(content)
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        (lambda c: c["rules"][0]["questions"][0].update(row="Margin"), ["table1, cityscapes, 'Margin'"]),
        (lambda c: c["rules"][0]["questions"][0].update(settings=[["table8", "x"]] * 2), ["table8"]),
        (
            lambda c: c["rules"][0]["questions"][0].update(settings=[["table1", "cityscapes"]]),
            ["fewer than two settings"],
        ),
        (lambda c: c["rules"][0].update(pool="odd"), ["rules.yaml", "odd"]),
        (lambda c: c["rules"][0].update(questions=c["rules"][0]["questions"][1:]), ["roles strategy and training"]),
        (lambda c: c["thresholds"].update(redundancy={"diverse": 0.8, "redundant": 0.7}), ["0.8", "0.7"]),
        (lambda c: c.pop("noise"), ["KeyError: 'noise'"]),
        (lambda c: c["table8"]["diverse"].update(few="Margin-SSL"), ["'Margin-SSL'", "Random", "Single"]),
    ],
)
def test_wrong_rules_are_one_sentence(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], facts: list[str]
) -> None:
    with raises(UsageError, *facts):
        read_rules(changed(tmp_path, change), TABLES)


def test_a_scale_has_a_grey_zone_with_closed_ends() -> None:
    scale = Scale(0.1, 0.75, ("diverse", "redundant"))
    assert scale.read(0.1) == ("diverse",)
    assert scale.read(0.75) == ("redundant",)
    assert scale.read(0.464) == scale.read(None) == ("diverse", "redundant")
