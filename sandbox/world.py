"""The three servers and the page as one world. Law: one clock, one set of limits and one record for all of it.

async with World(scale=20) as world:
await world.slack.say("UADA", "C1", f"{world.slack.mention} hello")
await world.record.wait(lambda record: record.entries("shown", "slack"))
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, cast

from aiohttp import web

from sandbox.claude import ClaudeServer
from sandbox.clock import Clock
from sandbox.control import control_app
from sandbox.discord.server import DiscordServer
from sandbox.limits import Limits
from sandbox.page.app import page_app
from sandbox.page.servers import World as PageWorld
from sandbox.record import Record
from sandbox.slack.server import SlackServer


class PortError(Exception):
    """An address cannot be listened on; the message is a sentence. `part`: "page", "slack", "discord" or "claude"."""

    def __init__(self, part: str, host: str, port: int, error: OSError) -> None:
        self.part, self.port = part, port
        reason = (
            "is already in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        )
        super().__init__(f"The {part} port {port} on {host} {reason}.")


class World:
    """A local Slack, Discord and Claude, and the page that shows them.

    `scale`: sandbox seconds per real second. Everything is there before `start`; addresses are known after it.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self.clock = Clock(scale)
        self.limits = Limits()
        self.record = Record(self.clock)
        self.slack = SlackServer(self.clock, self.limits, self.record)
        self.discord = DiscordServer(self.clock, self.limits, self.record)
        self.claude = ClaudeServer(self.clock, self.limits, self.record)
        self.url = ""
        """The page; its control calls are under `url + "/control"`."""
        self._runner: web.AppRunner | None = None
        self._stops: list[Callable[[], Awaitable[Any]]] = []

    async def start(
        self, *, host: str = "127.0.0.1", page: int = 0, slack: int = 0, discord: int = 0, claude: int = 0
    ) -> None:
        """Listen; a port of 0 takes any that is free. Raises PortError, and then nothing is left running."""
        parts: list[tuple[str, int, Callable[[str, int], Awaitable[None]], Callable[[], Awaitable[None]]]] = [
            ("slack", slack, self.slack.start, self.slack.stop),
            ("discord", discord, self.discord.start, self.discord.stop),
            ("claude", claude, self.claude.start, self.claude.stop),
            ("page", page, self._open_page, self._close_page),
        ]
        for name, port, start, stop in parts:
            self._stops.append(stop)
            try:
                await start(host, port)
            except OSError as error:
                await self.stop()
                raise PortError(name, host, port, error) from error
            except BaseException:
                await self.stop()
                raise

    async def stop(self) -> None:
        """Close everything. Idempotent."""
        stops, self._stops = self._stops, []
        # One that fails must not keep the others open; what failed is told once all are closed.
        results = await asyncio.gather(*(stop() for stop in stops), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def __aenter__(self) -> Self:
        if not self.url:
            await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def environment(self) -> dict[str, str]:
        """What a bot needs to talk to this world and to nothing else. The tokens open nothing outside of it."""
        return {
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_SIGNING_SECRET": self.slack.signing_secret,
            "SLACK_API_URL": self.slack.api_url,
            "DISCORD_BOT_TOKEN": self.discord.bot_token,
            "DISCORD_API_URL": self.discord.api_url,
            "ANTHROPIC_API_KEY": self.claude.api_key,
            "ANTHROPIC_BASE_URL": self.claude.api_url,
        }

    async def _open_page(self, host: str, port: int) -> None:
        # SlackServer.press also answers with the id of what it began, where the page's protocol expects nothing.
        app = page_app(cast("PageWorld", self))
        app.add_subapp("/control", control_app(self))
        # A viewer's socket and a long poll are waited for by nobody when the world ends.
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        self.url = f"http://{host}:{runner.addresses[0][1]}"

    async def _close_page(self) -> None:
        runner, self._runner, self.url = self._runner, None, ""
        if runner is not None:
            await runner.cleanup()
