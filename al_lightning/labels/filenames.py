"""Finds the image that a tool's file name refers to: tools cut off folders, add prefixes, respell, drop the suffix."""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cached_property
from pathlib import PurePosixPath
from typing import TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from al_lightning.labels.spelling import canonical, letters, uploaded
from al_lightning.labels.untrusted import Malformed, shown

LONGEST_LINK = 200
LONGEST_REFERENCE = 16_384
"""Characters of a tool's name for an image: four times Linux's longest path."""
_RANK = re.compile(r"^([0-9]{4,9})_(?=.)")
_UPLOAD = re.compile(r"^[0-9a-f]{8}-(?=.)")
SHORTEST_CUT = 40
"""Letters and digits of a name that was cut; Django cuts the path of an uploaded file to 100 characters."""
_CUT = re.compile(r"_[0-9A-Za-z]{7}(\.[^.]+)$")
_MASK = re.compile(r"\.png$", re.IGNORECASE)
_WHOLE_PATHS = "use the images' whole paths"
_ENDINGS = f"{_WHOLE_PATHS}, or a format that keeps the endings of their names (COCO, CVAT for images)"

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value", bound=Hashable)
Ranked = tuple[str, int]
"""An image's name and its rank in a batch."""


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
    the reference, or the reference is the image's name in a batch, rank included. Label Studio's prefix of an upload
    may stand before the name, which then counts as an upload respells it.

    Where there is no such image, one counts whose name in a batch is the reference but for the rank, or has the same
    rank and the same letters and digits. A tool may have put more behind them, or cut a long name's end off.

    A reference that fits several images, or whose folders contradict the image's, is refused, and so is one that has
    an image's rank and another name. Names are relative paths with `/`; they are compared in one Unicode form.

    Args:
        known: names of the images.
        ranks: the images' ranks in their batches; an image may have several.

    Attributes:
        known: names of the images.
        respelled: (reference, image) where the reference is not spelled as the image's name is, in the order of calls.
    """

    def __init__(self, known: Iterable[str], ranks: Iterable[Ranked] = ()) -> None:
        self.known = frozenset(known)
        self.respelled: list[tuple[str, str]] = []
        ranked = [(name, rank) for name, rank in ranks if name in self.known]
        self._whole = _Index(self.known, ranked, whole=True)
        self._stems = _Index(self.known, ranked, whole=False)

    def own(self, name: str) -> str | None:
        """Return the image with this very name, or None.

        Raises:
            Malformed: the names of several images differ in their Unicode form alone.
        """
        images = self._whole.own.get(canonical(name))
        return _only(images, name, _WHOLE_PATHS) if images else None

    def find(self, reference: str, *, ours: bool = False) -> str:
        """Return the image that a tool's path or URL means; a URL is compared and never fetched.

        Where a reference is `ours`, from a file of this package, the whole name goes before other meanings.

        Raises:
            Malformed: the reference means no image, or several.
        """
        if ours and (image := self.own(reference)) is not None:
            return image
        readings = _readings(canonical(reference)) if len(reference) <= LONGEST_REFERENCE else []
        return self._find(reference, readings, [self._whole], _WHOLE_PATHS)

    def find_mask(self, reference: str) -> str:
        """Return the image of a mask: a mask's name is the image's with `.png` added, or in place of the suffix.

        Raises:
            Malformed: the mask belongs to no image, or to several.
        """
        readings = [_parts(_MASK.sub("", canonical(reference)))]
        return self._find(reference, readings, [self._whole, self._stems], _ENDINGS)

    def _find(self, reference: str, readings: list[list[str]], indexes: list[_Index], remedy: str) -> str:
        readings = [parts for parts in readings if parts]
        for same, respelled in ((_Index.same, _Index.uploaded), (_Index.without_rank, _Index.by_rank)):
            for index in indexes:
                as_written = set[str]().union(*(same(index, parts) for parts in readings))
                if images := as_written.union(*(respelled(index, parts) for parts in readings)):
                    image = _only(images, reference, remedy)
                    self.respelled += [] if as_written else [(reference, image)]
                    return image
        return _only(set(), reference, remedy)


class _Index:
    """Images by their names in one form: whole, or without the suffix."""

    def __init__(self, known: Iterable[str], ranks: Sequence[Ranked], whole: bool) -> None:
        self.known, self.ranks, self.whole = known, ranks, whole
        self.form: Callable[[str], str] = str if whole else without_suffix
        self.own = _grouped((canonical(self.form(name)), name) for name in known)
        self.tails: dict[str, set[str]] = defaultdict(set)
        self.deepest = 0
        for key, images in self.own.items():
            parts = key.split("/")
            self.deepest = max(self.deepest, len(parts))
            for start in range(len(parts)):
                self.tails["/".join(parts[start:])] |= images
        self.files = _Files(known, ranks, self.form, canonical)

    @cached_property
    def _uploads(self) -> _Files:
        return _Files(self.known, self.ranks, self.form, uploaded)

    @cached_property
    def _uploaded_alone(self) -> dict[str, set[str]]:
        return _grouped((uploaded(self.form(name.rpartition("/")[2])), name) for name in self.known)

    @cached_property
    def _of_rank(self) -> dict[int, set[tuple[str, str]]]:
        """The letters and the name of each image of a rank."""
        return _grouped((rank, (letters(self.form(_flat(name))), name)) for name, rank in self.ranks)

    def same(self, parts: Sequence[str]) -> set[str]:
        """Return the images whose name the parts of a path are, but for folders and an upload's prefix."""
        images: set[str] = set()
        # The longest name first: an image of a folder is preferred to one of the root.
        for start in range(max(0, len(parts) - self.deepest), len(parts)):
            if (tail := "/".join(parts[start:])) in self.own:
                images |= self.own[tail]
                break
        else:
            images |= self.tails.get("/".join(parts), set())
        file, bare = _with_and_without_prefix(parts)
        if len(parts) == 1:
            images |= self.files.flat.get(file, set())
        if bare != file:
            images |= self.tails.get(bare, set()) | self.files.flat.get(bare, set())
        return images | self.files.in_batch(file) | self.files.in_batch(bare)

    def uploaded(self, parts: Sequence[str]) -> set[str]:
        """Return the images whose file's name an upload writes so; the upload's prefix tells that there was one."""
        file, bare = _with_and_without_prefix(parts)
        if bare == file:
            return set()
        either = self._uploaded_alone.get(uploaded(bare), set()) | self._uploads.flat.get(uploaded(bare), set())
        return either | self._uploads.in_batch(bare)

    def without_rank(self, parts: Sequence[str]) -> set[str]:
        """Return the images whose name in a batch this is but for the rank, as in a batch that was written again."""
        ranked = [file for file in _with_and_without_prefix(parts) if _RANK.match(file)]
        return set[str]().union(*(self.files.flat.get(_RANK.sub("", file), set()) for file in ranked))

    def by_rank(self, parts: Sequence[str]) -> set[str]:
        """Return the images with the rank and the letters and digits of a file's name."""
        return set[str]().union(*map(self._ranked, _with_and_without_prefix(parts)))

    def _ranked(self, file: str) -> set[str]:
        if (match := _RANK.match(file)) is None:
            return set()
        given, of_rank = letters(file[match.end() :]), self._of_rank.get(int(match[1]), set())
        if images := {name for own, name in of_rank if own and given == own}:
            return images
        if not self.whole:  # what stands behind a stem could belong to another image's name
            return set()
        images = {name for own, name in of_rank if own and given.startswith(own)}
        if (cut := _CUT.search(file)) is not None:
            kept, ending = letters(file[match.end() : cut.start()]), letters(cut[1])
            if len(kept) >= SHORTEST_CUT:
                images |= {name for own, name in of_rank if own.startswith(kept) and own.endswith(ending)}
        return images


