"""A strategy as a user may write it, and a broken one."""

import torch

from al_lightning.acquisition import Acquisition
from al_lightning.acquisition.functional import mean_entropy, top_scores


class Sound(Acquisition):
    """Scores by entropy; a broken strategy derives from it, and overrides one method wrongly."""

    def score(self, network, batch):
        return mean_entropy(network(batch.image).logits)[:, None]

    def select(self, rows, count, generator):
        return top_scores(rows, rows.value[0, :, 0], count)


class OneOfEachGroup(Sound):
    """The image with the highest score of each group of near-duplicates, then the others."""

    reads_groups = True

    def select(self, rows, count, generator):
        score = rows.value[0, :, 0].clone()
        for group in rows.group.unique():
            of_group = torch.where(rows.group == group, score, -torch.inf)
            score[of_group.argmax()] += 100
        return top_scores(rows, score, count)


class DrawsFromTorch(Sound):
    """Fails the check of the global generators."""

    def score(self, network, batch):
        return super().score(network, batch) + 1e-9 * torch.rand(len(batch.index), 1)
