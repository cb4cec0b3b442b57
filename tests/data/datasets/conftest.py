"""A tree of A2D2, to be read and not changed."""

import pytest

from tests.support.trees_a2d2 import write_a2d2


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    return write_a2d2(tmp_path_factory.mktemp("tree") / "a2d2")
