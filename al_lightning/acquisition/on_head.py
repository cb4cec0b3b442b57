"""What strategies share that compute with a classifier's linear head."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.functional import require_finite
from al_lightning.errors import ALError, UsageError
from al_lightning.networks.base import Network
from al_lightning.networks.logistic import ABSENT
from al_lightning.types import Batch, LinearHead, SelectionInputs


class OnHead(Acquisition):
    """A strategy on embeddings whose logits come from a linear head, so that `select` can compute others."""

    def check(self, network: Network) -> None:
        """Refuse a network without a linear head on its embedding."""
        if network.head_on_embedding() is None:
            raise UsageError(
                f"{type(self).__name__} computes with a linear head on the embedding, and this "
                f"{type(network).__name__} has none: take a classifier with one, or another strategy, such as badge."
            )

    def score(self, network: Network, batch: Batch) -> Mapping[str, Tensor]:
        """Return embeddings, (B, D).

        Raises:
            UsageError: the network's logits are not those of its head.
        """
        features, head = network.encode(batch.image), network.head_on_embedding()
        logits = network.decode(features).logits.double().cpu()
        largest = logits[logits > ABSENT / 2].abs().max()  # a class without a label would hide differences
        if head is None or bool((head(features.embedding.cpu()) - logits).abs().max() > 0.05 * largest):
            raise UsageError(
                f"{type(self).__name__} computes with the linear layer `classifier`, and this {type(network).__name__} "
                "does not use it alone on its embedding; let linear_head() return what it uses, or None."
            )
        return {"embedding": features.embedding}

    def finite_inputs(self, rows: SelectionInputs) -> tuple[Tensor, LinearHead]:
        """Return the embeddings, (N, D), and the head.

        Raises:
            ALError: an embedding is not finite; the message names the image. Or the head is missing or not finite.
        """
        embedding, head = rows.part("embedding"), rows.head
        require_finite(rows, embedding)
        if head is None or not all(bool(part.isfinite().all()) for part in head):
            raise ALError(f"{type(self).__name__} needs a linear head of finite numbers; check the network's training.")
        return embedding, head
