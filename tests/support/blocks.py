"""Values of methods by seed: by hand, from an array, and drawn."""

import numpy as np
from hypothesis import strategies as st

# Three methods, three seeds. Differences a - random: 3, 3.75, 3.75; b - random: 1, -1.5, 0.5; a - b: 2, 5.25, 3.25.
VALUES = {
    "random": {0: 50.0, 1: 50.0, 2: 49.0},
    "a": {0: 53.0, 1: 53.75, 2: 52.75},
    "b": {0: 51.0, 1: 48.5, 2: 49.5},
}


def simple(methods, seeds, values):
    """Name the rows and columns of an array: random, m1, m2 ... by 0, 1 ..."""
    names = ["random", *(f"m{number}" for number in range(1, methods))]
    return {name: dict(zip(range(seeds), row, strict=True)) for name, row in zip(names, values, strict=True)}


value = st.floats(0, 100, width=32)


@st.composite
def blocks(draw, incomplete=True):
    methods, seeds = draw(st.integers(2, 4)), draw(st.integers(2, 5))
    cells = draw(st.lists(value, min_size=methods * seeds, max_size=methods * seeds))
    values = simple(methods, seeds, np.array(cells).reshape(methods, seeds).tolist())
    if incomplete:
        for name in values:
            for seed in draw(st.sets(st.integers(1, seeds - 1), max_size=2)):
                del values[name][seed]
    return values
