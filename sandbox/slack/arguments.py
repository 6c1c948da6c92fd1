"""What a Web API call says, from JSON, form, multipart or query. Law: any bytes give arguments or a Slack refusal."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.slack.refusals import SlackError

_TS = re.compile(r"\d{1,12}\.\d{1,6}")
MOST_BYTES = 4_000_000  # guessed: far above any body that Slack's own limits allow
_DEEPEST = 60  # guessed: Block Kit is at most a dozen levels deep


class Arguments:
    """The call's parameters. A getter raises SlackError("invalid_arguments") where the value has the wrong type."""

    def __init__(self, values: Mapping[str, Any], *, charset: bool = True) -> None:
        # null is "not given", in JSON as in the SDKs.
        self._values = {name: value for name, value in values.items() if value is not None}
        self.charset = charset

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def need(self, *names: str) -> None:
        missing = [name for name in names if self._values.get(name) in (None, "") and name != "status"]
        missing += [name for name in names if name == "status" and name not in self._values]
        if missing:
            raise SlackError("invalid_arguments", [f"missing required field: {name}" for name in missing])

    def text(self, name: str, default: str = "") -> str:
        value = self._values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise SlackError("invalid_arguments", [f"must provide a string [json-pointer:/{name}]"])
        return str(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self._values.get(name, default)
        return value if isinstance(value, bool) else str(value).lower() in ("1", "true", "yes")

    def number(self, name: str, default: int) -> int:
        value = self._values.get(name, default)
        try:
            return int(str(value)[:20])
        except ValueError:
            raise SlackError(
                "invalid_arguments", [f"must provide an integer [json-pointer:/{name}]"]
            ) from None

    def structure(self, name: str, fault: str = "invalid_arguments") -> Any:
        """A list or object, given as such or as JSON text; None where it is not given. Raises SlackError(fault)."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                value = decoded(value)
            except ValueError:
                raise SlackError(fault) from None
        if not isinstance(value, (list, dict)):
            raise SlackError(fault)
        return value


def is_ts(text: str) -> bool:
    return _TS.fullmatch(text) is not None


def decoded(text: str | bytes) -> Any:
    """JSON as Slack takes it: nesting bounded, lone surrogates replaced. Raises ValueError."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return _clean(value, 0)


def _clean(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        return (
            value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        )
    if isinstance(value, list):
        return [_clean(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_clean(key, depth): _clean(item, depth + 1) for key, item in value.items()}
    return value


async def read(request: web.Request, *, takes_json: bool) -> tuple[Arguments, str]:
    """(arguments, token; "" for none). A JSON body is ignored by methods that read none, as Slack does."""
    values: dict[str, Any] = dict(request.query)
    if (request.content_length or 0) > MOST_BYTES:
        raise web.HTTPRequestEntityTooLarge(MOST_BYTES, request.content_length or 0)
    kind = request.content_type if "Content-Type" in request.headers else ""
    charset = True
    if request.can_read_body and kind == "multipart/form-data":
        values |= await _multipart(request)
    elif request.can_read_body:
        body = await body_of(request)
        if body and kind == "application/json":
            charset = "charset" in request.headers["Content-Type"].lower()
            said = _json_object(body)
            values |= said if takes_json else {}
        elif body and kind == "application/x-www-form-urlencoded":
            values |= _form(body)
        elif body:
            raise SlackError("invalid_post_type" if kind else "missing_post_type")
    header = request.headers.get("Authorization", "")
    scheme, _, token = header.partition(" ")
    if header and (scheme.lower() != "bearer" or not token.strip()):
        raise SlackError("invalid_auth")
    from_form = (
        "" if kind == "application/json" and "token" not in request.query else str(values.get("token") or "")
    )
    return Arguments(values, charset=charset), token.strip() or from_form


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        said = decoded(body)
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(said, dict):
        raise SlackError("json_not_object")
    return said


def _form(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace", max_num_fields=1_000
        )
    except ValueError:
        raise SlackError("invalid_form_data") from None
    return dict(pairs)


@web.middleware
async def refuse_garbage(request: web.Request, handler: Handler) -> web.StreamResponse:
    """HTTP 400 for a body that is not in the encoding it names, whoever would have read it."""
    if (request.content_length or 0) <= MOST_BYTES and request.headers.get("Content-Encoding"):
        try:
            await body_of(request)
        except SlackError as refused:
            answer = web.json_response(refused.as_json(), status=400)
            answer.force_close()  # what is left of the body would be taken for the next request
            return answer
    return await handler(request)


async def body_of(request: web.Request) -> bytes:
    """Raises SlackError("invalid_form_data") where the bytes do not keep what Content-Encoding promises."""
    try:
        return await request.read()
    except web.RequestPayloadError:
        raise SlackError("invalid_form_data") from None


async def fields_of(request: web.Request) -> Mapping[str, str | bytes | bytearray | web.FileField]:
    """Of a multipart body. Raises SlackError("invalid_form_data")."""
    try:
        return await request.post()
    except (ValueError, LookupError, web.RequestPayloadError):
        # No boundary, no name, an encoding that nobody knows: the reader gives up in each of these ways.
        raise SlackError("invalid_form_data") from None


async def _multipart(request: web.Request) -> dict[str, Any]:
    fields = await fields_of(request)
    return {name: value for name, value in fields.items() if isinstance(value, str)}
