"""The checks of the conformance kit, a function each; a check raises ConformanceError where a strategy fails it."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from al_lightning.acquisition.base import Acquisition
from al_lightning.acquisition.constraints import Constraints
from al_lightning.acquisition.functional import round_significant
from al_lightning.acquisition.scoring import Scorer, select
from al_lightning.acquisition.testing.traces import contents, global_state, held, modes, upset_global_generators
from al_lightning.acquisition.testing.trial import SIZE, ConformanceError, Trial, example_images, finite
from al_lightning.errors import ALError
from al_lightning.seeding import generator
from al_lightning.types import SelectionInputs

LARGE = (2 * SIZE[0], 2 * SIZE[1])
"""Another image size, at which memory per image must be the same."""


@contextlib.contextmanager
def situation(make: Callable[[], Acquisition], words: str) -> Iterator[None]:
    """Add the situation to the message of an error."""
    try:
        yield
    except ConformanceError:
        raise
    except Exception as error:
        raise ConformanceError(f"{name_of(make)} fails {words}: {error}") from error


def name_of(make: Callable[[], Acquisition]) -> str:
    """Return the class name of a strategy."""
    return type(make()).__name__


def _count(trial: Trial) -> int:
    """Return the number of images to choose: 3, or all candidates where there are fewer."""
    count = min(3, len(trial.candidates(trial.make())))
    if count == 0:
        raise ConformanceError(f"{name_of(trial.make)}.candidates names none.")
    return count


def _initial(trial: Trial) -> None:
    """An initial set of the strategy's own has the size asked for; that of a one-fit strategy may be the whole pool."""
    trial, name = trial.labelling(()), name_of(trial.make)
    size, one_fit = trial.pool.size, trial.make().one_fit

    def ask(of: Trial, count: int) -> list[int] | None:
        with situation(trial.make, f"when asked for an initial set of {count} of {size} images"):
            own = of.make().initial(of.pool, count, generator("initial", 0))
            if own is not None:
                of.pool.label(own)
            return None if own is None else [int(index) for index in own]

    for count in (3, size) if one_fit else (3,):
        own = ask(trial, count)
        if own is None:
            if one_fit:
                raise ConformanceError(f"{name} is one_fit, but its initial returns None.")
            return
        if len(own) != count and not (one_fit and len(own) == size):
            raise ConformanceError(f"{name}.initial returns {len(own)} images where {count} were asked for.")
        upset_global_generators(count)
        if ask(trial, count) != own:
            raise ConformanceError(f"{name}.initial returns another set for the same seed.")
    order = generator("order", 1).permutation(size).tolist()
    draws = generator("initial", 0)
    trial.make().initial(trial.pool, 3, draws)
    moved = ask(trial.permuted(order), 3)
    if _untouched(draws, "initial") and {order[index] for index in moved or []} != set(ask(trial, 3) or []):
        raise ConformanceError(f"{name}.initial depends on the order of the pool's images, though it draws nothing.")


def _leaves_network_and_generators_alone(trial: Trial) -> None:
    name = name_of(trial.make)
    tensors, flags, before = contents(trial.networks), modes(trial.networks), global_state()
    with situation(trial.make, "in an ordinary round"):
        trial.choose(_count(trial))
    after = global_state()
    for tensor, value in contents(trial.networks).items():
        if not torch.equal(value, tensors[tensor]):
            raise ConformanceError(f"{name} changes the network's {tensor} while it scores.")
    for (layer, old), (_, new) in zip(flags, modes(trial.networks), strict=True):
        if old != new:
            raise ConformanceError(f"{name} leaves the network ({layer or 'all of it'}) in another mode than eval.")
    for library, state in before.items():
        if after[library] != state:
            raise ConformanceError(
                f"{name} draws from the global generator of {library}; its draws must come from the generators that it "
                "is given."
            )


def _keeps_little_of_an_image(trial: Trial) -> None:
    name = name_of(trial.make)
    if not trial.make().needs_network:
        return
    few, many = (_kept(trial, size) for size in (SIZE, LARGE))
    with torch.inference_mode():
        embedding = trial.networks[0].encode(trial.images[:1]).embedding.shape[1]
    if many > few or many >= LARGE[0] * LARGE[1] + embedding:
        raise ConformanceError(
            f"{name}.score returns {few} numbers for an image of {SIZE[0]} x {SIZE[1]} pixels and {many} for one of "
            f"{LARGE[0]} x {LARGE[1]}; pixels must be reduced in score, or memory grows with image size times pool."
        )


