"""Who may not ask, as they and everybody else see it: the refusal is the first thing, and nobody else sees anything."""

from __future__ import annotations

import pytest

from bot import sentences
from sandbox.record import Entry
from sandbox.world import World
from tests.end_to_end.hands import Hands
from tests.end_to_end.stage import Bot, Chat

ADA, GRACE = 0, 1


@pytest.fixture(params=["slack", "discord"])
def chat(request: pytest.FixtureRequest, own_world: World) -> Chat:
    return Chat(own_world, request.param)


def seen(chat: Chat, since: int) -> list[Entry]:
    """Everything of the bot's, from its first look on: a "thinking", too."""
    return [
        entry
        for entry in chat.world.record.entries("shown", chat.name, author=chat.server.bot_id)
        if entry.number >= since
    ]


def forms(chat: Chat) -> list[Entry]:
    return chat.world.record.entries("view" if chat.name == "slack" else "modal", chat.name)


async def test_a_menu_of_who_may_not_ask_opens_no_form(chat: Chat, own_bot: Bot) -> None:
    """A question that nobody may ask is not written first."""
    await own_bot.start(INKSTREAM_DENIED_PEOPLE=chat.person(GRACE))
    grace, channel = Hands(chat, chat.person(GRACE)), chat.channel()
    said = await chat.server.say(chat.person(ADA), channel, "The build is red.")
    since = grace.now
    await grace.menu(channel, said, "Ask Claude about this")
    await grace.told(sentences.NOT_FOR_YOU, since=since)
    assert forms(chat) == []
    assert [entry["ephemeral_for"] for entry in seen(chat, since)] == [grace.id]


async def test_a_command_of_who_may_not_ask_is_refused_before_anybody_sees_it(
    chat: Chat, own_bot: Bot
) -> None:
    """On Discord everybody saw the bot think about it."""
    await own_bot.start(INKSTREAM_DENIED_PEOPLE=chat.person(GRACE))
    grace, channel = Hands(chat, chat.person(GRACE)), chat.channel()
    since = grace.now
    await grace.server.command(grace.id, channel, "ask", "Why?")
    await grace.told(sentences.NOT_FOR_YOU, since=since)
    assert [entry["ephemeral_for"] for entry in seen(chat, since)] == [grace.id]


async def test_a_command_beyond_the_days_dollars_is_refused_before_anybody_sees_it(
    chat: Chat, own_bot: Bot
) -> None:
    """What an answer may cost is known before anything of it is shown."""
    await own_bot.start(INKSTREAM_DOLLARS_PER_PERSON="0.0001")
    ada, channel = Hands(chat, chat.person(ADA)), chat.channel()
    await chat.settled(await chat.mention("What does it cost? #chars:2000 #speed:4000"))
    since = ada.now
    await ada.server.command(ada.id, channel, "ask", "Why?")
    await ada.told("Your limit of $0.0001 a day is reached.", since=since)
    assert [entry["ephemeral_for"] for entry in seen(chat, since)] == [ada.id]
