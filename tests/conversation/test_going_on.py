"""Where an answer goes on that somebody has pressed Continue under."""

from __future__ import annotations

import pytest

from bot import sentences
from bot.claude.events import Done
from bot.ports import Control, Place, Pressed, Ref
from tests.conversation.stage import ADA, Stage, staged

pytestmark = pytest.mark.looptime


async def went_on(stage: Stage, asked: Place, pressed: Place) -> Place:
    """The place of the second half."""
    stage.claude.will("Why?", "The first half", Done("max_tokens"))
    stage.claude.will(sentences.GOING_ON, "and the second.", Done("end_turn"))
    stage.ask("Why?", place=asked, scope="direct:D1", how="direct", message=Ref("D1", "7"))
    await stage.quiet()
    reply = next(iter(stage.store.rows))
    [message] = stage.chat.visible()
    stage.conversations.take(stage.channel, Pressed(Control.CONTINUE, reply, ADA, pressed, message.ref))
    await stage.quiet()
    assert stage.chat.texts()[1:] == ["and the second."]
    question = list(stage.store.rows.values())[-1].question
    assert question is not None
    return question.place


async def test_going_on_in_a_direct_message_took_the_bots_own_message_for_the_threads_root() -> None:
    """A native stream opens a thread under `reply_to`; the press tells in which one the first half stands."""
    async with staged() as stage:
        asked = Place("fake", "T1", "D1", reply_to="7", private=True)
        place = await went_on(stage, asked, Place("fake", "T1", "D1", thread="7", private=True))
        assert place.thread == "7"


async def test_going_on_where_there_are_no_threads_points_at_the_first_half() -> None:
    async with staged() as stage:
        asked = Place("fake", "T1", "D1", reply_to="7", private=True)
        place = await went_on(stage, asked, Place("fake", "T1", "D1", private=True))
        assert place.thread == ""
        assert place.reply_to == stage.chat.visible()[0].ref.message
