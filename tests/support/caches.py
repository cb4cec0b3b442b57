"""Sets of images with and without a cache."""

import numpy as np

from al_lightning.data import MaskFolder
from al_lightning.data.cache.files import CachedImages
from al_lightning.data.prepare import prepare

CLASSES = ["ground", "box"]


def boxes(root, **options):
    return MaskFolder(CLASSES, root=str(root), **{"size": (16, 24), **options})


def make(data, processes=1):
    lines = []
    return prepare(data, processes, lines.append), lines


def same_sets(one, other):
    for a, b in ((one.train, other.train), (one.test, other.test)):
        assert len(a) == len(b)
        for index in range(len(a)):
            assert a.name(index) == b.name(index)
            for x, y in ((a.image(index), b.image(index)), (a.label(index), b.label(index))):
                assert type(x) is type(y)
                assert np.array_equal(x, y)
                assert isinstance(x, int) or (x.dtype, x.shape) == (y.dtype, y.shape)
    assert one.fingerprint() == other.fingerprint()
    assert one.names(range(len(one.train))) == other.names(range(len(other.train)))


def is_cached(data):
    return isinstance(data.train, CachedImages) and isinstance(data.test, CachedImages)
