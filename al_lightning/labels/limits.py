"""Bounds on a file of labels, checked before parsing: as much as labels of the known images can need.

A file of half a megabyte can unpack to gigabytes, and in memory a list takes thirty times its three characters. The
bounds grow with the images and lie far above what tools write. In Label Studio's JSON a polygon of 40 points takes
1.6 KB and some 50 lists and objects, a class 1 KB and 10, and a brush over 12 megapixels that follows every tenth pixel
16 MB. The bounds keep the parsed file within some 5 GB, and within 0.5 GB for a run with few small images.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from al_lightning.labels.untrusted import Malformed, as_text

LARGEST_FILE, FILE_BASE, FILE_PER_IMAGE, FILE_PER_PIXEL = 512 << 20, 16 << 20, 64 << 10, 32
"""Bytes: the maximum, the base, and what each image and each of its pixels add."""
MOST_PARTS, PARTS_BASE, PARTS_PER_IMAGE = 8_000_000, 1_000_000, 16_384
"""Lists and objects of JSON, elements of XML: 300 polygons of 40 points an image."""
MOST_TEXTS, TEXTS_BASE, TEXTS_PER_IMAGE = 16_000_000, 1_000_000, 16_384
"""Texts and keys of JSON, attributes of XML."""
MOST_VALUES = 64_000_000
"""Values of any kind: 3,000 images with 300 polygons of 20 points each, and half as many again."""


@dataclass(frozen=True)
class Limits:
    """How much one file may hold.

    Attributes:
        size: bytes.
        parts: lists and objects of JSON; elements of XML.
        texts: texts and keys of JSON; attributes of XML.
        values: values of JSON.
        because: end of the message: why no more is read, and what to do.
    """

    size: int
    parts: int
    texts: int
    values: int = MOST_VALUES
    because: str = ""

    @classmethod
    def of(cls, sizes: Iterable[tuple[int, int]]) -> Limits:
        """Return the bounds for labels of images, given the (width, height) in pixels of each."""
        pixels = [width * height for width, height in sizes]
        return cls(
            min(LARGEST_FILE, FILE_BASE + FILE_PER_IMAGE * len(pixels) + FILE_PER_PIXEL * sum(pixels)),
            min(MOST_PARTS, PARTS_BASE + PARTS_PER_IMAGE * len(pixels)),
            min(MOST_TEXTS, TEXTS_BASE + TEXTS_PER_IMAGE * len(pixels)),
            because=", which labels of this run's images stay far below; export it in parts",
        )

    def check_size(self, size: int) -> None:
        """Raise Malformed where an archive's annotations have too many bytes, unpacked."""
        self._check(size, self.size, "bytes")

    def check_json(self, content: bytes) -> None:
        """Raise Malformed where JSON has too many parts; they are counted without parsing, signs in texts included."""
        self._check(content.count(b"[") + content.count(b"{"), self.parts, "lists and objects")
        self._check(content.count(b'"') // 2, self.texts, "texts and keys")
        self._check(content.count(b",") + 1, self.values, "values")

    def check_xml(self, content: bytes) -> None:
        """Raise Malformed where XML has too many parts; works for encodings that keep the bytes of ASCII signs."""
        self._check(content.count(b"<") - content.count(b"</"), self.parts, "elements")
        self._check(content.count(b"="), self.texts, "attributes")

    def _check(self, count: int, most: int, what: str) -> None:
        if count > most:
            raise Malformed(f"it has {count:,} {what}; at most {most:,} are read{self.because}")


def parse_json(content: bytes, limits: Limits) -> Any:
    """Return JSON as plain data with finite numbers; raise Malformed where it is too large, too deep, or no JSON."""
    limits.check_json(content)
    try:
        return json.loads(as_text(content), parse_constant=_no_constant)
    except RecursionError as error:
        raise Malformed("its JSON is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise Malformed(f"it is no JSON ({error.msg}, line {error.lineno})") from error
    except ValueError as error:  # a number of thousands of digits
        raise Malformed("it holds a number with too many digits") from error


def _no_constant(name: str) -> NoReturn:
    raise Malformed(f"it holds {name}, which is no JSON")
