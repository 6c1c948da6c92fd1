"""The bot as a process of its own, against a sandbox in the test's process: nothing between them but sockets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from sandbox.record import Entry
from sandbox.world import World

ROOT = Path(__file__).parents[2]


class Bot:
    """`inkstream run` with nothing but environment variables."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self.log = folder / "bot.log"

    async def start(self, *, ready: bool = True, **settings: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "PYTHONPATH": str(ROOT),
            "LOG_FORMAT": "json",
            "HEALTH_PORT": str(port),
            "COVERAGE_PROCESS_START": os.environ.get("COVERAGE_PROCESS_START", ""),
            **self._environment,
            **settings,
        }
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", cwd=self._folder, env=environment, stdout=log, stderr=log
            )
        self.readyz = f"http://127.0.0.1:{port}/readyz"
        if ready:
            await self.ready()

    async def ready(self, within: float = 20.0) -> dict[str, object]:
        """What /readyz says, once it says so; asked again while the process is coming up."""
        async with aiohttp.ClientSession() as session, asyncio.timeout(within):
            while True:
                assert self._process is not None
                assert self._process.returncode is None, f"the bot has ended:\n{self.said()}"
                try:
                    async with session.get(self.readyz) as answer:
                        if answer.status == 200:
                            told: dict[str, object] = await answer.json()
                            return told
                except aiohttp.ClientConnectionError:
                    pass  # not listening yet
                await asyncio.sleep(0.02)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def events(self) -> list[dict[str, object]]:
        """The log's lines."""
        return [json.loads(line) for line in self.said().splitlines() if line.startswith("{")]

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self, within: float = 30.0) -> int:
        """The exit code."""
        assert self._process is not None
        async with asyncio.timeout(within):
            return await self._process.wait()

    async def stop(self) -> int:
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGTERM)  # a second one: no drain
        return await self.ended()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World() as made:
        yield made


@pytest.fixture
async def bot(world: World, tmp_path: Path) -> AsyncIterator[Bot]:
    """A bot that is not started yet."""
    made = Bot(tmp_path, world.environment())
    yield made
    await made.stop()


def shown(world: World, platform: str, entry: Entry | None = None) -> list[Entry]:
    """Everything that the bot showed on a platform, in order."""
    server = world.slack if platform == "slack" else world.discord
    return world.record.entries("shown", platform, author=server.bot_id)