def _kept(trial: Trial, size: tuple[int, int]) -> int:
    """Return how many numbers a strategy keeps of each scored image of a size."""
    with situation(trial.make, f"on images of {size[0]} x {size[1]} pixels"), torch.inference_mode():
        strategy, network = trial.make(), trial.networks[0]
        strategy.prepare(network, generator("prepare", 0))
        tried = replace(trial, images=example_images(trial.pool.size, size))
        own = []
        for batch in tried.batches(list(range(trial.pool.size)), 4, 1, 0):
            value = Scorer(network, strategy).predict_step(batch, 0)
            own.append(held(vars(strategy)))
    if own[-1] > own[0]:
        raise ConformanceError(f"{name_of(trial.make)} keeps more with every batch that it scores.")
    return value.shape[1]


def _chooses_exactly_and_again_the_same(trial: Trial) -> None:
    for count in sorted({1, _count(trial)}):
        answers = []
        for upset in (1, 2):
            upset_global_generators(upset)
            with situation(trial.make, f"when asked for {count}"):
                answers.append(trial.choose(count))
        if answers[0] != answers[1]:
            raise ConformanceError(f"{name_of(trial.make)} chooses differently when asked again with the same seed.")


def _selects_purely(trial: Trial) -> None:
    with situation(trial.make, "in an ordinary round"):
        strategy, rows = trial.rows()
        before = [each.clone() for each in _tensors(rows)]
        answers = [select(strategy, rows, _count(trial), generator("select", 0)) for _ in range(2)]
    if not all(map(torch.equal, before, _tensors(rows))):
        raise ConformanceError(f"{name_of(trial.make)}.select changes the rows that it is given.")
    if answers[0] != answers[1]:
        raise ConformanceError(f"{name_of(trial.make)}.select answers the same question differently the second time.")


def _tensors(rows: SelectionInputs) -> list[Tensor]:
    # The shares of unlabelled images are NaN, which equals nothing.
    return [torch.nan_to_num(each) for each in (*rows, *(rows.head or ())) if isinstance(each, Tensor)]


def _does_not_depend_on_batch_size(trial: Trial) -> None:
    for size in (1, 3, 64):
        how = f"in batches of {size}", "in batches of 4", "the score of an image must not depend on its batch"
        _chooses_the_same(trial, *how, batch_size=size)


def _does_not_depend_on_processes(trial: Trial) -> None:
    for count in (2, 3):
        how = f"on {count} processes", "on one", "select may use nothing of score but its rows"
        _chooses_the_same(trial, *how, processes=count)


def _chooses_the_same(trial: Trial, here: str, usual: str, rule: str, **options: int) -> None:
    count = _count(trial)
    expected = trial.choose(count).indices
    with situation(trial.make, here):
        chosen = trial.choose(count, **options).indices
    if chosen != expected:
        raise ConformanceError(f"{name_of(trial.make)} chooses {chosen} {here} and {expected} {usual}; {rule}.")


def _does_not_depend_on_order(trial: Trial) -> None:
    if trial.make().keyed_by_position:
        return
    first, second = generator("candidates", 0), generator("select", 0)
    trial.make().candidates(trial.pool, first)
    strategy, rows = trial.rows()
    expected = set(select(strategy, rows, _count(trial), second).indices)
    # A draw gives positions, whichever images stand there; between equal rows the position decides.
    if not (_untouched(first, "candidates") and _untouched(second, "select")):
        return
    value = rows.value[:, ~rows.labelled].transpose(0, 1).flatten(1)
    if value.shape[1] and len(np.unique(round_significant(value).numpy(), axis=0)) < len(value):
        return
    order = generator("order", 1).permutation(trial.pool.size).tolist()
    with situation(trial.make, "where the pool's images stand in another order"):
        chosen = {order[index] for index in trial.permuted(order).choose(len(expected)).indices}
    if chosen != expected:
        raise ConformanceError(
            f"{name_of(trial.make)} chooses the images {sorted(chosen)} instead of {sorted(expected)} where the pool's "
            "images stand in another order."
        )


def _works_with_nothing_labelled(trial: Trial) -> None:
    with situation(trial.make, "where nothing is labelled"):
        empty = trial.labelling(())
        empty.choose(_count(empty))


def _works_with_a_pool_as_small_as_the_query(trial: Trial) -> None:
    with situation(trial.make, "where the pool is as small as the query"):
        left = trial.candidates(trial.make())[:3]
        small = trial.labelling(tuple(index for index in range(trial.pool.size) if index not in left))
        small.choose(len(small.candidates(small.make())))


