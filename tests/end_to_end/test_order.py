"""Follow-ups in the order in which they were said, whatever road their events take: through the real clients."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sandbox.slack.delivery import Acked, Missed, Road, Route
from sandbox.world import World
from tests.end_to_end.stage import Bot, Chat

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORDS = ("Which was the first?", "Which was the second?", "Which was the third?")


class Swapped:
    """A road that carries the next events about these words in the opposite order, one right after the other."""

    def __init__(self, road: Road, words: tuple[str, ...]) -> None:
        self._road = road
        self._words = words
        self._waiting: list[tuple[str, asyncio.Event]] = []
        self.carried: list[str] = []

    async def carry(
        self, route: Route, payload: dict[str, Any], *, attempt: int, reason: str
    ) -> Acked | Missed:
        text = str(payload.get("event", {}).get("text"))
        found = next((words for words in self._words if words in text), "")
        if found:
            mine = asyncio.Event()
            self._waiting.append((found, mine))
            if len(self._waiting) == len(self._words):
                self._waiting.sort(key=lambda waiting: self._words.index(waiting[0]))
                self._waiting.pop()[1].set()
            await mine.wait()
            self.carried.append(found)
        try:
            return await self._road.carry(route, payload, attempt=attempt, reason=reason)
        finally:
            if found and self._waiting:
                self._waiting.pop()[1].set()


async def test_follow_ups_whose_events_come_swapped_are_answered_as_they_were_said(
    world: World, bot: Bot
) -> None:
    """Slack, two sockets: each is told all that was said and answered before it."""
    chat = Chat(world, "slack")
    question = await chat.mention("Tell me three things. #chars:1500 #speed:900")
    await chat.growing(question)
    delivery = chat.server._delivery
    straight = delivery.road
    road = delivery.road = Swapped(straight, WORDS)
    try:
        for words in WORDS:
            await chat.server.say(
                chat.person(1), chat.channel(), f"{words} #chars:150 #speed:2000", thread=question
            )
        last = await chat.asked(WORDS[-1])
    finally:
        delivery.road = straight
    assert road.carried == list(reversed(WORDS)), "they did come swapped"
    asked = [words for request in world.claude.requests for words in WORDS if words in request.question]
    assert asked == list(WORDS)
    told = [str(message["content"]) for message in last.messages]
    assert [next((words for words in WORDS if words in one), "") for one in told[2::2]] == list(WORDS)
    assert [message["role"] for message in last.messages] == ["user", "assistant"] * 3 + ["user"]


async def test_nothing_of_it_is_a_failure_in_the_log(bot: Bot) -> None:
    assert [event for event in bot.events() if event["level"] in ("error", "critical")] == []
