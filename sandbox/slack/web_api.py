"""The Web API's front door: token, scripted faults, budgets, then the method. Law: every call is answered as Slack
answers it, and written into the record.

The methods themselves stand in chat.py, streams.py, conversations.py, files.py and surfaces.py.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from aiohttp import web

from sandbox.clock import Clock
from sandbox.faults import Fault, Faults
from sandbox.limits import Limits
from sandbox.record import Record
from sandbox.slack import arguments
from sandbox.slack.arguments import Arguments
from sandbox.slack.methods import METHODS, Method, budgets
from sandbox.slack.nouns import TEAM
from sandbox.slack.refusals import SlackError

Handler: TypeAlias = Callable[[Arguments], Awaitable[dict[str, Any]]]


class Tokens:
    """Who may call. `revoked` is the code that every call meets from then on ("token_revoked"), "" while all is well."""

    def __init__(self, bot: str, app: str, scopes: set[str]) -> None:
        self.bot = bot
        self.app = app
        self.scopes = scopes
        self.revoked = ""

    def check(self, token: str, method: Method) -> None:
        if not token:
            raise SlackError("not_authed")
        if token not in (self.bot, self.app):
            raise SlackError("invalid_auth")
        if self.revoked:
            raise SlackError(self.revoked)
        kind = "bot" if token == self.bot else "app"
        if method.token not in (kind, "any"):
            raise SlackError("not_allowed_token_type")
        if kind == "bot" and method.scopes and not self.scopes.intersection(method.scopes):
            raise SlackError(
                "missing_scope", needed=",".join(method.scopes), provided=",".join(sorted(self.scopes))
            )


@dataclass(slots=True)
class Call:
    """One request on its way through."""

    request: web.Request
    name: str
    came: float
    channel: str = ""


class WebApi:
    """POST or GET /api/{method}."""

    def __init__(self, clock: Clock, limits: Limits, record: Record, faults: Faults, tokens: Tokens) -> None:
        self._clock = clock
        self._limits = limits
        self._record = record
        self._faults = faults
        self._tokens = tokens
        self.handlers: dict[str, Handler] = {}
        self.resolve: Callable[[str], str] = lambda channel: channel

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = Call(request, request.match_info["method"], self._clock.now())
        method = METHODS.get(call.name)
        if method is None or call.name not in self.handlers:
            return self._answer(call, {"ok": False, "error": "unknown_method", "req_method": call.name})
        try:
            said, token = await arguments.read(request, takes_json=method.json)
            self._tokens.check(token, method)
        except SlackError as refused:
            return self._answer(call, refused.as_json())
        except web.HTTPRequestEntityTooLarge:
            return self._answer(call, {"ok": False, "error": "request_too_large"}, status=413)
        call.channel = self._channel_of(said)
        fault = self._faults.take(call.name, call.channel)
        if fault is not None:
            await self._clock.sleep(fault.delay)
            if fault.drop == "before":
                return self._hang_up(call)
            if fault.answers:
                return self._scripted(call, fault)
        refusal = self._spend(method, call.channel)
        if refusal is not None:
            limit, retry_after = refusal
            return self._too_many(call, limit, retry_after)
        body = await self._apply(method, said)
        if fault is not None:
            await self._clock.sleep(fault.linger)
            if fault.drop == "after":
                return self._hang_up(call)
        return self._answer(call, body)

    async def _apply(self, method: Method, said: Arguments) -> dict[str, Any]:
        try:
            said.need(*method.needs)
            body = {"ok": True, **await self.handlers[method.name](said)}
        except SlackError as refused:
            body = refused.as_json()
        return body if said.charset else _warned(body, "missing_charset")

    def _channel_of(self, said: Arguments) -> str:
        try:
            # setStatus calls it channel_id.
            return self.resolve(said.text("channel") or said.text("channel_id"))
        except SlackError:
            return ""

    def _spend(self, method: Method, channel: str) -> tuple[str, float] | None:
        """(limit, how long to wait) where a budget is empty. A refused call spends nothing of the other budgets."""
        now = self._clock.now()
        wanted = budgets(method, TEAM, channel)
        if self._limits.enforced:
            for name, scope in wanted:
                if not self._limits.gate(name, scope).look(now).allowed:
                    return name, self._limits.take(name, scope, now).retry_after
        for name, scope in wanted:
            self._limits.take(name, scope, now)
        return None

    # ------------------------------------------------------------------------------------------------ answering

    def _answer(
        self,
        call: Call,
        body: dict[str, Any],
        *,
        status: int = 200,
        retry_after: int | None = None,
        raw: str | None = None,
    ) -> web.Response:
        message = str(body.get("ts") or body.get("message_ts") or "")
        self._recorded(call, status, "" if body["ok"] else str(body["error"]), message)
        headers = {"X-OAuth-Scopes": ",".join(sorted(self._tokens.scopes))}
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        if raw is not None:
            return web.Response(text=raw, status=status, headers=headers)
        return web.json_response(body, status=status, headers=headers)

    def _recorded(self, call: Call, status: int, error: str, message: str = "") -> None:
        self._record.add(
            "call",
            "slack",
            method=call.name,
            scope=TEAM,
            status=status,
            error=error,
            took=self._clock.now() - call.came,
            channel=call.channel,
            message=message,
        )

    def _too_many(
        self, call: Call, limit: str, retry_after: float, *, raw: str | None = None
    ) -> web.Response:
        self._record.add(
            "refused",
            "slack",
            method=call.name,
            scope=TEAM,
            limit=limit,
            retry_after=retry_after,
            channel=call.channel,
        )
        # Slack gives whole seconds.
        seconds = max(1, math.ceil(self._clock.real(retry_after) - 1e-9))
        return self._answer(
            call, {"ok": False, "error": "ratelimited"}, status=429, retry_after=seconds, raw=raw
        )

    def _scripted(self, call: Call, fault: Fault) -> web.Response:
        status = fault.status or 200
        if status == 429:
            wait = 1.0 if fault.retry_after is None else fault.retry_after
            return self._too_many(call, "scripted", wait, raw=fault.body)
        body = {"ok": False, "error": fault.error or ("internal_error" if status >= 500 else "fatal_error")}
        return self._answer(call, body, status=status, raw=fault.body)

    def _hang_up(self, call: Call) -> web.Response:
        """Close the connection; what is returned here is never sent."""
        self._recorded(call, 0, "connection closed")
        if call.request.transport is not None:
            call.request.transport.close()
        return web.Response()


def _warned(body: dict[str, Any], warning: str) -> dict[str, Any]:
    metadata = dict(body.get("response_metadata") or {})
    metadata["warnings"] = [*metadata.get("warnings", ()), warning]
    return {**body, "warning": warning, "response_metadata": metadata}
