"""Multinomial logistic regression on standardised features: the linear head of a probe."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import scipy.optimize
import torch
import torch.nn.functional as F
from torch import Tensor

from al_lightning.errors import TrainingError
from al_lightning.types import LinearHead

ABSENT = -1e4
"""Logit of a class without a labelled image, which therefore has the probability 0; it fits float16."""
GRID = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Values of `inverse_penalty` that cross-validation compares."""
UNIT_PENALTY = 12.8
"""Inverse penalty of features whose squares sum to 1 on average; of 1,280 standardised features it is 0.01."""
FOLDS = 5
MOST_STEPS = 10_000
ROUNDING = 1e-12
"""Share of the largest variance below which a component is rounding."""
TEMPERATURES = (0.05, 20.0)
"""Range of `temperature_of`."""


def fit_logistic(
    features: Tensor, label: Tensor, classes: int, inverse_penalty: float = 0.01, tolerance: float | None = None
) -> LinearHead:
    """Fit a multinomial logistic regression with an L2 penalty, to convergence, by full-batch L-BFGS.

    It minimises inverse_penalty x (sum of cross-entropies) + |W|^2 / 2, W being the weights of features with mean 0 and
    standard deviation 1 over the rows; the bias has no penalty. This is scikit-learn's LogisticRegression(C) after its
    StandardScaler, of two classes too with one weight vector a class. The result holds the standardisation: it reads
    the features as they are.

    With fewer rows than features the optimum lies in the span of the rows, so that the search has as many dimensions as
    there are rows, and the same optimum.

    Args:
        features: (N, D). The search has the precision of their dtype where they have more rows than features, else
            float64. Features that are float32 for the sake of speed, as those of pixels, are fitted less exactly.
        label: (N,) int64 classes; classes that do not occur get the logit `ABSENT`.
        classes: C.
        inverse_penalty: scikit-learn's C.
        tolerance: largest absolute component of the gradient of the mean loss per row at which the search ends; by
            default 1e-8 in float64 and 1e-4 in float32. On CamVid's dense features, 1e-5 takes twice as many steps and
            changes mIoU by less than 0.1 points.

    Raises:
        TrainingError: no feature tells two rows apart, features are not finite, or the search fails.
    """
    if not bool(features.isfinite().all()):
        raise TrainingError("The features of the labelled images hold NaN or infinity, so that no head can be fitted.")
    present, target = torch.unique(label, return_inverse=True)
    count, width = features.shape
    head = LinearHead(
        torch.zeros(classes, width, dtype=torch.float64), torch.full((classes,), ABSENT, dtype=torch.float64)
    )
    head.bias[present] = 0.0
    if len(present) < 2:
        return head
    dtype = torch.float64 if count <= width else features.dtype
    # The moments in float64, over blocks: float32 sums of many rows lose digits.
    mean, scale = _moments(features)
    if not bool((scale > 0).any()):
        raise TrainingError(
            "All labels belong to the same features, so that no head can tell their classes apart; use another encoder."
        )
    safe = torch.where(scale > 0, scale, 1.0)
    rows = (features.to(dtype) - mean.to(dtype)) / safe.to(dtype)
    tolerance = tolerance or (1e-8 if dtype == torch.float64 else 1e-4)
    weight, bias = _minimise(rows, target, len(present), 1 / (inverse_penalty * count), tolerance)
    weight = weight / safe
    head.weight[present] = weight
    head.bias[present] = bias - weight @ mean
    return head


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each feature, (D,) float64 each; 0 where rounding is all that differs."""
    blocks = torch.split(features, 1 << 14)
    mean = torch.stack([block.double().sum(dim=0) for block in blocks]).sum(dim=0) / len(features)
    variance = torch.stack([(block.double() - mean).square().sum(dim=0) for block in blocks]).sum(dim=0) / len(features)
    scale = variance.sqrt()
    return mean, torch.where(scale > 1e-12 * mean.abs(), scale, 0.0)


def _minimise(rows: Tensor, target: Tensor, classes: int, penalty: float, tolerance: float) -> tuple[Tensor, Tensor]:
    """Return weights (K, D) and biases (K,), float64, of rows (N, D) with targets (N,) in 0 .. K - 1.

    With no more rows than features the search is in the span of the rows: in principal components, each divided by the
    square root of the curvature that the loss has along it where all classes are equally probable. That leaves nearly
    equal curvatures, and a third of the steps. With more rows it saved none.
    """
    if rows.shape[0] > rows.shape[1]:
        step, projected = torch.ones(rows.shape[1], dtype=torch.float64), rows
        component: Callable[[Tensor], Tensor] = torch.clone
    else:
        variance, component, projected = _principal(rows)
        step = (variance / classes + penalty).rsqrt()
        projected = projected * step
    # Rows last in memory: a softmax over few classes that lie last takes twenty times as long, products half as much
    # again.
    width, projected = len(step), projected.T.contiguous()
    hot = F.one_hot(target, classes).to(rows.dtype).T.contiguous()
    weights, ends = penalty * step.square(), (classes**0.5 if len(rows) <= rows.shape[1] else 1.0)

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        point = torch.from_numpy(flat).view(classes, width + 1)
        weight, bias = point[:, :width], ends * point[:, width]
        log_probability = F.log_softmax(weight.to(rows.dtype) @ projected + bias.to(rows.dtype)[:, None], dim=0)
        value = -float((log_probability * hot).sum(dtype=torch.float64)) / len(rows)
        difference = (log_probability.exp() - hot) / len(rows)
        gradient = torch.empty_like(point)
        gradient[:, :width] = difference @ projected.T
        gradient[:, :width] += weights * weight
        gradient[:, width] = ends * difference.sum(dim=1)
        return value + float((weights * weight.square()).sum()) / 2, gradient.flatten().numpy()

    result = scipy.optimize.minimize(
        loss,
        np.zeros(classes * (width + 1)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": MOST_STEPS, "maxfun": 4 * MOST_STEPS, "gtol": tolerance, "ftol": 0.0, "maxcor": 20},
    )
    if not np.isfinite(result.x).all():
        raise TrainingError(f"The fit of the linear head failed ({result.message}).")
    if result.nit >= MOST_STEPS:
        raise TrainingError(
            f"The fit of the linear head did not end within {MOST_STEPS:,} steps; give a smaller "
            "--training.inverse_penalty."
        )
    point = torch.from_numpy(result.x).view(classes, width + 1)
    return component(point[:, :width] * step), ends * point[:, width]


def _principal(rows: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor], Tensor]:
    """Return the principal components of rows (N, D) float64 with mean 0, N <= D.

    Returns:
        The variance along each, (R,), 0 excluded; a function that maps weights of the components, (K, R), to weights of
        the features, (K, D); and the rows in components, (N, R).
    """
    square, left = torch.linalg.eigh(rows @ rows.T)
    kept = square > ROUNDING * square[-1]
    root, left = square[kept].sqrt(), left[:, kept]
    return square[kept] / len(rows), lambda weight: (weight / root) @ left.T @ rows, left * root


def choose_penalty(
    features: Tensor, label: Tensor, classes: int, draw: np.random.Generator, group: Tensor | None = None
) -> float | None:
    """Return the value of `GRID` with the highest likelihood of held-out rows; the smaller one of equal values.

    Arguments are those of `fit_logistic` and `held_out`. None where nothing can be held out.
    """
    parts = held_out(label, draw, group)
    likelihoods = [-_loss_of(*_held_out_logits(features, label, classes, value, parts)) for value in GRID]
    if not all(map(np.isfinite, likelihoods)):
        return None
    return GRID[int(np.argmax(np.round(likelihoods, 6)))]


def temperature_of(
    features: Tensor,
    label: Tensor,
    classes: int,
    inverse_penalty: float,
    draw: np.random.Generator,
    group: Tensor | None = None,
) -> float:
    """Return the temperature that makes held-out rows likeliest, dividing the logits (Guo et al. 2017).

    Arguments are those of `fit_logistic` and `held_out`. It is 1 where nothing can be held out, and where all rows are
    of one class, so that every temperature is as likely.
    """
    if len(torch.unique(label)) < 2:
        return 1.0
    logits, target = _held_out_logits(features, label, classes, inverse_penalty, held_out(label, draw, group))
    if not len(target):
        return 1.0
    found = scipy.optimize.minimize_scalar(
        lambda power: _loss_of(logits / np.exp(power), target), bounds=np.log(TEMPERATURES), method="bounded"
    )
    return float(np.exp(found.x))


def held_out(label: Tensor, draw: np.random.Generator, group: Tensor | None = None) -> list[Tensor]:
    """Return for each of up to `FOLDS` folds which rows it holds out, (N,) bool each.

    Args:
        label: (N,) classes; without groups, each class is spread evenly over the folds.
        draw: for the order in which rows, or groups, are dealt out.
        group: (N,) numbers of groups that stay together, for example the image of a pixel.
    """
    kind = label if group is None else torch.zeros_like(label)
    unit = torch.arange(len(label)) if group is None else group
    fold = torch.full((len(label),), -1)
    dealt = 0
    for value in torch.unique(kind).tolist():
        units = torch.unique(unit[kind == value])
        for one in draw.permutation(units.numpy()).tolist():
            fold[unit == one] = dealt % FOLDS
            dealt += 1
    return [fold == number for number in range(min(FOLDS, dealt))] if dealt > 1 else []


def _held_out_logits(
    features: Tensor, label: Tensor, classes: int, inverse_penalty: float, parts: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """Return logits and labels of the held-out rows whose class is among the rows of their fit.

    A fold is left out where no feature tells the rows of its fit apart, as copies with two labels do.
    """
    logits, target = [torch.empty(0, classes, dtype=torch.float64)], [torch.empty(0, dtype=torch.int64)]
    for part in parts:
        rest = label[~part]
        known = part & torch.isin(label, rest)
        if bool(known.any()) and bool((_moments(features[~part])[1] > 0).any()):
            logits.append(fit_logistic(features[~part], rest, classes, inverse_penalty)(features[known]))
            target.append(label[known])
    return torch.cat(logits), torch.cat(target)


def _loss_of(logits: Tensor, target: Tensor) -> float:
    return float(F.cross_entropy(logits, target)) if len(target) else float("nan")
