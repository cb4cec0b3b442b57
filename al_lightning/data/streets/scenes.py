"""Random scenes: a pure function of split, seed and number."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import numpy as np

from al_lightning.data.streets.types import Actor, Colour, Light, Scene, Segment
from al_lightning.seeding import generator

Nuisance = Literal["mild", "strong"]


class _Draws:
    """Draws of one key; uniform numbers come in blocks, since a call of NumPy costs as much as a hundred numbers."""

    def __init__(self, stream: str, *numbers: int) -> None:
        self.numpy = generator(stream, *numbers)
        self._store = itertools.chain.from_iterable(self.numpy.random(256).tolist() for _ in itertools.count())

    def uniform(self, low: float, high: float) -> float:
        """Return a number between two."""
        return low + (high - low) * float(next(self._store))

    def chance(self, share: float) -> bool:
        """Return True in a share of cases."""
        return bool(next(self._store) < share)

    def one_of(self, *choices: float) -> float:
        """Return one of some numbers."""
        return choices[int(next(self._store) * len(choices))]

    def integer(self, end: int) -> int:
        """Return an integer from 0 to below `end`."""
        return int(next(self._store) * end)

    def colour(self, choices: Sequence[Colour], spread: float = 20) -> Colour:
        """Return one of some colours, a little lighter or darker and a little off its hue."""
        level = self.uniform(-spread, spread)
        red, green, blue = (
            min(250.0, max(8.0, value + level + self.uniform(-0.35, 0.35) * spread))
            for value in choices[self.integer(len(choices))]
        )
        return red, green, blue


_WALLS = [(176, 150, 124), (196, 184, 160), (150, 92, 74), (164, 160, 156), (204, 176, 122), (132, 126, 128)]
_ROOFS = [(126, 66, 52), (92, 84, 84), (104, 74, 62)]
_PAINTS = [(34, 36, 40), (206, 208, 212), (128, 132, 138), (150, 28, 30), (36, 64, 128), (232, 230, 224), (64, 84, 72)]
_COATS = [(42, 44, 60), (150, 40, 44), (60, 90, 60), (196, 180, 150), (70, 100, 150), (30, 30, 32), (210, 150, 60)]
_TROUSERS = [(40, 44, 66), (36, 34, 34), (112, 104, 90), (70, 74, 82)]
_SKINS = [(226, 186, 158), (196, 146, 110), (122, 84, 62)]
_LEAVES = [(128, 158, 78), (108, 140, 70), (150, 162, 80), (96, 132, 84)]


def _mild_light(draws: _Draws) -> Light:
    """Draw clear day, overcast day, dusk or thin fog, which differ less than streets do."""
    kind, level, sun = draws.uniform(0, 1), draws.uniform(0.92, 1.08), int(draws.one_of(-1, 1))
    if kind < 0.45:
        gain = (1.05 * level, 1.02 * level, 0.97 * level)
        shadow = draws.uniform(0.35, 0.5)
        return Light(gain, (84, 138, 204), (190, 212, 232), draws.uniform(0, 0.5), sun, shadow, 0.0025)
    if kind < 0.75:
        gain = (0.9 * level, 0.92 * level, 0.95 * level)
        return Light(gain, (176, 184, 194), (210, 214, 218), draws.uniform(0.3, 0.6), sun, 0.0, 0.004)
    if kind < 0.88:
        gain = (0.86 * level, 0.74 * level, 0.68 * level)
        return Light(gain, (96, 112, 158), (238, 188, 140), draws.uniform(0.1, 0.5), sun, 0.2, 0.004, lit=0.2)
    gain = (0.9 * level, 0.92 * level, 0.94 * level)
    return Light(gain, (188, 194, 200), (204, 208, 212), 0.0, sun, 0.0, draws.uniform(0.01, 0.018), lit=0.12)


def _strong_light(light: Light, draws: _Draws) -> Light:
    """Add night, snow, thick fog or a noisy sensor; a fifth of the scenes is not changed."""
    kind = draws.uniform(0, 1)
    if kind < 0.2:
        return light
    if kind < 0.4:
        level = draws.uniform(0.16, 0.3)
        gain = (0.9 * level, 0.95 * level, 1.15 * level)
        return light._replace(
            gain=gain, zenith=(8, 10, 22), horizon=(34, 34, 48), clouds=0.0, shadow=0.0, lit=0.35,
            beam=draws.uniform(1.5, 3), noise=draws.uniform(6, 14),
        )  # fmt: skip
    if kind < 0.6:
        return light._replace(snow=draws.uniform(0.6, 1), zenith=(196, 200, 206), horizon=(222, 224, 228), shadow=0.0)
    if kind < 0.8:
        return light._replace(
            haze=draws.uniform(0.035, 0.08), zenith=(196, 198, 200), horizon=(202, 204, 206), shadow=0.0, lit=0.12
        )
    return light._replace(noise=draws.uniform(18, 40))


def _side(draws: _Draws, town: float, crossing: tuple[float, float] | None) -> tuple[Segment, ...]:
    """Draw one side of the street: houses with share `town`, hedges and woods, alleys, and the crossing's gap."""
    segments: list[Segment] = []
    place = -15.0
    while place < 120:
        if crossing and crossing[0] - 5 < place < crossing[0] + 5:
            segments.append(Segment("gap", crossing[0], 0))
            place = crossing[0] + crossing[1]
            crossing = None
            continue
        kind = draws.uniform(0, 1)
        if kind < town:
            storeys, floor, shop = 2 + draws.integer(5), draws.uniform(2.7, 3.4), draws.chance(0.3)
            roof = draws.uniform(1.2, 2.4) if storeys < 4 and draws.chance(0.7) else 0.5
            segments.append(
                Segment(
                    "house", place, 0.9 + storeys * floor + roof, draws.colour(_WALLS), draws.colour(_ROOFS),
                    draws.uniform(1.8, 3.2), floor, shop, roof,
                )
            )  # fmt: skip
            place += draws.uniform(8, 19)
        elif kind < town + 0.06:
            segments.append(Segment("gap", place, 0))
            place += draws.uniform(3.5, 6)
        else:
            segments.append(Segment("hedge", place, draws.one_of(1.4, 2.5, 5, 8) * draws.uniform(0.8, 1.2)))
            place += draws.uniform(8, 25)
        if crossing and place > crossing[0]:
            place = crossing[0]
    return (*segments, Segment("hedge", place, 6))


