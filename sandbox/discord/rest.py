"""The road of every REST call. Law: each call gets exactly one answer of Discord's form, and one entry in the record.

In order: shut-out addresses, scripted faults, the route, the token, the global limit, the route's bucket, the body,
the handler. Answers are `application/json` to the letter (some clients compare it whole), and carry `Via`, by whose
absence clients tell a block at the edge from a rate limit.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import unquote

from aiohttp import BodyPartReader, MultipartReader, web

from sandbox.clock import Clock
from sandbox.discord.buckets import Buckets, Ruling
from sandbox.discord.errors import Refusal, is_snowflake, not_found, unauthorized
from sandbox.discord.messages import FILE_BYTES_MAX, File
from sandbox.discord.state import Json
from sandbox.faults import Fault, Faults
from sandbox.record import Record

REQUEST_MAX = 25 * 1024 * 1024  # docs resources/message: the largest request

Answer: TypeAlias = tuple[int, Any]


@dataclass(slots=True)
class Call:
    """One request, taken apart. `headers` may be added to by the handler."""

    method: str
    template: str
    parts: dict[str, str]
    query: Mapping[str, str]
    scope: str
    body: Json | list[Any] = field(default_factory=dict)
    files: list[File] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    message: str = ""  # the message it made or changed, for the record

    @property
    def object(self) -> Json:
        """The body as an object, which all but the bulk overwrite of commands send."""
        if isinstance(self.body, dict):
            return self.body
        raise Refusal(
            50035,
            errors={
                "_errors": [
                    {"code": "DICT_TYPE_CONVERT", "message": "Only dictionaries may be used in a DictType"}
                ]
            },
        )


Handler: TypeAlias = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path. `limit`: the name of its limit, "" for none; `token`: whether it needs the bot's."""

    method: str
    template: str
    handler: Handler
    limit: str
    token: bool = True
    counted: bool = True  # in the global limit
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.template)
        object.__setattr__(self, "pattern", re.compile(pattern + "$"))

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"


# Path parts that are ids; what does not look like one is refused with the name Discord gives it.
IDS = {
    "c": "channel_id",
    "g": "guild_id",
    "m": "message_id",
    "u": "user_id",
    "a": "application_id",
    "i": "interaction_id",
}


