"""Files as people attach them, made by hand: images as heads, PDFs, office documents, and such as are meant to do harm."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
ODT = "application/vnd.oasis.opendocument.text"

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def png(width: int = 2, height: int = 3, *, size: int = 0) -> bytes:
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\x08\x06\0\0\0"
    return head.ljust(size, b"\0")


def jpeg(width: int = 2, height: int = 3) -> bytes:
    exif = b"\xff\xe1" + struct.pack(">H", 8) + b"Exif\0\0"
    tables = b"\xff\xc4" + struct.pack(">H", 4) + b"\0\0"
    frame = b"\xff\xc2" + struct.pack(">HBHH", 11, 8, height, width) + b"\x01\0\0\0"
    return b"\xff\xd8" + exif + b"\xff" + tables + frame + b"\xff\xd9"


def gif(width: int = 2, height: int = 3) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0;"


def webp(width: int = 2, height: int = 3, kind: bytes = b"VP8X") -> bytes:
    match kind:
        case b"VP8X":
            body = b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        case b"VP8L":
            body = b"\x2f" + (width - 1 | height - 1 << 14).to_bytes(4, "little") + b"\0" * 8
        case _:
            body = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)
    return b"RIFF\0\0\0\0WEBP" + kind + struct.pack("<I", len(body)) + body


def pdf(pages: int = 1, *, packed: bool = False, extra: bytes = b"") -> bytes:
    """A PDF's skeleton; `packed`: its objects in a compressed stream, as most programs write them today."""
    objects = b"<</Type/Pages/Count %d/Kids[]>> " % pages + b"<</Type /Page/Parent 1 0 R>> " * pages
    if packed:
        stream = zlib.compress(objects)
        objects = b"<</Type/ObjStm/Filter/FlateDecode/Length %d>>stream\r\n%s\nendstream" % (
            len(stream),
            stream,
        )
    return b"%PDF-1.7\n1 0 obj\n" + objects + b"\nendobj\ntrailer<</Root 1 0 R" + extra + b">>\n%%EOF"


def package(entries: Mapping[str, str | bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return held.getvalue()


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def docx(body: str = "", *, before: str = "") -> bytes:
    """`before`: what stands in front of the document's root, a DOCTYPE say."""
    return package(
        {
            "[Content_Types].xml": f'<?xml version="1.0"?><Types xmlns="{_TYPES}"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{DOCX}.main+xml"/></Types>',
            "_rels/.rels": f'<?xml version="1.0"?><Relationships xmlns="{_RELATIONS}"><Relationship Id="r1" '
            f'Type="{_OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>',
            "word/document.xml": f'<?xml version="1.0"?>{before}<w:document {_W}><w:body>{body}</w:body></w:document>',
        }
    )


def xlsx() -> bytes:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return package(
        {
            "[Content_Types].xml": f'<?xml version="1.0"?><Types xmlns="{_TYPES}"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{XLSX}.main+xml"/></Types>',
            "_rels/.rels": f'<?xml version="1.0"?><Relationships xmlns="{_RELATIONS}"><Relationship Id="r1" '
            f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<?xml version="1.0"?><workbook xmlns="{main}" xmlns:r="{_OFFICE}"><sheets>'
            '<sheet name="Costs" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<?xml version="1.0"?><Relationships xmlns="{_RELATIONS}"><Relationship '
            f'Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/worksheets/sheet1.xml": f'<?xml version="1.0"?><worksheet xmlns="{main}"><sheetData><row r="1">'
            '<c r="A1" t="inlineStr"><is><t>paint</t></is></c><c r="B1"><v>42</v></c></row></sheetData></worksheet>',
        }
    )


def odt(*, locked: bool = False) -> bytes:
    office = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
    text = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
    return package(
        {
            "mimetype": ODT,
            "META-INF/manifest.xml": "<manifest:encryption-data/>" if locked else "<manifest/>",
            "content.xml": f'<?xml version="1.0"?><office:document-content xmlns:office="{office}" xmlns:text="{text}">'
            '<office:body><office:text><text:h text:outline-level="1">Title</text:h><text:p>Words</text:p>'
            "</office:text></office:body></office:document-content>",
        }
    )


def compound(stream: str) -> bytes:
    """The head of an OLE file with a stream of this name: enough to be recognised, not to be read."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(1536, b"\0") + stream.encode("utf-16-le")


RTF = rb"{\rtf1\ansi Rich {\b bold} words.\par Next}"
LOGIN_PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in to Slack</title></head><body>...</body></html>"
