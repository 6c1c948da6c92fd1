"""Controls, edits, orders and forms: the real bot with its real clients, on both platforms."""

from __future__ import annotations

from typing import Any

import pytest

from bot import sentences
from sandbox.record import Record
from tests.end_to_end.stage import Chat

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bot")]


def requests(chat: Chat, part: str) -> int:
    return sum(part in one.question for one in chat.world.claude.requests)


async def whispered(chat: Chat, sentence: str, *, within: float = 10.0) -> Any:
    """Wait until one person was told this alone."""

    def told(record: Record) -> Any:
        shown = record.entries("shown", chat.name)
        return next((one for one in shown if one.get("ephemeral") and sentence in one["text"]), None)

    return await chat.world.record.wait(told, within=within)


async def test_regenerate_grows_in_the_same_messages(chat: Chat) -> None:
    question = await chat.mention(f"Once more on {chat.name}. #chars:900 #speed:900")
    await chat.settled(question)
    before = [page["message"] for page in chat.pages(question)]
    await chat.press(question, sentences.REGENERATE)
    await chat.world.record.wait(lambda _: requests(chat, f"Once more on {chat.name}.") == 2, within=10)
    request = await chat.asked(f"Once more on {chat.name}.")
    await chat.world.record.wait(lambda _: bool(request.ended), within=20)
    await chat.world.record.wait(lambda _: chat.text(question) == request.said, within=20)
    assert [page["message"] for page in chat.pages(question)] == before


async def test_continue_goes_on_below(chat: Chat) -> None:
    with chat.paced(400) as hurry:
        question = await chat.mention("A long one. #chars:4000")
        await chat.growing(question)
        await chat.press(question, sentences.STOP)
        stopped = await chat.settled(question)
        assert sentences.STOPPED in stopped
        await chat.press(question, sentences.CONTINUE)
        request = await chat.asked(sentences.GOING_ON)
        hurry()
        await chat.world.record.wait(lambda _: bool(request.ended), within=30)


async def test_the_stop_reaction_stops(chat: Chat) -> None:
    question = await chat.mention("React to me. #chars:20000 #speed:200")
    await chat.growing(question)
    page = chat.pages(question)[-1]
    sign = "octagonal_sign" if chat.name == "slack" else "\N{OCTAGONAL SIGN}"
    await chat.server.react(chat.person(), page["channel"], page["message"], sign)
    assert sentences.STOPPED in await chat.settled(question)


async def test_the_bare_word_stops_and_a_sentence_with_it_does_not(chat: Chat) -> None:
    """Fault 26: "stop the deploy" is a question like any other."""
    question = await chat.mention("Talk to me. #chars:20000 #speed:200")
    await chat.growing(question)
    page = chat.pages(question)[-1]
    more = {"thread": question} if chat.name == "slack" else {"reply_to": page["message"]}
    await chat.server.say(chat.person(), chat.channel(), "stop", **more)
    assert sentences.STOPPED in await chat.settled(question)


async def test_somebody_else_is_told_whose_answer_it_is(chat: Chat) -> None:
    with chat.paced(400) as hurry:
        question = await chat.mention("Mine alone. #chars:3000")
        await chat.growing(question)
        await chat.press(question, sentences.STOP, person=3)
        await whispered(chat, sentences.NOT_YOURS_TO_STOP)
        hurry()
        assert sentences.STOPPED not in await chat.settled(question)


async def test_an_edited_question_is_answered_anew_in_place(chat: Chat) -> None:
    question = await chat.mention("Wat is a fox? #chars:600 #speed:900")
    await chat.settled(question)
    before = [page["message"] for page in chat.pages(question)]
    await chat.server.change(
        chat.person(), chat.channel(), question, f"{chat.server.mention} What is a fox? #chars:700 #speed:900"
    )
    request = await chat.asked("What is a fox?")
    await chat.world.record.wait(
        lambda _: bool(request.ended) and chat.text(question) == request.said, within=20
    )
    assert [page["message"] for page in chat.pages(question)] == before


async def test_an_unfurl_of_a_question_is_not_an_edit(chat: Chat) -> None:
    """Fault 16."""
    question = await chat.mention("See https://example.com/page and say so. #chars:300 #speed:900")
    await chat.settled(question)
    asked = len(chat.world.claude.requests)
    await chat.server.unfurl(chat.channel(), question)
    other = await chat.mention("Still there? #chars:100 #speed:900")
    await chat.settled(other)
    assert len(chat.world.claude.requests) == asked + 1


async def test_a_deleted_question_stops_its_answer(chat: Chat) -> None:
    question = await chat.mention("Gone soon. #chars:20000 #speed:200")
    await chat.growing(question)
    request = await chat.asked("Gone soon.")
    await chat.server.delete(chat.person(), chat.channel(), question)
    await chat.world.record.wait(lambda _: bool(request.ended), within=5)


async def test_delete_takes_every_page_away(chat: Chat) -> None:
    question = await chat.mention("Away with it. #chars:600 #speed:900")
    await chat.settled(question)
    await chat.press(question, sentences.DELETE)
    await chat.world.record.wait(lambda _: not chat.pages(question), within=10)


async def test_the_answer_as_a_file(chat: Chat) -> None:
    question = await chat.mention("To keep. #chars:600 #speed:900")
    await chat.settled(question)
    await chat.press(question, sentences.AS_FILE)

    def uploaded(record: Record) -> bool:
        return any("answer.md" in one.get("files", ()) for one in record.entries("shown", chat.name))

    await chat.world.record.wait(uploaded, within=10)


async def test_help_is_told_to_one_person(chat: Chat) -> None:
    await chat.server.command(chat.person(), chat.channel(), "claude", "help")
    await whispered(chat, "How to ask me")
