"""What the buttons of a reply need: found by its messages and its question, also after a restart."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bot.ports import Attachment, Ref
from bot.store.store import Store
from tests.store.stage import CHAIN, THREAD, answer, begin, exchange, question, words

FILE = Attachment("F1", "plan.pdf", "application/pdf", 1200, "https://files/F1")


async def test_a_reply_is_found_by_its_pages_and_by_its_question_after_a_restart(tmp_path: Path) -> None:
    """A press on an answer of last week must still find everything that Regenerate and Delete need."""
    url = f"sqlite:///{tmp_path}/s.sqlite3"
    store = await Store.open(url)
    asked = question(
        "k1",
        "a",
        place=CHAIN,
        text="draw a plan",
        message=Ref("C1", "70"),
        files=(FILE,),
        how="mention",
        locale="de",
    )
    conversation = await begin(store, asked, "r1", now=500.0)
    await store.posted("r1", [Ref("C1", "71"), Ref("C1", "72")], CHAIN, [])
    await answer(store, "r1", "here", "partial", stop_reason="max_tokens", seconds=2.5, micros=1234)
    await store.close()

    store = await Store.open(url)
    for message in (Ref("C1", "71"), Ref("C1", "72")):
        assert await store.reply_of_message(message, platform="discord", workspace="G1") == "r1"
    assert await store.reply_of_question(Ref("C1", "70"), platform="discord") == "r1"
    found = await store.reply("r1")
    await store.close()
    assert found is not None
    assert (found.conversation, found.place, found.refs) == (
        conversation,
        CHAIN,
        (Ref("C1", "71"), Ref("C1", "72")),
    )
    assert (found.asker, found.question, found.files, found.message) == (
        "U1",
        "draw a plan",
        (FILE,),
        Ref("C1", "70"),
    )
    assert (found.text, found.turn, found.stop_reason) == ("here", "partial", "max_tokens")
    assert (found.model, found.seconds, found.micros, found.how, found.locale) == (
        "m",
        2.5,
        1234,
        "mention",
        "de",
    )
    assert found.state == "shown"


async def test_messages_of_another_workspace_or_platform_are_nobodys(store: Store) -> None:
    """Slack Connect: the same channel and message exist in two workspaces, each with an answer of its own."""
    await exchange(store, "r1", "a", "one", "answer")
    page, asked = Ref("C1", "p-r1"), Ref("C1", "q-r1")
    assert await store.reply_of_message(page, platform="slack", workspace="T2") is None
    assert await store.reply_of_message(page, platform="discord") is None
    assert await store.reply_of_question(asked, platform="slack", workspace="T2") is None
    assert await store.reply_of_question(asked, platform="discord") is None
    assert await store.reply_of_question(asked, platform="slack", workspace="T1") == "r1"
    assert await store.reply("no-such") is None


async def test_a_reply_that_shrank_lets_go_of_its_last_pages(store: Store) -> None:
    """Generated again, it may have fewer messages; what was deleted must not lead to it."""
    await begin(store, question("k", "a"), "r1")
    await store.posted("r1", [Ref("C1", "1"), Ref("C1", "2"), Ref("C1", "3")], THREAD, [])
    await store.posted("r1", [Ref("C1", "1")], THREAD, [])
    found = [await store.reply_of_message(Ref("C1", number), platform="slack") for number in "123"]
    assert found == ["r1", None, None]


async def test_the_same_answer_told_twice_is_one_turn(store: Store) -> None:
    """The journal tells the end again where it could not know whether the disk took it."""
    conversation = await begin(store, question("k", "a", text="why?"), "r1")
    await answer(store, "r1", "because")
    await answer(store, "r1", "because")
    assert await words(store, conversation) == ["why?", "because"]


async def test_generated_again_an_answer_takes_the_place_of_the_old_one(store: Store) -> None:
    conversation = await exchange(store, "r1", "a", "first", "old answer")
    await exchange(store, "r2", "a", "second", "later answer")
    again = await store.again("r1", model="better", now=2000.0)
    assert again is not None
    assert (again.state, again.text, again.refs, again.model) == (
        "growing",
        "",
        (Ref("C1", "p-r1"),),
        "better",
    )
    assert await store.again("r1", model="m") is None, "it is growing already"
    assert await words(store, conversation, before="r1") == ["first"]
    await answer(store, "r1", "new answer")
    assert await words(store, conversation) == ["first", "new answer", "second", "later answer"]


async def test_a_crash_while_generating_again_leaves_a_reply_to_mend(store: Store) -> None:
    await exchange(store, "r1", "a", "first", "old answer")
    await store.again("r1", model="m")
    await store.grew([("r1", "half of the new")])
    [left] = await store.unfinished()
    assert (left.reply, left.state, left.text, left.refs) == (
        "r1",
        "growing",
        "half of the new",
        (Ref("C1", "p-r1"),),
    )


async def test_what_stood_there_outlives_a_crash_until_the_new_answer_has_ended(store: Store) -> None:
    """And nobody takes it for the answer meanwhile."""
    conversation = await begin(store, question("k", "a", text="first"), "r1")
    await answer(store, "r1", "old answer", "partial", notice="a footer")
    again = await store.again("r1", model="m", keeping=True)
    assert again is not None
    assert (again.text, again.turn) == ("", "")
    assert await words(store, conversation, before="r1") == ["first"]
    [left] = await store.unfinished()
    assert (left.text, left.stood, left.turn, left.notice) == ("", "old answer", "partial", "a footer")
    await answer(store, "r1", "new answer")
    assert await words(store, conversation) == ["first", "new answer"]
    [left] = [] if (again := await store.again("r1", model="m")) is None else await store.unfinished()
    assert (left.stood, left.turn, left.notice) == ("", "", ""), "where it is not to be kept it is not"


@pytest.mark.parametrize("turn", ["whole", "partial", "refused"])
async def test_what_stood_there_stands_again_where_nothing_came_instead(store: Store, turn: str) -> None:
    """As it had ended: in the history, if it was there before, and with all that its buttons need."""
    conversation = await begin(store, question("k", "a", text="first"), "r1")
    await answer(store, "r1", "old answer", turn, notice="a footer", stop_reason="its own", seconds=3.0)
    told, stood = await words(store, conversation), await store.reply("r1")
    assert stood is not None
    for _ in range(2):
        assert await store.again("r1", model="m", keeping=True) is not None
        await store.grew([("r1", "\n\n")])
        await store.closed("r1", "shown")
        assert await store.reply("r1") == stood
        assert await words(store, conversation) == told
        assert await store.unfinished() == []


async def test_a_refused_question_may_be_asked_again(store: Store) -> None:
    conversation = await begin(store, question("k", "a", text="bad"), "r1")
    await answer(store, "r1", "I ca", "refused")
    assert await words(store, conversation) == []
    assert await words(store, conversation, before="r1") == ["bad"], (
        "what Claude is asked, before it is asked"
    )
    await store.again("r1", model="other")
    assert await words(store, conversation, before="r1") == ["bad"]


async def test_the_last_thumb_of_each_person_counts(store: Store, tmp_path: Path) -> None:
    await exchange(store, "r1", "a", "first", "answer")
    assert await store.feedback("r1", "U1", "good")
    assert await store.feedback("r1", "U1", "bad", "too long")
    assert await store.feedback("r1", "U2", "good")
    assert not await store.feedback("gone", "U2", "good")
    with sqlite3.connect(tmp_path / "s.sqlite3") as raw:
        rows = raw.execute("select person, verdict, comment from feedback order by person").fetchall()
    assert rows == [("U1", "bad", "too long"), ("U2", "good", "")]
