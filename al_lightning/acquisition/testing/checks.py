"""`check_strategy`: runs every check on every kind of network that a strategy accepts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.testing.networks import TinyClassifier, TinySegmenter
from al_lightning.acquisition.testing.points import ONE_FIT, POINTS, situation
from al_lightning.acquisition.testing.traces import global_state, restore
from al_lightning.acquisition.testing.trial import ConformanceError, Trial, example_images, example_pool
from al_lightning.errors import UsageError
from al_lightning.networks.base import Network
from al_lightning.pool import Pool


def check_strategy(
    make: Callable[[], Acquisition],
    network: Callable[[], Network] | None = None,
    pool: Pool | None = None,
    predicts: Literal["image", "pixel", "both"] = "both",
) -> None:
    """Check that a strategy does what every strategy must do.

    - It chooses as many images as asked for, among the unlabelled candidates, none twice.
    - It chooses the same images for the same seed, for any batch size, and for 1, 2 and 3 processes; also in any order
      of the pool's images, unless it draws in `candidates` or `select`, is `keyed_by_position`, or rows are equal.
    - It works with nothing labelled, with a pool as small as the query, with equal scores, and if it `reads_labels`
      with those of one class alone, or of none. An error names the image whose score is NaN.
    - What it keeps of an image does not grow with the image.
    - It keeps to constraints of the batch, and takes the features of another encoder where it has that option.
    - It changes neither the network nor the global generators. `select` does not change its rows, and returns the same
      when it is called again.

    Of a one-fit strategy only the initial set is checked.

    Args:
        make: the strategy's class, or a function that makes one.
        network: makes a network, which is set to eval mode; called once per member. By default networks of a few
            hundred parameters, for images of 16 x 24 and 32 x 48 pixels, with dropout and a loss predictor.
        pool: with some images labelled, and some not; by default 36 images in three sequences.
        predicts: whether the default network predicts a class per image or per pixel. With `both` two networks are
            used, of which the strategy's `check` may refuse one.

    Raises:
        ConformanceError: the strategy fails a check; the message says which.
    """
    state = global_state()
    try:
        trials = _trials(make, network, example_pool() if pool is None else pool, predicts)
        for trial in trials:
            for point in ONE_FIT if make().one_fit else POINTS:
                point(trial)
    finally:
        restore(state)


def _trials(
    make: Callable[[], Acquisition], network: Callable[[], Network] | None, pool: Pool, predicts: str
) -> list[Trial]:
    """Return a trial for each kind of network that the strategy takes."""
    kinds: dict[str, Callable[[], Network]] = {"image": TinyClassifier, "pixel": TinySegmenter}
    makers = [network] if network else [maker for kind, maker in kinds.items() if predicts in (kind, "both")]
    trials, refusals = [], []
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
        trials.append(Trial(make, networks, example_images(pool.size), pool, tuple(range(pool.size))))
    if not trials:
        raise refusals[0]
    return trials


def _seeded(make: Callable[[], Network], seed: int) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make().eval()
