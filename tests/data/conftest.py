"""Caches of small shards, and what is said of them."""

import logging

import pytest

from al_lightning.data.cache import shards


@pytest.fixture
def small_shards(monkeypatch):
    """Three images a shard, in the default place."""
    monkeypatch.setattr(shards, "SIZE", 3)
    monkeypatch.delenv("AL_CACHE", raising=False)


@pytest.fixture
def said():
    """What the package's logger says."""
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = logging.getLogger("al_lightning.data.cache.files")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    yield lines
    logger.removeHandler(handler)
    logger.setLevel(level)
