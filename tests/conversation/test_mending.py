"""What a crash left behind, on virtual time: judged by what people see in the end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

import pytest

from bot import sentences
from bot.claude.events import Done
from bot.ports import (
    Content,
    Control,
    Edited,
    Outcome,
    Place,
    Pressed,
    Ref,
    Rule,
    Sent,
    Unavailable,
    Withdrawn,
)
from bot.reply.buttons import controls_after
from bot.reply.messages import ANNOUNCEMENT, post_key
from tests.conversation.stage import ADA, Chat, FakeStore, Row, Stage, asked, growing, notice, staged
from tests.reply.fake_platform import Fault

pytestmark = pytest.mark.looptime


def left_behind(
    stage: Stage, *, state: str = "growing", text: str = "", notice: str = "", announce: str = ""
) -> Row:
    place = Place("fake", "T1", "C1", thread="" if announce else "1")
    row = Row("abc", 1, place, announce, state=state, text=text, notice=notice)
    stage.store.rows["abc"] = row
    return row


async def frozen(stage: Stage, row: Row, text: str, *, journalled: bool = True) -> None:
    """A message that the crash left with its button."""
    content = Content(text, (Control.STOP,), "abc")
    outcome = await stage.chat.post(row.place, content, key=post_key("abc", 0))
    if journalled:
        row.refs = (outcome.ref,)  # type: ignore[union-attr]  # nothing is refused here


async def mended(stage: Stage) -> None:
    stage.conversations.mend(stage.channel, await stage.store.unfinished())
    await stage.quiet()
    assert stage.store.rows["abc"].state == "shown"
    await asyncio.sleep(2)
    assert stage.left() == {}


@dataclass
class Witness(Chat):
    """Notes the moment in which the first words are seen."""

    sight: asyncio.Event = field(default_factory=asyncio.Event)

    def _saw(self, number: str, verb: Literal["post", "edit"]) -> None:
        super()._saw(number, verb)
        if "Four words" in self.seen[-1].text:
            self.sight.set()


async def killed_at_first_sight(chat: Witness, store: FakeStore, *, again: bool) -> str:
    """A process that dies in the very moment in which its first words are seen; the words."""
    async with staged(chat=chat, store=store) as stage:
        stage.ask("Why?")
        if again:
            await stage.quiet()
        stage.claude.will("Why?", 0.7, "Four words, and then", 60.0, " more.", Done("end_turn"))
        if again:
            place = Place("fake", "T1", "C1", thread="1700.1", route="press")
            reply, ref = next(iter(store.rows)), chat.visible()[0].ref
            stage.conversations.take(stage.channel, Pressed(Control.REGENERATE, reply, ADA, place, ref))
        await chat.sight.wait()
    return chat.seen[-1].text


@pytest.mark.parametrize("again", [False, True], ids=["a first answer", "one had anew"])
async def test_words_that_were_seen_for_a_moment_only_stand_after_the_crash(again: bool) -> None:
    """No word that people saw is replaced by a line about a restart; not even where the post was never answered."""
    chat, store = Witness(), FakeStore()
    seen = await killed_at_first_sight(chat, store, again=again)
    async with staged(chat=chat, store=store) as stage:
        stage.conversations.mend(stage.channel, await store.unfinished())
        await stage.quiet()
        assert chat.texts() == [f"{seen}\n\n{notice(sentences.INTERRUPTED)}"]
        assert stage.left() == {}


@pytest.mark.parametrize("said", ["", "\n\n"], ids=["nothing", "nothing that can be seen"])
async def test_where_no_new_word_was_seen_the_earlier_answer_stands_again(said: str) -> None:
    """With its buttons and one line about the restart; and whatever that was before, the next turn knows it."""
    chat, store = Chat(), FakeStore()
    for kill in range(2):
        async with staged("The first answer.", Done("max_tokens"), chat=chat, store=store) as stage:
            if not kill:
                stage.ask("Why?", thread="1")
                await stage.quiet()
            stage.claude.will("Why?", 0.7, said, 60.0, "Never said.", Done("end_turn"))
            reply, ref = next(iter(store.rows)), chat.visible()[0].ref
            place = Place("fake", "T1", "C1", thread="1", route="press")
            stage.conversations.take(stage.channel, Pressed(Control.REGENERATE, reply, ADA, place, ref))
            await asyncio.sleep(20)
        async with staged(chat=chat, store=store) as stage:
            stage.conversations.mend(stage.channel, await store.unfinished())
            await stage.quiet()
            [message] = chat.visible()
            line = notice(f"{sentences.CUT_BY_LIMIT} {sentences.INTERRUPTED_ANEW}")
            assert (message.ref, message.text) == (ref, f"The first answer.\n\n{line}")
            assert message.controls == controls_after("partial", "The first answer.")
            assert stage.left() == {}
    async with staged(chat=chat, store=store) as stage:
        stage.ask("Go on.", thread="1", key="another")
        await stage.quiet()
        assert asked(stage)[0] == "u: Ada: Why? | a: The first answer. | u: Ada: Go on."


async def test_the_earlier_answer_is_not_put_back_under_a_question_that_was_reworded() -> None:
    """It answered other words."""
    chat, store = Chat(), FakeStore()
    async with staged("The first answer.", Done("end_turn"), chat=chat, store=store) as stage:
        question = stage.ask("Why?", message=Ref("C1", "900"))
        await stage.quiet()
        stage.claude.will("How?", 60.0, "Never said.", Done("end_turn"))
        assert question.message is not None
        stage.conversations.take(
            stage.channel, Edited(question.message, question.person, question.place, "How?")
        )
        await asyncio.sleep(20)
    async with staged(chat=chat, store=store) as stage:
        stage.conversations.mend(stage.channel, await store.unfinished())
        await stage.quiet()
        assert chat.texts() == [notice(sentences.INTERRUPTED_EARLY)]


async def test_a_page_that_was_seen_for_a_moment_only_stands_after_the_crash() -> None:
    """Else it would be taken away: to who knows no word of it, it is a page too many."""
    chat, store = Witness(page_limit=300), FakeStore()
    first = "The first page says this. " * 8
    async with staged(first, 5.5, f"{first}\n\nFour words, and then", 60.0, chat=chat, store=store) as stage:
        stage.ask("Why?")
        await chat.sight.wait()
    seen = [message.ref for message in chat.visible()]
    assert len(seen) == 2
    async with staged(chat=chat, store=store) as stage:
        stage.conversations.mend(stage.channel, await store.unfinished())
        await stage.quiet()
        assert [message.ref for message in chat.visible()] == seen
        said = f"{first}{first} Four words, and then {notice(sentences.INTERRUPTED)}"
        assert " ".join(chat.texts()).split() == said.split()


async def test_after_a_crash_a_growing_answer_is_closed_with_an_honest_line() -> None:
    async with staged() as stage:
        row = left_behind(stage, text="Half of it, and more than was shown")
        await frozen(stage, row, "Half of it")
        await mended(stage)
        [message] = stage.chat.visible()
        assert message.text == f"Half of it, and more than was shown\n\n{notice(sentences.INTERRUPTED)}"
        assert message.controls == controls_after("partial", message.text)


async def test_after_a_crash_a_question_without_a_word_is_answered_for() -> None:
    async with staged() as stage:
        left_behind(stage)
        await mended(stage)
        assert stage.chat.thread("1") == [notice(sentences.INTERRUPTED_EARLY)]


async def test_who_replies_to_a_mended_message_goes_on_in_its_conversation() -> None:
    """The message that mending posted leads back to it, and a second crash finds it."""
    async with staged() as stage:
        left_behind(stage)
        await mended(stage)
        [message] = stage.chat.visible()
        assert stage.store.rows["abc"].refs == (message.ref,)
        assert f"fake:T1:message:C1:{message.ref.message}" in stage.store.anchors


async def test_after_a_crash_an_answer_that_lacked_only_its_last_edit_is_whole() -> None:
    async with staged() as stage:
        row = left_behind(stage, state="ending", text="All of it.", notice=sentences.CUT_BY_LIMIT)
        await frozen(stage, row, "All")
        await mended(stage)
        assert stage.chat.texts() == [f"All of it.\n\n{notice(sentences.CUT_BY_LIMIT)}"]


async def test_a_message_posted_too_shortly_before_the_crash_is_found_and_not_posted_again() -> None:
    """Its key is on the platform, though the journal never heard of it."""
    async with staged() as stage:
        row = left_behind(stage, text="Half")
        await frozen(stage, row, "Half of it", journalled=False)
        await mended(stage)
        [message] = stage.chat.visible()
        assert message.text == f"Half\n\n{notice(sentences.INTERRUPTED)}"
        assert stage.store.rows["abc"].refs == (message.ref,)


async def test_after_a_crash_a_commands_question_is_posted_if_it_was_not() -> None:
    async with staged() as stage:
        left_behind(stage, announce="Ada asks: Why?")
        await mended(stage)
        root, answer = stage.chat.visible()
        assert (root.text, root.thread) == ("Ada asks: Why?", "")
        assert (answer.text, answer.thread) == (notice(sentences.INTERRUPTED_EARLY), root.ref.message)


async def test_after_a_crash_a_commands_question_is_not_posted_twice() -> None:
    async with staged() as stage:
        row = left_behind(stage, announce="Ada asks: Why?")
        await stage.chat.post(row.place, Content("Ada asks: Why?"), key=post_key("abc", ANNOUNCEMENT))
        await mended(stage)
        root, answer = stage.chat.visible()
        assert (root.text, answer.thread) == ("Ada asks: Why?", root.ref.message)


async def test_a_crash_while_mending_is_mended_too() -> None:
    """What the first mending wrote down is what the second shows."""
    chat = Chat(fault=lambda op, _target, _number: Fault(slow=5.0) if op == "edit" else None)
    async with staged(chat=chat) as stage:
        row = left_behind(stage, text="Half of it")
        await frozen(stage, row, "Half")
        stage.conversations.mend(stage.channel, await stage.store.unfinished())
        await asyncio.sleep(3)
        await stage.conversations.close(0.0)
        await stage.journal.flush()
        await mended(stage)
        assert chat.texts() == [f"Half of it\n\n{notice(sentences.INTERRUPTED)}"]
        assert len(stage.store.said[1]) == 1, "and the turn was kept once"


async def test_what_the_next_turn_after_a_crash_knows_is_the_partial_answer() -> None:
    async with staged() as stage:
        stage.ask("One?", thread="1")
        await stage.quiet()
        row = next(iter(stage.store.rows.values()))
        row.state, row.text = "growing", "Half of it"
        stage.store.said[row.conversation] = stage.store.said[row.conversation][:1]
        stage.conversations.mend(stage.channel, await stage.store.unfinished())
        await stage.quiet()
        stage.ask("Go on.", thread="1")
        await stage.quiet()
        assert asked(stage)[1] == "u: Ada: One? | a: Half of it | u: Ada: Go on."


@dataclass
class Guessing(Chat):
    """Finds what bears no mark by where it stands alone."""

    guess: Ref | None = None

    async def find(self, place: Place, key: str) -> Ref | Unavailable | None:
        return await super().find(place, key) or self.guess


@pytest.mark.parametrize("disk", ["knows", "fails"])
async def test_a_message_of_another_answer_is_not_taken_for_a_lost_one(
    disk: Literal["knows", "fails"],
) -> None:
    """It would be overwritten, or deleted as a page too many. What the disk does not know is not posted twice."""
    chat = Guessing()
    async with staged("It is so.", Done("end_turn"), chat=chat) as stage:
        stage.ask("Why?", thread="1")
        await stage.quiet()
        [other] = chat.visible()
        row = left_behind(stage, text="Half of it")
        if disk == "fails":
            stage.store.trouble["reply_of_message"] = "fails"
            await frozen(stage, row, "Half", journalled=False)
        else:
            chat.guess = other.ref
        await mended(stage)
        assert chat.texts() == ["It is so.", f"Half of it\n\n{notice(sentences.INTERRUPTED)}"]


@dataclass
class Silent(Chat):
    """Does not answer the first few times that it is asked for a message."""

    silent: int = 0
    how: Literal["hangs", "breaks", "unavailable"] = "hangs"

    async def find(self, place: Place, key: str) -> Ref | Unavailable | None:
        if self.silent:
            self.silent -= 1
            match self.how:
                case "hangs":
                    await asyncio.sleep(3600)
                case "breaks":
                    raise RuntimeError("the adapter is broken")
                case "unavailable":
                    return Unavailable("503", retry_after=10.0)
        return await super().find(place, key)


@pytest.mark.parametrize("how", ["hangs", "breaks", "unavailable"])
async def test_only_a_platform_that_answers_says_that_a_message_is_not_there(
    how: Literal["hangs", "breaks", "unavailable"],
) -> None:
    """Slack knows no key that would keep a second post from being made."""
    async with staged(chat=Silent(silent=6, how=how)) as stage:
        row = left_behind(stage, text="Half of it")
        await frozen(stage, row, "Half", journalled=False)
        await mended(stage)
        assert stage.chat.texts() == [f"Half of it\n\n{notice(sentences.INTERRUPTED)}"]


async def test_what_is_not_found_out_before_the_end_is_left_to_the_next_start() -> None:
    """And the end does not wait for it."""
    chat, store = Silent(silent=1_000), FakeStore()
    async with staged(chat=chat, store=store) as stage:
        row = left_behind(stage, text="Half of it")
        await frozen(stage, row, "Half", journalled=False)
        stage.conversations.mend(stage.channel, await store.unfinished())
        await asyncio.sleep(3600)
        assert chat.texts() == ["Half"]
        assert 1_000 - chat.silent < 20, "a platform in trouble is not asked all the time"
    chat.silent = 0
    async with staged(chat=chat, store=store) as stage:
        await mended(stage)
        assert chat.texts() == [f"Half of it\n\n{notice(sentences.INTERRUPTED)}"]


@dataclass
class TakingBack(Chat):
    """Will not have the page changed to what it is to stay, and deletes its message; that is answered so late."""

    answers: float = 0.0
    taken: asyncio.Event = field(default_factory=asyncio.Event)

    async def edit(self, place: Place, ref: Ref, content: Content) -> Outcome:
        if not content.closed or self.taken.is_set():
            return await super().edit(place, ref, content)
        await self.delete(place, ref)
        self.taken.set()
        await asyncio.sleep(self.answers)
        return Withdrawn("edit_window_closed")


@pytest.mark.parametrize("answers", [0.0, 10.0], ids=["and that is known", "and nobody knows"])
async def test_an_answer_that_was_taken_back_before_the_crash_is_posted_anew_or_quietly_over(
    answers: float,
) -> None:
    """We deleted it, to post it anew: the next start does. Where it cannot know that, it is as if somebody had."""
    chat, store = TakingBack(answers=answers), FakeStore()
    async with staged(*growing("All of it, whole.", seconds=3), chat=chat, store=store) as stage:
        stage.ask("Why?")
        await chat.taken.wait()
        await asyncio.sleep(chat.call / 4)  # the new post has not arrived yet
        assert chat.texts() == []
    async with staged(chat=chat, store=store) as stage:
        stage.conversations.mend(stage.channel, await store.unfinished())
        await stage.quiet()
        assert chat.texts() == (["All of it, whole."] if not answers else [])
        [row] = store.rows.values()
        assert row.state == ("shown" if not answers else "gone")
        assert stage.left() == {}


# ------------------------------------------------------------------------------------------------ many at once


@dataclass
class Library(Chat):
    """Reads a channel's history slowly. `hanging`: in this channel it never comes to an end."""

    hanging: str = ""
    reading: list[str] = field(default_factory=list)
    most: int = 0

    async def find(self, place: Place, key: str) -> Ref | Unavailable | None:
        self.reading.append(place.channel)
        assert self.reading.count(place.channel) == 1, "nobody reads the same history twice at once"
        self.most = max(self.most, len(self.reading))
        try:
            await asyncio.sleep(600 if place.channel == self.hanging else 1)
            return await super().find(place, key)
        finally:
            self.reading.remove(place.channel)


async def test_hundreds_of_replies_are_looked_for_some_at_a_time_and_a_slow_channel_delays_no_other() -> None:
    """Else a platform refuses most of these calls, and what is not found would be posted twice."""
    unlimited = Rule(1000.0, 1000, "bucket", "documented", "this test")
    chat = Library(hanging="C0", post_rule=unlimited, edit_rule=unlimited)
    async with staged(chat=chat) as stage:
        for number in range(200):
            place = Place("fake", "T1", f"C{number % 40}", thread=f"{number}")
            row = Row(f"r{number}", number, place, "", text=f"Half {number}")
            outcome = await chat.post(place, Content("Half"), key=post_key(row.id, 0))
            assert isinstance(outcome, Sent)
            stage.store.rows[row.id] = row  # the crash came before its message was journalled
        stage.conversations.mend(stage.channel, await stage.store.unfinished())
        await asyncio.sleep(150)
        rows = stage.store.rows.values()
        assert {row.place.channel for row in rows if row.state != "shown"} == {"C0"}
        elsewhere = [row for row in rows if row.place.channel != "C0"]
        assert all(len(chat.thread(row.place.thread)) == 1 for row in elsewhere), "none is there twice"
        assert 4 < chat.most <= 8
