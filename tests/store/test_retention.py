"""What is not kept for ever: whole conversations go, or none of one; what was spent stays as sums; and nothing takes long."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bot.ports import Ref
from bot.store.ledger import Account, Cost, Full
from bot.store.store import Store
from tests.store.stage import DAY, THREAD, answer, begin, everything, question, words

NOON = 1_795_435_200.0  # 2026-11-23, 12:00 UTC
KEEP = 30 * DAY
ADA = Account("slack", "T1", "C1", "U-ada")


async def talk(store: Store, anchor: str, *, at: float, exchanges: int = 2, person: str = "U-ada") -> int:
    """A conversation whose words begin with its anchor, in capitals. Its replies: "<anchor>1", "<anchor>2" ..."""
    conversation = 0
    for number in range(1, exchanges + 1):
        reply = f"{anchor}{number}"
        asked = question(
            f"key-{reply}",
            f"thread-{anchor}",
            text=f"{anchor.upper()} asked {number}",
            person=person,
            name=f"Name of {person}",
            message=Ref("C1", f"q-{reply}"),
        )
        conversation = await begin(store, asked, reply, now=at)
        await store.posted(reply, [Ref("C1", f"p-{reply}")], THREAD, [f"page-{reply}"])
        await answer(store, reply, f"{anchor.upper()} told {number}", now=at)
        await store.feedback(reply, "U-grace", "bad", f"{anchor.upper()} was bad", now=at)
    return conversation


async def forget(store: Store, *, keep: float = KEEP, most: int = 200, now: float = NOON) -> int:
    """All that is old; in how many parts."""
    parts = 1
    while await store.forget_old(keep, most=most, now=now):
        parts += 1
        assert parts < 1000, "it never comes to an end"
    return parts


def rows(folder: Path) -> dict[str, int]:
    with sqlite3.connect(folder / "s.sqlite3") as raw:
        tables = [name for (name,) in raw.execute("select name from sqlite_master where type = 'table'")]
        told = {table: raw.execute(f'select count(*) from "{table}"').fetchone()[0] for table in tables}
    raw.close()
    return told


async def test_a_conversation_is_forgotten_so_long_after_its_last_word(store: Store, tmp_path: Path) -> None:
    """Its words, its messages, its thumbs and the names that nobody needs any more; another's stay."""
    await talk(store, "old", at=NOON - KEEP - 1, person="U-max")
    young = await talk(store, "young", at=NOON - KEEP + 1)
    revived = await talk(store, "revived", at=NOON - 2 * KEEP)
    await begin(store, question("again", "thread-revived", text="REVIVED again"), "again", now=NOON - DAY)
    await answer(store, "again", "REVIVED and told", now=NOON - DAY)
    await forget(store)
    left = everything(tmp_path)
    for gone in ("OLD", "old1", "U-max", "thread-old"):
        assert gone not in left
    assert not await store.takes_part(["thread-old", "page-old1"])
    assert await store.reply("old1") is None
    assert await store.reply_of_message(Ref("C1", "p-old1"), platform="slack") is None
    assert await words(store, young) == ["YOUNG asked 1", "YOUNG told 1", "YOUNG asked 2", "YOUNG told 2"]
    assert (await words(store, revived))[0] == "REVIVED asked 1", "a day ago somebody went on with it"
    assert {turn.name for turn in await store.turns(young)} == {"Name of U-ada", ""}
    again = await begin(store, question("new", "thread-old", text="back again"), "new", now=NOON)
    assert await words(store, again) == ["back again"]


async def test_with_nothing_to_forget_nothing_is_forgotten(store: Store, tmp_path: Path) -> None:
    """0: conversations are kept for ever. What no platform delivers any more goes all the same."""
    await talk(store, "old", at=NOON - 1000 * DAY)
    await store.claim("this minute", now=NOON)
    before = rows(tmp_path)
    assert await forget(store, keep=0.0) == 1
    assert rows(tmp_path) == before | {"claims": 1}


