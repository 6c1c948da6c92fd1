"""Follow-ups that arrive swapped, on virtual time: judged by what Claude was asked, and in which order it was answered."""

from __future__ import annotations

import asyncio
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.claude.events import Done
from bot.conversation.turns import Turns
from bot.ports import Ref, Standing
from tests.conversation.stage import ADA, GRACE, Chat, Stage, growing, staged

pytestmark = pytest.mark.looptime

LONG = "One, at length. " * 30


def said(second: int) -> Ref:
    return Ref("C1", f"17000000{second:02}.000100")


def last_words(stage: Stage) -> list[str]:
    """What each request asked, in the order in which Claude was asked."""
    return [request.question.removeprefix("Ada: ").removeprefix("Grace: ") for request in stage.claude.asked]


def told(stage: Stage) -> list[str]:
    """All that Claude had been told when it was asked for the last time."""
    return [str(message["content"]) for message in stage.claude.asked[-1].ask.messages]


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
async def test_what_waits_for_its_turn_is_answered_as_it_was_said(order: tuple[int, ...]) -> None:
    """In whatever order three people's words come in while an answer grows; and each is told all before it."""
    async with staged() as stage:
        stage.claude.will("Zero?", *growing(LONG, seconds=10))
        for number in (1, 2, 3):
            stage.claude.will(f"Word {number}?", f"Answer {number}.", Done("end_turn"))
        stage.ask("Zero?", message=said(0))
        await asyncio.sleep(1)
        for number in order:
            stage.ask(f"Word {number}?", message=said(number), how="overheard")
            await asyncio.sleep(0.1)
        await stage.quiet()
        assert last_words(stage) == ["Zero?", "Word 1?", "Word 2?", "Word 3?"]
        assert told(stage) == [
            "Ada: Zero?", LONG, "Ada: Word 1?", "Answer 1.", "Ada: Word 2?", "Answer 2.", "Ada: Word 3?",
        ]  # fmt: skip
        assert stage.left() == {}


async def test_what_comes_in_swapped_in_the_same_moment_is_answered_as_it_was_said() -> None:
    """Nothing grows yet: two sockets bring a later question a moment before an earlier one."""
    async with staged() as stage:
        stage.ask("Zero?", message=said(0))
        await stage.quiet()
        stage.ask("Later?", message=said(2), how="overheard")
        stage.ask("Earlier?", message=said(1), how="overheard", person=GRACE)
        await stage.quiet()
        assert last_words(stage) == ["Zero?", "Earlier?", "Later?"]
        assert told(stage) == ["Ada: Zero?", "Yes.", "Grace: Earlier?", "Yes.", "Ada: Later?"]


@pytest.mark.parametrize("disk", [0.0, 0.2])
async def test_a_slow_look_up_of_the_earlier_asker_lets_nobody_pass(disk: float) -> None:
    chat = Chat(standing_takes=1.0, standings={ADA.id: Standing(), GRACE.id: Standing()})
    async with staged(chat=chat) as stage:
        stage.store.delay = disk
        stage.ask("Zero?", message=said(0))
        await stage.quiet()
        stage.ask("Later?", message=said(2))
        await asyncio.sleep(disk / 2)
        stage.ask("Earlier?", message=said(1), person=GRACE)
        await stage.quiet()
        assert last_words(stage) == ["Zero?", "Earlier?", "Later?"]


async def test_an_answer_that_has_begun_is_neither_broken_off_nor_asked_again_for_an_earlier_question() -> (
    None
):
    """Whoever comes too late is told what has been answered meanwhile; steering is for what was said after."""
    async with staged(INKSTREAM_WHILE_ANSWERING="steer") as stage:
        stage.claude.will("Later?", *growing(LONG, seconds=5))
        stage.ask("Later?", message=said(2))
        await asyncio.sleep(1)
        stage.ask("Earlier?", message=said(1), person=GRACE)
        await stage.quiet()
        assert stage.chat.texts() == [LONG.strip(), "Yes."]
        assert told(stage) == ["Ada: Later?", LONG, "Grace: Earlier?"]


async def test_an_earlier_message_that_is_no_question_holds_nobody_up() -> None:
    async with staged() as stage:
        stage.ask("Zero?", message=said(0))
        await stage.quiet()
        stage.ask("Later?", message=said(2))
        stage.ask(" ", message=said(1), how="overheard")
        await stage.quiet()
        assert last_words(stage) == ["Zero?", "Later?"]


async def test_a_question_that_waits_for_an_earlier_one_can_be_stopped() -> None:
    """It is owed from the moment it was taken up."""
    async with staged(chat=Chat(standing_takes=1.5)) as stage:
        stage.ask("Zero?", message=said(0))
        await stage.quiet()
        stage.ask("Later?", message=said(2))
        await asyncio.sleep(0.1)
        stage.ask("Earlier?", message=said(1), person=GRACE)
        await asyncio.sleep(1.45)
        stage.ask("stop", message=said(3), how="overheard")
        await stage.quiet()
        assert "Later?" not in last_words(stage)


# ------------------------------------------------------------------------------------------------ the line itself


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1), st.booleans()), max_size=8))
def test_the_first_is_never_overtaken_and_those_behind_it_go_as_they_were_said(
    entrants: list[tuple[int, int, bool]],
) -> None:
    """Whoever has no place in time keeps their place in the line; those who give up leave no gap."""

    async def story() -> None:
        turns, served = Turns(), list[int]()
        gate = asyncio.Event()

        async def one(number: int, ref: Ref | None) -> None:
            async with turns.next("key", ref):
                served.append(number)
                await gate.wait()

        refs = [Ref(f"C{channel}", f"{second}") if dated else None for second, channel, dated in entrants]
        tasks = [asyncio.create_task(one(number, ref)) for number, ref in enumerate(refs)]
        await asyncio.sleep(0)
        leaving = [task for number, task in enumerate(tasks) if number % 3 == 2]
        for task in leaving:
            task.cancel()
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert len(turns) == 0
        stay = [number for number in range(len(refs)) if number % 3 != 2]
        assert sorted(served) == stay
        assert served[:1] == stay[:1], "the first held the key already"
        for channel in ("C0", "C1"):
            dated = [n for n in served[1:] if (ref := refs[n]) is not None and ref.channel == channel]
            assert dated == sorted(dated, key=lambda n: (refs[n].message, n)), entrants  # type: ignore[union-attr] # those with a message
        undated = [n for n in served[1:] if refs[n] is None]
        assert undated == sorted(undated)

    asyncio.run(story())
