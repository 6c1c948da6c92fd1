"""What somebody's file is, and how Claude is shown it. Pure. Law: a file is what its bytes say, not what it is called.

A name and a type are claims; a page that asks to sign in comes as "photo.png", an archive as "notes.txt". What Claude's
API would refuse (and refuse again with every later turn of the conversation) never gets as far as a request.

    recognise(file)     Document: ready to be shown; Foreign: an office document, to be read by bot/claude/office.py;
                        Unreadable: why not
    blocks(documents)   content blocks of a message
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from anthropic.types import (
    Base64PDFSourceParam,
    DocumentBlockParam,
    ImageBlockParam,
    TextBlockParam,
)

from bot.claude import images, packages
from bot.files import Attachment, File

Block: TypeAlias = TextBlockParam | ImageBlockParam | DocumentBlockParam
Why: TypeAlias = Literal["unknown", "broken", "denied", "locked", "empty", "large", "wide", "long"]

# Claude's API counts an image's base64: "image exceeds 5 MB maximum: 5511796 bytes > 5242880 bytes".
IMAGE_BYTES: Final = 5_242_880 * 3 // 4
# Claude's documentation on vision: 8,000 pixels a side, 2,000 where a request has more than 20 images.
IMAGE_SIDE: Final = 8_000
IMAGES: Final = 20
_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Document:
    """A file that Claude can be shown. `data` is base64 of an image or a PDF, else the text itself."""

    name: str
    kind: Literal["image", "pdf", "text"]
    data: str = field(repr=False)
    media: str = ""
    pages: int = 0


@dataclass(frozen=True, slots=True)
class Foreign:
    """An office document of this type."""

    mime: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file cannot be shown; `limit` is the one that it breaks, in bytes, pixels or pages."""

    why: Why
    limit: int = 0


def recognise(file: File, *, pages: int = 100) -> Document | Foreign | Unreadable:
    """What a file is. Takes a while for a large one: to be called in a thread. `pages`: the most that a PDF may have."""
    data = file.data
    if not data:
        return Unreadable("empty")
    if (media := images.media_of(data)) is not None:
        return _image(file, media)
    if b"%PDF-" in data[:1024]:
        return _pdf(file, pages)
    match packages.office_type(data):
        case None:
            return _text(file)
        case "locked":
            return Unreadable("locked")
        case "broken":
            return Unreadable("broken")
        case mime:
            return Foreign(mime)


def _image(file: File, media: images.Media) -> Document | Unreadable:
    if len(file.data) > IMAGE_BYTES:
        return Unreadable("large", IMAGE_BYTES)
    size = images.size_of(file.data, media)
    if size is None or 0 in size:
        return Unreadable("broken")
    if max(size) > IMAGE_SIDE:
        return Unreadable("wide", IMAGE_SIDE)
    return Document(named(file.name), "image", _base64(file.data), media)


# ---------------------------------------------------------------------------------------------------- PDF

# The dictionary that says how a file is encrypted is never compressed itself.
_ENCRYPTED = re.compile(rb"/Encrypt\s*(?:\d+\s+\d+\s+R\b|<<)")
_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_COUNT = re.compile(rb"/Count\s+(\d{1,6})\b")
_PACKED = re.compile(rb"/ObjStm\b")
# The trailer, or the stream in its place, which is not compressed either.
_ROOT = re.compile(rb"/Root\s*\d")
_STREAM = re.compile(rb"stream\r?\n")
_MOST_UNPACKED = 64 << 20
_MOST_OF_ONE = 8 << 20


def _pdf(file: File, most: int) -> Document | Unreadable:
    if _ENCRYPTED.search(file.data):
        return Unreadable("locked")
    pages = _pages(file.data)
    if pages > most:
        return Unreadable("long", most)
    # Cut short, or a PDF in name alone. Where pages may be packed in a way that is not read here, Claude will tell.
    if _ROOT.search(file.data) is None or (not pages and _PACKED.search(file.data) is None):
        return Unreadable("broken")
    return Document(named(file.name), "pdf", _base64(file.data), "application/pdf", max(1, pages))


def _pages(data: bytes) -> int:
    """About how many pages a PDF has: the page objects, or what their tree counts, whichever is less.

    A file that was edited has old pages in it besides the new ones, and an outline has counts of its own.
    """
    objects, counted = 0, 0
    for part in _readable(data):
        objects += sum(1 for _ in _PAGE.finditer(part))
        counted = max(counted, *(int(count) for count in _COUNT.findall(part)), 0)
    return min(objects, counted) if objects and counted else max(objects, counted)


def _readable(data: bytes) -> Iterable[bytes]:
    """The file, and what of its objects is packed into streams, up to 64 MB."""
    yield data
    left = _MOST_UNPACKED
    for found in _PACKED.finditer(data):
        start = _STREAM.search(data, found.end(), found.end() + 2_000)
        if start is None or left <= 0:
            continue
        try:
            end = data.find(b"endstream", start.end())
            stream = data[start.end() : end if end > 0 else None]
            part = zlib.decompressobj().decompress(stream, min(left, _MOST_OF_ONE))
        except zlib.error:
            continue  # packed in another way, or broken: Claude will tell
        left -= len(part)
        yield part


