"""Socket Mode: lines to Slack, kept up for months. Law: a socket is replaced, never trusted.

    a `disconnect` frame          the next socket is opened first, the old one goes on being read until it is up
    lost, reset, closed           the next is opened at once, then at growing intervals
    silence (no pong)             aiohttp's heartbeat closes it; as above
    apps.connections.open fails   429: after its Retry-After; a refusal (token revoked) each minute; else growing
    no `hello`                    taken all the same: an envelope is proof enough

Two lines are kept, the second as a spare: what Slack sends on a socket that has just died it tries once more at once,
and then only after a minute. With the spare that second try arrives. A server that does not like two sockets from one
app (it closes the older) tires the spare out, and one line remains.

The SDK's own Socket Mode client is not used. At a `disconnect` it closes the old socket before it asks for the next,
so that what arrives meanwhile is lost until Slack sends it again; and while connecting fails it tries the same
address for ever (`connect` in slack_sdk/socket_mode/aiohttp asks for a new one only once), although the ticket in it
is good for one connection. The envelopes are Bolt's: see `inbox`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.outcomes import DENIED, Failure, failure

log = logging.getLogger(__name__)

Deliver: TypeAlias = Callable[[dict[str, Any]], Awaitable[object]]
"""Takes an envelope's payload; what it returns goes into the acknowledgement, None: nothing does."""

DIAL_SECONDS = 15.0  # one attempt, from apps.connections.open to an open socket
HELLO_SECONDS = 5.0  # Slack says hello within a second or so
HEARTBEAT_SECONDS = 15.0  # a ping each; no pong within half of it closes the socket
LINGER_SECONDS = 10.0  # "warning" comes about ten seconds before the end of a socket
HANDLING_SECONDS = 2.0  # then the envelope is acknowledged all the same: Slack waits 3 s
STEADY_SECONDS = 10.0  # a socket that lived shorter counts as a failed attempt
LONGEST_PAUSE = 30.0
SPARE_PATIENCE = 3  # so many short lives in a row, and the spare rests
SPARE_REST = 3600.0
REFUSED_PAUSE = 60.0  # a revoked token or Socket Mode switched off: somebody has to act first
TOO_MANY = "too_many_websockets"
LARGEST_FRAME = 16 * 2**20  # aiohttp's own limit of 4 MiB would close the line over one big event


