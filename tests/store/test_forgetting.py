"""`/claude forget me`: afterwards no row holds the person's id, name or words; and it is no way around a limit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bot.ports import Line, Person, Ref
from bot.store.ledger import Account, Cost
from bot.store.store import Store
from tests.store.stage import (
    DAY,
    DIRECT,
    THREAD,
    answer,
    begin,
    everything,
    exchange,
    question,
    summarise,
    words,
)

NOON = 1_795_435_200.0  # 2026-11-23, 12:00 UTC
EVA = "U-eva"


async def _a_life(store: Store) -> tuple[int, int]:
    """Eva alone in a direct conversation, and with Ada in a thread; both are ids of conversations."""
    direct = await exchange(
        store, "r1", "direct", "EVA-SECRET", "EVA-ANSWER", person=EVA, place=DIRECT, name="Eva"
    )
    thread = await exchange(store, "r2", "thread", "ada asks", "to ada", person="U-ada", name="Ada")
    await exchange(store, "r3", "thread", "EVA-THREAD", "EVA-REPLY", person=EVA)
    await exchange(store, "r4", "thread", "ada again", "to ada again", person="U-ada")
    await summarise(store, thread, "r3", "EVA said EVA-THREAD")
    await store.feedback("r2", EVA, "bad", "EVA-COMMENT")
    await store.preferences.change("slack", "T1", "C1", {"footer": True}, by=EVA)
    return direct, thread


async def test_nothing_of_a_forgotten_person_is_left(store: Store, tmp_path: Path) -> None:
    direct, thread = await _a_life(store)
    await store.forget_person("slack", "T1", EVA)
    assert await words(store, direct) == []
    assert await words(store, thread) == ["ada asks", "to ada", "ada again", "to ada again"]
    left = everything(tmp_path)
    assert "EVA" not in left
    assert EVA not in left
    assert "Eva" not in left
    assert await store.reply("r1") is None
    assert not await store.takes_part(["direct"])
    third = await store.reply("r3")
    assert third is not None
    assert (third.asker, third.question, third.text) == ("", "", "")


async def test_the_same_id_elsewhere_is_somebody_else(store: Store) -> None:
    """Of a person's two workspaces the one that was asked about is forgotten; None forgets both."""
    there = replace(THREAD, workspace="T2")
    here = await exchange(store, "r1", "t1", "here", "answer", person=EVA)
    other = await exchange(store, "r2", "t2", "there", "answer", person=EVA, place=there)
    await store.forget_person("slack", "T1", EVA)
    assert await words(store, here) == []
    assert await words(store, other) == ["there", "answer"]
    await store.forget_person("slack", None, EVA)
    assert await words(store, other) == []


async def test_what_was_imported_and_copied_is_forgotten_too(store: Store) -> None:
    conversation = await begin(store, question("k", "a", text="ada asks", person="U-ada"), "r1")
    lines = [
        Line(Ref("C1", "1"), Person(EVA, "Eva"), "EVA-BEFORE"),
        Line(Ref("C1", "2"), Person("U-bob"), "bob"),
    ]
    await store.import_lines(conversation, lines)
    await answer(store, "r1", "to ada")
    await exchange(store, "r2", "a", "EVA-ASKS", "to eva", person=EVA)
    await exchange(store, "r3", "a", "bob asks", "to bob", person="U-bob")
    fork = await begin(store, question("k4", "b", text="ada again", upto="r2"), "r4")
    await store.forget_person("slack", "T1", EVA)
    assert await words(store, conversation) == ["bob", "ada asks", "to ada", "bob asks", "to bob"]
    assert await words(store, fork) == ["bob", "ada asks", "to ada", "ada again"]


async def test_an_answer_that_is_still_growing_ends_without_leaving_anything(
    store: Store, tmp_path: Path
) -> None:
    await begin(store, question("k", "a", text="EVA-ASKS", person=EVA), "r1")
    await store.forget_person("slack", "T1", EVA)
    await store.posted("r1", [Ref("C1", "1")], THREAD, ["a"])
    await store.grew([("r1", "EVA-ANSWER")])
    await answer(store, "r1", "EVA-ANSWER")
    assert "EVA" not in everything(tmp_path)
    assert await store.unfinished() == []


async def test_what_is_forgotten_while_it_is_had_anew_does_not_stand_again(
    store: Store, tmp_path: Path
) -> None:
    """Somebody else may have pressed Regenerate, whose answer is not stopped for it."""
    await exchange(store, "r1", "a", "bob asks", "to bob", person="U-bob")
    await exchange(store, "r2", "a", "EVA-ASKS", "EVA-ANSWER", person=EVA)
    await store.again("r2", model="m", keeping=True)
    await store.forget_person("slack", "T1", EVA)
    await store.closed("r2", "shown")
    assert "EVA" not in everything(tmp_path)


async def test_forgetting_is_no_way_around_a_daily_limit(store: Store, tmp_path: Path) -> None:
    """The day's spending keeps its person until the day is over; then it is nobody's, and the sums stay."""
    account = Account("slack", "T1", "C1", EVA)
    for day in (0, 1):
        await store.ledger.reserve(f"r{day}", account, 60, {}, now=NOON + (day - 1) * DAY)
        await store.ledger.settle(f"r{day}", Cost(replies=1, micros=60))
    await store.ledger.reserve("r3", account, 50, {}, now=NOON)
    await store.forget_person("slack", "T1", EVA)
    assert await store.ledger.reserve("r4", account, 1, {"person": 100}, now=NOON) is not None
    await store.ledger.settle("r3", Cost(replies=1, micros=50))
    await store.forget_old(0.0, now=NOON)
    assert await store.ledger.reserve("r4", account, 1, {"person": 100}, now=NOON) is not None
    await store.forget_old(0.0, now=NOON + DAY)
    assert EVA not in everything(tmp_path)
    assert (await store.ledger.summary(account, now=NOON)).month.workspace == Cost(replies=3, micros=170)


async def test_two_forgotten_people_become_the_same_nobody(store: Store) -> None:
    for person in (EVA, "U-max"):
        account = Account("slack", "T1", "C1", person)
        await store.ledger.reserve("r", account, 10, {}, now=NOON)
        await store.ledger.settle("r", Cost(replies=1, micros=10))
        await store.forget_person("slack", "T1", person)
    await store.forget_old(0.0, now=NOON + DAY)
    nobody = await store.ledger.summary(Account("slack", "T1", "C1", ""), now=NOON)
    assert nobody.month.person == Cost(replies=2, micros=20)