def _cars(draws: _Draws, count: int, kerb: float, parking: bool, step: float, crossing: float | None) -> list[Actor]:
    """Draw cars: ahead, oncoming, parked on both sides, and some that cross; each in a place of its own."""
    lanes = [(0.5 * kerb if not parking else 0.3 * kerb, 0), (-0.5 * kerb if not parking else -0.3 * kerb, 1)]
    if parking:
        lanes += [(kerb - 1.1, 2), (1.1 - kerb, 3)]
    places = [(lane, 9 + 7.5 * slot) for lane in range(len(lanes)) for slot in range(8)]
    # A parked car is twice as likely as a moving one.
    weight = np.array([2.0 if lanes[lane][1] > 1 else 1.0 for lane, _ in places])
    chosen = draws.numpy.choice(len(places), min(count, len(places)), replace=False, p=weight / weight.sum())
    cars = []
    for number in chosen:
        lane, place = places[int(number)]
        d, role = lanes[lane]
        speed = (step + draws.numpy.normal(0, 0.04), -draws.uniform(0.2, 0.4), 0.0, 0.0)[role]
        kind = 1 if role in (1, 3) else int(draws.one_of(0, 0, 2))
        tall = draws.uniform(1.8, 2.2) if kind == 2 else draws.uniform(1.42, 1.6)
        where = place + draws.uniform(0, 2)
        wide, paint = draws.uniform(1.7, 1.85) + 0.2 * (kind == 2), draws.colour(_PAINTS)
        if crossing is not None and draws.chance(0.12) and where > 12:
            speed, d = draws.one_of(-0.25, 0.25), draws.uniform(-9, 9)
            where = crossing + (2.5 if speed < 0 else 6.0)
            cars.append(Actor("crossing car", d, where, tall, wide, 4.4, (paint,), (speed, 0.0)))
        else:
            cars.append(
                Actor(
                    "car", d + draws.numpy.normal(0, 0.15), where, tall, wide, 4.3, (paint,), (0.0, float(speed)), kind
                )
            )
    return cars


def _people(draws: _Draws, count: int, kerb: float, verge: float, walk: float, crosswalk: float | None) -> list[Actor]:
    """Draw people: on the pavements, and on the zebra crossing where there is one."""
    people = []
    for _ in range(count):
        side = draws.one_of(-1, 1)
        d, s = side * (kerb + 0.3 + verge + draws.uniform(0.2, walk - 0.5)), draws.uniform(5, 42)
        speed = (0.0, draws.one_of(-0.045, 0.045))
        if crosswalk is not None and draws.chance(0.45):
            d, s, speed = draws.uniform(-kerb, kerb), crosswalk + draws.uniform(0.3, 2.7), (-side * 0.045, 0.0)
        colours = (draws.colour(_COATS), draws.colour(_TROUSERS), draws.colour(_SKINS, 6))
        people.append(
            Actor("pedestrian", d, s, draws.uniform(1.5, 1.9), 0.5, 0.3, colours, speed, 0, draws.uniform(0, 6.28))
        )
    return people