# ---------------------------------------------------------------------------------------------------- text


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# So many control characters are no text, even if they can be read as some; a log with colours has a few.
_MOST_CONTROLS = 0.05
_BINARY_TYPES = (
    "image/",
    "audio/",
    "video/",
    "font/",
    "application/pdf",
    "application/zip",
    "application/msword",
    "application/vnd.",
)
_BINARY_NAMES = _words(
    "png jpg jpeg gif webp heic heif bmp tif tiff ico pdf doc docx xls xlsx ppt pptx odt ods odp epub zip gz 7z rar "
    "tar mp3 m4a wav ogg mp4 mov webm mkv avi"
)
# Written by people, or read by them: where such a file is neither UTF-8 nor UTF-16, it is of an older time.
_TEXT_NAMES = _words("txt csv tsv log md ini cfg conf srt sql tex eml vcf ics html htm xml json yaml yml bat")
# Of the binary ones, those that could have been read if they were what they claim.
_READ = _words("png jpg jpeg gif webp pdf doc docx xls xlsx ppt pptx odt ods epub")


def _text(file: File) -> Document | Unreadable:
    binary = _claims_binary(file)
    if binary and _HTML.match(file.data[:4096]):
        return Unreadable("denied")  # a page about the file (to sign in, say) came in its place
    text = _decoded(file)
    if text is None:
        return Unreadable("broken" if binary and _known_binary(file) else "unknown")
    if binary:
        return Unreadable("broken")
    if not text.strip():
        return Unreadable("empty")
    return as_text(file.name, text)


def as_text(name: str, text: str, media: str = "") -> Document:
    """Text that was read out of a file; `media` where it is not what the file's name says."""
    plain = _CONTROLS.sub("", text.replace("\r\n", "\n"))
    return Document(named(name), "text", plain.strip("\n"), media)


def _decoded(file: File) -> str | None:
    data = file.data
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            text = data.decode("utf-16")
        elif b"\x00" in data:
            return None
        else:
            text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")) or not _claims_text(file):
            return None
        text = data.decode("cp1252", "replace")
    if len(_CONTROLS.findall(text)) > _MOST_CONTROLS * len(text):
        return None
    return text


def _ending(file: File) -> str:
    return file.name.rpartition(".")[2].lower() if "." in file.name else ""


def _mime(file: File) -> str:
    return file.mime.partition(";")[0].strip().lower()


def _claims_text(file: File) -> bool:
    return _mime(file).startswith("text/") or _ending(file) in _TEXT_NAMES


def _claims_binary(file: File) -> bool:
    mime = _mime(file)
    # Browsers on Windows call a .csv "application/vnd.ms-excel".
    if _claims_text(file) or mime.endswith(("+xml", "+json", "/xml", "/json")):
        return False
    return mime.startswith(_BINARY_TYPES) or _ending(file) in _BINARY_NAMES


def _known_binary(file: File) -> bool:
    """Whether a file of the kind that it is said to be could have been read."""
    return _ending(file) in _READ or _mime(file) in ("application/pdf", *images.TYPES)


def expected(file: Attachment) -> Literal["image", "pdf", "text", "other"]:
    """What a file may be, by what is said of it: for an estimate before it is fetched, no more."""
    named_so = file.name.rpartition(".")[2].lower()
    if file.mime.startswith("image/") and "svg" not in file.mime:
        return "image"
    if file.mime.startswith("application/pdf") or named_so == "pdf":
        return "pdf"
    return "text" if file.mime.startswith("text/") or named_so in _TEXT_NAMES else "other"


# ---------------------------------------------------------------------------------------------------- blocks


def blocks(documents: Sequence[Document]) -> list[Block]:
    """As Claude is shown them: images in a row are named in front of it, a PDF carries its name, text stands fenced."""
    shown: list[Block] = []
    at = 0
    while at < len(documents):
        document = documents[at]
        if document.kind == "image":
            row = at
            while row < len(documents) and documents[row].kind == "image":
                row += 1
            names = ", ".join(one.name for one in documents[at:row])
            shown.append({"type": "text", "text": f"(attached: {names})"})
            shown += [_image_block(one) for one in documents[at:row]]
            at = row
            continue
        shown.append(_pdf_block(document) if document.kind == "pdf" else _text_block(document))
        at += 1
    return shown


def _image_block(document: Document) -> ImageBlockParam:
    media = next(media for media in images.TYPES if media == document.media)
    return {"type": "image", "source": {"type": "base64", "media_type": media, "data": document.data}}


def _pdf_block(document: Document) -> DocumentBlockParam:
    source: Base64PDFSourceParam = {
        "type": "base64",
        "media_type": "application/pdf",
        "data": document.data,
    }
    return {"type": "document", "source": source, "title": document.name}


def _text_block(document: Document) -> TextBlockParam:
    ending = document.name.rpartition(".")[2].lower() if "." in document.name else ""
    language = ending if re.fullmatch(r"[a-z0-9]{1,10}", ending) else ""
    if document.media:
        language = document.media.rpartition("/")[2]
    longest = max((len(run) for run in re.findall(r"`{3,}", document.data)), default=2)
    fence = "`" * (longest + 1)
    return {
        "type": "text",
        "text": f"(attached: {document.name})\n{fence}{language}\n{document.data}\n{fence}",
    }


def named(name: str) -> str:
    """A file's name in one line: free text, which must look neither like somebody's turn nor like an address."""
    plain = " ".join(re.sub(r"[\x00-\x1f\x7f\u2028\u2029`/\\]", " ", name).split())
    if len(plain) > _LONGEST_NAME:
        plain = f"{plain[:60]}…{plain[-30:]}"
    return plain or "file"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
