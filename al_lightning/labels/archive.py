"""A zip file from outside: checked before reading, read within bounds, and never unpacked to disk."""

from __future__ import annotations

import contextlib
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path

from al_lightning.labels.untrusted import Malformed, is_clutter, shown

LARGEST_ARCHIVE = 4 << 30
LARGEST_DIRECTORY = 8 << 20
MOST_MEMBERS = 100_000
_END = struct.Struct("<4s4H2LH")
_UTF_8 = 1 << 11
"""The bit of a file's flags that says that its name is UTF-8."""
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


class Archive:
    """An open zip file.

    Args:
        path: the zip file.

    Attributes:
        names: relative paths of the files, with `/`; files that systems add (`__MACOSX`, `Thumbs.db`, hidden ones) are
            left out.

    Raises:
        Malformed: it is no zip file, is too large, or holds an unsafe name, a link, or a name twice.
    """

    def __init__(self, path: Path) -> None:
        try:
            _check_directory(path)
            self._file = zipfile.ZipFile(path)
        except (*_BROKEN, struct.error) as error:
            raise Malformed(f"it is no zip file that can be read ({type(error).__name__})") from error
        try:
            self._members = _members(self._file.infolist())
        except Malformed:
            self._file.close()
            raise
        self.names = list(self._members)

    def close(self) -> None:
        """Close the zip file."""
        self._file.close()

    def size(self, name: str) -> int:
        """Return a file's stated size in bytes; `read` never reads more."""
        return self._members[name].file_size

    def read(self, name: str, most: int) -> bytes:
        """Return the content of one of `names`.

        Raises:
            Malformed: the file has more than `most` bytes, has another size than stated, or is damaged.
        """
        member = self._members[name]
        if member.file_size > most:
            raise Malformed(f"{shown(name)} in it has {member.file_size:,} bytes, more than the {most:,} it can need")
        try:
            with self._file.open(member) as file:
                content = file.read(member.file_size + 1)
        except _BROKEN as error:
            raise Malformed(f"{shown(name)} in it is damaged ({type(error).__name__})") from error
        if len(content) != member.file_size:
            raise Malformed(f"{shown(name)} in it does not have the size that the zip file states")
        return content


def _check_directory(path: Path) -> None:
    """Check the size of the zip file's directory before it is read: a directory of gigabytes would fill the memory."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size > LARGEST_ARCHIVE:
            raise Malformed(f"it is larger than {LARGEST_ARCHIVE >> 30} GiB; export it in parts")
        file.seek(max(0, size - (1 << 16) - _END.size - 20))
        tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0:
        raise Malformed("it is no zip file, or was cut")
    _, _, _, _, members, length, _, _ = _END.unpack_from(tail, place)
    # The 64-bit directory may state any length. Only more than 65,535 files need it, and no batch has that many.
    if b"PK\x06\x07" in tail[max(0, place - 20) : place] or members == 0xFFFF or length > LARGEST_DIRECTORY:
        raise Malformed("it lists more files than any batch has; export it in parts")


def _members(entries: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    if len(entries) > MOST_MEMBERS:
        raise Malformed(f"it has {len(entries):,} files; at most {MOST_MEMBERS:,} are read")
    members: dict[str, zipfile.ZipInfo] = {}
    for member in entries:
        name = _name(member)
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/") or ".." in parts or re.match("^[A-Za-z]:", name) or "\0" in name:
            raise Malformed(f"it holds the name {shown(name)}, which leads out of it; nothing of it was read")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise Malformed(f"{shown(name)} in it is a link or no file; nothing of it was read")
        if member.flag_bits & 1:
            raise Malformed(f"{shown(name)} in it is encrypted")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # Python unpacks bzip2 and LZMA completely, however few bytes are asked for.
            raise Malformed(f"{shown(name)} in it is packed in a way that no labelling tool uses; pack it with deflate")
        if name.endswith("/") or not parts or is_clutter(parts):
            continue
        path = "/".join(parts)
        if path in members:
            raise Malformed(f"it holds {shown(path)} twice; nothing of it was read")
        members[path] = member
    return members


def _name(member: zipfile.ZipInfo) -> str:
    """Return a file's path with `/`; programs on Windows write backslashes."""
    name = member.orig_filename
    if not member.flag_bits & _UTF_8 and not name.isascii():
        # Without the mark of UTF-8 Python reads DOS's code page 437, and macOS writes UTF-8 all the same.
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")
