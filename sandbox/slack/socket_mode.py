"""Socket Mode: hello, envelopes, acknowledgements, disconnects. Law: an envelope goes to one of the open connections."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.slack.arguments import Arguments, decoded
from sandbox.slack.delivery import Acked, Missed, Route
from sandbox.slack.nouns import APP
from sandbox.slack.workspace import Workspace

MOST_CONNECTIONS = 10  # documented
HEARTBEAT = 30.0  # real seconds: a client that died without closing is noticed
CLOSE_TIMEOUT = 2.0  # real seconds: a client that never answers a close is cut off


class Connection:
    """One open WebSocket of the bot."""

    def __init__(self, number: int, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.number = number
        self.socket = socket
        self._request = request
        self.waiting: dict[str, asyncio.Future[Any]] = {}

    @property
    def open(self) -> bool:
        return not self.socket.closed

    async def send(self, message: dict[str, Any]) -> bool:
        """Whether it left; False where the connection has just gone."""
        try:
            await self.socket.send_str(json.dumps(message))
        except (ConnectionError, RuntimeError):
            return False
        return True

    def cut(self) -> None:
        """Break the connection without a close frame."""
        if self._request.transport is not None:
            self._request.transport.abort()

    def lost(self) -> None:
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(ConnectionResetError("the connection closed before the acknowledgement"))


class SocketMode:
    """apps.connections.open, the sockets it leads to, and the road for envelopes."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._clock = workspace.clock
        self._record = workspace.record
        self._tickets: dict[str, float] = {}
        self._numbers = itertools.count(1)
        self._turn = itertools.count()
        self._arrived = asyncio.Condition()
        self.connections: list[Connection] = []
        self.swallowed = 0  # so many of the next acknowledgements are ignored

    async def open(self, _said: Arguments) -> dict[str, Any]:
        ticket = secrets.token_urlsafe(16)
        self._tickets[ticket] = self._clock.now() + self._clock.duration("slack.ticket")
        address = self._workspace.url.replace("http", "ws", 1)
        return {"url": f"{address}/link/?ticket={ticket}&app_id={APP}"}

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/link/", self.link)]

    async def link(self, request: web.Request) -> web.StreamResponse:
        until = self._tickets.pop(request.query.get("ticket", ""), None)
        if until is None or until < self._clock.now():
            return web.Response(status=401, text="invalid ticket")
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, timeout=CLOSE_TIMEOUT)
        if not socket.can_prepare(request).ok:
            return web.Response(status=400, text="a WebSocket is expected")
        await socket.prepare(request)
        connection = Connection(next(self._numbers), socket, request)
        if len(self.connections) >= MOST_CONNECTIONS:
            await connection.send(_disconnect("too_many_websockets"))
            await socket.close()
            return socket
        await self._serve(connection)
        return socket

    async def _serve(self, connection: Connection) -> None:
        hello = {
            "type": "hello",
            "num_connections": len(self.connections) + 1,
            "connection_info": {"app_id": APP},
            "debug_info": {
                "host": "applink-sandbox",
                "build_number": 1,
                "approximate_connection_time": int(
                    self._clock.real(self._clock.duration("slack.connection"))
                ),
            },
        }
        if not await connection.send(hello):
            return
        async with self._arrived:
            self.connections.append(connection)
            self._arrived.notify_all()
        self._record.add("connected", "slack", connection=connection.number, open=len(self.connections))
        ageing = asyncio.create_task(self._age(connection))
        try:
            async for message in connection.socket:
                if message.type is WSMsgType.TEXT:
                    self._heard(connection, message.data)
        finally:
            ageing.cancel()
            self.connections.remove(connection)
            connection.lost()
            self._record.add(
                "disconnected", "slack", connection=connection.number, open=len(self.connections)
            )

    async def _age(self, connection: Connection) -> None:
        """Every few hours Slack refreshes a connection, with a warning some seconds before."""
        await self._clock.sleep(
            self._clock.duration("slack.connection") - self._clock.duration("slack.warning")
        )
        await self.warn(connection)

    def _heard(self, connection: Connection, text: str) -> None:
        """Anything but an acknowledgement is ignored, as is one that comes late or twice."""
        try:
            message = decoded(text)
        except ValueError:
            return
        if not isinstance(message, dict) or not isinstance(message.get("envelope_id"), str):
            return
        if self.swallowed > 0:
            self.swallowed -= 1
            return
        future = connection.waiting.get(message["envelope_id"])
        if future is not None and not future.done():
            future.set_result(message.get("payload"))

    # ------------------------------------------------------------------------------------------------ sending

    async def carry(
        self, route: Route, payload: dict[str, Any], *, attempt: int, reason: str
    ) -> Acked | Missed:
        envelope_id = str(_uuid())
        envelope: dict[str, Any] = {
            "envelope_id": envelope_id,
            "type": route,
            "accepts_response_payload": route != "events_api",
            "payload": payload,
        }
        if route == "events_api":
            envelope |= {"retry_attempt": attempt, "retry_reason": reason}
        try:
            async with asyncio.timeout(self._clock.real(self._clock.duration("slack.ack"))):
                return await self._exchange(envelope_id, envelope)
        except TimeoutError:
            return Missed("timeout")

    async def _exchange(self, envelope_id: str, envelope: dict[str, Any]) -> Acked | Missed:
        connection = await self._pick()
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        connection.waiting[envelope_id] = future
        try:
            if not await connection.send(envelope):
                return Missed("connection_failed")
            return Acked(await future)
        except ConnectionResetError:
            return Missed("connection_failed")
        finally:
            connection.waiting.pop(envelope_id, None)
            future.cancel()

    async def _pick(self) -> Connection:
        """The connections take turns; while there is none, wait for one."""
        async with self._arrived:
            while True:
                living = [connection for connection in self.connections if connection.open]
                if living:
                    return living[next(self._turn) % len(living)]
                await self._arrived.wait()

    # ------------------------------------------------------------------------------------------------ faults

    async def warn(self, connection: Connection) -> None:
        """Say that the connection will be refreshed, and do it some seconds later."""
        await connection.send(_disconnect("warning"))
        self._workspace.spawn(self._refresh(connection))

    async def _refresh(self, connection: Connection) -> None:
        await self._clock.sleep(self._clock.duration("slack.warning"))
        if connection.open:
            await self.disconnect(connection, "refresh_requested")

    async def disconnect(self, connection: Connection, reason: str) -> None:
        """With a reason: say so, then close; without one: cut the line."""
        if reason == "warning":
            await self.warn(connection)
        elif reason:
            await connection.send(_disconnect(reason))
            await connection.socket.close()
        else:
            connection.cut()

    async def close(self) -> None:
        await asyncio.gather(*(connection.socket.close() for connection in tuple(self.connections)))


def _disconnect(reason: str) -> dict[str, Any]:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-sandbox"}}


def _uuid() -> str:
    token = secrets.token_hex(16)
    return f"{token[:8]}-{token[8:12]}-{token[12:16]}-{token[16:20]}-{token[20:]}"
