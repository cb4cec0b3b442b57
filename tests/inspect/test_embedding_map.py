"""What a selection saw, read back; and the map of the pool."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from al_lightning.features.sets import MappedFeatures
from al_lightning.inspect.embedding_map import (
    batch_scores,
    candidate_scores,
    candidates,
    embedding_map,
    embeddings,
    layout,
    sampled,
    scores,
)
from al_lightning.networks.from_features import Layout
from tests.support.reported_runs import BATCHES, Drawn, a_run
from tests.support.seen import seen_by


def test_rows_and_scores_are_read(tmp_path: Path) -> None:
    value = np.arange(6, dtype=np.float32).reshape(1, 6, 1)
    value[0, 3, 0] = np.nan
    run = seen_by(tmp_path / "a", value, [0], [5, 4], [5.0, None])
    assert scores(run, 0) == {5: 5.0}
    assert candidates(run, 0).tolist() == [1, 2, 3, 4, 5]  # type: ignore[union-attr]
    assert candidate_scores(run, 0).tolist() == [1, 2, 4, 5]
    assert embeddings(run, 0) is None
    wide = np.random.default_rng(0).normal(size=(1, 6, 4)).astype(np.float32)
    wide[0, 2, 1] = np.inf
    run = seen_by(tmp_path / "b", wide, [0], [5], [0.0])
    assert scores(run, 0) == {}
    assert len(candidate_scores(run, 0)) == 0
    index, vectors = embeddings(run, 0) or (np.empty(0), np.empty(0))
    assert index.tolist() == [0, 1, 3, 4, 5]
    assert np.array_equal(vectors, wide[0, [0, 1, 3, 4, 5]])
    assert (scores(run, 7), candidates(run, 7), embeddings(run, 7)) == ({}, None, None)
    assert len(candidate_scores(run, 7)) == 0


def test_other_columns_are_drawn_neither_as_scores_nor_as_a_map(tmp_path: Path) -> None:
    value = np.random.default_rng(0).normal(size=(1, 24, 3)).astype(np.float32)
    run = seen_by(tmp_path, value, [0], [5, 4], [3.0, 2.5], {"uncertainty": 1, "probability": 2})
    assert embeddings(run, 0) is None
    found = batch_scores(run, 0, [5, 4])
    assert found is not None
    assert (found.chosen, found.low, found.high, found.among) == ((3.0, 2.5), 2.5, 3.0, ())
    pictures = embedding_map(Drawn(True, "f"), [run], [5])
    assert pictures is not None
    assert pictures.source is None


def test_a_sample_keeps_what_is_marked() -> None:
    assert sampled(np.arange(0, 20, 2), [4, 5, 18], 4).tolist() == [0, 4, 16, 18]
    assert sampled(np.arange(3), [], 5).tolist() == [0, 1, 2]
    assert sampled(np.arange(9), list(range(9)), 3).tolist() == [0, 4, 8]


def test_the_map_is_the_same_again_and_keeps_neighbours() -> None:
    draw = np.random.default_rng(0)
    group = np.arange(90) % 3
    vectors = (10 * np.eye(3, 8)[group] + draw.normal(size=(90, 8))).astype(np.float32)
    place = layout(vectors)
    assert np.array_equal(place, layout(vectors.copy()))
    assert place.min() >= 0
    assert place.max() <= 1
    assert np.ptp(place, axis=0).max() == pytest.approx(1)
    apart = np.linalg.norm(place[:, None] - place[None], axis=-1) + 9 * np.eye(90)
    assert (group[apart.argmin(axis=1)] == group).all()
    assert (layout(np.ones((7, 3), np.float32)) == 0.5).all()


def test_the_map_is_made_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """On two, a map of 1,000 points is another one; that takes too long to be seen here."""
    from sklearn.manifold import TSNE

    threads = []

    def watched(tsne: object, vectors: np.ndarray) -> np.ndarray:
        threads.extend(pool["num_threads"] for pool in threadpool_info())
        return vectors[:, :2]

    monkeypatch.setattr(TSNE, "fit_transform", watched)
    with threadpool_limits(limits=2):
        layout(np.eye(6, dtype=np.float32))
        assert set(threads) == {1}
        assert max(pool["num_threads"] for pool in threadpool_info()) > 1


def test_the_map_is_of_embeddings_where_a_run_kept_some(tmp_path: Path) -> None:
    value = np.random.default_rng(0).normal(size=(1, 24, 6)).astype(np.float32)
    kept = seen_by(tmp_path, value, [0, 12], [1, 18], [3.0, 2.0])
    others = [a_run("street_random", 0, (40, 50), BATCHES), kept]
    found = embedding_map(Drawn(True, "f"), others, [1, 18])
    assert found is not None
    assert found.source is kept
    assert np.array_equal(found.place, layout(value[0]))
    pictures = embedding_map(Drawn(True, "f"), others[:1], [1, 18])
    assert pictures is not None
    assert pictures.source is None
    assert pictures.index.tolist() == list(range(24))
    assert embedding_map(Drawn(True, "f", 3), others[:1], []) is None


def test_stored_features_come_first_and_no_image_is_read(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
    wide = np.random.default_rng(1).normal(size=(1, 30, 4)).astype(np.float32)
    run = seen_by(tmp_path / "a", wide, [0], [5], [0.0])
    # a row has a map of 2 x 1 x 2 numbers before its embedding
    np.save(tmp_path / "rows.npy", np.hstack([np.full((30, 4), 1e3, np.float32), vectors]))
    stored = MappedFeatures(tmp_path / "rows.npy", Layout(((2, 1, 2),), 6, (8, 8)), 30)
    drawn = embedding_map(None, [run], [5], stored)  # type: ignore[arg-type]
    assert drawn is not None
    assert (drawn.features, drawn.source) == (True, None)
    assert np.array_equal(drawn.place, layout(vectors))
