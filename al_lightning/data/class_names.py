"""Names of classes, checked before anything is made of them."""

from __future__ import annotations

from collections.abc import Sequence

from al_lightning.errors import UsageError
from al_lightning.labels.spelling import canonical

MOST = 254
"""Most classes of labels per pixel: labels are 8-bit ids, of which 255 is ignored, and 254 stands for unknown ones."""


def check_class_names(names: Sequence[str], source: str = "data.classes", per_pixel: bool = False) -> tuple[str, ...]:
    """Return names of classes.

    Args:
        names: the names, in the order of their labels.
        source: where they come from, for messages.
        per_pixel: whether labels are per pixel.

    Raises:
        UsageError: there are fewer than two, a name is empty or repeated, or there are too many for labels per pixel.
    """
    wanted = "two or more different names were expected"
    if any(not name.strip() for name in names):
        raise UsageError(f"{source} has an empty name; {wanted}.")
    alike = [canonical(name.strip()) for name in names]
    if repeated := [name for place, name in enumerate(names) if alike[place] in alike[:place]]:
        raise UsageError(f"{source} has the class {repeated[0]!r} twice; {wanted}.")
    if len(names) == 1:
        words = names[0].replace(",", " ").replace(";", " ").split()
        commas = f", with commas between them: [{', '.join(words)}]" if len(words) > 1 else ""
        raise UsageError(f"{source} has the single class {names[0]!r}; {wanted}{commas}.")
    if not names:
        raise UsageError(f"{source} has no class; {wanted}.")
    if per_pixel and len(names) > MOST:
        raise UsageError(
            f"{source} has {len(names)} classes, which are too many: labels are 8-bit ids, of which 255 is ignored."
        )
    return tuple(names)
