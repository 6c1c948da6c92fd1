"""An answer that is to be had anew, and of which no word comes: the earlier one stands, on virtual time."""

from __future__ import annotations

import asyncio

import pytest

from bot import sentences
from bot.claude.events import Done, Spent, Usage
from bot.claude.faults import ClaudeFault
from bot.ports import Control, Deleted, Edited, Person, Place, Pressed, Ref
from bot.translations import say
from tests.conversation.stage import ADA, GRACE, WORDS, Chat, Stage, Step, asked, growing, notice, staged

pytestmark = pytest.mark.looptime

BUSY = ClaudeFault("overloaded_error", sentences.BUSY)
SAID = Usage(tokens_in=900, tokens_out=40)


def press(stage: Stage, control: Control, *, person: Person = GRACE) -> None:
    place = Place("fake", "T1", "C1", thread="1700.1", route="press")
    reply = next(iter(stage.store.rows))
    stage.conversations.take(stage.channel, Pressed(control, reply, person, place, Ref("C1", "1")))


def kept(sentence: str) -> str:
    return f"{sentence} {sentences.KEPT}"


async def again(stage: Stage, *steps: Step) -> None:
    """Regenerate what was asked first, and wait until that is over."""
    stage.claude.will("Why?", *steps)
    press(stage, Control.REGENERATE)
    await stage.quiet()


@pytest.mark.parametrize("growing_", [True, False], ids=["growing", "all at once"])
@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ((2.0, BUSY), sentences.BUSY),
        ((2.0, "\n\n", ClaudeFault("ReadTimeout", sentences.WENT_QUIET)), sentences.WENT_QUIET),
        ((1.0, Spent(SAID), Done("refusal")), sentences.REFUSED),
        ((1.0, Spent(SAID), Done("end_turn")), sentences.NOTHING_SAID),
        ((1.0, Spent(SAID), Done("max_tokens")), sentences.CUT_BY_LIMIT),
        ((1.0, RuntimeError("broken")), sentences.OUR_FAULT),
    ],
    ids=["overloaded", "quiet behind blanks", "refused", "silent", "thought too long", "our fault"],
)
async def test_an_answer_of_which_no_new_word_came_stands_untouched(
    steps: tuple[Step, ...], sentence: str, growing_: bool
) -> None:
    """Every page with its buttons, in the history, and for the next Regenerate; who pressed is told why, alone."""
    async with staged(chat=Chat(page_limit=500)) as stage:
        stage.store.preferences.set["fake", "T1", ""] = {"growing": "growing" if growing_ else "when_done"}
        stage.claude.will("Why?", *growing(WORDS, seconds=2))
        stage.ask("Why?")
        await stage.quiet()
        stood, seen = stage.chat.visible(), len(stage.chat.seen)
        assert len(stood) > 2
        await again(stage, *steps)
        assert stage.chat.visible() == stood
        assert len(stage.chat.seen) == seen, "no edit was spent on it"
        assert stage.chat.said_beside("told") == [kept(sentence)]
        assert stage.chat.said_beside()[-1] == "", "nothing is being waited for any more"
        assert (stage.store.state(), stage.store.ledger.reserved, stage.left()) == ("shown", {}, {})
        stage.ask("And then?")
        await stage.quiet()
        assert asked(stage)[-1] == f"u: Ada: Why? | a: {WORDS} | u: Ada: And then?"
        await again(stage, "Another answer.", Done("end_turn"))
        await asyncio.sleep(2 * stage.chat.call)
        assert stage.chat.texts() == ["Another answer.", "Yes."]


async def test_what_nothing_was_said_for_is_paid_for() -> None:
    """The tokens of a refusal, or of thoughts, are billed."""
    async with staged() as stage:
        stage.ask("Why?")
        await stage.quiet()
        before = len(stage.store.ledger.spent)
        await again(stage, Spent(SAID), Done("refusal"))
        assert [cost.tokens_in for _, cost in stage.store.ledger.spent[before:]] == [SAID.tokens_in]