class Rest:
    """All routes, and what happens to a call before and after its handler."""

    def __init__(self, clock: Clock, buckets: Buckets, faults: Faults, record: Record) -> None:
        self._clock, self._buckets, self._faults, self._record = clock, buckets, faults, record
        self._routes: list[Route] = []
        self.token = ""
        self.picky_user_agent = False
        # Interaction token -> interaction id: tokens are bearers and stay out of the record.
        self.name_of_token: Callable[[str], str] = lambda _: "unknown"

    def add(self, routes: Sequence[Route]) -> None:
        self._routes.extend(routes)

    @property
    def routes(self) -> Sequence[str]:
        return [route.name for route in self._routes]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        began = self._clock.now()
        address = request.remote or ""
        ban = self._buckets.banned(address)
        if ban:
            self._note("*", "", 429, "banned", began)
            return _blocked(math.ceil(self._clock.real(ban)))
        if self.picky_user_agent and not request.headers.get("User-Agent", "").startswith("DiscordBot ("):
            self._note("*", "", 403, "40333", began)
            return _json(403, {"message": "internal network error", "code": 40333}, {})
        path = request.rel_url.raw_path.partition("/api/v")[2].partition("/")[2]
        route, parts, others = self._match(request.method, "/" + path)
        method = route.name if route else f"{request.method} /{path if len(path) < 80 else path[:80]}"
        scope = self._scope(parts)
        fault = self._faults.take(method, parts.get("c", ""))
        if fault is not None:
            await self._clock.sleep(fault.delay)
            if fault.answers:
                headers = (
                    self._buckets.peek(route.limit, parts.get("t") or scope) if route and route.limit else {}
                )
                return self._scripted(fault, method, scope, began, address, headers)
            if fault.drop == "before":
                self._note(method, scope, 0, "dropped", began)
                return _hang_up(request)
        status, body, headers, error, message = await self._answer(request, route, parts, others, scope)
        if status in (401, 403, 429) and headers.get("X-RateLimit-Scope") != "shared":
            self._buckets.invalid(address)
        if fault is not None:
            await self._clock.sleep(fault.linger)
            if fault.drop == "after":
                self._note(method, scope, 0, "dropped after", began, message)
                return _hang_up(request)
        self._note(method, scope, status, error, began, message)
        return _json(status, body, headers)

    def _note(
        self, method: str, scope: str, status: int, error: str, began: float, message: str = ""
    ) -> None:
        self._record.add(
            "call",
            "discord",
            method=method,
            scope=scope,
            status=status,
            error=error,
            took=self._clock.now() - began,
            message=message,
        )

    def _match(self, method: str, path: str) -> tuple[Route | None, dict[str, str], bool]:
        """The route, the parts of its path, and whether the path exists with another method."""
        others = False
        for route in self._routes:
            found = route.pattern.match(path)
            if found is None:
                continue
            if route.method == method:
                return route, {name: unquote(part) for name, part in found.groupdict().items()}, False
            others = True
        return None, {}, others

    def _scope(self, parts: dict[str, str]) -> str:
        """The major parameter as the record may show it."""
        if "t" in parts:
            return self.name_of_token(parts["t"])
        return parts.get("c") or parts.get("g") or ""

    async def _answer(
        self, request: web.Request, route: Route | None, parts: dict[str, str], others: bool, scope: str
    ) -> tuple[int, Any, dict[str, str], str, str]:
        """(status, body, headers, error code for the record, message id)"""
        call: Call | None = None
        headers: dict[str, str] = {}
        try:
            route = self._admit(request, route, others=others)
            if route.counted:
                ruling = self._buckets.everywhere("bot")
                if ruling is not None:
                    return self._refused(route.name, scope, ruling)
            if route.limit:
                ruling = self._buckets.rule(route.limit, parts.get("t") or scope)
                headers = ruling.headers
                if ruling.refused_by:
                    return self._refused(route.name, scope, ruling)
            _check_ids(parts)
            call = Call(request.method, route.template, parts, request.query, scope, headers=dict(headers))
            await _read_body(request, call)
            status, body = await route.handler(call)
        except TooFast as too_fast:
            assert route is not None
            return self._refused(route.name, scope, too_fast.ruling)
        except Refusal as refusal:
            return refusal.status, refusal.body, headers, str(refusal.code or refusal.status), ""
        return status, body, call.headers, "", call.message

    def _admit(self, request: web.Request, route: Route | None, *, others: bool) -> Route:
        """The route, if it exists and the token may use it."""
        if request.path.partition("/api/v")[2].partition("/")[0] not in ("9", "10"):
            raise Refusal(50041)
        if route is None:
            raise Refusal(0, status=405, message="405: Method Not Allowed") if others else not_found()
        if route.token and request.headers.get("Authorization") != f"Bot {self.token}":
            raise unauthorized()
        return route

    def _refused(self, method: str, scope: str, ruling: Ruling) -> tuple[int, Any, dict[str, str], str, str]:
        self._record.add(
            "refused",
            "discord",
            method=method,
            scope=scope,
            limit=ruling.refused_by,
            retry_after=ruling.retry_after,
        )
        status, body, headers = too_many(ruling, self._clock.real(ruling.retry_after))
        return status, body, headers, str(ruling.code or 429), ""

    def _scripted(
        self, fault: Fault, method: str, scope: str, began: float, address: str, headers: dict[str, str]
    ) -> web.StreamResponse:
        """The answer that a fault was scripted to give. A 429's `error` may say whose limit it is: "shared", "global"."""
        code = int(fault.error) if fault.error.isdigit() else 0
        usual = Refusal(code)
        status = fault.status if fault.status is not None else usual.status
        self._note(method, scope, status, fault.error or "scripted", began)
        if status in (401, 403, 429) and fault.error != "shared":
            self._buckets.invalid(address)
        if fault.body is not None:
            return web.Response(status=status, text=fault.body, content_type="text/html")
        if status == 429:
            wait = fault.retry_after if fault.retry_after is not None else 1.0
            kind = fault.error if fault.error in ("shared", "global") else "user"
            ruling = Ruling({} if kind == "global" else headers, "scripted", wait, kind, code)
            self._record.add(
                "refused", "discord", method=method, scope=scope, limit="scripted", retry_after=wait
            )
            return _json(*too_many(ruling, self._clock.real(wait)))
        if code:
            return _json(status, usual.body, headers)
        reasons = {
            500: "Internal Server Error",
            502: "Bad Gateway",
            503: "Service Unavailable",
            504: "Gateway Timeout",
        }
        text = f"{status}: {reasons.get(status, 'Scripted')}"
        return _json(status, {"message": text, "code": 0}, {})