def _works_with_constant_scores(trial: Trial) -> None:
    with situation(trial.make, "where all images are equal, and all scores"):
        replace(trial, images=trial.images[:1].repeat(trial.pool.size, 1, 1, 1)).choose(_count(trial))


def _names_the_image_of_a_nan(trial: Trial) -> None:
    if not trial.make().needs_network:
        return
    candidates = sorted(trial.candidates(trial.make()))
    image = candidates[len(candidates) // 2]
    images = trial.images.clone()
    images[image] = torch.nan
    _must_name(trial, image, replace(trial, images=images).choose)
    strategy, rows = trial.rows()
    parts = torch.split(rows.value[-1], list(rows.columns.values()) or [rows.value.shape[2]], dim=1)
    for number, kind in enumerate(rows.columns or [""]):  # of each alone, since one may be checked and another not
        if kind == "class":  # which is a number, whatever the network says
            continue
        told = [part.clone() for part in parts]
        told[number][rows.index == image] = torch.nan
        value = torch.cat([rows.value[:-1], torch.cat(told, dim=1)[None]])
        _must_name(trial, image, partial(_select_one, strategy, rows._replace(value=value)))


def _select_one(strategy: Acquisition, rows: SelectionInputs, count: int) -> object:
    return strategy.select(rows, count, generator("select", 0))


def _must_name(trial: Trial, image: int, choose: Callable[[int], object]) -> None:
    name = name_of(trial.make)
    try:
        choose(1)
    except ALError as error:
        if re.search(rf"\bimage {image}\b", str(error)):
            return
        answer = f"with a sentence that does not name it ({error})"
    except Exception as error:
        answer = f"with {type(error).__name__} ({error})"
    else:
        answer = "with silence"
    raise ConformanceError(
        f"{name} answers a NaN, in what a network says of image {image}, {answer}; an ALError must name the image."
    )


def _keeps_to_constraints(trial: Trial) -> None:
    if trial.make().reads_labels and not trial.make().keeps_limits:  # a run refuses constraints around it
        return
    constraints = Constraints(
        per_sequence=2 if trial.pool.sequence else None, per_group=1, gap=4 if trial.pool.frame else None
    )
    with situation(trial.make, "within constraints"):
        strategy, rows = trial.rows()
        count, number = _count(trial), np.arange(trial.pool.size)
        first = select(strategy, rows, count, generator("select", 0)).indices
        # Two groups, which leave too few images; and one group of the images that it would choose first.
        for groups in (number % 2, np.where(np.isin(number, first[:2]), first[0], number)):
            limits = constraints.limits(trial.pool, rows.index.numpy(), (), partial(np.copy, groups))
            select(strategy, rows._replace(limits=limits), count, generator("select", 0))


def _takes_features_of_another_encoder(trial: Trial) -> None:
    make = type(trial.make())
    if "features" not in inspect.signature(make).parameters or make is not trial.make:
        return

    other = replace(trial, make=lambda: make(features="another"))  # type: ignore[call-arg]
    with situation(trial.make, "on features of another encoder"):
        if other.choose(_count(trial)) != other.choose(_count(trial)):
            raise ConformanceError(f"{name_of(trial.make)} chooses differently when asked again on the same features.")


def _works_with_the_labels_of_one_class(trial: Trial) -> None:
    if not trial.make().reads_labels:
        return
    with situation(trial.make, "where all labelled images are of one class, or none of their pixels has a class"):
        strategy, rows = trial.rows()
        assert rows.shares is not None
        for share in (1.0, 0.0):
            shares = torch.where(rows.labelled[:, None], torch.zeros_like(rows.shares), torch.nan)
            shares[rows.labelled, 0] = share
            finite(strategy, select(strategy, rows._replace(shares=shares), _count(trial), generator("select", 0)))


def _untouched(draws: np.random.Generator, stream: str) -> bool:
    return bool(draws.bit_generator.state == generator(stream, 0).bit_generator.state)


ONE_FIT: Sequence[Callable[[Trial], None]] = (_initial,)
POINTS: Sequence[Callable[[Trial], None]] = (
    _initial,
    _leaves_network_and_generators_alone,
    _keeps_little_of_an_image,
    _chooses_exactly_and_again_the_same,
    _selects_purely,
    _does_not_depend_on_batch_size,
    _does_not_depend_on_processes,
    _does_not_depend_on_order,
    _works_with_nothing_labelled,
    _works_with_a_pool_as_small_as_the_query,
    _works_with_constant_scores,
    _works_with_the_labels_of_one_class,
    _names_the_image_of_a_nan,
    _keeps_to_constraints,
    _takes_features_of_another_encoder,
)
