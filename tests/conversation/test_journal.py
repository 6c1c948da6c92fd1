"""The journal on a disk that is slow, fails or hangs, on virtual time: judged by what the disk knows and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.claude.events import Usage
from bot.conversation.journal import StoreJournal
from bot.ports import Place, Ref
from tests.conversation.stage import THREAD, FakeStore, Row, now

pytestmark = pytest.mark.looptime

FIRST, SECOND = Ref("C1", "1"), Ref("C1", "2")
SPENT = Usage(10, 20, 1, 2)


@asynccontextmanager
async def kept(*replies: str, delay: float = 0.0) -> AsyncIterator[tuple[StoreJournal, FakeStore]]:
    """A journal at work over a store that knows these replies; nothing may be held when all is told."""
    store = FakeStore(delay=delay)
    for reply in replies:
        store.rows[reply] = Row(reply, 1, THREAD, "")
    journal = StoreJournal(store)
    writing = asyncio.create_task(journal.run())
    yield journal, store
    assert not writing.done(), "the journal ended by itself"
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)


async def end(journal: StoreJournal, reply: str, text: str = "All of it.") -> None:
    await journal.ended(reply, text=text, notice="", turn="whole", usage=SPENT)


def held(journal: StoreJournal) -> int:
    return len(journal._growing) + len(journal._written) + len(journal._debts) + len(journal._payments)


async def test_a_message_that_exists_is_known_at_once() -> None:
    """A process killed a moment after the first post finds its message again."""
    async with kept("r1") as (journal, store):
        journal.growing("r1", lambda: "")
        await asyncio.sleep(0.5)
        journal.posted("r1", (FIRST,), THREAD)
        await asyncio.sleep(0.01)
        assert list(store.rows["r1"].refs) == [FIRST]
        journal.posted("r1", (FIRST, SECOND), THREAD)
        await asyncio.sleep(0.01)
        assert list(store.rows["r1"].refs) == [FIRST, SECOND]


async def test_a_reply_is_found_by_its_messages_and_by_its_thread() -> None:
    """So that who answers there goes on in the same conversation."""
    place = Place("fake", "T1", "C1", thread="7")
    async with kept("r1") as (journal, store):
        journal.posted("r1", (FIRST, SECOND), place)
        await asyncio.sleep(0.01)
    assert set(store.anchors) == {"fake:T1:message:C1:1", "fake:T1:message:C1:2", "fake:T1:thread:C1:7"}


async def test_texts_that_grew_are_written_about_once_a_second_all_in_one() -> None:
    """A killed process loses a second of what people saw; a disk is not asked for more."""
    async with kept("r1", "r2") as (journal, store):
        texts = {"r1": "", "r2": ""}
        journal.growing("r1", lambda: texts["r1"])
        journal.growing("r2", lambda: texts["r2"])
        for _ in range(100):
            await asyncio.sleep(0.1)
            texts["r1"] += "word "
            texts["r2"] += "another "
        await asyncio.sleep(1.05)
        assert (store.rows["r1"].text, store.rows["r2"].text) == (texts["r1"], texts["r2"])
        writes = [about for _, method, about in store.calls if method == "grew"]
        assert 9 <= len(writes) <= 12
        assert set(writes) == {"r1 r2"}


async def test_what_leaves_for_a_new_message_is_written_at_once() -> None:
    """One write more for each message; no new words, no write."""
    async with kept("r1") as (journal, store):
        text = [""]
        journal.growing("r1", lambda: text[0])
        await asyncio.sleep(0.2)
        journal.shows("r1")
        await asyncio.sleep(0.01)
        assert store.calls == []
        text[0] = "The first words"
        for _ in range(5):
            journal.shows("r1")
            await asyncio.sleep(0.01)
            assert store.rows["r1"].text == text[0]
        assert len(store.calls) == 1
        text[0] += " and the second page"
        journal.shows("r1")
        await asyncio.sleep(0.01)
        assert store.rows["r1"].text == text[0]
        assert len(store.calls) == 2
        journal.shows("unknown")
        await end(journal, "r1", text[0])
        await journal.closed("r1", "shown")
        journal.shows("r1")
        await asyncio.sleep(0.01)
        assert held(journal) == 0


async def test_a_text_that_does_not_grow_is_not_written_again() -> None:
    async with kept("r1") as (journal, store):
        journal.growing("r1", lambda: "the same")
        await asyncio.sleep(60)
        assert [method for _, method, _ in store.calls] == ["grew"]


async def test_an_end_is_written_before_it_is_answered() -> None:
    """Law 4: the caller sends its last edit after this."""
    async with kept("r1", delay=2.0) as (journal, store):
        await end(journal, "r1")
        assert store.rows["r1"].state == "ending"
        assert store.rows["r1"].tokens == {
            "tokens_in": 10,
            "tokens_out": 20,
            "cache_read": 1,
            "cache_written": 2,
        }


async def test_a_late_text_never_replaces_an_end() -> None:
    """A write of the growing text that is under way when the end comes changes nothing."""
    async with kept("r1", delay=2.0) as (journal, store):
        journal.growing("r1", lambda: "All")
        await asyncio.sleep(0.1)
        await end(journal, "r1")
        await asyncio.sleep(30)
        assert store.rows["r1"].text == "All of it."


async def test_a_disk_that_fails_is_told_again_until_it_knows_in_order() -> None:
    """A full disk that somebody makes room on has lost no message, no end and no state."""
    async with kept("r1") as (journal, store):
        store.trouble[""] = "fails"
        journal.growing("r1", lambda: "All")
        journal.posted("r1", (FIRST,), THREAD)
        await asyncio.sleep(1)
        await end(journal, "r1")
        await journal.closed("r1", "shown")
        await asyncio.sleep(20)
        assert store.rows["r1"].refs == ()
        store.trouble.clear()
        await asyncio.sleep(31)
        assert [method for _, method, _ in store.calls] == ["posted", "ended", "closed"]
        row = store.rows["r1"]
        assert (row.refs, row.state, row.text) == ((FIRST,), "shown", "All of it.")
        assert held(journal) == 0


async def test_an_end_that_a_busy_disk_refused_is_written_soon_after() -> None:
    """Also where nothing else is to be written."""
    async with kept("r1") as (journal, store):
        store.trouble["ended"] = "fails"
        await end(journal, "r1")
        store.trouble.clear()
        await asyncio.sleep(3)
        assert store.rows["r1"].state == "ending"
        assert held(journal) == 0


async def test_a_disk_that_fails_for_an_hour_is_asked_ever_more_rarely(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Else a full disk fills the log too."""
    async with kept("r1") as (journal, store):
        store.trouble[""] = "fails"
        journal.growing("r1", lambda: f"{now()}")
        journal.posted("r1", (FIRST,), THREAD)
        await asyncio.sleep(3600)
        assert 100 < len(caplog.records) < 300