@pytest.mark.parametrize("most", [1, 3, 7])
async def test_it_is_done_in_small_parts_between_which_a_conversation_is_whole_or_unknown(
    store: Store, tmp_path: Path, most: int
) -> None:
    """Whoever points at a message or a thread of it meanwhile finds every word; and no part is larger than it may be."""
    numbers = [await talk(store, f"old{n}x", at=NOON - KEEP - 100 + n, exchanges=3) for n in range(3)]
    kept = await talk(store, "young", at=NOON)
    before = rows(tmp_path)
    while await store.forget_old(KEEP, most=most, now=NOON):
        after = rows(tmp_path)
        parts = ("anchors", "turns", "replies", "conversations", "claims", "people", "ledger")
        assert sum(before[table] - after[table] for table in parts) <= most
        before = after
        for n, conversation in enumerate(numbers):
            anchors = [f"thread-old{n}x", *(f"page-old{n}x{m}" for m in (1, 2, 3))]
            replies = [await store.reply(f"old{n}x{m}") for m in (1, 2, 3)]
            if await store.takes_part(anchors) or any(replies):
                assert len(await words(store, conversation)) == 6
    assert len(await words(store, kept)) == 4
    assert rows(tmp_path)["conversations"] == 1


async def test_whoever_comes_back_in_the_midst_of_it_finds_all_words(store: Store) -> None:
    """By a reply to an old answer, when the thread's own name has gone already."""
    await talk(store, "old", at=NOON - KEEP - 1)
    assert await store.forget_old(KEEP, most=4, now=NOON)  # two claims, and the first of its names
    conversation = await begin(store, question("k", "elsewhere", text="back", upto="old2"), "r", now=NOON)
    await forget(store)
    assert (await words(store, conversation))[:2] == ["OLD asked 1", "OLD told 1"]


async def test_what_a_restart_has_still_to_show_is_kept(store: Store) -> None:
    """A bot that stood still for months: its replies are mended first."""
    await begin(store, question("k", "a", text="why?"), "r1", now=NOON - 10 * KEEP)
    await store.grew([("r1", "because")])
    await forget(store)
    [left] = await store.unfinished()
    assert left.text == "because"
    await store.closed("r1", "shown", now=NOON)
    await forget(store)
    assert await store.reply("r1") is None


# ------------------------------------------------------------------------------------------------ what was spent


async def spend(store: Store, reply: str, account: Account, *, at: float, micros: int = 10) -> None:
    await store.ledger.reserve(reply, account, micros, {}, now=at)
    await store.ledger.settle(reply, Cost(replies=1, tokens_in=3, micros=micros))


async def test_what_was_spent_long_ago_becomes_sums_of_its_month(store: Store, tmp_path: Path) -> None:
    """Per workspace; nobody's and no channel's. Nothing is counted twice, however often it is done."""
    bob = Account("slack", "T1", "C2", "U-bob")
    elsewhere = Account("slack", "T2", "C1", "U-eve")
    for number, account in enumerate([ADA, bob, elsewhere] * 3):
        await spend(store, f"r{number}", account, at=NOON - 70 * DAY + (number % 3) * DAY)
    for _ in range(2):
        await forget(store, most=2)
    with sqlite3.connect(tmp_path / "s.sqlite3") as raw:
        told = raw.execute(
            "select day, workspace, channel, person, replies, tokens_in, micros from ledger order by workspace"
        ).fetchall()
    raw.close()
    assert told == [("2026-09-01", "T1", "", "", 6, 18, 60), ("2026-09-01", "T2", "", "", 3, 9, 30)]


@pytest.mark.parametrize("keep", [DAY, 10 * DAY, 30 * DAY])
async def test_today_and_this_month_are_told_as_before_and_limits_hold(store: Store, keep: float) -> None:
    """However short conversations are kept: whose this month's spending was is still needed."""
    for number, days in enumerate((0, 3, 20, 25, 80)):
        await spend(store, f"r{number}", ADA, at=NOON - days * DAY)
    await spend(store, "bob", Account("slack", "T1", "C1", "U-bob"), at=NOON - 5 * DAY)
    before = await store.ledger.summary(ADA, now=NOON)
    assert (before.today.person.micros, before.month.person.micros, before.month.channel.micros) == (
        10,
        30,
        40,
    )
    await forget(store, keep=keep)
    assert await store.ledger.summary(ADA, now=NOON) == before
    assert await store.ledger.reserve("more", ADA, 1, {"person": 10}, now=NOON) == Full("person", 10, 10, 0)


async def test_what_is_under_way_while_it_is_forgotten_is_settled_as_usual(store: Store) -> None:
    await store.ledger.reserve("r", ADA, 50, {}, now=NOON)
    await forget(store, keep=DAY)
    assert await store.ledger.settle("r", Cost(replies=1, micros=40))
    assert (await store.ledger.summary(ADA, now=NOON)).today.person.micros == 40
