"""The context with a real database, real processes and the real clock: what the fakes promise is true of these."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import sentences
from bot.claude.events import Done, Spent, Usage
from bot.conversation import history
from bot.ports import Line, Person, Ref
from bot.store.ledger import Account
from bot.store.store import Store
from tests.claude import papers
from tests.conversation.context_stage import asker
from tests.conversation.stage import ADA, GRACE, FakeClaude

LONG = "The quick brown fox jumps over the lazy dog. " * 40  # 600 tokens


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path}/s.sqlite3")
    yield opened
    await opened.close()


async def test_a_summary_is_stored_reused_and_paid_by_its_asker(store: Store) -> None:
    usage = Usage(tokens_in=4_000, tokens_out=100)
    claude = FakeClaude(Spent(usage), "They spoke of foxes.", Done("end_turn"))
    one = asker(store=store, claude=claude, INKSTREAM_HISTORY_TOKENS="4500")
    for number in range(4):
        await one.ask(f"Question {number}. {LONG}", answer=f"Answer {number}. {LONG}")
    asked = await one.ask("And now?")
    assert asked.remarks == [sentences.SUMMARISED]
    later = await one.ask("And then?")
    assert later.remarks == []
    assert str(later.ask.messages[0]["content"]).startswith(
        history.SUMMARY.format(text="They spoke of foxes.")
    )
    assert later.ask.messages[: len(asked.ask.messages)] == asked.ask.messages
    assert len(claude.asked) == 1
    account = Account("fake", "T1", "C1", ADA.id)
    async with asyncio.timeout(5):
        while not (spent := (await store.ledger.summary(account, now=time.time())).today.person).micros:  # noqa: ASYNC110 - it is settled behind the answer
            await asyncio.sleep(0.01)
    assert (spent.replies, spent.tokens_in, spent.tokens_out) == (0, 4_000, 100)
    assert await store.ledger.release_all() == 0


async def test_what_stood_before_is_imported_once_with_its_files(store: Store) -> None:
    one = asker(store=store)
    notes = one.chat.attach("notes.txt", b"blue door")
    ours = one.chat.attach("answer.md", b"our own words")
    one.chat.before = [
        Line(Ref("C1", "1.0"), GRACE, "Look:", files=(notes,)),
        Line(Ref("C1", "2.0"), Person("B1"), "I see.", ours=True, files=(ours,)),
        Line(Ref("C1", "3.0"), ADA, "Why?"),
    ]
    first = await one.ask("Why?", threaded=True, message=Ref("C1", "3.0"))
    assert first.roles() == "u a u"
    assert "blue door" in first.words
    assert first.last() == "Ada: Why?", "not twice"
    second = await one.ask("And then?", threaded=True, message=Ref("C1", "5.0"))
    assert list(second.ask.messages[:3]) == list(first.ask.messages)
    assert one.chat.fetched == ["notes.txt"]


async def test_a_thread_with_nothing_before_is_not_read_again(store: Store) -> None:
    one = asker(store=store)
    await one.ask("Why?", threaded=True)
    one.chat.before = [Line(Ref("C1", "9.0"), GRACE, "Later.")]
    assert "Later" not in (await one.ask("And then?", threaded=True)).words


async def test_an_office_document_is_read(store: Store) -> None:
    one = asker(store=store)
    data = papers.docx(papers.paragraph("The door is blue."))
    asked = await one.ask("What is it?", [one.chat.attach("door.docx", data, papers.DOCX)])
    assert asked.remarks == []
    assert asked.last() == "(attached: door.docx)\n```markdown\nThe door is blue.\n```\n\nAda: What is it?"


async def test_office_documents_that_cannot_be_read_are_told(store: Store) -> None:
    one = asker(store=store)
    broken = one.chat.attach("broken.docx", papers.docx()[:300], papers.DOCX)
    locked = one.chat.attach("locked.docx", papers.compound("EncryptedPackage"), papers.DOCX)
    blank = one.chat.attach("blank.docx", papers.docx(), papers.DOCX)
    asked = await one.ask("?", [broken, locked, blank])
    [told] = asked.remarks
    assert told == (
        "Left out: broken.docx could not be opened; locked.docx is protected by a password; "
        "blank.docx has no text in it."
    )
