"""What kind of image some bytes are, and how wide and high, from their head. Pure. Law: nothing is decoded.

Where the figures stand: PNG (W3C) IHDR; GIF89a logical screen; JPEG (T.81) start of frame; WebP container (RFC 9649).
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Media: TypeAlias = Literal["image/png", "image/jpeg", "image/gif", "image/webp"]
TYPES: Final[tuple[Media, ...]] = ("image/png", "image/jpeg", "image/gif", "image/webp")

# Start of frame, baseline to lossless; C4, C8 and CC among them are tables.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length


def media_of(data: bytes) -> Media | None:
    """The type, if it is one that Claude can see."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def size_of(data: bytes, media: Media) -> tuple[int, int] | None:
    """Width and height; None where the head is broken off."""
    match media:
        case "image/png":
            return (_big(data[16:20]), _big(data[20:24])) if data[12:16] == b"IHDR" else None
        case "image/gif":
            return (_little(data[6:8]), _little(data[8:10])) if len(data) > 10 else None
        case "image/jpeg":
            return _jpeg(data)
        case "image/webp":
            return _webp(data)


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
        elif marker in _ALONE:
            at += 2
        elif marker in _FRAMES:
            return _big(data[at + 7 : at + 9]), _big(data[at + 5 : at + 7])
        else:
            at += 2 + max(2, _big(data[at + 2 : at + 4]))
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    if len(data) < 30:
        return None
    match data[12:16]:
        case b"VP8X":
            return 1 + _little(data[24:27]), 1 + _little(data[27:30])
        case b"VP8L":
            bits = _little(data[21:25])
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            return _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF
    return None


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