@pytest.mark.parametrize("reads", [0.0, 5.0], ids=["Claude thinks", "the history is read"])
async def test_a_stop_before_the_first_new_word_leaves_the_earlier_answer_and_says_no_more(
    reads: float,
) -> None:
    async with staged() as stage:
        stage.ask("Why?")
        await stage.quiet()
        stood, seen = stage.chat.visible(), len(stage.chat.seen)
        stage.store.delay = reads
        stage.claude.will("Why?", 60.0, "Never said.", Done("end_turn"))
        press(stage, Control.REGENERATE)
        await asyncio.sleep(3 + 5 * reads)
        press(stage, Control.STOP)
        await stage.quiet(40)
        assert (stage.chat.visible(), len(stage.chat.seen)) == (stood, seen)
        assert stage.chat.said_beside("told") == []
        assert (stage.store.state(), stage.claude.open) == ("shown", 0)
        press(stage, Control.REGENERATE)
        await asyncio.sleep(3 + 5 * reads)
        assert stage.claude.open, "it can be had anew"


async def test_regenerate_pressed_twice_asks_once_and_leaves_one_answer() -> None:
    async with staged() as stage:
        stage.ask("Why?")
        await stage.quiet()
        stage.claude.will("Why?", 5.0, BUSY)
        for _ in range(2):
            press(stage, Control.REGENERATE)
            await asyncio.sleep(1)
        await stage.quiet()
        assert stage.chat.texts() == ["Yes."]
        assert stage.chat.said_beside("told") == [sentences.STILL_GROWING, kept(sentences.BUSY)]
        assert len(stage.claude.asked) == 2


async def test_what_broke_off_and_stands_can_be_gone_on_with() -> None:
    """From where it broke off; then its buttons go, as ever."""
    async with staged() as stage:
        stage.claude.will("Why?", "The first half", Done("max_tokens"))
        stage.ask("Why?")
        await stage.quiet()
        await again(stage, BUSY)
        press(stage, Control.CONTINUE)
        await stage.quiet()
        first, second = stage.chat.visible()
        assert first.text == f"The first half\n\n{notice(sentences.CUT_BY_LIMIT)}"
        assert first.controls == (Control.FILE, Control.DELETE)
        assert second.text == "Yes."
        assert "a: The first half" in asked(stage)[-1]


async def test_words_that_were_said_are_the_new_answer() -> None:
    """However few: they are not thrown away, and what broke off is said under them, as ever."""
    async with staged() as stage:
        stage.ask("Why?")
        await stage.quiet()
        await again(stage, "New", 5.0, ClaudeFault("ReadTimeout", sentences.WENT_QUIET))
        assert stage.chat.texts() == [f"New\n\n{notice(sentences.WENT_QUIET)}"]
        assert stage.chat.said_beside("told") == []


async def test_where_nothing_stood_the_newest_sentence_stands() -> None:
    """Nobody needs a sentence about trouble that is over."""
    async with staged(BUSY) as stage:
        stage.ask("Why?")
        await stage.quiet()
        await again(stage, ClaudeFault("APIConnectionError", sentences.UNREACHABLE))
        assert stage.chat.texts() == [notice(sentences.UNREACHABLE)]


async def test_who_cannot_be_told_alone_is_told_in_the_thread() -> None:
    """In their language; the answer itself is not touched for it."""
    async with staged(chat=Chat(tells=False)) as stage:
        stage.store.preferences.set["fake", "T1", ""] = {"language": "de"}
        stage.ask("Why?")
        await stage.quiet()
        await again(stage, BUSY)
        line = f"{say('de', sentences.BUSY)} {say('de', sentences.KEPT)}"
        assert stage.chat.texts() == ["Yes.", notice(line)]


