"""Images that viewers turn by their EXIF orientation: how many there are, and what that means for their labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from al_lightning.data.headers import read_header
from al_lightning.data.known_files import KnownFiles, stamp_of
from al_lightning.errors import DatasetError
from al_lightning.labels.content import count_of


def turned_images(files: Iterable[Path], known: KnownFiles, per_pixel: bool) -> Iterator[str]:
    """Yield how many images are turned, and what that means for labels per pixel.

    Each header is looked at once; files that cannot be read do not count.

    Args:
        files: image files; some may come more than once.
        known: what was found in them before, and is found now.
        per_pixel: whether labels have a class per pixel.
    """
    turned = unclear = 0
    for path in dict.fromkeys(files):
        stamp = stamp_of([path])
        if (found := known.find(str(path), stamp)) is None:
            try:
                header = read_header(path)
            except DatasetError:
                continue  # whoever reads the image says what is wrong with it
            found = [header.orientation != 1, header.unclear]
            known.keep(str(path), stamp, found)
        turned, unclear = turned + found[0], unclear + found[1]
    if turned:
        masks = "; masks that fit the stored pixels alone are turned with them" if per_pixel else ""
        yield f"{count_of(turned, 'image')} with an EXIF orientation: turned as viewers turn them{masks}"
    if unclear and per_pixel:
        yield (
            f"masks of {unclear:,} of these fit both views, and are taken to be drawn on what viewers show; if they "
            "belong to the stored pixels, take the orientation out of the images (exiftool -Orientation=)"
        )