class TooFast(Exception):
    """A limit that only the handler could know of (edits of old messages) refuses."""

    def __init__(self, ruling: Ruling) -> None:
        self.ruling = ruling
        super().__init__(ruling.refused_by)


def too_many(ruling: Ruling, seconds: float) -> tuple[int, Json, dict[str, str]]:
    """A 429: (status, body, headers). `seconds` are real ones."""
    body: Json = {
        "message": "You are being rate limited."
        if ruling.scope != "shared"
        else "The resource is being rate limited.",
        "retry_after": math.ceil(seconds * 1000) / 1000,
        "global": ruling.scope == "global",
    }
    if ruling.code:
        body["code"] = ruling.code
        if ruling.code == 30046:
            body["message"] = "Maximum number of edits to messages older than 1 hour reached. Try again later"
    headers = {
        **ruling.headers,
        "Retry-After": str(max(1, math.ceil(seconds))),
        "X-RateLimit-Scope": ruling.scope,
    }
    if ruling.scope == "global":
        headers["X-RateLimit-Global"] = "true"
    return 429, body, headers


def _json(status: int, body: Any, headers: Mapping[str, str]) -> web.Response:
    head = {"Via": "1.1 google", "Server": "cloudflare", **headers}
    if status == 204:
        return web.Response(status=204, headers=head)
    data = json.dumps(body, separators=(",", ":")).encode()
    # Not json_response: that would add "; charset=utf-8", and some clients compare the type whole.
    return web.Response(status=status, body=data, headers={**head, "Content-Type": "application/json"})


def _blocked(seconds: int) -> web.Response:
    """Cloudflare's block of an address with too many invalid requests: HTML, and no `Via`."""
    return web.Response(
        status=429,
        text="<!doctype html><title>Access denied</title><h1>Error 1015</h1><p>You are being rate limited</p>",
        content_type="text/html",
        headers={"Retry-After": str(seconds), "Server": "cloudflare"},
    )


def _hang_up(request: web.Request) -> web.Response:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _check_ids(parts: dict[str, str]) -> None:
    errors = {
        IDS[name]: {
            "_errors": [{"code": "NUMBER_TYPE_COERCE", "message": f'Value "{part[:40]}" is not snowflake.'}]
        }
        for name, part in parts.items()
        if name in IDS and not is_snowflake(part)
    }
    if errors:
        raise Refusal(50035, errors=errors)


async def _read_body(request: web.Request, call: Call) -> None:
    """Fill the call's body and files. Refuses what is not JSON or a form, or is too large."""
    if call.method in ("GET", "DELETE") or not request.can_read_body:
        return
    if (request.content_length or 0) > REQUEST_MAX:
        raise Refusal(40005)
    kind = request.content_type
    if kind == "multipart/form-data":
        await _read_form(request, call)
        return
    data = await _read_all(request)
    if not data:
        return
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
    call.body = _loads(data)


async def _read_all(request: web.Request) -> bytes:
    data = bytearray()
    async for chunk in request.content.iter_any():
        data += chunk
        if len(data) > REQUEST_MAX:
            raise Refusal(40005)
    return bytes(data)


def _loads(data: bytes | str) -> Json | list[Any]:
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


async def _read_form(request: web.Request, call: Call) -> None:
    """payload_json and files[n]; a form without payload_json carries its fields singly."""
    fields: dict[str, Any] = {}
    payload: Json | list[Any] | None = None
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
                index = found.group(1) if found else str(len(call.files))
                kind = part.headers.get("Content-Type", "").partition(";")[0]
                if kind == "application/octet-stream":
                    kind = ""  # the client did not say; the name tells
                call.files.append(File(index, part.filename, kind, data))
            else:
                fields[name] = data.decode("utf-8", "replace")
    except (ValueError, AssertionError):
        raise Refusal(
            50035, errors={"_errors": [{"code": "INVALID_BODY", "message": "The form cannot be read."}]}
        ) from None
    call.body = payload if payload is not None else fields


async def _read_part(part: BodyPartReader, left: int) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        data += chunk
        if len(data) > left:
            raise Refusal(40005)
    return bytes(data)