async def test_a_disk_that_hangs_holds_an_end_back_for_seconds_not_for_ever() -> None:
    """People are shown the end even so."""
    async with kept("r1", "r2") as (journal, store):
        store.trouble["ended"] = "hangs"
        before = now()
        await end(journal, "r1")
        assert 5 < now() - before < 10
        store.trouble.clear()
        before = now()
        await end(journal, "r2")
        assert now() == before, "one reply's trouble is not another's"


async def test_of_many_debts_one_that_hangs_delays_no_other() -> None:
    """As after a restart: what was found again of a hundred replies, on a disk that one question hangs on."""
    replies = [f"r{n}" for n in range(100)]
    async with kept(*replies, delay=0.01) as (journal, store):
        store.trouble["posted r0"] = store.trouble["posted r1"] = "hangs"
        for reply in replies:
            journal.posted(reply, (FIRST,), THREAD)
        await asyncio.sleep(1)
        assert [reply for reply in replies if not store.rows[reply].refs] == ["r0", "r1"]
        store.trouble.clear()
        await asyncio.sleep(60)
        assert all(row.refs for row in store.rows.values())
        assert held(journal) == 0


async def test_flush_writes_what_is_left() -> None:
    """At the end of the process: the text of a reply that nobody could end."""
    async with kept("r1") as (journal, store):
        journal.growing("r1", lambda: "So far")
        journal.posted("r1", (FIRST,), THREAD)
        await journal.flush()
        assert (store.rows["r1"].text, store.rows["r1"].refs) == ("So far", (FIRST,))


async def test_a_thousand_replies_leave_nothing_behind() -> None:
    async with kept(*(f"r{n}" for n in range(1000))) as (journal, _store):
        for n in range(1000):
            journal.growing(f"r{n}", lambda: "text")
            journal.posted(f"r{n}", (FIRST,), THREAD)
        await asyncio.sleep(2)
        for n in range(1000):
            await end(journal, f"r{n}")
            await journal.closed(f"r{n}", "shown")
        await asyncio.sleep(2)
        assert held(journal) == 0
