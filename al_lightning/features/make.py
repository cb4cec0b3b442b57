"""The features of a dataset: found in a store, or made by a network's encoder, by all processes of the run together."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from al_lightning.data.cache.recipe import NONE
from al_lightning.data.datamodule import loader_of
from al_lightning.data.dataset import PoolDataset
from al_lightning.data.images import Images
from al_lightning.data.known_files import may_write, stamp_of
from al_lightning.data.streams import PaddedBatches
from al_lightning.data.workers import loading_error
from al_lightning.distributed.processes import Processes
from al_lightning.errors import DatasetError, UsageError
from al_lightning.features.encoder import Encoder
from al_lightning.features.external import vectors_of
from al_lightning.features.key import encoder_key
from al_lightning.features.sets import FeatureSets
from al_lightning.features.store import SETS, Blocks, Contents, Store
from al_lightning.networks.base import Network
from al_lightning.networks.from_features import Layout, layout_of
from al_lightning.networks.vector_classifier import VectorClassifier
from al_lightning.progress import Reporter, duration
from al_lightning.runs.lock import Lock
from al_lightning.runs.seals import digest_of
from al_lightning.types import Batch

FOLDER = "features"
"""Folder of the stores, beside the caches of decoded images or in a run's directory."""


def find_or_make(
    data: PoolDataset,
    network: Network,
    processes: Processes,
    reporter: Reporter,
    options: Mapping[str, Any] = MappingProxyType({}),
    memory_format: torch.memory_format = torch.contiguous_format,
    pretrained: bool = True,
) -> FeatureSets:
    """Return what a network's `encode` gives for each image of a dataset, without augmentation; all processes call it.

    Of a `VectorClassifier`, the features come from its file. Else the store of these features is used where there is
    one. Else the processes share the work, in full batches of `eval_batch_size`, so that the numbers do not depend on
    how many processes there are, nor on interruptions. The store lies beside the dataset's caches; in the run's
    directory where there is no such folder or it cannot be written to. Maps are kept as float16, an embedding alone
    as float32.

    Args:
        data: the dataset; its split has been found.
        network: the same on every process; it is put into eval mode.
        processes: the run's processes.
        reporter: shows progress.
        options: what the configuration says under `trainer`.
        memory_format: of network and images.
        pretrained: whether the encoder knows anything; if not, a line says so.

    Raises:
        UsageError: the network's features cannot be stored.
        DatasetError: an image cannot be read, or its features are not finite numbers of the same layout as others'.
        ALError: the store cannot be written.
    """
    if isinstance(network, VectorClassifier):
        return vectors_of(data, network.vectors, reporter.say)
    if network.loss_predictor is not None:
        raise UsageError(
            f"{type(network).__name__} has a loss predictor, which reads maps that are not kept among features; take "
            "another strategy than learning_loss, or train the whole network."
        )
    encoder = Encoder.of(network, data, options, memory_format)
    with contextlib.ExitStack() as held:
        store, missing = processes.once(_look, data, encoder, reporter, held, pretrained)
        if missing is not None:
            begun = time.monotonic()
            _fill(store, missing, data, encoder, processes, reporter)
            processes.all_agree(None)  # that all have written their blocks
            processes.once(store.finish)
            reporter.say(f"features made in {duration(time.monotonic() - begun)}")
    return store.sets()


def _look(
    data: PoolDataset, encoder: Encoder, reporter: Reporter, held: contextlib.ExitStack, pretrained: bool
) -> tuple[Store, Blocks | None]:
    """Return the store, and the blocks to make, or None where it is complete; then it is locked until `held` ends."""
    contents = contents_of(data, encoder)
    count = sum(contents.counts.values())
    stores = [Store(home, contents) for home in homes(data)]
    for store in stores:
        if store.path.is_dir() and not any(store.damaged().values()):
            reporter.say(f"the features of {count:,} images come from {store.path}")
            return store, None
    store = next((one for one in stores if one.path.is_dir() or may_write(one.path.parent)), stores[0])
    lock = held.enter_context(Lock(store.path.with_suffix(".lock")))
    if not lock.take():
        reporter.say(f"another process makes the features in {store.path}; this one waits for it")
        lock.take(wait=True)
    damaged = store.damaged() if store.path.is_dir() else None
    if damaged is not None and not any(damaged.values()):
        return store, None
    missing = store.begin()
    blocks = sum(map(len, missing.values()))
    rows = sum(len(contents.rows(name, block)) for name in SETS for block in missing[name])
    if damaged is not None:
        reporter.say(f"the features in {store.path} are damaged ({blocks:,} blocks); these are made again")
    elif rows < count:
        reporter.say(f"the features of {count - rows:,} of {count:,} images are in {store.work} already")
    train, test = (contents.counts[name] for name in SETS)
    layout, megabytes = contents.layouts["train"], contents.size / 1e6
    reporter.say(
        f"features are made of {train:,} images of the pool and {test:,} for test, at "
        f"{layout.size[0]} x {layout.size[1]}: {layout.width:,} numbers an image, {megabytes:,.1f} MB in {store.path}"
    )
    if not pretrained:
        reporter.say("[!] the encoder has random weights, so that its features know nothing of images")
    return store, missing


