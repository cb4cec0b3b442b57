"""BAIT's objective: the trace of the pool's Fisher information in the inverse information of the labelled images.

The model is a softmax of linear logits, with weights (C, D). The Fisher information of an image with class
probabilities p and embedding z is V V^T, where column c of V, (C D, C), is sqrt(p_c) (e_c - p) x z. V is never built.
What is kept of an image are V^T P V and V^T Q V, (C, C) each: P is the inverse of the labelled images' information M,
and Q is P F P for the pool's information F. An image that joins M changes P by a matrix of rank C (Woodbury), and so
all images' products.
"""

from __future__ import annotations

import torch
from torch import Tensor

from al_lightning.acquisition.functional.scores import round_significant
from al_lightning.acquisition.limits import Allowed

BLOCK = 256
"""Images per step where products of all weights are computed."""


def information(embedding: Tensor, probability: Tensor) -> Tensor:
    """Return the mean Fisher information of images in the weights, (C D, C D) float64; 0 without images.

    Args:
        embedding: (N, D).
        probability: (N, C).
    """
    classes, width = probability.shape[1], embedding.shape[1]
    total = torch.zeros(classes, width, classes * width, dtype=torch.float64)
    for z, p in zip(torch.split(embedding, BLOCK), torch.split(probability, BLOCK), strict=True):
        z, p = z.double(), p.double()
        of_logits = torch.diag_embed(p) - p[:, :, None] * p[:, None]
        for number in range(classes):
            total[number] += z.T @ (of_logits[:, number, :, None] * z[:, None]).flatten(1)
    return total.reshape(classes * width, -1) / max(1, len(embedding))


def least_penalty(embedding: Tensor, probability: Tensor) -> float:
    """Return the smallest penalty whose trace float64 can compute, a millionth of the most that an image informs.

    An image whose information is x times the penalty leaves 1 / x of it to compare, with errors of about 1e-16 x. Near
    x = 1e8 nothing is left to compare, and M without the image seems to have no inverse.

    Args:
        embedding: (N, D).
        probability: (N, C).
    """
    traces = embedding.double().square().sum(dim=1) * (1 - probability.double().square().sum(dim=1))
    return 1e-6 * float(traces.amax())


def forward_backward(
    embedding: Tensor,
    probability: Tensor,
    labelled: Tensor,
    count: int,
    allowed: Allowed,
    penalty: float = 1.0,
) -> tuple[list[int], list[float]]:
    """Choose images that make the trace of M^-1 F small (Ash et al. 2021, Algorithm 1).

    F is the mean information of all rows, M is `penalty` x 1 plus the mean information of the labelled rows, plus the
    information of each chosen row. Rows are added one by one, each the one that lowers the trace most, until there are
    2 x `count`; then those are taken out one by one whose loss raises it least. Values are compared to 6 digits; of
    equal rows the lower one stays.

    Args:
        embedding: (N, D).
        probability: (N, C).
        labelled: (N,) bool.
        count: number of rows.
        allowed: says which rows are open; it records the rows that are added. With limits that had to be loosened, no
            more than `count` are added.
        penalty: lambda, at least `least_penalty`.

    Returns:
        (rows, gains): rows in the order in which they were added, and by how much each lowered the trace then.
    """
    total = information(embedding, probability)
    first = information(embedding[labelled], probability[labelled])
    first.diagonal().add_(penalty)
    candidates = (~labelled).nonzero().flatten()
    place = {row: number for number, row in enumerate(candidates.tolist())}
    search = _Search(embedding[candidates], probability[candidates], first, total)
    rows: list[int] = []
    gains: list[float] = []
    while bool(allowed.open.any()) and (len(rows) < count or (len(rows) < 2 * count and allowed.factor == 1)):
        gain = round_significant(search.change(slice(None), 1))
        best = int(torch.where(allowed.open[candidates], gain, -torch.inf).argmax())
        search.move(best, 1)
        rows.append(int(candidates[best]))
        gains.append(float(gain[best]))
        allowed.take(rows[-1])
    while len(rows) > count:
        loss = round_significant(search.change(torch.tensor([place[row] for row in rows]), -1)).tolist()
        lowest = min(loss)
        least = max((row, number) for number, row in enumerate(rows) if loss[number] == lowest)[1]
        search.move(place[rows[least]], -1)
        del rows[least], gains[least]
    return rows, gains


