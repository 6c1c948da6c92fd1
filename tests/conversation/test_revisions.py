"""Questions that are edited or deleted, follow-ups that steer, and where answers grow: on virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot import sentences
from bot.claude.events import Done
from bot.ports import Deleted, Edited, Line, Person, Place, Ref, Standing
from tests.conversation.stage import (
    ADA,
    GRACE,
    WORDS,
    Chat,
    Stage,
    asked,
    growing,
    notice,
    now,
    staged,
)

pytestmark = pytest.mark.looptime

QUESTION = Ref("C1", "900")


def edit(stage: Stage, text: str, *, person: Person = ADA, message: Ref = QUESTION) -> None:
    place = Place("fake", "T1", "C1", thread="1700.1")
    stage.conversations.take(stage.channel, Edited(message, person, place, text))


def set_(stage: Stage, channel: str = "C1", **changes: Any) -> None:
    stage.store.preferences.set["fake", "T1", channel] = changes


# ------------------------------------------------------------------------------------------------ edited


async def test_an_edited_question_is_answered_anew_in_place() -> None:
    async with staged() as stage:
        stage.claude.will("Wy?", "Because of y.", Done("end_turn"))
        stage.claude.will("Why?", "Because.", Done("end_turn"))
        stage.ask("Wy?", message=QUESTION)
        await stage.quiet()
        ref = stage.chat.visible()[0].ref
        edit(stage, "Why?")
        await stage.quiet()
        assert stage.chat.texts() == ["Because."]
        assert stage.chat.visible()[0].ref == ref
        stage.ask("And then?")
        await stage.quiet()
        assert asked(stage)[-1] == "u: Ada: Why? | a: Because. | u: Ada: And then?"


async def test_a_question_edited_while_its_answer_grows_stops_it_and_is_answered_anew() -> None:
    async with staged() as stage:
        stage.claude.will("Wy?", *growing(WORDS, seconds=20))
        stage.claude.will("Why?", "Because.", Done("end_turn"))
        stage.ask("Wy?", message=QUESTION)
        await asyncio.sleep(5)
        edit(stage, "Why?")
        await stage.quiet()
        assert stage.chat.texts() == ["Because."]
        assert now() < 8
        assert [request.ended is not None for request in stage.claude.asked] == [True, True]


async def test_of_several_edits_the_newest_words_count() -> None:
    async with staged() as stage:
        stage.claude.will("Wy?", *growing(WORDS, seconds=20))
        stage.ask("Wy?", message=QUESTION)
        await asyncio.sleep(3)
        for text in ("Whi?", "Whyy?", "Why not?"):
            edit(stage, text)
        await stage.quiet()
        assert asked(stage) == ["u: Ada: Wy?", "u: Ada: Why not?"]
        assert stage.chat.texts() == ["Yes."]


@pytest.mark.parametrize(
    ("text", "person", "message"),
    [
        ("Why?", ADA, QUESTION),  # the same words: an unfurl, a counter
        ("  ", ADA, QUESTION),
        ("Why not?", GRACE, QUESTION),
        ("Why not?", ADA, Ref("C1", "901")),
    ],
)
async def test_what_is_no_edit_of_a_question_of_ours_asks_nothing(
    text: str, person: Person, message: Ref
) -> None:
    """Fault 16: changes that are none must not be answered."""
    async with staged() as stage:
        stage.ask("Why?", message=QUESTION)
        await stage.quiet()
        for _ in range(50):
            edit(stage, text, person=person, message=message)
        await stage.quiet()
        assert len(stage.claude.asked) == 1
        assert stage.chat.texts() == ["Yes."]


# ------------------------------------------------------------------------------------------------ deleted


async def test_a_deleted_question_stops_its_answer() -> None:
    async with staged(*growing(WORDS, seconds=20)) as stage:
        stage.ask("Why?", message=QUESTION)
        await asyncio.sleep(5)
        stage.conversations.take(stage.channel, Deleted(QUESTION))
        await stage.quiet()
        [text] = stage.chat.texts()
        assert text.endswith(notice(sentences.QUESTION_DELETED))
        assert now() < 6


@pytest.mark.parametrize("after", [5.0, 60.0])
async def test_where_it_is_set_so_the_answer_goes_with_its_question(after: float) -> None:
    async with staged(*growing(WORDS, seconds=20)) as stage:
        set_(stage, remove_with_question=True)
        stage.ask("Why?", message=QUESTION)
        await asyncio.sleep(after)
        stage.conversations.take(stage.channel, Deleted(QUESTION))
        await stage.quiet()
        assert stage.chat.texts() == []


# ------------------------------------------------------------------------------------------------ while it answers


async def test_a_follow_up_steers_where_that_is_set() -> None:
    async with staged() as stage:
        set_(stage, while_answering="steer")
        stage.claude.will("One?", *growing(WORDS, seconds=20))
        stage.ask("One?")
        await asyncio.sleep(5)
        stage.ask("Rather two?", how="overheard")
        await stage.quiet()
        first, second = stage.chat.texts()
        assert first.endswith(notice(sentences.STEERED))
        assert second == "Yes."
        said = first.removesuffix(notice(sentences.STEERED)).strip()
        assert asked(stage)[1].startswith(f"u: Ada: One? | a: {said}")
        assert asked(stage)[1].endswith("u: Ada: Rather two?")
        assert now() < 8


# ------------------------------------------------------------------------------------------------ where and how


async def test_what_stood_in_a_thread_before_us_is_read_once() -> None:
    before = [
        Line(Ref("C1", "1"), GRACE, "The build is red."),
        Line(Ref("C1", "2"), Person("U3", "Joan"), "It is the cache."),
    ]
    async with staged(chat=Chat(before=before)) as stage:
        stage.ask("What now?", threaded=True)
        await stage.quiet()
        stage.ask("And then?", threaded=True)
        await stage.quiet()
        first = "u: Grace: The build is red.\n\nJoan: It is the cache.\n\nAda: What now?"
        assert asked(stage) == [first, f"{first} | a: Yes. | u: Ada: And then?"]


async def test_in_an_always_on_channel_everything_is_answered() -> None:
    async with staged() as stage:
        set_(stage, always_on=True)
        stage.ask("Why?", how="overheard", thread="5")
        stage.ask("Why?", how="overheard", thread="6", place=Place("fake", "T1", "C2", thread="6"))
        await stage.quiet()
        assert len(stage.claude.asked) == 1


async def test_an_answer_in_the_channel_itself_opens_no_thread() -> None:
    async with staged() as stage:
        set_(stage, reply_in="channel")
        stage.ask("Why?", thread="900", message=QUESTION)
        await stage.quiet()
        [message] = stage.chat.visible()
        assert message.thread == ""


@pytest.mark.parametrize(("branching", "threads"), [("never", 0), ("always", 2), ("busy", 0)])
async def test_a_question_gets_a_thread_of_its_own_where_that_is_set(branching: str, threads: int) -> None:
    async with staged(chat=Chat(threads=True)) as stage:
        set_(stage, branching=branching)
        for number in (1, 2):
            stage.ask(
                f"Why {number}?",
                place=Place("fake", "T1", "C1"),
                scope=f"message:C1:{number}",
                message=Ref("C1", str(number)),
            )
        await stage.quiet()
        assert len(stage.chat.branches) == threads
        if threads:
            stage.ask(
                "And?",
                how="overheard",
                place=Place("fake", "T1", "thread-1", parent="C1"),
                scope="thread:thread-1",
            )
            await stage.quiet()
            assert asked(stage)[-1] == "u: Ada: Why 1? | a: Yes. | u: Ada: And?"


async def test_all_at_once_when_done_is_one_message_and_no_edit() -> None:
    async with staged(*growing(WORDS, seconds=10)) as stage:
        set_(stage, growing="when_done")
        stage.ask("Why?")
        await stage.quiet()
        [message] = stage.chat.visible()
        assert message.text == WORDS.strip()
        assert len(stage.chat.frames(message.ref)) == 1


async def test_a_long_wait_ends_with_a_ping_of_the_asker_alone() -> None:
    async with staged(*growing(WORDS, seconds=30)) as stage:
        set_(stage, notify_after=20)
        stage.ask("Why?")
        await stage.quiet()
        assert stage.chat.texts() == [WORDS.strip(), sentences.ANSWERED]


async def test_the_footer_tells_model_time_and_cost() -> None:
    async with staged(*growing(WORDS, seconds=4)) as stage:
        set_(stage, footer=True)
        stage.ask("Why?")
        await stage.quiet()
        [text] = stage.chat.texts()
        assert text.endswith(notice("claude-sonnet-5-5 · 4 s · $0.00"))
        stage.ask("And?")
        await stage.quiet()
        assert "claude-sonnet-5-5 ·" not in asked(stage)[-1], "fault 20: our own footer is not history"


async def test_a_long_answer_comes_as_a_file_too_and_says_so() -> None:
    async with staged(*growing(WORDS, seconds=4), chat=Chat(page_limit=500)) as stage:
        set_(stage, attach_pages=1)
        stage.ask("Why?")
        await stage.quiet()
        [(_, file, _)] = stage.chat.uploads
        assert file.data.decode() == WORDS
        assert sentences.ATTACHED_WHOLE.format(name="answer.md") in stage.chat.texts()[-1]


@pytest.mark.parametrize("alone", [True, False])
async def test_an_outsider_is_told_and_claude_is_not_asked(alone: bool) -> None:
    """Alone, where the platform has a way to; else in the thread."""
    chat = Chat(standings={"U1": Standing(outsider=True)}, tells=alone)
    async with staged(chat=chat) as stage:
        stage.ask("Why?")
        await stage.quiet()
        assert stage.chat.texts() == ([] if alone else [notice(sentences.NOT_FOR_OUTSIDERS)])
        assert stage.chat.said_beside("told") == [sentences.NOT_FOR_OUTSIDERS]
        assert stage.claude.asked == []
