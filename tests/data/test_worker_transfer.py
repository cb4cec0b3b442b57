"""Batches sent from a data worker: as they went in."""

from __future__ import annotations

import pickle
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from al_lightning.data.worker_transfer import SMALL, Parcel, parcel
from al_lightning.types import Batch


def batch_of(size: int, count: int = 2) -> Batch:
    draw = torch.Generator().manual_seed(size)
    image = torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8, generator=draw).permute(0, 3, 1, 2)
    return Batch(image, torch.arange(count), torch.arange(count) + 10)


class Two(Dataset[Any]):
    """A small batch, and a large one beside a small one."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int) -> Any:
        return {"labelled": batch_of(8)} if number == 0 else {"labelled": batch_of(600), "more": {"view": batch_of(4)}}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Batch):
        layout = [tensor.stride() for tensor in one] == [tensor.stride() for tensor in other]
        return type(other) is Batch and layout and all(map(torch.equal, one, other))
    return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)


def test_batches_come_out_of_a_worker_as_they_went_in() -> None:
    assert batch_of(600).image.nbytes > SMALL
    for got, wanted in zip(DataLoader(Two(), None, num_workers=1, collate_fn=parcel), Two(), strict=False):
        assert same(got, wanted)
    batch = batch_of(8)
    assert parcel(batch) is batch  # nothing is packed that stays in its process
    opened = pickle.loads(pickle.dumps(Parcel({"a": batch})))
    assert same(opened, {"a": batch})
    opened["a"].image.add_(1)  # a tensor like any other