class _Files:
    """Images by their file's name in one spelling: in one word with its folders, and with its rank before that."""

    def __init__(
        self, known: Iterable[str], ranks: Sequence[Ranked], form: Callable[[str], str], spell: Callable[[str], str]
    ) -> None:
        self.spell = spell
        self.of_known_rank = {name for name, _ in ranks}
        self.flat = _grouped((spell(form(_flat(name))), name) for name in known)
        self.ranked = _grouped((spell(form(link_name(name, rank))), name) for name, rank in ranks)

    def in_batch(self, file: str) -> set[str]:
        """Return the images with this name in a batch; of an image whose rank is not known, any rank may be meant."""
        spelled = self.spell(file)
        images = self.ranked.get(spelled, set())
        if _RANK.match(spelled):
            images = images | (self.flat.get(_RANK.sub("", spelled), set()) - self.of_known_rank)
        return images


def _with_and_without_prefix(parts: Sequence[str]) -> tuple[str, str]:
    """Return a path's file name, and the name without the prefix of Label Studio's uploads."""
    return parts[-1], _UPLOAD.sub("", parts[-1])


def _grouped(pairs: Iterable[tuple[_Key, _Value]]) -> dict[_Key, set[_Value]]:
    groups: dict[_Key, set[_Value]] = defaultdict(set)
    for key, value in pairs:
        groups[key].add(value)
    return groups


def _parts(path: str) -> list[str]:
    return [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]


def _readings(reference: str) -> list[list[str]]:
    """Return the paths that a reference may stand for: the reference, and the parts of a URL that name a file."""
    readings = [_parts(reference)]
    if "?" in reference or "%" in reference or ":" in reference:
        with contextlib.suppress(ValueError):
            url = urlsplit(reference)
            local = parse_qs(url.query, max_num_fields=100).get("d", [])
            # A plus sign is a blank in a form's query, and itself in a path that was put into a query as it is.
            local += parse_qs(url.query.replace("+", "%2B"), max_num_fields=100).get("d", [])
            readings += [_parts(canonical(path)) for path in (unquote(url.path), *local)]
    # Label Studio puts an uploaded file in a folder of its own.
    return [parts[-1:] if "upload" in parts[:-1] else parts for parts in readings]


def _only(images: set[str], reference: str, remedy: str) -> str:
    if len(images) == 1:
        return next(iter(images))
    if not images:
        raise Malformed(
            f"{shown(reference)} is none of the images that were to be labelled; take it out, or give it its image's "
            "name"
        )
    first = " and ".join(shown(name) for name in sorted(images)[:2])
    if len({canonical(name) for name in images}) == 1:
        raise Malformed(f"{first} are two files whose names differ in their Unicode form alone; rename one of them")
    raise Malformed(f"{shown(reference)} may mean {first}{' and others' if len(images) > 2 else ''}; {remedy}")
