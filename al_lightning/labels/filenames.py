"""Finds the image that a tool's file name refers to: tools cut off folders, add prefixes, or drop the suffix."""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from al_lightning.labels.untrusted import Malformed, shown

LONGEST_LINK = 200
LONGEST_REFERENCE = 16_384
"""Characters of a tool's name for an image: four times Linux's longest path."""
_RANK = re.compile(r"^\d{4,}_(?=.)")
_UPLOAD = re.compile(r"^[0-9a-f]{8}-(?=.)")


def link_name(name: str, rank: int) -> str:
    """Return an image's file name in a batch's folder: its rank, then its path in one word."""
    return f"{rank:04d}_{_flat(name)}"


def _flat(name: str) -> str:
    flat = name.replace("/", "__")
    encoded = flat.encode(errors="surrogateescape")
    # A file name has at most 255 bytes; the end of a path is more specific than the beginning.
    return flat if len(encoded) <= LONGEST_LINK else encoded[-LONGEST_LINK:].decode(errors="ignore")


def without_suffix(name: str) -> str:
    """Return a relative path without its file's suffix."""
    return str(PurePosixPath(name).with_suffix(""))


class Names:
    """The images that may be labelled, looked up by the names that tools give them.

    A reference means an image in three cases: the reference ends in the image's whole name, the image's name ends in
    the reference, or the reference is the image's name in a batch, with or without a tool's prefix. A reference that
    fits several images, or whose folders contradict the image's, is refused. Names are relative paths with `/`.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self.known = frozenset(known)
        self._whole = _Index({name: {name} for name in self.known})
        stems: dict[str, set[str]] = defaultdict(set)
        for name in self.known:
            stems[without_suffix(name)].add(name)
        self._stems = _Index(stems)

    def find(self, reference: str, *, ours: bool = False) -> str:
        """Return the image that a tool's path or URL means; a URL is compared and never fetched.

        Where a reference is `ours`, from a file of this package, the whole name goes before other meanings.

        Raises:
            Malformed: the reference means no image, or several.
        """
        if ours and reference in self.known:
            return reference
        images: set[str] = set()
        if len(reference) <= LONGEST_REFERENCE:
            for parts in _readings(reference):
                images |= self._whole.find(parts)
        return _only(images, reference)

    def find_mask(self, reference: str) -> str:
        """Return the image of a mask: a mask's name is the image's with `.png` added, or in place of the suffix.

        Raises:
            Malformed: the mask belongs to no image, or to several.
        """
        parts = _parts(reference.removesuffix(".png").removesuffix(".PNG"))
        return _only(self._whole.find(parts) or self._stems.find(parts), reference)


class _Index:
    def __init__(self, names: dict[str, set[str]]) -> None:
        self.names = names
        self.tails: dict[str, set[str]] = defaultdict(set)
        self.flat: dict[str, set[str]] = defaultdict(set)
        self.deepest = 0
        for key, images in names.items():
            parts = key.split("/")
            self.deepest = max(self.deepest, len(parts))
            for start in range(len(parts)):
                self.tails["/".join(parts[start:])] |= images
            self.flat[_flat(key)] |= images

    def find(self, parts: Sequence[str]) -> set[str]:
        if not parts:
            return set()
        images: set[str] = set()
        # The longest name first: an image of a folder is preferred to one of the root.
        for start in range(max(0, len(parts) - self.deepest), len(parts)):
            if (tail := "/".join(parts[start:])) in self.names:
                images |= self.names[tail]
                break
        else:
            images |= self.tails.get("/".join(parts), set())
        last = parts[-1]
        if len(parts) == 1:
            images |= self.flat.get(last, set())
        bare = _UPLOAD.sub("", last)
        if bare != last:
            images |= self.tails.get(bare, set()) | self.flat.get(bare, set())
        for text in {last, bare}:
            if (unranked := _RANK.sub("", text)) != text:
                images |= self.flat.get(unranked, set())
        return images


def _parts(path: str) -> list[str]:
    return [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]


def _readings(reference: str) -> list[list[str]]:
    """Return the paths that a reference may stand for: the reference, and the parts of a URL that name a file."""
    readings = [_parts(reference)]
    if "?" in reference or "%" in reference or ":" in reference:
        with contextlib.suppress(ValueError):
            url = urlsplit(reference)
            local = parse_qs(url.query, max_num_fields=100).get("d", [])
            readings += [_parts(path) for path in (unquote(url.path), *local)]
    # Label Studio puts an uploaded file in a folder of its own.
    return [parts[-1:] if "upload" in parts[:-1] else parts for parts in readings]


def _only(images: set[str], reference: str) -> str:
    if len(images) == 1:
        return next(iter(images))
    if not images:
        raise Malformed(
            f"{shown(reference)} is none of the images that were to be labelled; take it out, or give it its image's "
            "name"
        )
    first = " and ".join(shown(name) for name in sorted(images)[:2])
    raise Malformed(
        f"{shown(reference)} may mean {first}{' and others' if len(images) > 2 else ''}; use the images' whole paths"
    )