def sample_scene(split: str, seed: int, number: int, nuisance: Nuisance) -> Scene:
    """Return a random scene, a function of the arguments."""
    draws = _Draws(f"street/{split}/scene", seed, number)
    light = _mild_light(draws)
    if nuisance == "strong":
        light = _strong_light(light, _Draws(f"street/{split}/nuisance", seed, number))
    # `crowd` scales all counts of a scene; shape 0.7 gives many nearly empty scenes and a long tail.
    crowd = draws.numpy.gamma(0.7, 1 / 0.7)
    cars, people, lamps, signs = (int(value) for value in draws.numpy.poisson(crowd * np.array([4.0, 3.0, 2.2, 1.2])))
    parking, verge = draws.chance(0.5), draws.one_of(0.0, 0.0, 1.4)
    kerb = draws.uniform(5.2, 6.2) if parking else draws.uniform(3.3, 4.2)
    walk, step = draws.uniform(1.8, 3.2), draws.uniform(0.15, 0.4)
    crossing = draws.uniform(16, 40) if draws.chance(0.3) else None
    gap = None if crossing is None else (crossing, draws.uniform(9, 12))
    zebra = draws.chance(0.25)
    crosswalk = None if not zebra else crossing - 3.5 if crossing is not None else draws.uniform(9, 26)
    town = draws.one_of(0.9, 0.7, 0.3)
    actors = _cars(draws, cars, kerb, parking, step, crossing)
    actors += _people(draws, people, kerb, verge, walk, crosswalk)
    edge = kerb + 0.45
    for _ in range(lamps):
        d, s = draws.one_of(-edge, edge), draws.uniform(6, 45)
        grey = draws.colour([(96, 100, 102), (70, 84, 78)], 8)
        tall, arm = draws.uniform(4.5, 7), int(draws.chance(0.7))
        actors.append(Actor("lamp", d, s, tall, draws.uniform(0.15, 0.22), 0, (grey,), variant=arm))
    for _ in range(signs):
        d, s = draws.one_of(-edge, edge, edge) * draws.uniform(1.0, 1.12), draws.uniform(6, 32)
        tall, wide = draws.uniform(2.2, 2.8), draws.uniform(0.7, 0.95)
        actors.append(Actor("sign", d, s, tall, wide, 0, ((0, 0, 0),), variant=draws.integer(6)))
    for _ in range(int(draws.numpy.poisson(4.0 * float(draws.chance(0.7))))):
        d = draws.one_of(-1, 1) * (kerb + (0.8 if verge else draws.uniform(0.7, walk + 0.5)))
        tall = draws.uniform(4.5, 8.5)
        where, leaves = draws.uniform(8, 70), draws.colour(_LEAVES, 8)
        actors.append(
            Actor("tree", d, where, tall, tall * draws.uniform(0.55, 0.75), 0, (leaves,), (0.0, 0.0),
                  draws.integer(12), draws.uniform(0, 1))
        )  # fmt: skip
    return Scene(
        light=light,
        sides=(_side(draws, town, gap), _side(draws, town, gap)),
        actors=tuple(actors),
        half_width=kerb,
        verge=verge,
        walk=walk,
        dash=((3.0, 7.5), (2.0, 5.0), (4.0, 9.0))[draws.integer(3)],
        edge=draws.chance(0.4),
        crosswalk=crosswalk,
        asphalt=draws.colour([(104, 104, 108), (88, 90, 94), (122, 118, 114)], 5),
        stones=draws.colour([(158, 152, 146), (142, 140, 140), (164, 150, 138)], 5),
        skyline=(draws.uniform(6, 14), draws.chance(town)),
        bend=draws.numpy.normal(0, 0.0008),
        pitch=draws.numpy.normal(0.04, 0.02),
        view=draws.uniform(0.72, 0.8),
        eye=draws.uniform(1.35, 1.6),
        d=(0.3 if parking else 0.5) * kerb + draws.numpy.normal(0, 0.2),
        step=step,
        seed=draws.integer(1 << 16),
    )
