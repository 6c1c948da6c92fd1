"""A bot that runs for a whole module, and one for a single test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.world import World
from tests.end_to_end.stage import Bot, Chat


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with World() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bot]:
    """One bot for all tests of a module, ready on both platforms."""
    made = Bot(tmp_path_factory.mktemp("bot"), world.environment())
    await made.start()
    yield made
    await made.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def native(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bot]:
    """One bot for all tests of a module, whose direct messages grow by Slack's own streams."""
    made = Bot(tmp_path_factory.mktemp("bot"), world.environment())
    await made.start(SLACK_STREAMING="native")
    yield made
    await made.stop()


@pytest.fixture
def slack(world: World) -> Chat:
    """Without the faults that the test before has ordered."""
    world.slack.faults.clear()
    return Chat(world, "slack")


@pytest.fixture(params=["slack", "discord"])
def chat(request: pytest.FixtureRequest, world: World) -> Chat:
    """Each platform in turn."""
    return Chat(world, request.param)


@pytest.fixture
async def own_world() -> AsyncIterator[World]:
    """A world that one test may break."""
    async with World() as made:
        yield made


@pytest.fixture
async def own_bot(own_world: World, tmp_path: Path) -> AsyncIterator[Bot]:
    """A bot for one test; not started yet."""
    made = Bot(tmp_path, own_world.environment())
    yield made
    await made.stop()
