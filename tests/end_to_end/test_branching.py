"""Threads of their own on Discord: never, always, or where the channel is busy; the real bot with its real client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot import sentences
from sandbox.claude.script import Script
from sandbox.record import Entry, Record
from sandbox.world import World
from tests.end_to_end.hands import Hands
from tests.end_to_end.stage import Bot, Chat

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bot")]

ADA, GRACE, LINUS = range(3)
CHANNELS = ("busy", "never", "always", "again", "locked", "rush")
# Edits are counted 5 in 5 s for a channel: five answers that grow have none to spare at any moment.
CROWD = 5
SLOWLY = "#chars:20000 #speed:40"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bot]:
    for name in CHANNELS:
        world.discord.state.add_channel(name)
    made = Bot(tmp_path_factory.mktemp("bot"), world.environment())
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def chat(world: World) -> Chat:
    return Chat(world, "discord")


async def let(chat: Chat, channel: str, choice: str) -> str:
    """A manager says in the form when a question gets a thread; the channel's id."""
    found = chat.channel(channel)
    await Hands(chat, chat.person(ADA)).set(found, branching=choice)
    return found


async def crowd(chat: Chat, channel: str) -> list[str]:
    """So many answers that grow in a channel that there are no edits to spare."""
    questions = [
        await chat.mention(f"Number {number} in {channel}. {SLOWLY}", channel=channel)
        for number in range(CROWD)
    ]
    for question in questions:
        await chat.growing(question)
    return questions


async def ask(chat: Chat, words: str, channel: str, person: int = ADA) -> str:
    """A question whose answer is like no other; its message."""
    line = "It depends on the weather, and on what you would call an animal. "
    said = f"Answer {len(chat.world.claude.requests)}: {line * 12}".strip()
    chat.world.claude.script(Script.say(said, speed=1_200.0), when=words)
    return await chat.mention(words, person=person, channel=channel)


async def whole(chat: Chat, words: str) -> Entry:
    """Wait until the answer to this stands there whole; its message."""
    request = await chat.asked(words)

    def stands(record: Record) -> Entry | None:
        shown = record.entries("shown", "discord", author=chat.server.bot_id)
        return next(
            (
                one
                for one in reversed(shown)
                if request.ended
                and one["text"].startswith(request.said)
                and sentences.REGENERATE in one["controls"]
            ),
            None,
        )

    return await chat.world.record.wait(stands, within=20)


def threads(chat: Chat, parent: str) -> list[Entry]:
    return chat.world.record.entries("channel", "discord", what="made", parent=parent)


async def disperse(chat: Chat, questions: list[str]) -> None:
    """Stop them all, so that they are in no other test's way; that they stop is told in other tests."""
    for question in questions:
        await chat.press(question, sentences.STOP)


async def test_a_question_that_meets_a_busy_channel_gets_a_thread_named_after_it(chat: Chat) -> None:
    """It is answered there while the others go on; where nothing grows, it stays in the channel."""
    channel = await let(chat, "busy", sentences.BRANCH_BUSY)
    await ask(chat, "Is anybody here?", channel)
    assert (await whole(chat, "Is anybody here?"))["channel"] == channel
    await let(chat, "busy", sentences.BRANCH_NEVER)
    others = await crowd(chat, channel)
    await let(chat, "busy", sentences.BRANCH_BUSY)
    question = await ask(chat, "What is a quokka?", channel)
    answer = await whole(chat, "What is a quokka?")
    assert answer["channel"] == question, "a thread under the question has its id"
    [thread] = threads(chat, channel)
    assert (thread["channel"], thread["name"]) == (question, "What is a quokka?")
    assert {chat.pages(other)[-1]["channel"] for other in others} == {channel}
    assert all(sentences.STOP in chat.pages(other)[-1]["controls"] for other in others), "they still grow"
    await disperse(chat, others)


