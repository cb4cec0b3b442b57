"""How far several annotators of an image agree."""

import numpy as np
import pytest

from al_lightning.labels.import_result import agreement


def test_agreement_worked_out_by_hand() -> None:
    assert agreement([1]) == agreement([1, 1]) == 1
    assert agreement([1, 2]) == 0
    assert agreement([1, 1, 2]) == pytest.approx(1 / 3)  # of three pairs one agrees
    one, other = np.array([[0, 1, 255, 255]], np.uint8), np.array([[0, 2, 1, 255]], np.uint8)
    assert agreement([one, other]) == pytest.approx(1 / 3)  # the last pixel is nobody's