def contents_of(data: PoolDataset, encoder: Encoder) -> Contents:
    """Return what the store of a dataset's features holds; it encodes an image of each set."""
    images = dict(zip(SETS, (data.train, data.test), strict=True))
    counts = {name: len(each) for name, each in images.items()}
    if not counts["train"]:
        raise DatasetError(f"{data.root} holds no images.")
    parts, features = encoder_key(encoder.network, encoder.image(images["train"]))
    layouts = dict.fromkeys(SETS, layout_of(features))
    if counts["test"]:
        layouts["test"] = layout_of(encoder(encoder.image(images["test"])))
    recipe = data.recipe()
    if recipe["files"] != NONE:
        recipe["files"] = hash_of_contents(data)
    key = {
        **parts,
        "normalisation": repr([data.mean.flatten().tolist(), data.std.flatten().tolist()]),
        "precision": str(encoder.precision or torch.float32),
        **(
            {"memory_format": str(form)}
            if (form := encoder.normaliser.memory_format) != torch.contiguous_format
            else {}
        ),
        **{f"images/{part}": text for part, text in recipe.items()},
    }
    return Contents(key, data.eval_batch_size, counts, layouts, "float16" if features.maps else "float32")


def hash_of_contents(data: PoolDataset) -> str:
    """Return the hash of the names and contents of a dataset's files, labels included: copied data have their features.

    A file is read once, and again where its size or time of change is another. One that is not there does not count.

    Raises:
        DatasetError: a file cannot be read.
    """
    known, digest = data.known_files("contents"), hashlib.sha256()
    images = (each.sources(index) for each in data.file_sets for index in range(len(each)))
    for path in dict.fromkeys(path for files in images for path in files):
        if (stamp := stamp_of([path])) == [None]:
            continue
        if (content := known.find(str(path), stamp)) is None:
            try:
                content = digest_of(path)
            except OSError as error:
                raise DatasetError(f"{path} cannot be read ({error.strerror}).") from error
            known.keep(str(path), stamp, content)
        name = str(path).removeprefix(f"{data.root}{os.sep}")
        digest.update(f"{name}\0{content}\n".encode(errors="surrogateescape"))
    data.save_known_files()
    return digest.hexdigest()


def homes(data: PoolDataset) -> list[Path]:
    """Return the folders that may hold a store, the preferred one first."""
    folders = [folder / FOLDER for folder in (data.cache_folder, data.run_folder) if folder is not None]
    if not folders:
        raise UsageError(
            "data.cache is false, so that there is no place for features; name a folder: --data.cache DIR."
        )
    return folders


def _fill(
    store: Store,
    missing: Blocks,
    data: PoolDataset,
    encoder: Encoder,
    processes: Processes,
    reporter: Reporter,
) -> None:
    """Make this process's share of the missing blocks."""
    contents, done = store.contents, 0
    count = sum(len(contents.rows(name, block)) for name in SETS for block in missing[name])
    reporter.begin("features", count, alone=True)
    for name, images in zip(SETS, (data.train, data.test), strict=True):
        layout = contents.layouts[name]
        positions = [row for block in missing[name] for row in contents.rows(name, block)]
        batches = PaddedBatches(images, positions, contents.block, False, processes.rank, processes.count)
        for batch in _loaded(data, batches) if positions else ():
            rows = batch.index[batch.index >= 0].tolist()
            if rows:
                values, found = encoder.rows(batch)
                _check_layout(found, layout, images, rows)
                values = values[: len(rows)].to(getattr(torch, contents.dtype)).cpu()
                _check_finite(values, images, rows)
                store.write(name, rows[0] // contents.block, values.numpy(), processes.rank)
            done = min(count, done + contents.block * processes.count)
            reporter.advance(done)
    reporter.finish()


def _loaded(data: PoolDataset, batches: PaddedBatches) -> Iterator[Batch]:
    """Yield batches from the dataset's workers; an error of theirs becomes a sentence."""
    try:
        yield from loader_of(data, batches)
    except Exception as error:
        if (sentence := loading_error(error, data.timeout)) is None:
            raise
        raise sentence from error


def _check_layout(found: Layout, layout: Layout, images: Images, rows: list[int]) -> None:
    """Raise DatasetError where features are of another layout than those of the first image."""
    if found != layout:
        raise DatasetError(
            f"{images.name(rows[0])} is {found.size[0]} x {found.size[1]}, but {images.name(0)} is {layout.size[0]} x "
            f"{layout.size[1]} (height x width); give a common one: --data.size '[{layout.size[0]}, {layout.size[1]}]'."
        )


def _check_finite(values: Tensor, images: Images, rows: list[int]) -> None:
    """Raise DatasetError where features are not finite numbers in the type that they are stored in."""
    wrong = torch.nonzero(~torch.isfinite(values).all(dim=1)).flatten().tolist()
    if wrong:
        more = f", and of {len(wrong) - 1} more in its batch" if len(wrong) > 1 else ""
        limit = " or exceed float16's 65,504" if values.dtype == torch.float16 else ""
        raise DatasetError(
            f"The features of {images.name(rows[wrong[0]])}{more} are not finite{limit}; look at the image, and check "
            "the encoder's weights and --trainer.precision."
        )
