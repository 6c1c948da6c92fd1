"""Regenerate of which no word comes: the earlier answer goes on standing, on both platforms, for everybody to read."""

from __future__ import annotations

import pytest

from bot import sentences
from sandbox.claude.choice import Request
from sandbox.claude.script import Fault
from sandbox.record import Entry, Record
from tests.end_to_end.stage import Bot, Chat

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bot")]

PRESSER = 1  # who did not ask; their Slack and Discord are in English, too


async def told_alone(chat: Chat, sentence: str, *, since: int) -> Entry:
    """Wait until one person was told this alone."""

    def shown(record: Record) -> Entry | None:
        alone = (one for one in record.entries("shown", chat.name) if one.get("ephemeral"))
        return next((one for one in alone if one.number >= since and sentence in one["text"]), None)

    return await chat.world.record.wait(shown, within=30)


async def anew(chat: Chat, question: str, words: str) -> Request:
    """Somebody else presses Regenerate; Claude's request."""
    before = len(chat.world.claude.requests)
    await chat.press(question, sentences.REGENERATE, person=PRESSER)

    def found(_: Record) -> Request | None:
        requests = chat.world.claude.requests[before:]
        return next((one for one in requests if words in one.question), None)

    return await chat.world.record.wait(found, within=20)


async def follow_up(chat: Chat, question: str, words: str) -> Request:
    """What Claude is told when the conversation goes on."""
    page = chat.pages(question)[-1]
    more = {"thread": question} if chat.name == "slack" else {"reply_to": page["message"]}
    await chat.server.say(chat.person(), page["channel"], f"{chat.server.mention} {words}", **more)
    return await chat.asked(words)


def answers(request: Request) -> str:
    return "".join(str(one["content"]) for one in request.messages if one["role"] == "assistant")


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault("http", status=529, retry_after=0.3, times=4), sentences.BUSY),
        (Fault("refusal", at=0), sentences.REFUSED),
    ],
    ids=["overloaded", "refused"],
)
async def test_an_answer_stands_when_claude_fails_before_the_first_new_word(
    chat: Chat, fault: Fault, sentence: str
) -> None:
    """All its pages with its buttons; who pressed is told why, alone; and Claude is told it with the next question."""
    words = f"Stand, {fault.kind}, on {chat.name}."
    question = await chat.mention(f"{words} #chars:14000 #speed:9000")
    await chat.settled(question)
    stood, frames = chat.pages(question), len(chat.frames(question))
    assert len(stood) > 1
    said = (await chat.asked(words)).said
    chat.world.claude.script(fault, when=words)
    since = len(chat.world.record)
    await anew(chat, question, words)
    told = await told_alone(chat, f"{sentence} {sentences.KEPT}", since=since)
    message = next(one for one in chat.server.messages(told["channel"]) if one["id"] == told["message"])
    assert message["ephemeral_for"] == chat.person(PRESSER)
    assert (chat.pages(question), len(chat.frames(question))) == (stood, frames), "nobody saw it change"
    after = f"And after {fault.kind} on {chat.name}?"
    assert said in answers(await follow_up(chat, question, f"{after} #chars:60 #speed:900"))
    assert chat.pages(question)[: len(stood)] == stood


@pytest.mark.parametrize("way", ["reaction", "word", "command"])
async def test_a_stop_before_the_first_new_word_leaves_the_answer(chat: Chat, way: str) -> None:
    """Claude's request is closed, nothing stands in the answer's place, and it may be had anew after all."""
    words = f"Stand, stopped by {way}, on {chat.name}."
    channel = chat.channel("random")
    question = await chat.mention(f"{words} #chars:700 #speed:900", channel=channel)
    await chat.settled(question)
    stood, frames = chat.pages(question), len(chat.frames(question))
    chat.world.claude.script(Fault("slow", seconds=60.0), when=words)
    request = await anew(chat, question, words)
    [page] = stood
    if way == "reaction":
        sign = "octagonal_sign" if chat.name == "slack" else "\N{OCTAGONAL SIGN}"
        await chat.server.react(chat.person(PRESSER), channel, page["message"], sign)
    elif way == "word":
        more = {"thread": question} if chat.name == "slack" else {"reply_to": page["message"]}
        await chat.server.say(chat.person(PRESSER), channel, "stop", **more)
    else:
        await chat.server.command(chat.person(PRESSER), channel, "claude", "stop")
    await chat.world.record.wait(
        lambda record: record.entries("ended", "claude", request=request.number), within=10
    )
    again = await anew(chat, question, words)
    assert (chat.pages(question), len(chat.frames(question))) == (stood, frames)
    await chat.world.record.wait(lambda _: bool(again.said) and chat.text(question) == again.said, within=20)
    assert [one["message"] for one in chat.pages(question)] == [page["message"]]


async def test_the_bot_logs_no_failure(bot: Bot) -> None:
    """Runs last, over all that the tests above did."""
    assert "Traceback" not in bot.said()
