"""What a request carries: JSON, or a form with payload_json and files. Law: what cannot be read is refused, not guessed.

Docs: reference, "Uploading Files"; resources/message (25 MiB a request, 10 MiB a file).
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeAlias

from aiohttp import BodyPartReader, ClientPayloadError, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from sandbox.discord.errors import Refusal
from sandbox.discord.messages import FILE_BYTES_MAX, File
from sandbox.discord.state import Json

REQUEST_MAX = 25 * 1024 * 1024

Body: TypeAlias = Json | list[Any]


async def read(request: web.Request) -> tuple[Body, list[File]]:
    """The body and the files. Refuses what is not JSON or a form, or is too large."""
    if request.method in ("GET", "DELETE") or not request.can_read_body:
        return {}, []
    if (request.content_length or 0) > REQUEST_MAX:
        raise Refusal(40005)
    kind = request.content_type
    if kind == "multipart/form-data":
        return await _read_form(request)
    data = await _read_all(request)
    if not data:
        return {}, []
    if kind != "application/json":
        raise Refusal(
            50035,
            errors={
                "_errors": [
                    {
                        "code": "CONTENT_TYPE_INVALID",
                        "message": 'Expected "Content-Type" header to be one of '
                        "{'application/json', 'multipart/form-data'}.",
                    }
                ]
            },
        )
    return _loads(data), []


async def _read_all(request: web.Request) -> bytes:
    data = bytearray()
    async for chunk in request.content.iter_any():
        data += chunk
        if len(data) > REQUEST_MAX:
            raise Refusal(40005)
    return bytes(data)


def _loads(data: bytes | str) -> Body:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise Refusal(50109) from None
    if isinstance(body, (dict, list)):
        return body
    raise Refusal(
        50035,
        errors={
            "_errors": [
                {"code": "DICT_TYPE_CONVERT", "message": "Only dictionaries may be used in a DictType"}
            ]
        },
    )


async def _read_form(request: web.Request) -> tuple[Body, list[File]]:
    """payload_json and files[n]; a form without payload_json carries its fields singly."""
    fields: dict[str, Any] = {}
    payload: Body | None = None
    files: list[File] = []
    total = 0
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if isinstance(part, MultipartReader):
                raise Refusal(50035)
            data = await _read_part(part, REQUEST_MAX - total)
            total += len(data)
            name = part.name or ""
            if name == "payload_json":
                payload = _loads(data)
            elif part.filename is not None:
                if len(data) > FILE_BYTES_MAX:
                    raise Refusal(40005)
                found = re.fullmatch(r"files\[(\d+)\]", name)
                index = found.group(1) if found else str(len(files))
                kind = part.headers.get("Content-Type", "").partition(";")[0]
                if kind == "application/octet-stream":
                    kind = ""  # the client did not say; the name tells
                files.append(File(index, part.filename, kind, data))
            else:
                fields[name] = data.decode("utf-8", "replace")
    except (ValueError, AssertionError, HttpProcessingError, ClientPayloadError):
        raise Refusal(
            50035, errors={"_errors": [{"code": "INVALID_BODY", "message": "The form cannot be read."}]}
        ) from None
    return (payload if payload is not None else fields), files


async def _read_part(part: BodyPartReader, left: int) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        data += chunk
        if len(data) > left:
            raise Refusal(40005)
    return bytes(data)