async def test_of_eight_questions_at_once_some_get_a_thread(chat: Chat) -> None:
    """None did: when the last one came, not one of the others had a message yet."""
    channel = await let(chat, "rush", sentences.BRANCH_BUSY)
    words = "#chars:500 #speed:100"
    await asyncio.gather(*(chat.mention(f"Rush {n}. {words}", channel=channel) for n in range(8)))
    for n in range(8):
        await whole(chat, f"Rush {n}.")
    opened = threads(chat, channel)
    assert len(opened) == 8 - CROWD
    for one in opened:
        assert chat.world.record.entries(
            "shown", "discord", channel=one["channel"], author=chat.server.bot_id
        )


async def test_where_threads_are_not_wanted_a_busy_channel_has_none(chat: Chat) -> None:
    channel = chat.channel("never")
    others = await crowd(chat, channel)
    await ask(chat, "What is a numbat?", channel)
    assert (await whole(chat, "What is a numbat?"))["channel"] == channel
    assert threads(chat, channel) == []
    await disperse(chat, others)


async def test_where_always_is_set_each_question_has_a_thread_and_the_thread_has_no_other(chat: Chat) -> None:
    """Its name is the question's first words, given once; what is said in it needs no mention and no thread."""
    channel = await let(chat, "always", sentences.BRANCH_ALWAYS)
    words = (
        "What **is**\na numbat, where does it live, and why is it so much rarer than it was a century ago?"
    )
    question = await ask(chat, words, channel)
    answer = await whole(chat, "rarer than it was")
    assert answer["channel"] == question
    name = threads(chat, channel)[0]["name"]
    assert name == " ".join(words.split())[:80]
    chat.world.claude.script("It eats termites" + " and termites" * 30, when="what does it eat")
    await chat.server.say(chat.person(GRACE), question, "And what does it eat?")
    assert (await whole(chat, "what does it eat"))["channel"] == question
    assert words.split("\n")[1] in str((await chat.asked("what does it eat")).messages)
    await ask(chat, "Once more, addressed: how old does it get?", question, LINUS)
    assert (await whole(chat, "how old does it get"))["channel"] == question
    other = await ask(chat, "Something else: what is a bilby?", channel)
    assert (await whole(chat, "what is a bilby"))["channel"] == other
    assert [one["channel"] for one in threads(chat, channel)] == [question, other]
    assert chat.world.record.entries("channel", "discord", what="changed", channel=question) == []


async def test_an_answer_in_a_thread_is_generated_anew_there(chat: Chat) -> None:
    """By its button, and by an edit of the question, which stands in the channel."""
    channel = await let(chat, "again", sentences.BRANCH_ALWAYS)
    question = await ask(chat, "What is a fossa?", channel)
    first = await whole(chat, "What is a fossa?")
    page = next(one for one in chat.server.messages(question) if one["id"] == first["message"])
    chat.world.claude.script(
        f"Anew: {'it is a hunter ' * 20}".strip(), f"Changed: {'it is a rodent ' * 20}".strip()
    )
    button = next(one["id"] for one in page["controls"] if one["label"] == sentences.REGENERATE)
    await chat.server.press(chat.person(ADA), question, first["message"], button)
    await chat.world.record.wait(lambda record: _shown(record, first, "Anew: ", sentences.REGENERATE))
    await chat.server.change(
        chat.person(ADA), channel, question, f"{chat.server.mention} What is a capybara?"
    )
    await chat.world.record.wait(lambda record: _shown(record, first, "Changed: ", sentences.REGENERATE))
    assert len(threads(chat, channel)) == 1


def _shown(record: Record, message: Entry, text: str, control: str) -> bool:
    entries = record.entries("shown", "discord", channel=message["channel"], message=message["message"])
    return entries[-1]["text"].startswith(text) and control in entries[-1]["controls"]


async def test_where_threads_are_not_allowed_the_answer_stays_in_the_channel(chat: Chat) -> None:
    channel = await let(chat, "locked", sentences.BRANCH_ALWAYS)
    await chat.server.revoke(channel, "create_public_threads")
    await ask(chat, "What is a dunnart?", channel)
    assert (await whole(chat, "What is a dunnart?"))["channel"] == channel
    assert threads(chat, channel) == []