@pytest.mark.parametrize("takes", [0.0, 30.0], ids=["Claude thinks", "the history is read"])
async def test_a_restart_before_the_first_new_word_leaves_the_earlier_answer(takes: float) -> None:
    """The journal has nothing to mend then, and who pressed knows."""
    async with staged() as stage:
        stage.ask("Why?")
        await stage.quiet()
        stood = stage.chat.visible()
        stage.claude.will("Why?", 60.0, "Never said.", Done("end_turn"))
        if takes:
            stage.store.trouble["turns"] = "hangs"
        press(stage, Control.REGENERATE)
        await asyncio.sleep(3)
        assert await stage.conversations.drain(5.0, 10.0) == 0
        assert stage.chat.visible() == stood
        [told] = stage.chat.said_beside("told")
        assert told.startswith(sentences.INTERRUPTED_EARLY)
        assert (stage.store.state(), await stage.store.unfinished()) == ("shown", [])


async def test_a_refusal_stays_out_of_the_history_when_nothing_comes_instead() -> None:
    """And what was refused is asked anew in its own words."""
    async with staged() as stage:
        stage.claude.will("Why?", "I ca", Done("refusal"))
        stage.ask("Why?")
        await stage.quiet()
        stood = stage.chat.visible()
        await again(stage, BUSY)
        assert asked(stage) == ["u: Ada: Why?"] * 2
        assert stage.chat.visible() == stood
        stage.ask("And then?")
        await stage.quiet()
        assert asked(stage)[-1] == "u: Ada: And then?"
        await again(stage, "Because.", Done("end_turn"))
        assert asked(stage)[-1] == "u: Ada: Why?"
        stage.ask("So?")
        await stage.quiet()
        assert asked(stage)[-1].startswith("u: Ada: Why? | a: Because. | u: Ada: And then?")


async def test_a_question_that_is_reworded_while_it_is_asked_anew_is_answered_in_the_same_messages() -> None:
    async with staged() as stage:
        question = stage.ask("Why?", message=Ref("C1", "900"))
        await stage.quiet()
        [stood] = stage.chat.visible()
        stage.claude.will("Why?", 60.0, "Never said.", Done("end_turn"))
        stage.claude.will("How?", "So.", Done("end_turn"))
        press(stage, Control.REGENERATE)
        await asyncio.sleep(3)
        stage.conversations.take(stage.channel, Edited(Ref("C1", "900"), ADA, question.place, "How?"))
        await stage.quiet()
        assert [(one.ref, one.text) for one in stage.chat.visible()] == [(stood.ref, "So.")]
        assert notice(sentences.QUESTION_CHANGED) not in [frame.text for frame in stage.chat.seen]


async def test_delete_takes_away_what_stands() -> None:
    async with staged() as stage:
        stage.ask("Why?")
        await stage.quiet()
        stage.claude.will("Why?", 60.0, "Never said.", Done("end_turn"))
        press(stage, Control.REGENERATE)
        await asyncio.sleep(3)
        press(stage, Control.DELETE, person=ADA)
        await stage.quiet()
        assert stage.chat.visible() == []
        assert stage.chat.said_beside("told") == [sentences.DELETED]
        stage.ask("And then?")
        await stage.quiet()
        assert asked(stage)[-1] == "u: Ada: And then?"
        assert (stage.store.ledger.reserved, stage.left()) == ({}, {})


async def test_what_somebody_deletes_meanwhile_is_not_posted_anew() -> None:
    async with staged() as stage:
        stage.ask("Why?")
        await stage.quiet()
        [stood] = stage.chat.visible()
        stage.claude.will("Why?", 60.0, "Never said.", Done("end_turn"))
        press(stage, Control.REGENERATE)
        await asyncio.sleep(3)
        stage.chat.vanish(stood.ref)
        stage.conversations.take(stage.channel, Deleted(stood.ref))
        await stage.quiet(10)
        assert (stage.chat.visible(), stage.chat.said_beside("told")) == ([], [])
        assert (stage.claude.open, stage.left()) == (0, {})
