"""Diverse or redundant, few or many: each setting of the study counts as the study counts it."""

from dataclasses import replace

import pytest
import yaml

from al_lightning.errors import UsageError
from al_lightning.results.regimes import Scale, read_regimes
from tests.support.errors import raises
from tests.support.evidence import FILE, RULES, TABLES

REGIMES = read_regimes(FILE)
CLASSES = {"cityscapes": 19, "pascal-voc": 21, "bcss": 5, "cifar10": 10, "cifar100": 100}
LOW = {"table5", "table6", "table11", "table12"}
"""The tables of low budgets (facts of the study: 2-2, 1-1, 250-250, 500-500)."""


@pytest.mark.parametrize(
    ("table", "column"), [(name, column.key) for name, one in TABLES.items() for column in one.columns]
)
def test_each_budget_of_the_study_is_low_or_high_as_its_table_says(table, column):
    where = next(each for each in TABLES[table].columns if each.key == column)
    classes = CLASSES.get(column.partition("/")[0], 19)
    found = REGIMES.budget(TABLES[table].task, where.total * where.pool / classes, where.total)
    assert found == (("few",) if table in LOW else ("many",))


def test_labels_per_class_and_share_of_the_pool_must_agree_in_classification():
    budget = REGIMES.budget
    assert budget("classification", 200, 0.04) == ("few",)  # CIFAR-10, 250-250
    assert budget("classification", 200, 0.4) == ("many",)  # CIFAR-100, 5K-2.5K
    assert budget("classification", 10, 0.9) == budget("classification", 2000, 0.01) == ("few", "many")
    assert budget("classification", 10, 0.2) == ("few",)
    assert budget("classification", None, 0.01) == ("few", "many")
    assert budget("segmentation", 158, 0.075) == ("many",)  # A2D2-3K: the share does not count


def test_a_scale_whose_ends_meet_has_both_classes_there():
    scale = Scale(200, 200, ("few", "many"))
    assert (scale.read(199), scale.read(200), scale.read(201)) == (("few",), ("few", "many"), ("many",))


def test_the_rules_have_the_same_scales(tmp_path):
    assert RULES.regimes == REGIMES
    with raises(UsageError, tmp_path / "none.yaml"):
        read_regimes(tmp_path / "none.yaml")
    content = yaml.safe_load(FILE.read_text())
    content["thresholds"]["share_of_pool"]["classification"] = {"few": 0.5, "many": 0.4}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(content))
    with raises(UsageError, tmp_path / "rules.yaml", "0.5", "0.4"):
        read_regimes(tmp_path / "rules.yaml")
    assert replace(REGIMES, share={}).budget("classification", 200, 0.04) == ("few", "many")
