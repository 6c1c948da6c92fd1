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

from aiohttp import web

from sandbox.clock import Clock
from sandbox.discord import bodies
from sandbox.discord.buckets import Buckets, Ruling
from sandbox.discord.errors import Refusal, is_snowflake, not_found, unauthorized
from sandbox.discord.messages import File
from sandbox.discord.state import Json
from sandbox.faults import Fault, Faults
from sandbox.record import Record

Answer: TypeAlias = tuple[int, Any]


@dataclass(slots=True)
class Call:
    """One request, taken apart. `headers` may be added to by the handler."""

    method: str
    template: str
    parts: dict[str, str]
    query: Mapping[str, str]
    body: bodies.Body = field(default_factory=dict)
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


@dataclass(slots=True)
class Trip:
    """One call on its way, as the record tells of it. `scope`: the major parameter, with a token's interaction for it."""

    method: str
    scope: str
    channel: str
    message: str
    address: str
    began: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What the client is answered; `error` is Discord's code as the record has it."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


class Rest:
    """All routes, and what happens to a call before and after its handler.

    `latency`: sandbox seconds of every call's way, half of them before it counts and half after.
    `picky_user_agent`: shut out clients that do not name themselves as Discord asks ("DiscordBot (url, version)").
    """

    def __init__(self, clock: Clock, buckets: Buckets, faults: Faults, record: Record) -> None:
        self._clock, self._buckets, self._faults, self._record = clock, buckets, faults, record
        self._routes: list[Route] = []
        self.token = ""
        self.latency = 0.0
        self.picky_user_agent = False
        # Interaction token -> (interaction, channel, original): tokens are bearers and stay out of the record.
        self.about_token: Callable[[str], tuple[str, str, str]] = lambda _: ("unknown", "", "")

    def add(self, routes: Sequence[Route]) -> None:
        self._routes.extend(routes)

    @property
    def routes(self) -> Sequence[str]:
        return [route.name for route in self._routes]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        began, address = self._clock.now(), request.remote or ""
        await self._clock.sleep(self.latency / 2)
        path = "/" + request.rel_url.raw_path.partition("/api/v")[2].partition("/")[2]
        route, parts, others = self._match(request.method, path)
        # What is unknown is named by its first step only: a path may carry a token.
        method = route.name if route else f"{request.method} /{path.split('/')[1]}/..."
        interaction, channel, original = self.about_token(parts["t"]) if "t" in parts else ("", "", "")
        trip = Trip(
            method,
            interaction or parts.get("c") or parts.get("g") or "",
            channel or parts.get("c", ""),
            parts.get("m") or original,
            address,
            began,
        )
        ban = self._buckets.banned(address)
        if ban:
            self._note(trip, 429, "banned")
            return _blocked(math.ceil(self._clock.real(ban)))
        fault = self._faults.take(method, trip.channel)
        if fault is not None:
            await self._clock.sleep(fault.delay)
            if fault.drop == "before":
                self._note(trip, 0, "dropped")
                return _hang_up(request)
            if fault.answers:
                if fault.body is not None:
                    status = fault.status or 200
                    self._note(trip, status, "scripted")
                    return web.Response(status=status, text=fault.body, content_type="text/html")
                return await self._end(trip, self._scripted(fault, trip, route))
        reply = await self._answer(request, trip, route, parts, others=others)
        if fault is not None:
            await self._clock.sleep(fault.linger)
            if fault.drop == "after":
                self._note(trip, 0, "dropped after")
                return _hang_up(request)
        return await self._end(trip, reply)

    async def _end(self, trip: Trip, reply: Reply) -> web.Response:
        if reply.status in (401, 403, 429) and reply.headers.get("X-RateLimit-Scope") != "shared":
            self._buckets.invalid(trip.address)
        await self._clock.sleep(self.latency / 2)
        self._note(trip, reply.status, reply.error)
        return _json(reply)

    def _note(self, trip: Trip, status: int, error: str) -> None:
        self._record.add(
            "call",
            "discord",
            method=trip.method,
            scope=trip.scope,
            status=status,
            error=error,
            took=self._clock.now() - trip.began,
            channel=trip.channel,
            message=trip.message,
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

    async def _answer(
        self, request: web.Request, trip: Trip, route: Route | None, parts: dict[str, str], *, others: bool
    ) -> Reply:
        headers: dict[str, str] = {}
        try:
            route = self._admit(request, route, others=others)
            if route.counted:
                ruling = self._buckets.everywhere("bot")
                if ruling is not None:
                    return self._refused(trip, ruling)
            if route.limit:
                ruling = self._buckets.rule(route.limit, trip.scope, route.name)
                headers = ruling.headers
                if ruling.refused_by:
                    return self._refused(trip, ruling)
            _check_ids(parts)
            body, files = await bodies.read(request)
            call = Call(request.method, route.template, parts, request.query, body, files, dict(headers))
            status, answer = await route.handler(call)
        except TooFast as too_fast:
            return self._refused(trip, too_fast.ruling)
        except Refusal as refusal:
            return Reply(refusal.status, refusal.body, headers, str(refusal.code or refusal.status))
        trip.message = call.message or trip.message
        return Reply(status, answer, call.headers)

    def _admit(self, request: web.Request, route: Route | None, *, others: bool) -> Route:
        """The route, if it exists and the client may use it."""
        if self.picky_user_agent and not request.headers.get("User-Agent", "").startswith("DiscordBot ("):
            raise Refusal(40333, status=403, message="internal network error")
        if request.path.partition("/api/v")[2].partition("/")[0] not in ("9", "10"):
            raise Refusal(50041)
        if route is None:
            raise Refusal(0, status=405, message="405: Method Not Allowed") if others else not_found()
        if route.token and request.headers.get("Authorization") != f"Bot {self.token}":
            raise unauthorized()
        return route

    def _refused(self, trip: Trip, ruling: Ruling) -> Reply:
        self._record.add(
            "refused",
            "discord",
            method=trip.method,
            scope=trip.scope,
            limit=ruling.refused_by,
            retry_after=ruling.retry_after,
            channel=trip.channel,
            message=trip.message,
        )
        return too_many(ruling, self._clock.real(ruling.retry_after))

    def _scripted(self, fault: Fault, trip: Trip, route: Route | None) -> Reply:
        """The answer that a fault was scripted to give. A 429's `error` may say whose limit it is: "shared", "global"."""
        headers = self._buckets.peek(route.limit, trip.scope, route.name) if route and route.limit else {}
        code = int(fault.error) if fault.error.isdigit() else 0
        usual = Refusal(code)
        status = fault.status if fault.status is not None else usual.status
        if status == 429:
            wait = fault.retry_after if fault.retry_after is not None else 1.0
            kind = fault.error if fault.error in ("shared", "global") else "user"
            return self._refused(
                trip, Ruling({} if kind == "global" else headers, "scripted", wait, kind, code)
            )
        if code:
            return Reply(status, usual.body, headers, str(code))
        reasons = {
            500: "Internal Server Error",
            502: "Bad Gateway",
            503: "Service Unavailable",
            504: "Gateway Timeout",
        }
        text = f"{status}: {reasons.get(status, fault.error or 'Scripted')}"
        return Reply(status, {"message": text, "code": 0}, headers, str(status))


class TooFast(Exception):
    """A limit that only the handler could know of (edits of old messages) refuses."""

    def __init__(self, ruling: Ruling) -> None:
        self.ruling = ruling
        super().__init__(ruling.refused_by)


def too_many(ruling: Ruling, seconds: float) -> Reply:
    """A 429; `seconds` are real ones."""
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
    return Reply(429, body, headers, str(ruling.code or 429))


def _json(reply: Reply) -> web.Response:
    head = {"Via": "1.1 google", "Server": "cloudflare", **reply.headers}
    if reply.status == 204:
        return web.Response(status=204, headers=head)
    data = json.dumps(reply.body, separators=(",", ":")).encode()
    # Not json_response: that would add "; charset=utf-8", and some clients compare the type whole.
    return web.Response(status=reply.status, body=data, headers={**head, "Content-Type": "application/json"})


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
