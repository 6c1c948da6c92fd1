"""What stands under an answer that was gone on with: its words do not change, and only the buttons go that are used up."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from bot import sentences
from bot.claude.events import Done
from bot.ports import Content, Control, Denied, Op, Outcome, Person, Place, Pressed, Ref, Rejected, Withdrawn
from tests.conversation.stage import ADA, GRACE, Chat, FakeStore, Stage, staged
from tests.reply.fake_platform import Fault, Seen

pytestmark = pytest.mark.looptime

LEFT = (Control.FILE, Control.DELETE)
OFFERED = (Control.CONTINUE, Control.REGENERATE, *LEFT)
LONG = "\n\n".join(f"Paragraph {number} says something of its own, and nothing else." for number in range(60))


async def broken_off(stage: Stage, text: str = "The first half", question: str = "Why?") -> list[Ref]:
    """An answer that met its limit; its messages."""
    stage.claude.will(question, text, Done("max_tokens"))
    stage.claude.will(sentences.GOING_ON, "and the second.", Done("end_turn"))
    before = {message.ref for message in stage.chat.visible()}
    stage.ask(question)
    await stage.quiet()
    return [message.ref for message in stage.chat.visible() if message.ref not in before]


def go_on(stage: Stage, *, person: Person = ADA, reply: str = "") -> None:
    named = reply or next(iter(stage.store.rows))
    place = Place("fake", "T1", "C1", thread="1700.1", route="press")
    stage.conversations.take(stage.channel, Pressed(Control.CONTINUE, named, person, place, Ref("C1", "1")))


def frames(stage: Stage, ref: Ref) -> list[Seen]:
    return [seen for seen in stage.chat.seen if seen.message == ref.message]


def buttons(stage: Stage, ref: Ref) -> tuple[Control, ...]:
    return frames(stage, ref)[-1].controls


async def test_what_continue_has_taken_over_is_offered_no_more() -> None:
    """One edit, which changes no letter."""
    async with staged() as stage:
        [answer] = await broken_off(stage)
        assert buttons(stage, answer) == OFFERED
        before = frames(stage, answer)
        go_on(stage)
        await stage.quiet()
        after = frames(stage, answer)
        assert len(after) == len(before) + 1
        assert (after[-1].text, after[-1].controls) == (before[-1].text, LEFT)
        [_, second] = stage.chat.visible()
        assert Control.REGENERATE in second.controls
        assert stage.left() == {}


async def test_it_happens_while_the_rest_grows_and_not_after_it() -> None:
    async with staged() as stage:
        [answer] = await broken_off(stage)
        stage.claude.will(sentences.GOING_ON, "and ", 60.0, "the second.", Done("end_turn"))
        go_on(stage)
        await stage.quiet()
        end = stage.claude.asked[-1].ended
        assert end is not None
        assert frames(stage, answer)[-1].at < end - 50


async def test_of_a_long_answer_the_last_page_alone_is_touched() -> None:
    async with staged(chat=Chat(page_limit=700)) as stage:
        pages = await broken_off(stage, LONG)
        assert len(pages) > 4
        before = [len(frames(stage, page)) for page in pages]
        go_on(stage)
        await stage.quiet()
        assert [len(frames(stage, page)) for page in pages] == [*before[:-1], before[-1] + 1]
        assert buttons(stage, pages[-1]) == LEFT


@pytest.mark.parametrize("text", ["The first half", LONG], ids=["one page", "many"])
async def test_an_answer_from_before_a_restart_loses_them_too_and_keeps_every_word(text: str) -> None:
    """Fault 27: the store knows its words, and the platform shows the same as before."""
    chat, store = Chat(page_limit=700), FakeStore()
    async with staged(chat=chat, store=store) as stage:
        pages = await broken_off(stage, text)
        stood = stage.chat.texts()
        before = [len(frames(stage, page)) for page in pages]
    async with staged(chat=chat, store=store) as stage:
        stage.claude.will(sentences.GOING_ON, "and the second.", Done("end_turn"))
        go_on(stage)
        await stage.quiet()
        assert stage.chat.texts() == [*stood, "and the second."]
        assert [len(frames(stage, page)) for page in pages] == [*before[:-1], before[-1] + 1]
        assert buttons(stage, pages[-1]) == LEFT
        assert all(buttons(stage, page) == () for page in pages[:-1])


async def test_pages_that_were_cut_by_other_rules_stay_as_they_are() -> None:
    """After an update a long answer might be cut elsewhere: what stands is worth more than its buttons."""
    chat, store = Chat(page_limit=700), FakeStore()
    async with staged(chat=chat, store=store) as stage:
        pages = await broken_off(stage, LONG)
        stood = stage.chat.texts()
    chat.page_limit = 900
    async with staged(chat=chat, store=store) as stage:
        stage.claude.will(sentences.GOING_ON, "and the second.", Done("end_turn"))
        go_on(stage)
        await stage.quiet()
        assert stage.chat.texts() == [*stood, "and the second."]
        assert buttons(stage, pages[-1]) == OFFERED


async def test_who_is_turned_away_can_press_again_later() -> None:
    """The buttons stay until something was gone on with, and each press is tried."""
    async with staged(INKSTREAM_REQUESTS_A_MINUTE="1") as stage:
        [answer] = await broken_off(stage)
        go_on(stage)
        await stage.quiet()
        [told] = stage.chat.said_beside("told")
        assert told.startswith(sentences.TOO_MANY_REQUESTS[:40])
        assert buttons(stage, answer) == OFFERED
        go_on(stage, person=GRACE)
        await stage.quiet()
        assert stage.chat.texts()[-1] == "and the second."
        assert buttons(stage, answer) == LEFT


async def test_a_platform_that_refuses_the_edit_costs_nothing_but_the_edit() -> None:
    """Fault 31: an old message that cannot be changed any more."""

    def refuses(op: Op, target: str, number: int) -> Fault | None:
        return (
            Fault(outcome=Denied("edit_window_closed")) if op == "edit" and target == answer.message else None
        )

    async with staged() as stage:
        [answer] = await broken_off(stage)
        stage.chat.fault = refuses
        go_on(stage)
        await stage.quiet()
        assert stage.chat.texts()[-1] == "and the second."
        assert stage.chat.said_beside("told") == []
        assert stage.left() == {}


@dataclass
class Shut(Chat):
    """Lets nobody edit any more; a page that it is not yet known to show is taken back, to be posted anew."""

    shut: bool = False

    async def edit(self, place: Place, ref: Ref, content: Content) -> Outcome:
        if not self.shut:
            return await super().edit(place, ref, content)
        await asyncio.sleep(self.call)
        if content.stands or not content.closed:
            return Rejected("edit_window_closed")
        await self.delete(place, ref)
        return Withdrawn("edit_window_closed")


@pytest.mark.parametrize("restarts", [False, True], ids=["in one process", "after a restart"])
@pytest.mark.parametrize("text", ["The first half", LONG], ids=["one page", "many"])
async def test_where_nothing_may_be_edited_any_more_every_word_stays_where_it_stands(
    text: str, restarts: bool
) -> None:
    """Slack's edit_window_closed: an old page is no reason to excuse itself in its place, nor to move below what goes on.
    Its buttons stay, and still do what they say.
    """
    chat, store = Shut(page_limit=700), FakeStore()
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(staged(chat=chat, store=store))
        pages = await broken_off(stage, text)
        stood = chat.texts()
        if restarts:
            await stack.aclose()
            stage = await stack.enter_async_context(staged(chat=chat, store=store))
            stage.claude.will(sentences.GOING_ON, "and the second.", Done("end_turn"))
        chat.shut = True
        go_on(stage)
        await stage.quiet()
        assert chat.texts() == [*stood, "and the second."]
        assert buttons(stage, pages[-1]) == OFFERED
        go_on(stage)
        await stage.quiet()
        assert chat.texts() == [*stood, "and the second.", "and the second."]
        assert chat.said_beside("told") == []
        assert stage.left() == {}


async def test_an_answer_that_is_had_anew_meanwhile_keeps_its_own_buttons() -> None:
    """What was about to be taken away is the older answer's; the new one in the same messages ends as every answer."""
    async with staged() as stage:
        [answer] = await broken_off(stage)
        slow = [True]

        def first_edit_is_slow(op: Op, target: str, number: int) -> Fault | None:
            if op == "edit" and target == answer.message and slow:
                slow.clear()
                return Fault(slow=15.0)
            return None

        stage.chat.fault = first_edit_is_slow
        go_on(stage)
        await asyncio.sleep(3)
        assert not slow, "the edit is under way"
        reply = next(iter(stage.store.rows))
        stage.claude.will("Why?", "Whole this time.", Done("end_turn"))
        place = Place("fake", "T1", "C1", thread="1700.1", route="press")
        stage.conversations.take(stage.channel, Pressed(Control.REGENERATE, reply, ADA, place, answer))
        await stage.quiet()
        assert stage.chat.texts()[0] == "Whole this time."
        assert Control.REGENERATE in buttons(stage, answer)
        assert stage.left() == {}
