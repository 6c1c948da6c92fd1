"""The sandbox's Slack refuses what Slack would: budgets per method and workspace, Retry-After in whole seconds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Record
from sandbox.slack.methods import METHODS
from sandbox.slack.server import SlackServer

GENERAL, RANDOM = "C0GENERAL", "C0RANDOM"


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.limits = Limits()
        self.record = Record(self.clock)
        self.slack = SlackServer(self.clock, self.limits, self.record)

    def client(self, **more: Any) -> AsyncWebClient:
        return AsyncWebClient(token=self.slack.bot_token, base_url=self.slack.api_url, **more)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.slack.start()
    yield made
    await made.slack.stop()


async def too_many(coroutine: Any) -> int:
    """The Retry-After of a 429."""
    with pytest.raises(SlackApiError) as caught:
        await coroutine
    response = caught.value.response
    assert response.status_code == 429
    assert response.data == {"ok": False, "error": "ratelimited"}
    return int(response.headers["Retry-After"])


def test_every_budget_says_how_sure_it_is_and_where_it_comes_from() -> None:
    """Each method has a budget, each budget its evidence; the tiers are Slack's."""
    world = World()
    known = {limit.name: limit for limit in world.limits.known}
    assert {f"slack.{name}" for name in METHODS} <= set(known)
    assert all("docs.slack.dev" in limit.source for limit in known.values())
    per_minute = {
        name: (round(limit.rate * 60), limit.burst, limit.certainty) for name, limit in known.items()
    }
    assert per_minute["slack.chat.update"] == (50, 10, "documented")
    assert per_minute["slack.chat.postMessage"] == (60, 5, "documented")
    assert per_minute["slack.chat.postMessage.workspace"] == (300, 60, "guessed")
    assert per_minute["slack.assistant.threads.setStatus"] == (600, 60, "documented")
    assert per_minute["slack.chat.appendStream"] == (100, 20, "documented")
    assert per_minute["slack.chat.startStream"] == (20, 5, "documented")


async def test_edits_share_one_budget_over_all_channels(world: World) -> None:
    """chat.update is Tier 3 for the workspace; a refusal leaves other methods alone and changes nothing."""
    client = world.client()
    one = (await client.chat_postMessage(channel=GENERAL, text="0"))["ts"]
    two = (await client.chat_postMessage(channel=RANDOM, text="0"))["ts"]
    for number in range(5):
        await client.chat_update(channel=GENERAL, ts=one, text=f"{number}")
        await client.chat_update(channel=RANDOM, ts=two, text=f"{number}")
    wait = await too_many(client.chat_update(channel=GENERAL, ts=one, text="late"))
    assert wait in (1, 2)
    assert world.slack.messages(GENERAL)[0]["text"] == "4"
    await client.chat_postMessage(channel=GENERAL, text="another method")
    (refusal,) = world.record.entries("refused")
    assert (refusal["method"], refusal["limit"]) == ("chat.update", "slack.chat.update")
    assert 0.0 < refusal["retry_after"] <= 1.2


async def test_posts_are_counted_per_channel(world: World) -> None:
    """About one a second in each channel, with a short burst."""
    client = world.client()
    for number in range(5):
        await client.chat_postMessage(channel=GENERAL, text=str(number))
    assert await too_many(client.chat_postMessage(channel="#general", text="5")) == 1
    await client.chat_postMessage(channel=RANDOM, text="elsewhere")
    assert len(world.slack.messages(GENERAL)) == 5


async def test_posts_are_counted_per_workspace_too(world: World) -> None:
    """Several hundred a minute altogether; the refusal spends nothing of the channel's budget."""
    world.limits.change("slack.chat.postMessage.workspace", rate=0.01, burst=2)
    client = world.client()
    await client.chat_postMessage(channel=GENERAL, text="1")
    await client.chat_postMessage(channel=RANDOM, text="2")
    assert await too_many(client.chat_postMessage(channel="U0ADA", text="3")) in range(90, 101)
    (refusal,) = world.record.entries("refused")
    assert refusal["limit"] == "slack.chat.postMessage.workspace"
    dm = f"{world.slack.team_id}:{world.slack.direct('U0ADA')}"
    assert world.limits.gate("slack.chat.postMessage", dm).calls == 0


async def test_whoever_waits_for_retry_after_is_allowed(world: World) -> None:
    """The SDK's own handler sleeps what the header says, and the call then succeeds."""
    world.limits.change("slack.chat.update", rate=2.0, burst=1)
    client = world.client(retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=1)])
    ts = (await client.chat_postMessage(channel=GENERAL, text="0"))["ts"]
    await client.chat_update(channel=GENERAL, ts=ts, text="1")
    await client.chat_update(channel=GENERAL, ts=ts, text="2")
    assert world.slack.messages(GENERAL)[0]["text"] == "2"
    assert len(world.record.entries("refused")) == 1


async def test_retry_after_is_in_real_seconds(world: World) -> None:
    """A sandbox that runs sixty times as fast asks for a sixtieth of the wait."""
    world.clock.rescale(60.0)
    world.limits.change("slack.chat.update", rate=1 / 120, burst=1)
    client = world.client()
    ts = (await client.chat_postMessage(channel=GENERAL, text="0"))["ts"]
    await client.chat_update(channel=GENERAL, ts=ts, text="1")
    assert await too_many(client.chat_update(channel=GENERAL, ts=ts, text="2")) == 2


async def test_limits_that_are_off_refuse_nothing(world: World) -> None:
    """For tests of other things."""
    world.limits.enforced = False
    client = world.client()
    for number in range(12):
        await client.chat_postMessage(channel=GENERAL, text=str(number))
    assert len(world.slack.messages(GENERAL)) == 12
    assert not world.record.entries("refused")
