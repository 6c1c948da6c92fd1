"""The store: claimed once, found again, nothing leaked, and a crash leaves something to mend."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from bot.ports import Place, Ref
from bot.store.nouns import Question
from bot.store.store import Store, StoreError
from bot.store.tables import Base
from tests.store.stage import DIRECT, HOUR, THREAD, TOKENS, answer, begin, question, said


async def test_a_question_is_taken_up_once(store: Store) -> None:
    """A second delivery, minutes or a restart later, is not answered again."""
    await begin(store, question("slack:1", "a"), "r1")
    again = await store.begin(question("slack:1", "a"), reply="r2", model="m", silence=6 * HOUR)
    assert again is None
    assert await store.claim("slack:1") is False
    assert await store.claim("slack:2") is True
    assert [left.reply for left in await store.unfinished()] == ["r1"]


async def test_a_thread_is_one_conversation_and_another_thread_another(store: Store) -> None:
    one = await begin(store, question("1", "slack:T1:thread:C1:1", text="one"), "r1")
    again = await begin(store, question("2", "slack:T1:thread:C1:1", text="again"), "r2")
    other = await begin(store, question("3", "slack:T1:thread:C1:2", text="other"), "r3")
    elsewhere = await begin(store, question("4", "slack:T2:thread:C1:1", text="elsewhere"), "r4")
    assert one == again
    assert len({one, other, elsewhere}) == 3
    assert await said(store, other) == [("user", "other")]


async def test_replying_to_a_message_of_the_answer_goes_on_with_its_conversation(store: Store) -> None:
    place = Place("discord", "G1", "C1", reply_to="70")
    conversation = await begin(store, question("1", "discord:G1:message:C1:70", place=place), "r1")
    await store.posted("r1", [Ref("C1", "71")], place, ["discord:G1:message:C1:71"])
    follow_up = Question(
        "2", ["discord:G1:message:C1:71", "discord:G1:message:C1:72"], ["m72"], place, "U2", "", "and?"
    )
    assert await begin(store, follow_up, "r2") == conversation
    assert await store.takes_part(["discord:G1:message:C1:71"])
    assert not await store.takes_part(["discord:G1:message:C1:99"])


async def test_a_direct_conversation_ends_after_six_hours_of_silence(store: Store) -> None:
    async def ask(key: str, now: float) -> int:
        return await begin(store, question(key, "slack:T1:direct:D1", place=DIRECT), f"r{key}", now=now)

    first = await ask("1", 0.0)
    assert await ask("2", 5.9 * HOUR) == first
    assert await ask("3", 11.8 * HOUR) == first, "silence is counted from what was said last"
    assert await ask("4", 18 * HOUR) != first
    assert await ask("5", 18.1 * HOUR) != first


async def test_an_answer_stands_behind_its_own_question_also_when_the_next_came_early(store: Store) -> None:
    """The second question was written down while the first was being answered."""
    conversation = await begin(store, question("1", "a", text="first"), "r1")
    await begin(store, question("2", "a", text="second"), "r2")
    await answer(store, "r1", "answer to first")
    assert await said(store, conversation, before="r2") == [
        ("user", "first"),
        ("assistant", "answer to first"),
        ("user", "second"),
    ]
    assert await said(store, conversation, before="r1") == [("user", "first")]


async def test_a_question_that_came_in_late_stands_before_those_that_were_said_after_it(store: Store) -> None:
    """Those that are answered already stay where they are, and so does what other conversations say."""
    conversation = await begin(store, question("0", "a", text="zero"), "r0")
    await answer(store, "r0", "answer to zero")
    for number in ("3", "4", "1"):
        await begin(store, question(number, "a", text=f"word {number}"), f"r{number}")
    elsewhere = await begin(store, question("5", "b", text="elsewhere"), "r5")
    await store.place_before("r1", ["r0", "r3", "r4", "r5", "unheard of"])
    await store.place_before("unheard of", ["r1"])
    await store.place_before("r3", ["r4"])  # it stands there already
    await answer(store, "r1", "answer to 1")
    assert await said(store, conversation, before="r4") == [
        ("user", "zero"),
        ("assistant", "answer to zero"),
        ("user", "word 1"),
        ("assistant", "answer to 1"),
        ("user", "word 3"),
        ("user", "word 4"),
    ]
    assert await said(store, elsewhere) == [("user", "elsewhere")]


async def test_a_refused_exchange_leaves_the_context_and_a_partial_answer_stays(store: Store) -> None:
    conversation = await begin(store, question("1", "a", text="fine"), "r1")
    await answer(store, "r1", "half an ans", "partial")
    await begin(store, question("2", "a", text="bad"), "r2")
    await answer(store, "r2", "I ca", "refused")
    await begin(store, question("3", "a", text="next"), "r3")
    assert [text for _, text in await said(store, conversation)] == ["fine", "half an ans", "next"]


async def test_names_learned_later_are_known_for_earlier_turns(store: Store) -> None:
    conversation = await begin(store, question("1", "a"), "r1")
    assert [turn.name for turn in await store.turns(conversation)] == [""]
    await store.named(THREAD, "U1", "Ada")
    await store.named(Place("slack", "T2", "C1"), "U1", "Somebody else")
    assert [turn.name for turn in await store.turns(conversation)] == ["Ada"]


async def test_a_crash_leaves_the_reply_with_its_messages_and_its_last_known_text(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.sqlite3"
    store = await Store.open(url)
    place = Place("discord", "G1", "C1", reply_to="70", route="secret-token")
    await begin(store, question("1", "a", place=place), "growing")
    await store.posted("growing", [Ref("C1", "71"), Ref("C1", "72")], place, [])
    await store.grew([("growing", "so far")])
    await begin(store, question("2", "b"), "ending", now=1001.0)
    await store.ended("ending", text="all of it", notice="Stopped.", turn="partial", tokens=TOKENS)
    await store.grew([("ending", "late")])
    await begin(store, question("3", "c"), "whole")
    await answer(store, "whole", "done")
    await store.close()  # the file as a killed process leaves it, but for the log's tail

    store = await Store.open(url)
    growing, ending = await store.unfinished()
    await store.close()
    assert (growing.state, growing.text, growing.refs) == (
        "growing",
        "so far",
        (Ref("C1", "71"), Ref("C1", "72")),
    )
    assert growing.place == Place("discord", "G1", "C1", reply_to="70"), (
        "the route is a secret and is not kept"
    )
    assert (ending.state, ending.text, ending.notice) == ("ending", "all of it", "Stopped.")


async def test_no_route_reaches_the_disk(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/s.sqlite3")
    place = Place("discord", "G1", "C1", route="aW50ZXJhY3Rpb24-secret")
    await begin(store, question("1", "a", place=place), "r1")
    await store.posted("r1", [Ref("C1", "71")], place, [])
    await store.close()
    assert not any(b"aW50ZXJhY3Rpb24" in file.read_bytes() for file in tmp_path.iterdir())


async def test_a_shown_reply_keeps_its_words_only_as_a_turn(store: Store, tmp_path: Path) -> None:
    await begin(store, question("1", "a"), "r1")
    await answer(store, "r1", "the answer")
    with sqlite3.connect(tmp_path / "s.sqlite3") as raw:
        assert raw.execute("select state, text, tokens_out from replies").fetchall() == [("shown", "", 20)]


async def test_budgets_are_remembered_for_ten_minutes(store: Store) -> None:
    await store.keep_budgets("slack", {"T1:chat.update": [0.4]}, now=1000.0)
    assert await store.budgets("slack", now=1060.0) == ({"T1:chat.update": [0.4]}, 60.0)
    assert await store.budgets("slack", now=1601.0) is None
    assert await store.budgets("slack", now=900.0) is None, "a clock that was set back proves nothing"
    assert await store.budgets("discord", now=1000.0) is None


async def test_old_claims_are_forgotten(store: Store) -> None:
    await store.claim("old", now=0.0)
    await store.claim("new", now=3 * 86_400.0)
    await store.forget_old(0.0, now=3 * 86_400.0)
    assert await store.claim("old", now=3 * 86_400.0) is True
    assert await store.claim("new", now=3 * 86_400.0) is False


async def test_a_database_that_cannot_be_opened_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open"):
        await Store.open(f"sqlite:///{tmp_path}/nowhere/s.sqlite3")
    (tmp_path / "text.sqlite3").write_text("this is no database, and is long enough to be read as one" * 20)
    with pytest.raises(StoreError, match="not a database"):
        await Store.open(f"sqlite:///{tmp_path}/text.sqlite3")


async def test_the_migrations_make_exactly_the_tables_of_the_code(tmp_path: Path) -> None:
    """A column added to the code and forgotten in the migrations would only fail at somebody's second start."""
    await (await Store.open(f"sqlite:///{tmp_path}/s.sqlite3")).close()
    engine = create_engine(f"sqlite:///{tmp_path}/s.sqlite3")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()
