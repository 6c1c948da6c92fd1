"""Which office document some bytes are. Law: only the table of contents is looked at, nothing is unpacked but one word.

The newer ones are zip archives, the older ones OLE compound files; both may be locked with a password, which shows.
"""

from __future__ import annotations

import io
import zipfile
from typing import Final

_OPEN_XML: Final = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# In the archive's own words; of OpenDocument, what kreuzberg 4.10 reads.
_SAYS_ITSELF: Final = frozenset(
    {
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/epub+zip",
    }
)
_RTF: Final = "application/rtf"
_COMPOUND: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Names of streams in an OLE compound file, which stand there in UTF-16, best first.
_STREAMS: Final = (
    ("EncryptedPackage", "locked"),
    ("WordDocument", "application/msword"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ("Workbook", "application/vnd.ms-excel"),
    ("Book", "application/vnd.ms-excel"),
    ("__substg1.0_", "application/vnd.ms-outlook"),
)
# What a document may hold unpacked, all its pictures with it. The reader has limits of its own; this one spares it.
_MOST_UNPACKED: Final = 400 << 20
_ENCRYPTED: Final = 0x1  # the zip format's flag


def office_type(data: bytes) -> str | None:
    """Its type; "locked" where it has a password, "broken" where nobody can want it read; None: it is none."""
    if data.startswith(b"{\\rtf"):
        return _RTF
    if data.startswith(_COMPOUND):
        return next((found for name, found in _STREAMS if name.encode("utf-16-le") in data), None)
    if data.startswith(b"PK\x03\x04"):
        return _zip(data)
    return None


def _zip(data: bytes) -> str | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
            found = _kind(archive, names)
            if found is None:
                return None
            if any(entry.flag_bits & _ENCRYPTED for entry in entries):
                return "locked"
            if sum(entry.file_size for entry in entries) > _MOST_UNPACKED:
                return "broken"
            # An OpenDocument with a password has its contents encrypted one by one, and says so here alone.
            manifest = "META-INF/manifest.xml"
            if manifest in names and archive.getinfo(manifest).file_size < 1 << 20:
                told = archive.read(manifest)
                if b"encryption-data" in told and found != "application/epub+zip":
                    return "locked"
            return found
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError, EOFError):
        return "broken"


def _kind(archive: zipfile.ZipFile, names: set[str]) -> str | None:
    if "[Content_Types].xml" in names:
        return next(
            (mime for folder, mime in _OPEN_XML.items() if any(name.startswith(folder) for name in names)),
            None,
        )
    if "mimetype" in names and archive.getinfo("mimetype").file_size < 100:
        said = archive.read("mimetype").decode("ascii", "replace").strip()
        return said if said in _SAYS_ITSELF else None
    return None
