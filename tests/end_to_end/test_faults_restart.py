"""What goes wrong around a restart, with the bot as a process of its own."""

from __future__ import annotations

import signal

import pytest

from bot import sentences
from sandbox.claude.script import Fault
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


@pytest.mark.parametrize("restarts", [False, True], ids=["in one process", "after a restart"])
async def test_what_slack_lets_nobody_edit_any_more_stands_when_it_is_gone_on_with(
    own_world: World, own_bot: Bot, restarts: bool
) -> None:
    """Fault 31: the first half stays above the second, whole, although its buttons cannot be taken away any more."""
    chat = Chat(own_world, "slack")
    own_world.claude.script(Fault("max_tokens", at=300), when="Long ago?")
    await own_bot.start()
    question = await chat.mention("Long ago? #chars:900 #speed:900")
    first = await chat.settled(question)
    [stood] = chat.pages(question)
    if restarts:
        own_bot.signal(signal.SIGTERM)
        assert await own_bot.ended() == 0
        await own_bot.start()
    chat.server.faults.fault("chat.update", error="edit_window_closed", times=100)
    own_world.claude.script(Fault("stall", at=0, seconds=8.0), when=sentences.GOING_ON)
    await chat.press(question, sentences.CONTINUE)
    request = await chat.asked(sentences.GOING_ON)

    def whole(_: object) -> bool:
        pages = chat.pages(question)
        return bool(request.ended) and len(pages) == 2 and sentences.REGENERATE in pages[-1]["controls"]

    await own_world.record.wait(whole, within=40)
    assert [page["text"] for page in chat.pages(question)] == [first, request.said]
    assert chat.pages(question)[0]["message"] == stood["message"], "it was not posted anew"


async def regenerating(world: World, chat: Chat, question: str) -> None:
    """Regenerate is pressed, and Claude is asked anew and says nothing."""
    world.claude.script(Fault("stall", at=0, seconds=60.0), when="Why again?")
    await chat.press(question, sentences.REGENERATE)
    await world.record.wait(
        lambda _: len([one for one in world.claude.requests if "Why again?" in one.question]) == 2,
        within=20,
    )


@pytest.mark.parametrize("name", ["slack", "discord"])
async def test_regenerate_killed_before_its_first_word_leaves_the_answer_that_stood_there(
    own_world: World, own_bot: Bot, name: str
) -> None:
    """To the letter, with its buttons, and one line about the restart."""
    chat = Chat(own_world, name)
    await own_bot.start()
    question = await chat.mention("Why again? #chars:700 #speed:900")
    first = await chat.settled(question)
    [stood] = chat.pages(question)
    await regenerating(own_world, chat, question)
    own_bot.signal(signal.SIGKILL)
    await own_bot.ended()
    await own_bot.start()
    await own_world.record.wait(lambda _: sentences.INTERRUPTED_ANEW in chat.text(question), within=30)
    [page] = chat.pages(question)
    assert page["text"].startswith(first)
    assert sentences.INTERRUPTED_ANEW in page["text"].removeprefix(first)
    assert (page["message"], page["controls"]) == (stood["message"], stood["controls"])


@pytest.mark.parametrize("name", ["slack", "discord"])
async def test_regenerate_ended_by_a_restart_before_its_first_word_leaves_the_answer_as_it_stands(
    own_world: World, own_bot: Bot, name: str
) -> None:
    """Who pressed is told alone, and the next process has nothing to mend."""
    chat = Chat(own_world, name)
    await own_bot.start(DRAIN_SECONDS="1")
    question = await chat.mention("Why again? #chars:700 #speed:900")
    await chat.settled(question)
    stood, frames = chat.pages(question), len(chat.frames(question))
    await regenerating(own_world, chat, question)
    own_bot.signal(signal.SIGTERM)
    assert await own_bot.ended() == 0
    alone = [one for one in own_world.record.entries("shown", name) if one.get("ephemeral")]
    assert [sentences.INTERRUPTED_EARLY in one["text"] for one in alone] == [True]
    await own_bot.start()
    other = await chat.mention("And now? #chars:60 #speed:900", channel=chat.channel("random"))
    await chat.settled(other)
    assert (chat.pages(question), len(chat.frames(question))) == (stood, frames)
    assert not [one for one in own_bot.events() if one["event"] == "reply.mended"]
