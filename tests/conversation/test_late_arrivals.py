"""Messages that arrive later than what was said after them, on virtual time: judged by what Claude was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from bot import sentences
from bot.ports import Line, Place, Ref
from tests.conversation.stage import GRACE, Chat, FakeStore, growing, staged

pytestmark = pytest.mark.looptime


@pytest.mark.parametrize("late", [0.0, 0.01, 3.0, 60.0])
async def test_what_was_said_before_the_first_question_is_no_follow_up_however_late_it_arrives(
    late: float,
) -> None:
    """Fault 15: a message of the thread that comes (or comes again) behind the mention is history, and is not answered."""
    before = Line(Ref("C1", "1700000001.000100"), GRACE, "Let us talk here.")
    async with staged(chat=Chat(before=[before])) as stage:
        stage.ask("Why?", message=Ref("C1", "1700000001.000300"), threaded=True)
        await asyncio.sleep(late)
        stage.ask(before.text, how="overheard", person=GRACE, message=before.message)
        await stage.quiet()
        [request] = stage.claude.asked
        assert request.question == "Grace: Let us talk here.\n\nAda: Why?", "once, as history"
        assert stage.chat.texts() == ["Yes."]


async def test_what_was_said_after_it_is_a_follow_up_though_an_older_question_arrives_last() -> None:
    async with staged() as stage:
        stage.ask("One?", message=Ref("C1", "1700000001.000100"))
        stage.ask("Two.", how="overheard", message=Ref("C1", "1700000001.000300"))
        stage.ask("Between.", how="overheard", message=Ref("C1", "1700000001.000200"))
        await stage.quiet()
        assert len(stage.claude.asked) == 3


async def test_a_bare_stop_from_before_the_answer_stops_nothing_of_other_threads() -> None:
    """Fault 26: it is looked up by its own thread."""
    async with staged(*growing("word " * 40, seconds=5)) as stage:
        stage.ask("One?", thread="1")
        await asyncio.sleep(1)
        stage.ask("stop", how="overheard", thread="2")
        await stage.quiet()
        assert sentences.STOPPED not in stage.chat.texts()[0]


async def test_a_reply_that_is_quicker_than_the_disk_still_goes_on_with_its_conversation() -> None:
    """Fault 19 the other way round: on Discord the message replied to is all that leads back to what was said."""
    store = SlowToNote()
    async with staged(store=store) as stage:
        stage.ask("The word is heliotrope.", scope="message:C1:100", message=Ref("C1", "100"))
        await asyncio.sleep(1)
        [answer] = stage.chat.visible()
        stage.ask(
            "Which word?", scope="message:C1:101", message=Ref("C1", "101"), answers=answer.ref, person=GRACE
        )
        await stage.quiet()
        assert len(stage.claude.asked) == 2
        assert "heliotrope" in str(stage.claude.asked[1].ask.messages)


@pytest.mark.parametrize("how", ["overheard", "mention"])
async def test_a_thread_under_a_commands_question_is_ours_though_the_disk_does_not_know_it_yet(
    how: str,
) -> None:
    """On Slack only the thread leads back, and only the question's own post tells which that is: a follow-up was lost."""
    async with staged(store=SlowToNote()) as stage:
        stage.ask(
            "The word is heliotrope.",
            how="command",
            place=Place("fake", "T1", "C1"),
            scope="command:1",
            unseen="ada",
        )
        await asyncio.sleep(1)
        [answer] = [message for message in stage.chat.visible() if message.thread]
        stage.ask("Which word?", how=how, thread=answer.thread, person=GRACE)
        await stage.quiet()
        assert len(stage.claude.asked) == 2
        assert "heliotrope" in str(stage.claude.asked[1].ask.messages)


class SlowToNote(FakeStore):
    """Writes down which messages are ours only after seconds."""

    async def posted(self, reply: str, refs: Sequence[Ref], place: Place, anchors: Sequence[str]) -> None:
        await asyncio.sleep(4)
        await super().posted(reply, refs, place, anchors)
