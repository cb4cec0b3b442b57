"""Headers of image files: which formats are read, sizes as viewers show them, and what makes a file unusable.

Nothing is decoded here, so that all files can be looked at before anything is trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, features
from PIL.TiffImagePlugin import TiffImageFile

from al_lightning.errors import DatasetError, MissingFile, SeveralImages, TooManyPixels
from al_lightning.exif import orientation_of

_ENDINGS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "GIF": (".gif",),
    "WEBP": (".webp",),
    "JPEG2000": (".jp2", ".j2k"),
    "AVIF": (".avif",),
}
_LIBRARIES = {"WEBP": "webp", "JPEG2000": "jpg_2000", "AVIF": "avif"}
"""Formats that Pillow reads only where it was built with a library, as Pillow names that."""
FORMATS = tuple(form for form in _ENDINGS if form not in _LIBRARIES or features.check(_LIBRARIES[form]))
"""Formats that are read, by Pillow's names. For others, such as EPS, Pillow starts programs."""
ENDINGS = frozenset(ending for form in FORMATS for ending in _ENDINGS[form])
"""Endings of image files, in lower case."""
NAMED = "jpg, png, bmp, tif, webp, gif, ppm ..."
"""The endings in short, for messages."""


@dataclass(frozen=True)
class Header:
    """What an image file's header says.

    Attributes:
        size: (height, width) as viewers show the image.
        orientation: EXIF orientation, 1 to 8; 1 is upright as stored.
    """

    size: tuple[int, int]
    orientation: int

    @property
    def stored(self) -> tuple[int, int]:
        """(height, width) of the stored pixels, which is the size of a label that was drawn on these."""
        return self.size[::-1] if self.orientation > 4 else self.size

    @property
    def unclear(self) -> bool:
        """Whether a label's size does not tell if it was drawn on the upright view or on the stored pixels."""
        return self.orientation != 1 and self.stored == self.size


def opened(path: Path, what: str = "image") -> Image.Image:
    """Open an image file or a label file; nothing is decoded.

    Raises:
        MissingFile: there is no such file.
        TooManyPixels: the image has more pixels than Pillow reads.
        DatasetError: the file is no image of a known format.
    """
    try:
        return Image.open(path, formats=FORMATS)
    except FileNotFoundError as error:
        raise MissingFile(f"The {what} {path} does not exist.") from error
    except Image.DecompressionBombError as error:
        raise TooManyPixels(
            f"The {what} {path} has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels, the most that is read; cut "
            "it into tiles, an image file each."
        ) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise unreadable(path, what, error) from error


def unreadable(path: Path, what: str, error: Exception) -> DatasetError:
    """Return the error for a file that Pillow cannot read."""
    return DatasetError(f"The {what} {path} cannot be read ({error}); put an intact file in its place.")


def check_single(image: Image.Image, path: Path, what: str = "image") -> None:
    """Raise SeveralImages where an opened file holds several images, of which only the first would be read."""
    if _holds_several(image):
        raise SeveralImages(
            f"The {what} {path} holds several images (pages of a stack, or frames of an animation), of which only the "
            "first would be read; split it into a file each."
        )


def check_depth(image: Image.Image, path: Path) -> None:
    """Raise DatasetError where an opened image has more than 8 bits per channel."""
    if image.mode.startswith(("I", "F")):
        raise DatasetError(
            f"The image {path} has mode {image.mode}, more than 8 bits per channel; convert it to 8 bits."
        )


def read_header(path: Path) -> Header:
    """Return what an image's header says.

    Raises:
        DatasetError: the file is missing, is no image, holds several images, has too many pixels or more than 8 bits
            per channel.
    """
    with opened(path) as image:
        check_single(image, path)
        check_depth(image, path)
        return header_of(image)


def header_of(image: Image.Image) -> Header:
    """Return the header of an opened image that is not decoded yet."""
    orientation = orientation_of(image)
    # Pillow gives the size of a TIFF as viewers show it, and that of other formats as stored.
    exchanged = orientation > 4 and not isinstance(image, TiffImageFile)
    return Header((image.width, image.height) if exchanged else (image.height, image.width), orientation)


def _holds_several(image: Image.Image) -> bool:
    # A JPEG may hold further pictures (format MPO): previews, depth, or a gain map, which belong to the first one.
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return False
    return _has_pages(image) if isinstance(image, TiffImageFile) else True


def _has_pages(image: TiffImageFile) -> bool:
    """Whether a TIFF has another page than smaller copies of the first one and masks over it."""
    kind, smaller_or_mask, page = 254, 1 | 4, 1
    try:
        while True:
            image.seek(page)
            if not int(image.tag_v2.get(kind, 0)) & smaller_or_mask:
                return True
            page += 1
    except EOFError:
        return False
    except Exception:  # a page that Pillow does not understand is a page all the same
        return True
    finally:
        image.seek(0)
