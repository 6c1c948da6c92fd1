"""The Messages API over HTTP. Law: what the client closes ends at once, and everything said is in the record.

`claude.requests` keeps every request with its whole body, so that a test can read what context the bot sent;
nothing of it is logged or written to disk.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

from aiohttp import web

from sandbox.claude import conversation, models, prompt
from sandbox.claude.budgets import Budgets
from sandbox.claude.choice import Choice, Request
from sandbox.claude.script import Fault, Piece, Script
from sandbox.claude.stream import PING, Frame, Step, Stream, whole
from sandbox.claude.usage import Cache, input_tokens, tokens
from sandbox.claude.validation import MAX_BODY, Checked, Refusal, check
from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Record

# A wait is cut into slices of this many real seconds, so that a change of the clock's scale is felt at once.
_SLICE = 0.25
# What reads a body follows it down; no tool's schema is nested as deeply as this.
_DEEPEST = 200
_ID = web.RequestKey("id", str)
_RST = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: closing sends a reset


class _Broken(Exception):
    """The connection was closed on purpose; `answered`: after the response's headers."""

    def __init__(self, *, answered: bool) -> None:
        self.answered = answered
        super().__init__()


class ClaudeServer:
    """A local Claude. Times are sandbox seconds, except in headers, which speak to a real client."""

    def __init__(self, clock: Clock, limits: Limits, record: Record) -> None:
        self.clock, self.limits, self.record = clock, limits, record
        self.api_key = "sk-ant-sandbox-000000000000"
        self.speed = 120.0  # characters per second; Claude's own is between 100 and 400
        self.requests: list[Request] = []
        self.url = ""
        self._choice = Choice()
        self._cache = Cache(clock)
        self._budgets = Budgets(clock, limits)
        self._runner: web.AppRunner | None = None
        self._stopping = False
        self._hanging: set[asyncio.Task[Any]] = set()
        clock.declare("claude.first_byte", 0.1)
        clock.declare("claude.first_text", 0.1)
        clock.declare("claude.thinking", 1.5)
        clock.declare("claude.ping", 15.0)  # observed by others: every 15 to 30 s

    @property
    def api_url(self) -> str:
        """What ANTHROPIC_BASE_URL takes: without /v1, which the SDK adds."""
        return self.url

    # ------------------------------------------------------------------------------------------------ control

    def script(self, *answers: Piece, when: str = "") -> None:
        """Queue what the next requests get, one each, in order. A `Fault` strikes whatever is answered, for its `times`.

        `when`: only requests whose question contains it. The queue comes after `respond` and before the prompt.
        """
        for piece in answers:
            self._choice.queue(piece, when)

    def fault(self, fault: Fault | str, *, when: str = "") -> None:
        """`claude.fault("fin@300")` or `claude.fault(Fault("http", status=529, times=2))`."""
        self.script(prompt.fault(fault, times=1) if isinstance(fault, str) else fault, when=when)

    def clear(self) -> None:
        """Forget what is queued."""
        self._choice.clear()

    @property
    def queued(self) -> int:
        """How many answers and faults are still waiting."""
        return len(self._choice)

    @property
    def respond(self) -> Callable[[Request], Script | None] | None:
        """A test's own answer to each request; None from it, or None here, falls through to the queue."""
        return self._choice.respond

    @respond.setter
    def respond(self, hook: Callable[[Request], Script | None] | None) -> None:
        self._choice.respond = hook

    # ------------------------------------------------------------------------------------------------ lifetime

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        app = web.Application(client_max_size=MAX_BODY, middlewares=[self._guard])
        app.router.add_post("/v1/messages", self._messages)
        app.router.add_post("/v1/messages/count_tokens", self._count)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/v1/models/{id}", self._model)
        # Cancelling the handler is how a client that has gone away is noticed at once, also in the middle of a wait.
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner, self._stopping = runner, False
        self.url = f"http://{host}:{runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close everything; answers that are going on end with the reason "server stopped"."""
        self._stopping = True
        if self._runner is not None:
            # Open streams would otherwise be waited for; nobody will read their ends.
            for task in tuple(self._hanging):
                task.cancel()
            await self._runner.cleanup()
            self._runner = None

    # ------------------------------------------------------------------------------------------------ the frame of every call

    @web.middleware
    async def _guard(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        """Key, version, budget; and every error in the API's own shape."""
        request_id = f"req_011C{len(self.record):019d}"
        request[_ID] = request_id
        began = self.clock.now()
        scope = f"{request.method} {request.path}"
        try:
            self._authenticate(request)
            response: web.StreamResponse = await handler(request)
        except Refusal as refusal:
            self._call(scope, refusal.status, refusal.error, began)
            return self._refused(refusal, request_id)
        except web.HTTPRequestEntityTooLarge:
            self._call(scope, 413, "request_too_large", began)
            return self._refused(Refusal(413), request_id)
        except web.HTTPException as error:
            wrong = Refusal(error.status, "Method Not Allowed" if error.status == 405 else "Not Found")
            self._call(scope, wrong.status, wrong.error, began)
            return self._refused(wrong, request_id)
        except _Broken as broken:
            if not broken.answered:
                self._call(scope, 0, "connection broken", began)
            # Nobody reads this; aiohttp wants something that it fails to send.
            return web.Response()
        if not response.prepared:
            self._call(scope, response.status, "", began)
            response.headers.update(self._budgets.headers(request_id))
        return response

    def _call(self, method: str, status: int, error: str, began: float) -> None:
        self.record.add(
            "call",
            "claude",
            method=method,
            scope=self.api_key[-4:],
            status=status,
            error=error,
            took=self.clock.now() - began,
        )

    def _authenticate(self, request: web.Request) -> None:
        bearer = request.headers.get("Authorization", "")
        key = bearer[7:] if bearer[:7].lower() == "bearer " else request.headers.get("x-api-key", "")
        if not key:
            raise Refusal(401, "Authentication is required: send `Authorization: Bearer` or `x-api-key`.")
        if key.strip() != self.api_key:
            raise Refusal(401)
        if request.path.startswith("/v1/") and not request.headers.get("anthropic-version"):
            raise Refusal(400, "anthropic-version: header is required")

    def _refused(self, refusal: Refusal, request_id: str) -> web.Response:
        headers = self._budgets.refusal_headers(refusal, request_id)
        return web.json_response(refusal.body(request_id), status=refusal.status, headers=headers)

    # ------------------------------------------------------------------------------------------------ the small endpoints

    async def _body(self, request: web.Request) -> dict[str, Any]:
        if int(request.headers.get("Content-Length") or 0) > MAX_BODY:
            raise Refusal(413)
        raw = await request.read()
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise Refusal(400, f"The request body is not valid JSON: {error}") from None
        if not isinstance(body, dict):
            raise Refusal(400, "Input should be a valid dictionary")
        if _deeper(body, _DEEPEST):
            raise Refusal(400, f"The request body is nested more than {_DEEPEST} levels deep")
        return body

    async def _count(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        check(body, version=request.headers["anthropic-version"], counting=True)
        return web.json_response({"input_tokens": input_tokens(body)})

    async def _models(self, request: web.Request) -> web.Response:
        known = list(models.MODELS)
        try:
            limit = int(request.query.get("limit", "20"))
        except ValueError:
            raise Refusal(400, "limit: Input should be a valid integer") from None
        if not 1 <= limit <= 1000:
            raise Refusal(400, "limit: Input should be between 1 and 1000")
        after, before = request.query.get("after_id"), request.query.get("before_id")
        if after in known:
            known = known[known.index(after) + 1 :]
        if before in known:
            known = known[: known.index(before)]
        page = known[:limit]
        return web.json_response(
            {
                "data": [models.MODELS[name].info() for name in page],
                "has_more": len(known) > len(page),
                "first_id": page[0] if page else None,
                "last_id": page[-1] if page else None,
            }
        )

    async def _model(self, request: web.Request) -> web.Response:
        model = models.find(request.match_info["id"])
        if model is None:
            raise Refusal(404, f"model: {request.match_info['id']}")
        return web.json_response(model.info())

    # ------------------------------------------------------------------------------------------------ an answer

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        kept = {name: value for name, value in request.headers.items() if name.lower() not in _SECRET}
        asked = Request(len(self.requests) + 1, request[_ID], self.clock.now(), body, kept)
        self.requests.append(asked)
        self.record.add(
            "asked",
            "claude",
            request=asked.number,
            model=asked.model,
            prompt=sum(len(conversation.words(message)) for message in asked.messages),
            question=asked.question,
        )
        task = asyncio.current_task()
        assert task is not None
        self._hanging.add(task)
        try:
            response = await self._answer(request, asked)
        except Refusal as refusal:
            asked.status = refusal.status
            self._ended(asked, f"{refusal.status} {refusal.error}")
            raise
        except asyncio.CancelledError:
            self._ended(asked, "server stopped" if self._stopping else "closed by client")
            raise
        except ConnectionError:
            self._ended(asked, "closed by client")
            raise
        finally:
            self._hanging.discard(task)
        return response

    def _ended(self, asked: Request, reason: str) -> None:
        if not asked.ended:
            asked.ended = reason
            self.record.add(
                "ended", "claude", request=asked.number, reason=reason, characters=len(asked.said)
            )

    async def _answer(self, request: web.Request, asked: Request) -> web.StreamResponse:
        checked = check(asked.body, version=request.headers["anthropic-version"])
        self._budgets.take()
        thinking = self.clock.duration("claude.thinking") if checked.thinks else None
        script = self._choice.choose(asked, self.requests, thinking=thinking)
        first = self.clock.duration("claude.first_byte") if script.first_byte is None else script.first_byte
        for fault in script.faults:
            if fault.kind == "http":
                raise Refusal(
                    fault.status,
                    fault.message,
                    error=fault.error,
                    error_code=fault.error_code,
                    retry_after=5.0
                    if fault.retry_after is None and fault.status == 429
                    else fault.retry_after,
                )
            if fault.kind == "drop":
                raise self._hang_up(request, asked, reset=False)
            if fault.kind == "slow":
                first += fault.length
        await self._until(self.clock.now() + first)
        frame = self._frame(asked, checked, script)
        self._budgets.input.spend(frame.usage["input_tokens"] + frame.usage["cache_creation_input_tokens"])
        asked.status = 200
        if asked.streams:
            return await self._stream(request, asked, script, frame)
        return await self._whole(request, asked, script, frame)

    def _frame(self, asked: Request, checked: Checked, script: Script) -> Frame:
        first_text = (
            self.clock.duration("claude.first_text") if script.first_text is None else script.first_text
        )
        tools = asked.body.get("tools") or []
        offered = [str(tool["name"]) for tool in tools if tool.get("name") and "input_schema" in tool]
        return Frame(
            message_id=f"msg_01{asked.number:022d}",
            request_id=asked.id,
            model=checked.model.id,
            usage=self._cache.usage(asked.body, checked.model),
            max_tokens=checked.max_tokens,
            stops=checked.stops,
            display=checked.display,
            tool=offered[0] if offered else "get_weather",
            first_text=first_text,
        )

    # ------------------------------------------------------------------------------------------------ over the wire

    async def _whole(
        self, request: web.Request, asked: Request, script: Script, frame: Frame
    ) -> web.StreamResponse:
        for fault in script.faults:
            if fault.kind in ("error", "bad_json"):
                status = 529 if fault.error in ("", "overloaded_error") else 500
                raise Refusal(status, fault.message, error=fault.error)
            if fault.kind in ("fin", "rst", "unfinished"):
                raise self._hang_up(request, asked, reset=fault.kind == "rst")
            if fault.kind in ("stall", "pings"):
                await self._until(self.clock.now() + fault.length)
        message, script = whole(script, frame)
        await self._until(self.clock.now() + len(script.text) / (script.speed or self.speed))
        asked.hear(script.text)
        self._budgets.output.spend(message["usage"]["output_tokens"])
        self.record.add("said", "claude", request=asked.number, characters=len(asked.said))
        self._ended(asked, script.stop_reason)
        return web.json_response(message)

    async def _stream(
        self, request: web.Request, asked: Request, script: Script, frame: Frame
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=self._budgets.headers(asked.id) | _SSE)
        response.enable_chunked_encoding()
        await response.prepare(request)
        self._call("POST /v1/messages", 200, "", asked.at)
        due = self.clock.now()
        reason = "unfinished"
        for step in _replay(script.raw) if script.raw is not None else Stream(script, frame):
            # The server's own speed is read each time: somebody may turn it up in the middle of an answer.
            due += step.pause + step.weight / (script.speed or self.speed)
            await self._pass(response, step, due)
            if step.data:
                await _write(response, step.data, script.write)
            if step.text:
                asked.hear(step.text)
                self.record.add("said", "claude", request=asked.number, characters=len(asked.said))
            if step.close in ("fin", "rst"):
                raise self._hang_up(request, asked, reset=step.close == "rst")
            reason = step.ends or reason
        await response.write_eof()
        self._budgets.output.spend(tokens(asked.said))
        self._ended(asked, reason)
        return response

    async def _pass(self, response: web.StreamResponse, step: Step, due: float) -> None:
        """Wait until a step is due; a wait longer than the pings' interval has pings in it, unless it is a stall."""
        silent = step.pause and not step.data and not step.pings
        every = self.clock.duration("claude.ping") if not step.pings else min(1.0, step.pause / 4)
        if not silent:
            while due - self.clock.now() > every:
                await self._until(self.clock.now() + every)
                await response.write(PING)
        await self._until(due)

    async def _until(self, due: float) -> None:
        """Wait for a time of the sandbox's clock. Always gives way once, also when it is late."""
        await asyncio.sleep(0)
        while True:
            left = due - self.clock.now()
            if left <= 0:
                return
            await asyncio.sleep(min(_SLICE, self.clock.real(left)))

    def _hang_up(self, request: web.Request, asked: Request, *, reset: bool) -> _Broken:
        """Break the connection as a script wants it; raise what this returns."""
        self._ended(asked, "reset" if reset else "cut")
        transport = request.transport
        if transport is not None and reset:
            raw = transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
            transport.abort()
        elif transport is not None:
            transport.close()
        return _Broken(answered=asked.status == 200)


_SECRET = frozenset({"authorization", "x-api-key", "cookie"})
_SSE = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}


def _deeper(value: Any, levels: int) -> bool:
    """Whether JSON is nested deeper than so many levels; without recursion, which is what it protects."""
    layer = [value]
    for _ in range(levels):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not layer:
            return False
    return True


async def _write(response: web.StreamResponse, data: bytes, size: int | None) -> None:
    """Events end where the socket's writes end, unless a size says otherwise."""
    for at in range(0, len(data), size or len(data)):
        await response.write(data[at : at + (size or len(data))])
        if size:
            # Without giving way the writes would travel in one segment.
            await asyncio.sleep(0)


def _replay(raw: bytes) -> Iterator[Step]:
    """A recorded body, event by event and byte for byte; what it says is read only for the record."""
    chunks = raw.split(b"\n\n")
    for number, chunk in enumerate(chunks, start=1):
        text, ends = "", ""
        for line in chunk.splitlines():
            fields = _fields(line)
            if fields.get("type") == "text_delta":
                text += str(fields.get("text", ""))
            ends = str(fields.get("stop_reason") or ends)
        # What follows the last blank line may be nothing, or an event that was recorded without one.
        yield Step(chunk if number == len(chunks) else chunk + b"\n\n", text, weight=len(text), ends=ends)


def _fields(line: bytes) -> dict[str, Any]:
    """The delta of one line of data; empty where there is none."""
    if not line.startswith(b"data:"):
        return {}
    try:
        data = json.loads(line[5:])
    except ValueError:
        return {}
    delta = data.get("delta") if isinstance(data, dict) else None
    return delta if isinstance(delta, dict) else {}
