"""Images that viewers turn by their EXIF orientation: how many there are, and what that means for their labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from al_lightning.data.headers import read_header
from al_lightning.data.known_files import KnownFiles, stamp_of
from al_lightning.errors import DatasetError


@dataclass(frozen=True)
class TurnedImages:
    """Numbers of images that viewers turn.

    Attributes:
        turned: number of images that their EXIF orientation turns.
        unclear: number of those whose labels have the same size on the upright view and on the stored pixels.
    """

    turned: int
    unclear: int

    def sentences(self, per_pixel: bool) -> Iterator[str]:
        """Yield how many images are turned, and what that means for labels per pixel."""
        if self.turned:
            masks = "; masks that fit the stored pixels alone are turned with them" if per_pixel else ""
            yield f"{self.turned:,} images have an EXIF orientation, and are turned as viewers turn them{masks}"
        if self.unclear and per_pixel:
            yield (
                f"masks of {self.unclear:,} of these fit both views, and are taken to be drawn on what viewers show; "
                "if they belong to the stored pixels, take the orientation out of the images (exiftool -Orientation=)"
            )


def turned_images(files: Iterable[Path], known: KnownFiles) -> TurnedImages:
    """Look at the headers of image files, each once; files that cannot be read do not count.

    Args:
        files: image files; some may come more than once.
        known: what was found in them before, and is found now.
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
    return TurnedImages(turned, unclear)
