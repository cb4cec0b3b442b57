"""Hours of a run: steps and images, by hand."""

import pytest

from al_lightning.config.names import resolve
from al_lightning.tables.estimate import images_seen
from tests.support.published_tables import TABLES, table

HOURS = {
    "a2d2_pool5f_random": 2.40, "cityscapes_random": 2.70, "voc_random": 7.83, "voc_5-5_random": 3.92,
    "voc_2-2_random": 1.56, "cityscapes_2-2_random": 0.54, "bcss_random": 1.09, "a2d2_3k_random": 3.64,
    "a2d2_pool5f_random_s4gan": 4.80, "voc_random_s4gan": 15.67, "a2d2_pool5f_full": 1.6, "voc_full": 5.2,
}  # fmt: skip
"""Hours at 100 TFLOP/s, worked out from steps and operations per image."""


def test_hours_are_estimated_from_steps_and_images() -> None:
    seen = {}
    for one in TABLES:
        for row in one.rows:
            for column in one.columns:
                name = row.cells[column.key].run
                if name in HOURS and column.images_per_second:
                    images = images_seen(resolve([name]).values, row, column)
                    seen[name] = images / column.images_per_second / 3600
    assert seen == pytest.approx(HOURS, rel=0.02)


def test_options_change_the_estimate() -> None:
    one = table("table3")
    row, column = one.rows[0], one.columns[0]
    values = resolve(["a2d2_pool5f_random"]).values
    # 264, 528, 792, 1056, 1320 labelled; 100 epochs at batch 8 are 3300 + 6600 + 9900 + 13200 + 16500 steps
    assert images_seen(values, row, column) == 8 * 49_500
    assert images_seen(values, row, column, ("--steps", "10")) == 8 * 50
    assert images_seen(values, row, column, ("--epochs=1", "--data.batch_size=4")) == 4 * (66 + 132 + 198 + 264 + 330)


def test_an_ensemble_trains_its_members_where_it_scores() -> None:
    one = table("table9")
    row = next(row for row in one.rows if row.acquisition == "variation_ratio")
    alone = next(row for row in one.rows if row.acquisition == "random" and not row.strong_augmentation)
    column = one.columns[0]
    many = images_seen(resolve([row.cells["cifar10"].run]).values, row, column)
    single = images_seen(resolve([alone.cells["cifar10"].run]).values, alone, column)
    last = 64 * (150 * 20_000 // 64)
    assert many == 5 * (single - last) + last
    assert (row.seeds, alone.seeds, one.seeds) == (2, None, 3)
