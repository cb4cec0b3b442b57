"""Spellings of one name: Unicode forms, what uploads write, and the letters that all tools keep."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable


def canonical(name: str) -> str:
    """Return a name in the Unicode form in which names are compared (NFC); file names from macOS are often in NFD."""
    return unicodedata.normalize("NFC", name)


def spellings(name: str) -> list[str]:
    """Return a name as it is, and then in the two Unicode forms that file systems use, each spelling once."""
    return list(dict.fromkeys([name, canonical(name), unicodedata.normalize("NFD", name)]))


def twins(names: Iterable[str]) -> tuple[str, str] | None:
    """Return two names that differ in their Unicode form alone, so that no label can tell them apart, or None."""
    seen: dict[str, str] = {}
    for name in names:
        if (other := seen.setdefault(canonical(name), name)) != name:
            return other, name
    return None


def uploaded(name: str) -> str:
    """Return a file's name as an upload may have respelled it; a name that was respelled already stays the same.

    Django, and so Label Studio, writes underscores for blanks and keeps letters, digits and `_-.` (get_valid_filename).
    Accents are no letters where they are characters of their own (NFD), so they are left out of both Unicode forms.
    """
    return re.sub(r"[^-\w.]", "", unicodedata.normalize("NFD", name).strip().replace(" ", "_"))


def letters(name: str) -> str:
    """Return the letters and digits of a name, which all tools keep."""
    return "".join(letter for letter in unicodedata.normalize("NFD", name) if letter.isalnum())
