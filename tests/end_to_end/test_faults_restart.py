"""What goes wrong around a restart, with the bot as a process of its own."""

from __future__ import annotations

import pytest

from sandbox.world import World
from tests.end_to_end.stage import Bot, Chat


@pytest.mark.long
async def test_what_a_restart_finds_delivered_again_is_not_answered_again(
    own_world: World, own_bot: Bot
) -> None:
    """Fault 15: Slack delivers again what nobody acknowledged, to whichever process then listens."""
    chat = Chat(own_world, "slack")
    await own_bot.start()
    for attempt, seconds in (("1", 6.0), ("2", 3.0), ("3", 5.0)):
        own_world.clock.set_duration(f"slack.retry_{attempt}", seconds)  # sooner than Slack's minutes
    chat.server.swallow_acks(2)
    question = await chat.mention("Once, over the restart. #chars:100 #speed:900")
    await chat.settled(question)
    await own_bot.stop()
    since = len(own_world.record)
    await own_bot.start()

    def delivered_again(_: object) -> bool:
        return any(
            one.number >= since and one["attempt"] >= 1 and one.get("message") == question
            for one in own_world.record.entries("acked", "slack")
        )

    await own_world.record.wait(delivered_again, within=60)
    await chat.settled(await chat.mention("And now? #chars:100 #speed:900"))
    assert len([one for one in own_world.claude.requests if "Once, over" in one.question]) == 1
    assert len(chat.pages(question)) == 1
