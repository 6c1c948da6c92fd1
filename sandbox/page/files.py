"""Files that people attach in the page, and files in messages. Law: a file's bytes never run in the page's name.

What somebody attaches is kept here until the message that takes it is sent: the page's WebSocket carries only words.
A picture is shown; anything else is offered to be saved, whatever it says it is.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from aiohttp import web

MOST_BYTES: Final = (
    32 * 1024 * 1024
)  # of one file: more than either platform's client lets an ordinary person send
MOST_WAITING: Final = 40  # files that are attached and not sent; the oldest goes first
MOST_NAME: Final = 255

PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    type: str
    data: bytes


class Uploads:
    """Files that wait for their message, by a name that nobody guesses."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, Upload] = OrderedDict()

    def keep(self, upload: Upload) -> str:
        key = secrets.token_urlsafe(12)
        self._waiting[key] = upload
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)
        return key

    def get(self, key: str) -> Upload:
        """Raises LookupError with a sentence."""
        if key not in self._waiting:
            raise LookupError("that file is not there any more: attach it again")
        return self._waiting[key]

    def drop(self, key: str) -> None:
        self._waiting.pop(key, None)


async def read_upload(request: web.Request) -> Upload:
    """The body of a POST as a file; its name stands in the query."""
    data = bytearray()
    async for chunk in request.content.iter_chunked(64 * 1024):
        data += chunk
        if len(data) > MOST_BYTES:
            raise web.HTTPRequestEntityTooLarge(MOST_BYTES, len(data), text="That file is too large.\n")
    name = request.query.get("name", "").replace("/", "_").replace("\\", "_")[:MOST_NAME] or "file"
    return Upload(name, request.content_type, bytes(data))


def as_response(name: str, kind: str, data: bytes) -> web.Response:
    """A file of a message, for an `img` or to be saved."""
    pure = kind.partition(";")[0].strip().lower()
    shown = pure in PICTURES
    headers = {
        "Content-Type": pure if shown else "application/octet-stream",
        "Content-Disposition": f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{quote(name)}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, max-age=3600",
    }
    return web.Response(body=data, headers=headers)
