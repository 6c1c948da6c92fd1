"""/healthz, /readyz and /metrics as an orchestrator asks for them."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from bot.ports import Health
from bot.service.health import HealthServer


@dataclass
class Bot:
    """What the pages are made of."""

    platforms: dict[str, Health] = field(default_factory=dict)
    draining: bool = False
    url: str = ""

    def ask(self) -> tuple[dict[str, Health], bool]:
        return self.platforms, self.draining

    async def get(self, page: str) -> tuple[int, dict[str, Any]]:
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}{page}") as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    made = Bot()
    server = HealthServer("127.0.0.1", 0, made.ask, lambda: b"a_metric 1.0\n")
    made.url = f"http://127.0.0.1:{await server.start()}"
    yield made
    await server.stop()


UP, DOWN = Health(ready=True), Health(ready=False, notes=("connecting",))
STATES = [
    ("nothing", {}, False, 503, "not ready"),
    ("one up", {"slack": UP}, False, 200, "ready"),
    ("both up", {"slack": UP, "discord": UP}, False, 200, "ready"),
    ("one down", {"slack": UP, "discord": DOWN}, False, 503, "not ready"),
    ("both down", {"slack": DOWN, "discord": DOWN}, False, 503, "not ready"),
    ("draining", {"slack": UP}, True, 503, "draining"),
    ("draining while down", {"slack": DOWN}, True, 503, "draining"),
]


@pytest.mark.parametrize(
    ("platforms", "draining", "status", "said"), [row[1:] for row in STATES], ids=[row[0] for row in STATES]
)
async def test_readyz_says_whether_people_are_being_heard(
    bot: Bot, platforms: dict[str, Health], draining: bool, status: int, said: str
) -> None:
    bot.platforms, bot.draining = platforms, draining
    answered, told = await bot.get("/readyz")
    assert (answered, told["status"]) == (status, said)
    assert {name: one["ready"] for name, one in told["platforms"].items()} == {
        name: health.ready for name, health in platforms.items()
    }


async def test_readyz_names_what_is_missing_though_it_is_ready(bot: Bot) -> None:
    bot.platforms = {"discord": Health(ready=True, notes=("The Message Content intent is missing.",))}
    status, told = await bot.get("/readyz")
    assert status == 200
    assert told["platforms"]["discord"]["notes"] == ["The Message Content intent is missing."]


@pytest.mark.parametrize(
    ("platforms", "draining"), [row[1:3] for row in STATES], ids=[row[0] for row in STATES]
)
async def test_healthz_is_well_whatever_the_platforms_do(
    bot: Bot, platforms: dict[str, Health], draining: bool
) -> None:
    """A platform's outage must never get the bot restarted."""
    bot.platforms, bot.draining = platforms, draining
    assert await bot.get("/healthz") == (200, {"status": "ok"})


async def test_metrics_come_in_the_format_that_prometheus_reads(bot: Bot) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{bot.url}/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert await answer.text() == "a_metric 1.0\n"


async def test_a_port_that_is_taken_is_an_error_at_the_start(bot: Bot) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = HealthServer("127.0.0.1", taken.getsockname()[1], bot.ask, bytes)
        with pytest.raises(OSError, match="in use"):
            await server.start()
        await server.stop()
