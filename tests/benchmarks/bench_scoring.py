"""An acquisition step costs what its forward passes cost."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch
from torch import Tensor

from al_lightning.acquisition import BALD, Coreset, Entropy, EquAL
from al_lightning.networks import DeepLabV3Plus, Network, ResNet, WideResNet, WiderResNet38, folded
from al_lightning.seeding import generator
from al_lightning.types import Batch

from .conftest import Bench
from .ratio import MOST, Comparison, alternate, python
from .rigs import DEEPLAB18, WRN28, experiment, images, new_fit, score, wait

CASES: dict[str, tuple[dict[str, Any], bool, tuple[int, int], int, int]] = {
    "WRN-28-2, 32 x 32, batches of 250": (WRN28, False, (32, 32), 250, 3000),
    "DeepLabV3+ ResNet-18, 128 x 256, batches of 8": (DEEPLAB18, True, (128, 256), 8, 160),
}


class TimedEntropy(Entropy):
    """Entropy that notes when its first batch is done: by then the loader is warm.

    Before, its processes begin, and the first forward takes half as long again, or twice as long, as all later ones.
    """

    warm: float | None = None

    def score(self, network: Network, batch: Batch) -> Tensor:
        """Return scores; take the time after the first."""
        scores = super().score(network, batch)
        if self.warm is None:
            wait(scores.device)
            self.warm = time.perf_counter()
        return scores

    @property
    def seconds(self) -> float:
        """Since then."""
        assert self.warm is not None
        return time.perf_counter() - self.warm


class Forward(Entropy):
    """No score: the forward that any of them costs."""

    def score(self, network: Network, batch: Batch) -> Tensor:
        """Return logits."""
        return network(batch.image).logits


@pytest.mark.parametrize("case", CASES)
def bench_entropy(bench: Bench, tmp_path: Path, case: str) -> None:
    network, pixel, size, batch, count = CASES[case]
    if bench.device.type == "cuda":
        count *= 10
    data = {"size": list(size), "count": count + 100, "eval_batch_size": batch, "workers": 2}
    fit = new_fit(experiment(tmp_path, bench.device, network, data=data, pixel=pixel))
    image = images(batch, size, bench.device)
    starts = []

    def whole() -> float:
        begun, acquisition = time.perf_counter(), TimedEntropy()
        score(fit, acquisition)
        seconds = acquisition.seconds
        starts.append(time.perf_counter() - begun - seconds)
        return seconds

    def forwards() -> None:
        model = fit.network.to(bench.device).eval()
        with torch.inference_mode():
            for _ in range(count // batch - 1):
                model(image)

    done = alternate(forwards, whole, bench.rounds(MOST), bench.device, bound=0.95)
    rate = (count - batch) / done.second
    bench.add(
        f"scoring, entropy: the whole acquisition's images a second over bare forwards, {case}",
        done,
        f"{count} images, {rate:.0f} images a second, {median(starts):.2f} s until the first batch is scored",
        at_least=0.95,
        more={"images_a_second": rate, "start_seconds": median(starts)},
    )


def bench_equal(bench: Bench) -> None:
    for name, network, image in (
        ("WRN-28-2", WideResNet(10), images(100, (32, 32), bench.device)),
        ("DeepLabV3+ ResNet-18", DeepLabV3Plus(19, ResNet(18, weights=None)), images(4, (128, 256), bench.device)),
    ):
        done = _over_forwards(bench, network, EquAL(), image, repeats=1, bound=2.05)
        bench.add(f"scoring, equal: forwards of one image, {name}", done, at_most=2.05)
        done = _over_forwards(bench, network, Forward(), image, repeats=1)
        bench.add(f"scoring, a forward with BatchNorm folded into convolutions over one without, {name}", done)


def bench_bald_and_coreset_on_wrn38(bench: Bench) -> None:
    network = DeepLabV3Plus(19, WiderResNet38(weights=None), linear_projections=True, dropout=0.1)
    image = images(1, (256, 512), bench.device)
    repeats = 1 if bench.device.type == "cpu" else 10
    where = "DeepLabV3+ WRN-38, 256 x 512"
    done = _over_forwards(bench, network, BALD(10), image, repeats, bound=2.3)
    bench.add(f"scoring, BALD, 10 passes: forwards, {where}", done, at_most=2.3)
    done = _over_forwards(bench, network, Coreset(), image, repeats, bound=0.95)
    bench.add(f"scoring, coreset: forwards, the decoder is not run, {where}", done, at_most=0.95)


def _over_forwards(
    bench: Bench, network: Any, acquisition: Any, image: torch.Tensor, repeats: int, bound: float | None = None
) -> Comparison:
    model = network.to(bench.device, memory_format=torch.channels_last).eval()
    scored = folded(model)  # as a pass over a pool has it
    acquisition.prepare(scored, generator("prepare", 0, 0))
    batch = Batch(image, torch.full((len(image),), 255), torch.arange(len(image)))

    def scores() -> None:
        with torch.inference_mode():
            for _ in range(repeats):
                acquisition.score(scored, batch)

    def forwards() -> None:
        with torch.inference_mode():
            for _ in range(repeats):
                model(image)

    done = alternate(scores, forwards, bench.rounds(MOST), bench.device, bound=bound)
    wait(bench.device)
    return done


def bench_memory_of_scoring(bench: Bench) -> None:
    # The least of three processes each: what freed memory a heap happens to keep differs from run to run, and adds.
    few, many = (min(_peak(count) for _ in range(bench.rounds(3))) for count in (500, 5000))
    bench.add(
        "scoring memory: peak above the network's, 5,000 images of 512 x 1024 against 500, the larger over the smaller",
        max(few, many) / min(few, many),
        f"{many:.0f} MB against {few:.0f} MB, on the CPU",
        at_most=1.05,
        more={"few_mb": few, "many_mb": many},
    )


def _peak(count: int) -> float:
    """Return MB of a process of its own."""
    return float(python("-m", "benchmarks.scoring_memory", count).split()[-1]) / 1e6
