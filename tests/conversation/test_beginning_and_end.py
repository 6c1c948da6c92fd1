"""The beginning and the end of the process, on virtual time: judged by what people saw of their answers."""

from __future__ import annotations

import asyncio

import pytest

from bot import sentences
from bot.claude.events import Done
from bot.ports import Control, Pressed, Ref, Unavailable
from tests.conversation.stage import ADA, THREAD, WORDS, Chat, growing, notice, now, staged
from tests.reply.fake_platform import Fault

pytestmark = pytest.mark.looptime


async def test_a_drain_lets_answers_end_and_tells_only_the_others() -> None:
    async with staged() as stage:
        stage.claude.will("short", *growing(WORDS, seconds=8))
        stage.claude.will("long", *growing(WORDS, seconds=60))
        stage.claude.will("late", 120.0, "Too late.", Done("end_turn"))
        stage.ask("A short one?", thread="short")
        stage.ask("A long one?", thread="long")
        stage.ask("A late one?", thread="late")
        stage.ask("A short one behind a long one?", thread="long")
        await asyncio.sleep(2)
        before = now()
        draining = asyncio.create_task(stage.conversations.drain(20.0, 10.0))
        await asyncio.sleep(1)
        stage.ask("A new one?", thread="new")
        assert await draining == 0
        assert 20 <= now() - before < 30
        assert stage.chat.thread("short") == [WORDS.strip()]
        [long, queued] = stage.chat.thread("long")
        said = long.removesuffix(f"\n\n{notice(sentences.INTERRUPTED)}")
        assert said != long
        assert len(said) > 100
        assert WORDS.startswith(said)
        assert queued == notice(sentences.INTERRUPTED_EARLY)
        assert stage.chat.thread("late") == [notice(sentences.INTERRUPTED_EARLY)]
        assert stage.chat.thread("new") == [notice(sentences.RESTARTING)]
        assert stage.claude.open == 0
        assert {row.state for row in stage.store.rows.values()} == {"shown"}


async def test_a_drain_with_nothing_under_way_takes_no_time() -> None:
    async with staged() as stage:
        assert await stage.conversations.drain(30.0, 10.0) == 0
        await stage.conversations.close(1.0)
        assert now() == 0


async def test_a_drain_ends_with_the_last_answer() -> None:
    async with staged(*growing(WORDS, seconds=5)) as stage:
        stage.ask("Why?")
        await asyncio.sleep(1)
        await stage.conversations.drain(30.0, 10.0)
        assert now() < 6
        assert stage.chat.texts() == [WORDS.strip()]


async def test_a_stop_still_stops_while_draining() -> None:
    async with staged(*growing(WORDS, seconds=60)) as stage:
        stage.ask("Why?")
        await asyncio.sleep(3)
        draining = asyncio.create_task(stage.conversations.drain(30.0, 10.0))
        await asyncio.sleep(1)
        stage.conversations.take(
            stage.channel, Pressed(Control.STOP, next(iter(stage.store.rows)), ADA, THREAD, Ref("C1", "1"))
        )
        await draining
        assert now() < 6
        assert stage.chat.texts()[0].endswith(notice(sentences.STOPPED))


async def test_what_a_dead_platform_kept_from_being_shown_is_left_to_the_next_start() -> None:
    """Shutdown does not wait for ever, and the journal has the end."""
    chat = Chat(fault=lambda *_: Fault(outcome=Unavailable("503", applied=False)))
    async with staged(*growing(WORDS, seconds=2), chat=chat) as stage:
        stage.ask("Why?")
        await asyncio.sleep(4)
        assert await stage.conversations.drain(5.0, 10.0) == 1
        await stage.conversations.close(1.0)
        assert now() < 21
        assert stage.conversations._tasks == set()
        [left] = await stage.store.unfinished()
        assert (left.state, left.text) == ("ending", WORDS)


async def test_a_second_signal_leaves_everything_to_the_next_start() -> None:
    async with staged(*growing(WORDS, seconds=60)) as stage:
        stage.ask("Why?")
        await asyncio.sleep(10.5)
        draining = asyncio.create_task(stage.conversations.drain(30.0, 10.0))
        await asyncio.sleep(0.1)
        draining.cancel()
        await asyncio.wait({draining})
        before = now()
        await stage.conversations.close(0.0)
        await stage.journal.flush()
        assert now() - before < 0.1
        [left] = await stage.store.unfinished()
        assert left.state == "growing"
        assert len(left.text) > 100
        assert WORDS.startswith(left.text)
        assert left.refs == (stage.chat.visible()[0].ref,)
