"""The EXIF orientation of image files: how viewers turn an image that a camera stored otherwise. No torch."""

from __future__ import annotations

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By orientation: what makes the upright view of the stored pixels. From 5 on, height and width are exchanged."""


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation of an opened image that is not decoded yet, 1 to 8; 1 is upright as stored.

    Tags that browsers pass over count as 1: damaged ones, numbers beyond 8, and those behind a PNG's pixels.
    """
    try:
        if isinstance(image, TiffImageFile):
            value = image.tag_v2.get(ORIENTATION, 1)
        else:
            exif = Image.Exif()
            exif.load(image.info.get("exif") or b"")
            value = exif.get(ORIENTATION, 1)
        return int(value) if value in TURNS else 1
    except Exception:  # damaged EXIF data raise errors of many kinds; the image is as good as one without them
        return 1


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """Return stored pixels, of an image or of its label, as the upright view of an orientation."""
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image


def unturned(image: Image.Image, orientation: int) -> Image.Image:
    """Return the stored pixels of an upright view: `turned`, undone."""
    return turned(image, {6: 8, 8: 6}.get(orientation, orientation))  # all other turns undo themselves


def upright(image: Image.Image) -> Image.Image:
    """Decode an opened image, and return it as viewers show it.

    Raises:
        Exception: whatever Pillow's decoder raises.
    """
    orientation = 1 if isinstance(image, TiffImageFile) else orientation_of(image)  # Pillow turns TIFF by itself
    image.load()
    return turned(image, orientation)
