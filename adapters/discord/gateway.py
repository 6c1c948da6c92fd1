"""The Gateway connection, kept for months. Law: whatever breaks is joined again, later each time, and RESUMEd where it can be.

discord.py does the protocol: frames, heartbeats, compression, the cache of channels. Three things it does not do for
a service that nobody watches, so the loop around it is ours (`Client.connect` is not used):

- it reconnects at once and for ever after a resumable close: a server that accepts and closes gets a storm, and each
  IDENTIFY of it is taken from 1000 a day, after which Discord resets the bot's token (docs: Gateway, session start);
- a payload that its parser cannot read ends `Client.connect` with that parser's exception;
- it never asks `GET /gateway/bot`, so a server of another address is not found after an invalidated session.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import aiohttp
import discord
import yarl
from discord.gateway import ReconnectWebSocket

from adapters.discord.client import Client, Handler, Socket, point_at
from adapters.discord.rest import Rest
from bot.ports import ConnectError

_log = logging.getLogger(__name__)

OWN_API: Final = "https://discord.com/api/v10"

STARTUP_SECONDS: Final = 30.0
"""How long the first connection may take, tries included, before whoever starts us is told."""

HELLO_SECONDS: Final = 30.0
"""From opening the socket to the IDENTIFY or RESUME sent."""

READY_SECONDS: Final = 60.0
"""From there to READY or RESUMED, with all that a RESUME replays: a session that is never given is not waited for."""

STEADY_SECONDS: Final = 30.0
"""A connection that has lived this long was a good one: the next trouble starts from the shortest pause."""

RESUME_CAP_SECONDS: Final = 15.0
IDENTIFY_CAP_SECONDS: Final = 60.0
"""At most 720 IDENTIFYs a day, under the 1000 that Discord allows (docs: session start limit)."""

IDENTIFY_APART_SECONDS: Final = 5.0
"""Documented: `max_concurrency` IDENTIFYs per 5 s, and that is 1 for a bot of this size."""

HOPELESS_SECONDS: Final = 900.0
"""Between tries when Discord refuses the token or the shard: somebody must act, and may."""

FRUITLESS: Final = 3
"""RESUMEs without success before a fresh IDENTIFY at the address that the API names."""

AUTHENTICATION_FAILED: Final = 4004
SHARDING_REQUIRED: Final = 4011
DISALLOWED_INTENTS: Final = 4014

CLOSES: Final[Mapping[int, str]] = {
    AUTHENTICATION_FAILED: "Discord's Gateway refuses the bot token (4004): reset it in the Developer Portal under Bot and set DISCORD_BOT_TOKEN.",
    4010: "Discord's Gateway refuses the shard (4010).",
    SHARDING_REQUIRED: "Discord's Gateway wants this bot sharded (4011): it is in more than 2500 servers.",
    4012: "Discord's Gateway refuses the API version (4012).",
    4013: "Discord's Gateway refuses the intents (4013).",
}

NO_CONTENT: Final = (
    "Discord refuses the message content intent, so follow-ups without a mention are not seen; mentions, direct messages "
    "and /ask work. To switch it on: Developer Portal, the application, Bot, Privileged Gateway Intents, Message Content; "
    "then restart."
)

REFUSED: Final = "Discord refuses DISCORD_BOT_TOKEN (401): copy the token from the Developer Portal, the application, Bot, Reset Token."


@dataclass(slots=True)
class _Seat:
    """Where a session can be resumed."""

    session: str | None = None
    sequence: int | None = None
    url: yarl.URL | None = None
    fruitless: int = 0

    @property
    def resumable(self) -> bool:
        return self.session is not None and self.sequence is not None and self.fruitless < FRUITLESS


class Gateway:
    """Keeps one session. `handlers` get raw payloads by event name and must return at once."""

    def __init__(
        self,
        *,
        token: str,
        api_url: str,
        rest: Rest,
        trace: Callable[[], aiohttp.TraceConfig],
        handlers: Mapping[str, Handler],
        logged_in: Callable[[Gateway], None],
    ) -> None:
        self._token = token
        self._api_url = api_url
        self._rest = rest
        self._trace = trace
        self._handlers = handlers
        self._logged_in = logged_in
        self._content = True
        self._client: Client | None = None
        self._ws: Socket | None = None
        self._seat = _Seat()
        self._ready = asyncio.Event()
        self._connected = False
        self._trouble = ""
        self._failures = 0
        self._identified = float("-inf")
        self._task: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------------------------------------ what others ask

    @property
    def client(self) -> discord.Client:
        if self._client is None:
            raise RuntimeError("the Gateway is asked for its client before it was opened")
        return self._client

    @property
    def connected(self) -> bool:
        return self._connected

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence for each thing that is missing now."""
        notes = [] if self._content else [NO_CONTENT]
        if not self._connected:
            notes.append(self._trouble or "Discord's Gateway is not connected; trying again.")
        return tuple(notes)

    # ------------------------------------------------------------------------------------------------------- lifetime

    async def open(self) -> None:
        """Log in and wait for the first READY. Raises ConnectError with a sentence."""
        if not self._token or not self._token.isascii() or any(sign.isspace() for sign in self._token):
            raise ConnectError(REFUSED)
        loop = asyncio.get_running_loop()
        until = loop.time() + STARTUP_SECONDS
        await self._log_in(until)
        self._task = loop.create_task(self._keep(), name="discord:gateway")
        ready = loop.create_task(self._ready.wait())
        try:
            await asyncio.wait(
                (ready, self._task), timeout=until - loop.time(), return_when="FIRST_COMPLETED"
            )
        finally:
            ready.cancel()
        if self._ready.is_set():
            return
        failed = self._task.exception() if self._task.done() and not self._task.cancelled() else None
        await self.close()
        if isinstance(failed, ConnectError):
            raise failed
        raise ConnectError(
            self._trouble or f"Discord's Gateway did not answer within {STARTUP_SECONDS:.0f} s."
        )

    async def close(self) -> None:
        """Leave: Discord is told (close code 1000), so that nobody waits for a RESUME."""
        self._connected = False
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._drop(1000)
        if self._client is not None:
            await self._discard(self._client)

    async def _discard(self, client: Client) -> None:
        late = client._connection._ready_task  # noqa: SLF001  # a task that discord.py leaves behind on close
        await client.close()
        if late is not None:
            late.cancel()
            await asyncio.gather(late, return_exceptions=True)

    async def _log_in(self, until: float) -> None:
        loop = asyncio.get_running_loop()
        point_at(self._api_url)
        pause = 0.5
        while True:
            if self._client is not None:
                await self._discard(self._client)
            self._client = Client(
                content=self._content, trace=self._trace(), handlers=self._handlers, heard=self._heard
            )
            try:
                async with asyncio.timeout_at(until):
                    await self._client.login(self._token)
            except discord.LoginFailure:
                await self._discard(self._client)
                raise ConnectError(REFUSED) from None
            except Exception as trouble:  # noqa: BLE001  # whatever it is, the start failed, and a sentence says so
                said = (
                    f"status {trouble.status}"
                    if isinstance(trouble, discord.HTTPException)
                    else type(trouble).__name__
                )
                if loop.time() + pause >= until:
                    await self._discard(self._client)
                    raise ConnectError(f"Discord cannot be reached at {self._api_url} ({said}).") from None
                _log.warning("Discord cannot be reached (%s); trying again in %.1f s", said, pause)
                await asyncio.sleep(pause)
                pause = min(10.0, pause * 2)
            else:
                self._logged_in(self)
                return

    # ------------------------------------------------------------------------------------------------------- the loop

    async def _keep(self) -> None:
        """Until cancelled. Raises ConnectError only before the first READY, and only where trying again is hopeless."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            hopeless = False
            try:
                hopeless = await self._once()
            except ConnectError as refused:
                if not self._ready.is_set():
                    raise
                self._trouble, hopeless = str(refused), True
                _log.warning("%s", self._trouble)
            except Exception as trouble:  # noqa: BLE001  # the loop outlives whatever discord.py cannot read or reach
                self._trouble = (
                    f"Discord's Gateway cannot be reached ({type(trouble).__name__}); trying again."
                )
                _log.warning("%s", self._trouble)
            finally:
                self._connected = False
                await self._drop(4000)
            if loop.time() - began >= STEADY_SECONDS:
                self._failures = 0
            await asyncio.sleep(HOPELESS_SECONDS if hopeless else self._pause())
            self._failures += 1

    async def _once(self) -> bool:
        """One connection until it is closed. True: only a person can mend what closed it."""
        try:
            await self._live()
        except ReconnectWebSocket as again:
            self._trouble = "Discord's Gateway closed the connection; connecting again."
            if not again.resume:
                self._seat = _Seat()
        except discord.ConnectionClosed as closed:
            return await self._closed(closed.code)
        return False

    async def _live(self) -> NoReturn:
        """One connection, from opening its socket until it breaks: it ends by an exception."""
        loop = asyncio.get_running_loop()
        if self.client.is_closed():
            # A login that failed after the connection was refused; without one no connection can be opened.
            await self._log_in(loop.time() + STARTUP_SECONDS)
        client, seat = self.client, self._seat
        resume = seat.resumable
        if not resume:
            self._seat = seat = _Seat()
            await asyncio.sleep(self._identified + IDENTIFY_APART_SECONDS - loop.time())
            self._identified = loop.time()
        url = (
            seat.url
            if resume and seat.url is not None and not seat.fruitless
            else await self._address(resume=resume)
        )
        seat.fruitless += 1
        async with asyncio.timeout(HELLO_SECONDS):
            self._ws = await Socket.from_client(
                client,
                initial=True,
                gateway=url,
                session=seat.session if resume else None,
                sequence=seat.sequence if resume else None,
                resume=resume,
            )
        client.ws = self._ws
        async with asyncio.timeout(READY_SECONDS) as patience:
            while True:
                await self._ws.poll_event()
                if self._connected:
                    patience.reschedule(None)

    async def _address(self, *, resume: bool) -> yarl.URL:
        """Ask the API where the Gateway is, and how many IDENTIFYs are left. Raises ConnectError for a bad token."""
        answer = await self._rest.call("GET", "/gateway/bot")
        if answer.status == 401:
            raise ConnectError(REFUSED)
        body = answer.body if isinstance(answer.body, dict) else {}
        if not answer.ok or not isinstance(body.get("url"), str):
            raise ConnectionError(f"GET /gateway/bot: {answer.label}")
        starts = body.get("session_start_limit")
        if not resume and isinstance(starts, dict):
            await self._spare(starts)
        return yarl.URL(body["url"])

    async def _spare(self, starts: Mapping[str, Any]) -> None:
        """Spread the last IDENTIFYs of the day over what is left of it: spending them all resets the token."""
        try:
            remaining, reset_after = int(starts["remaining"]), float(starts["reset_after"]) / 1000.0
        except (KeyError, TypeError, ValueError):
            return
        if remaining > 20 or reset_after <= 0:
            return
        pause = min(86_400.0, reset_after / max(1, remaining))
        self._trouble = (
            f"Discord allows {remaining} more Gateway sessions for now; the next is in {pause:.0f} s."
        )
        _log.warning("%s", self._trouble)
        await asyncio.sleep(pause)

    def _heard(self, name: str) -> None:
        """After each event that was read."""
        if name in ("READY", "RESUMED"):
            self._connected = True
            self._trouble = ""
            self._seat.fruitless = 0
            self._ready.set()
            _log.info("the Gateway says %s", name)

    async def _drop(self, code: int) -> None:
        """Put the broken connection away, keeping what a RESUME needs."""
        ws, self._ws = self._ws, None
        if ws is None:
            return
        if self._seat.session is None or ws.session_id is not None:
            self._seat.session, self._seat.sequence, self._seat.url = ws.session_id, ws.sequence, ws.gateway
        try:
            await ws.close(code)
        except (aiohttp.ClientError, OSError, RuntimeError) as trouble:
            _log.debug("closing the Gateway's socket: %s", type(trouble).__name__)

    def _pause(self) -> float:
        """Nothing after a first break of a steady connection; then doubling, with jitter, to a cap."""
        if not self._failures:
            return 0.0
        cap = RESUME_CAP_SECONDS if self._seat.resumable else IDENTIFY_CAP_SECONDS
        # Not for secrets: so that many bots do not come back in step.
        return min(cap, 2.0 ** min(self._failures - 1, 10)) * random.uniform(0.5, 1.0)  # noqa: S311

    async def _closed(self, code: int | None) -> bool:
        """A close after which no RESUME helps. True: only a person can mend it."""
        self._seat = _Seat()
        self._ws = None
        if code == DISALLOWED_INTENTS and self._content:
            self._content = False
            _log.warning("%s", NO_CONTENT)
            loop = asyncio.get_running_loop()
            await self._log_in(loop.time() + STARTUP_SECONDS)
            return False
        sentence = CLOSES.get(code or 0)
        self._trouble = sentence or f"Discord's Gateway closed the connection ({code}); trying again."
        _log.warning("%s", self._trouble)
        if sentence is not None and not self._ready.is_set():
            raise ConnectError(sentence)
        return sentence is not None
