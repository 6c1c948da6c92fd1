"""What the settings of the environment change in a channel: the real bot with its real clients, on both platforms."""

from __future__ import annotations

import pytest

from bot import sentences
from bot.translations import say
from sandbox.record import Record
from sandbox.world import World
from tests.end_to_end.stage import Bot, Chat

PLATFORMS = pytest.mark.parametrize("name", ["slack", "discord"])


@PLATFORMS
async def test_all_at_once_with_a_footer_in_german_and_a_ping_of_the_asker(
    own_world: World, own_bot: Bot, name: str
) -> None:
    await own_bot.start(
        INKSTREAM_GROWING="when_done",
        INKSTREAM_FOOTER="on",
        INKSTREAM_LANGUAGE="de",
        INKSTREAM_NOTIFY_AFTER_SECONDS="1",
    )
    chat = Chat(own_world, name)
    question = await chat.mention("All at once. #chars:600 #speed:300")
    ready = say("de", sentences.ANSWERED)

    def pinged(record: Record) -> bool:
        return any(ready in one["text"] and one["pings"] for one in record.entries("shown", name))

    await own_world.record.wait(pinged, within=30)
    frames = [one for one in chat.frames(question) if ready not in one["text"]]
    assert len(frames) == 1, "it did not grow"
    assert "claude-sonnet-5-5 · " in frames[0]["text"]
    assert say("de", sentences.REGENERATE) in frames[0]["controls"]
    [ping] = [one for one in own_world.record.entries("shown", name) if ready in one["text"]]
    ada = chat.person()
    assert ping["pings"] == ([f"<@{ada}>"] if name == "slack" else [ada]), "nobody else is told"


@PLATFORMS
async def test_everything_is_answered_and_a_further_message_steers(
    own_world: World, own_bot: Bot, name: str
) -> None:
    await own_bot.start(INKSTREAM_ALWAYS_ON="on", INKSTREAM_WHILE_ANSWERING="steer")
    chat = Chat(own_world, name)
    question = str(
        await chat.server.say(chat.person(), chat.channel(), "Nobody was named. #chars:20000 #speed:200")
    )
    await chat.growing(question)
    page = chat.pages(question)[-1]["message"]
    more = {"thread": question} if name == "slack" else {"reply_to": page}
    await chat.server.say(chat.person(), chat.channel(), "Rather this. #chars:300 #speed:900", **more)
    request = await chat.asked("Rather this.")
    await own_world.record.wait(
        lambda _: bool(request.ended) and sentences.STEERED in chat.text(question), within=20
    )


async def test_each_question_has_a_thread_of_its_own_on_discord(own_world: World, own_bot: Bot) -> None:
    await own_bot.start(INKSTREAM_BRANCHING="always")
    chat = Chat(own_world, "discord")
    question = await chat.mention("In a thread, please. #chars:300 #speed:900")
    request = await chat.asked("In a thread, please.")

    def answered(record: Record) -> str:
        for one in record.entries("shown", "discord"):
            if request.ended and one["text"] == request.said and one["channel"] != chat.channel():
                return str(one["channel"])
        return ""

    thread = await own_world.record.wait(answered, within=20)
    assert thread == question, "a thread under the question has its id"
    await chat.server.say(chat.person(), thread, "And further? #chars:200 #speed:900")
    further = await chat.asked("And further?")
    assert "In a thread, please." in str(further.messages)


async def test_an_answer_in_the_channel_itself_on_slack(own_world: World, own_bot: Bot) -> None:
    await own_bot.start(INKSTREAM_REPLY_IN="channel")
    chat = Chat(own_world, "slack")
    await chat.mention("Right here. #chars:300 #speed:900")
    request = await chat.asked("Right here.")

    def here(record: Record) -> bool:
        shown = record.entries("shown", "slack", channel=chat.channel())
        return any(request.ended and one["text"] == request.said and not one["thread"] for one in shown)

    await own_world.record.wait(here, within=20)
