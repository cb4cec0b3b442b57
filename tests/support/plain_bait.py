"""BAIT with dense matrices, and an inverse for each image and step."""

import torch


def dense(embedding, probability):
    """The information of each image, (N, C D, C D): (diag(p) - p p^T) x z z^T."""
    p, z = probability.double(), embedding.double()
    return torch.stack(
        [torch.kron(torch.diag(one) - torch.outer(one, one), torch.outer(x, x)) for one, x in zip(p, z, strict=True)]
    )


def trace(matrix, total):
    return float(torch.trace(torch.linalg.inv(matrix) @ total))


def plain(embedding, probability, labelled, count, penalty, weights=(1.0, 1.0)):
    """Algorithm 1 of the paper with an inverse for each image and step; weights of labelled images and of choices."""
    each = dense(embedding, probability)
    total = each.mean(dim=0)
    matrix = penalty * torch.eye(len(total), dtype=torch.float64) + (
        weights[0] * each[labelled].mean(dim=0) if labelled.any() else 0
    )
    each = weights[1] * each
    free = [row for row in range(len(each)) if not labelled[row]]
    chosen, gains = [], []
    for _ in range(2 * count):
        left = [row for row in free if row not in chosen]
        if not left:
            break
        best = min(left, key=lambda row: trace(matrix + each[row], total))
        gains.append(trace(matrix, total) - trace(matrix + each[best], total))
        chosen.append(best)
        matrix = matrix + each[best]
    while len(chosen) > count:
        least = min(chosen, key=lambda row: trace(matrix - each[row], total))
        matrix = matrix - each[least]
        del gains[chosen.index(least)]
        chosen.remove(least)
    return chosen, gains
