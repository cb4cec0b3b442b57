"""The additive model of methods and seeds, by hand and against the complete analysis."""

import numpy as np
import pytest
from hypothesis import given

from al_lightning.results.additive_model import AdditiveModel
from al_lightning.results.comparison import Verdict
from al_lightning.results.statistics import (
    compare,
)
from tests.support.blocks import VALUES, blocks
from tests.support.quick import quick


def test_the_variance_is_pooled_over_the_methods():
    # Variances of the three differences: 0.1875, 1.75, 2.6875. In a complete design their mean is that of any
    # difference, twice the residual mean square, with (3 - 1) x (3 - 1) degrees of freedom.
    model = AdditiveModel(VALUES)
    assert model.df == 4
    assert 2 * model.variance == pytest.approx((0.1875 + 1.75 + 2.6875) / 3)


def test_rounding_is_no_noise():
    values = {"random": {s: 0.1 * s for s in range(5)}, "a": {s: 0.1 * s + 0.3 for s in range(5)}}
    assert AdditiveModel(values).squares > 0
    assert compare(values)[0].verdict is Verdict.CANNOT_TELL


@quick
@given(blocks(incomplete=False))
def test_least_squares_are_the_complete_analysis_where_all_is_there(values):
    table = np.array([[values[name][seed] for seed in values["random"]] for name in values])
    methods, seeds = table.shape
    residual = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
    fit = AdditiveModel(values)
    assert fit.df == (methods - 1) * (seeds - 1)
    assert fit.squares == pytest.approx((residual**2).sum(), rel=1e-6, abs=1e-6)
    difference, factor = fit.difference("m1", "random")
    assert difference == pytest.approx(table[1].mean() - table[0].mean(), abs=1e-6)
    assert factor == pytest.approx(2 / seeds)