class Line:
    """Keeps one socket open and hands each envelope's payload to `deliver(payload)`, which has 2 s for it.

    `client` calls apps.connections.open. `trouble` is the code of the last failure, "" while all is well.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        client: AsyncWebClient,
        app_token: str,
        deliver: Deliver,
        *,
        spare: bool = False,
    ) -> None:
        self._session = session
        self._client = client
        self._app_token = app_token
        self._deliver = deliver
        self._spare = spare
        self._socket: Socket | None = None
        self._retired: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None
        self.trouble = ""

    @property
    def up(self) -> bool:
        return self._socket is not None and not self._socket.closed

    async def open(self) -> Failure | None:
        """One attempt at the first socket; from its success on the line keeps itself."""
        dialled = await self._dial()
        if isinstance(dialled, Failure):
            self.trouble = dialled.code
            return dialled
        self._socket = dialled
        self.keep()
        return None

    def keep(self) -> None:
        """Keep the line from now on, whether or not there is a socket yet."""
        self._keeper = asyncio.create_task(self._keep(), name="slack-line")

    async def close(self) -> None:
        tasks = [*self._retired, *([self._keeper] if self._keeper is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()
        self._socket = None

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        short_lives = 0
        while True:
            socket = self._socket = self._socket or await self._redial()
            born = loop.time()
            await socket.over.wait()
            short_lives = 0 if loop.time() - born >= STEADY_SECONDS else short_lives + 1
            log.info("the socket ends", extra={"reason": socket.reason, "seconds": round(loop.time() - born)})
            if self._spare and (short_lives >= SPARE_PATIENCE or socket.reason == TOO_MANY):
                await socket.close()
                log.info("the spare socket rests")
                await asyncio.sleep(SPARE_REST)
                short_lives = 0
            elif socket.reason == TOO_MANY:
                await socket.close()
            if short_lives:
                await asyncio.sleep(pause(short_lives))
            self._socket = await self._redial()
            self._retire(socket)

    async def _redial(self) -> Socket:
        """The next socket, however long it takes."""
        attempt = 0
        while True:
            dialled = await self._dial()
            if isinstance(dialled, Socket):
                if attempt:
                    log.info("connected again", extra={"attempts": attempt + 1})
                self.trouble = ""
                return dialled
            attempt += 1
            self.trouble = dialled.code
            if dialled.retry_after is not None:
                length = dialled.retry_after
            elif dialled.code in DENIED:
                length = REFUSED_PAUSE
            else:
                length = pause(attempt)
            log.warning(
                "no socket", extra={"code": dialled.code, "attempt": attempt, "again_in": round(length, 1)}
            )
            await asyncio.sleep(length)

    async def _dial(self) -> Socket | Failure:
        """One attempt: a fresh address, a socket, its hello. Never logs an address: it holds a ticket."""
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                answer = await self._client.apps_connections_open(app_token=self._app_token)
                url = answer.get("url")
                if not isinstance(url, str) or urlsplit(url).scheme not in ("ws", "wss"):
                    return Failure(200, "no_url")
                ws = await self._session.ws_connect(
                    url,
                    heartbeat=HEARTBEAT_SECONDS,
                    max_msg_size=LARGEST_FRAME,
                    proxy=_proxy(url),
                    timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
                )
        except (
            SlackClientError,
            aiohttp.ClientError,
            TimeoutError,
            OSError,
            ValueError,
            AttributeError,
        ) as error:
            # ValueError and AttributeError: see `outcomes.failure` on bodies that the SDK trips over.
            return failure(error)
        socket = Socket(ws, self._deliver)
        try:
            await socket.greeted()
        except asyncio.CancelledError:
            await socket.close()
            raise
        if socket.closed:
            await socket.close()
            return Failure(0, "closed_at_once")
        return socket

    def _retire(self, socket: Socket) -> None:
        """Envelopes may still be on their way on the old socket: it is read for a while, then closed."""

        async def linger() -> None:
            try:
                async with asyncio.timeout(LINGER_SECONDS):
                    await socket.ended()
            except TimeoutError:
                log.info("the old socket is closed from here")
            finally:
                await socket.close()

        task = asyncio.create_task(linger(), name="slack-line-retired")
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)


class Socket:
    """One WebSocket, read from its birth on. `over` is set when it should be, or has been, replaced."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, deliver: Deliver) -> None:
        self._ws = ws
        self._deliver = deliver
        self._hello = asyncio.Event()
        self.over = asyncio.Event()
        self.reason = ""
        self._reader = asyncio.create_task(self._read(), name="slack-socket")

    @property
    def closed(self) -> bool:
        return self._ws.closed or self._reader.done()

    async def greeted(self) -> None:
        """Slack's hello, or its first envelope, or that it is over, or that it does not speak for a while."""
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                await self._hello.wait()
        except TimeoutError:
            log.warning("the socket said no hello")

    async def ended(self) -> None:
        """The other side has closed it."""
        await asyncio.wait([self._reader])

    async def close(self) -> None:
        await self._ws.close()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self) -> None:
        try:
            async for frame in self._ws:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    await self._frame(frame.data)
        finally:
            self.reason = self.reason or "lost"
            self.over.set()
            self._hello.set()

    async def _frame(self, raw: str) -> None:
        try:
            frame = json.loads(raw)
        except ValueError:
            frame = None
        if not isinstance(frame, dict):
            log.warning("a frame that is not a JSON object was ignored", extra={"length": len(raw)})
            return
        kind = frame.get("type")
        self._hello.set()
        if kind == "disconnect":
            reason = frame.get("reason")
            self.reason = reason[:40] if isinstance(reason, str) else "asked"
            self.over.set()
        elif isinstance(frame.get("envelope_id"), str):
            await self._envelope(frame["envelope_id"], frame.get("payload"))

    async def _envelope(self, envelope: str, payload: object) -> None:
        """Handled, then acknowledged whatever came of it: sent again it would be no better."""
        answer: object = None
        if isinstance(payload, dict):
            try:
                async with asyncio.timeout(HANDLING_SECONDS):
                    answer = await self._deliver(payload)
            except Exception as error:  # noqa: BLE001  one strange payload shall not take the line down
                log.error(  # noqa: TRY400  a traceback could quote the payload
                    "an envelope could not be handled",
                    extra={"error": type(error).__name__},
                )
        else:
            log.warning("an envelope without a payload was acknowledged", extra={"envelope": envelope[:40]})
        acknowledgement = {"envelope_id": envelope, **({} if answer is None else {"payload": answer})}
        try:
            await self._ws.send_str(json.dumps(acknowledgement))
        except (ConnectionError, aiohttp.ClientError, RuntimeError):
            # The socket went meanwhile. Slack sends the envelope again, and the inbox knows it by its key.
            log.info("an acknowledgement could not be sent", extra={"envelope": envelope[:40]})


def pause(failures: int) -> float:
    """Seconds before the next attempt: doubled each time, and spread, so that a fleet does not return as one."""
    spread = random.uniform(0.5, 1.0)  # noqa: S311  not a secret
    return min(LONGEST_PAUSE, 0.5 * float(2 ** min(failures - 1, 10))) * spread


def _proxy(url: str) -> str | None:
    """The environment's proxy for https also carries wss; aiohttp would look for a WSS_PROXY."""
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return urllib.request.getproxies().get("https" if parts.scheme == "wss" else "http")