class _Search:
    """The inverse information P of what is labelled and chosen, and each image's products with it.

    Attributes:
        inverse: P, (C D, C D) float64.
        own: V^T P V of each image, (n, C, C).
        traced: V^T P F P V of each image, (n, C, C).
    """

    def __init__(self, embedding: Tensor, probability: Tensor, first: Tensor, total: Tensor) -> None:
        self.z, self.p = embedding.double(), probability.double()
        self.total = total
        self.inverse = torch.cholesky_inverse(torch.linalg.cholesky(first))
        self.own = self._products(self.inverse)
        self.traced = self._products(self.inverse @ total @ self.inverse)

    def change(self, rows: Tensor | slice, sign: int) -> Tensor:
        """Return by how much the trace falls where an image is added (sign 1), or rises where it is taken out (-1)."""
        inner = torch.eye(self.p.shape[1], dtype=torch.float64) + sign * self.own[rows]
        solved: Tensor = torch.linalg.solve(inner, self.traced[rows])
        return solved.diagonal(dim1=1, dim2=2).sum(dim=1)

    def move(self, row: int, sign: int) -> None:
        """Add an image to M (sign 1), or take it out (-1)."""
        classes = self.p.shape[1]
        scaled = self.p[row].sqrt() * (torch.eye(classes, dtype=torch.float64) - self.p[row][:, None])
        columns = torch.einsum("ck,d->cdk", scaled, self.z[row]).flatten(0, 1)
        inner = torch.eye(classes, dtype=torch.float64) + sign * self.own[row]
        # P changes by -sign x step step^T.
        step = torch.linalg.solve_triangular(
            torch.linalg.cholesky(inner), (self.inverse @ columns).T, upper=False
        ).T.contiguous()
        weighted = self.total @ step
        slope = self.inverse @ weighted - sign / 2 * step @ (step.T @ weighted)
        self.inverse -= sign * step @ step.T
        left, right = self._left(step), self._left(slope)
        crossed = left @ right.transpose(1, 2)
        self.own -= sign * left @ left.transpose(1, 2)
        self.traced -= sign * (crossed + crossed.transpose(1, 2))

    def _left(self, matrix: Tensor) -> Tensor:
        """Return V^T A of each image for A, (C D, K): (n, C, K)."""
        classes, width = self.p.shape[1], self.z.shape[1]
        by_class = matrix.view(classes, width, -1).transpose(0, 1).flatten(1)  # (D, C K)
        return _of_probability((self.z @ by_class).view(len(self.z), classes, -1), self.p)

    def _products(self, matrix: Tensor) -> Tensor:
        """Return V^T A V of each image for a symmetric A, (C D, C D): (n, C, C)."""
        classes, width = self.p.shape[1], self.z.shape[1]
        by_class = matrix.view(classes, width, classes, width).transpose(0, 1).flatten(1)  # (D, C C D)
        parts = []
        for z, p in zip(torch.split(self.z, BLOCK), torch.split(self.p, BLOCK), strict=True):
            product = ((z @ by_class).view(len(z), classes * classes, width) @ z[:, :, None]).view(-1, classes, classes)
            parts.append(_of_probability(_of_probability(product, p).transpose(1, 2), p))
        return torch.cat(parts)


def _of_probability(product: Tensor, p: Tensor) -> Tensor:
    """Multiply (n, C, K) from the left by the matrix whose row c is sqrt(p_c) (e_c - p), for each image."""
    return p.sqrt()[:, :, None] * (product - p[:, None] @ product)
