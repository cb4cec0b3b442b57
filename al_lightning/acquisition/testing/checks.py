"""The way in: every promise is tried on every kind of network that a strategy takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.testing.bench import Bench, ConformanceError, example_images, example_pool
from al_lightning.acquisition.testing.networks import TinyClassifier, TinySegmenter
from al_lightning.acquisition.testing.points import ONE_FIT, POINTS, situation
from al_lightning.acquisition.testing.traces import global_state, restore
from al_lightning.errors import UsageError
from al_lightning.networks.base import Network
from al_lightning.pool import Pool


def check_strategy(
    make: Callable[[], Acquisition],
    network: Callable[[], Network] | None = None,
    pool: Pool | None = None,
    predicts: Literal["image", "pixel", "both"] = "both",
) -> None:
    """Hold a strategy to what every strategy promises.

    It chooses exactly as many images as asked for, among the unlabelled candidates, none twice; the same ones for the
    same seed, for any batch size, for 1, 2 and 3 processes, and (unless it draws in `candidates` or `select`, or rows
    are equal) in whichever order the pool's images stand. It works with nothing labelled, with a pool as small as the
    query, and with scores that are all equal; it names the image whose score is NaN. What it keeps of an image does
    not grow with the image. It leaves the network and the global generators alone; `select` leaves its rows alone and
    answers the same when asked again. A strategy that spends its budget in one fit is held to what is said of the
    initial set.

    Args:
        make: the strategy's class, or a function that makes one.
        network: makes the network to try it on, eval mode is set here; called once per member. By default networks
            of a few hundred parameters, for images of 16 x 24 and 32 x 48 pixels, with dropout and a loss predictor.
        pool: with some images labelled, and some not; by default 36 images in three sequences.
        predicts: whether the default network gives a class per image, per pixel, or both are tried; of both the
            strategy's `check` may refuse one.

    Raises:
        ConformanceError: it breaks a promise; the message says which.
    """
    state = global_state()
    try:
        benches = _benches(make, network, example_pool() if pool is None else pool, predicts)
        for bench in benches:
            for point in ONE_FIT if make().one_fit else POINTS:
                point(bench)
    finally:
        restore(state)


def _benches(
    make: Callable[[], Acquisition], network: Callable[[], Network] | None, pool: Pool, predicts: str
) -> list[Bench]:
    """Return a bench for each kind of network that the strategy takes."""
    kinds: dict[str, Callable[[], Network]] = {"image": TinyClassifier, "pixel": TinySegmenter}
    makers = [network] if network else [maker for kind, maker in kinds.items() if predicts in (kind, "both")]
    benches, refusals = [], []
    for maker in makers:
        networks = tuple(_seeded(maker, member) for member in range(make().members))
        try:
            with situation(make, "in check"):
                make().check(networks[0])
        except ConformanceError as error:
            if not isinstance(error.__cause__, UsageError):
                raise
            refusals.append(error)
            continue
        benches.append(Bench(make, networks, example_images(pool.size), pool))
    if not benches:
        raise refusals[0]
    return benches


def _seeded(make: Callable[[], Network], seed: int) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make().eval()
