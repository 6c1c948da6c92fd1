"""What Claude is asked: what stood before, once and in order; and what has grown too long, summarised and said so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from bot import sentences
from bot.claude.events import Done, Spent, Usage
from bot.claude.faults import ClaudeFault
from bot.conversation import history
from bot.conversation.context import Noted
from bot.ports import Incoming, Line, Person, Ref
from tests.claude import papers
from tests.conversation.context_stage import Asker, FileChat, Remarks, asker
from tests.conversation.fake_ledger import FakeLedger
from tests.conversation.stage import ADA, GRACE, FakeClaude, Step, now

pytestmark = pytest.mark.looptime


def line(number: int, text: str, person: Person = GRACE, *, ours: bool = False) -> Line:
    return Line(Ref("C1", f"{number}.0"), person, text, ours=ours)


# ------------------------------------------------------------------------------------------------ what stood before


async def test_a_thread_that_the_bot_comes_into_is_read_once_and_told_in_order() -> None:
    one = asker()
    one.chat.before = [line(1, "The door is blue."), line(2, "Is it?", ADA)]
    first = await one.ask("Why?", threaded=True)
    assert first.last() == "Grace: The door is blue.\n\nAda: Is it?\n\nAda: Why?"
    one.chat.before = [line(9, "Nobody should see this.")]
    second = await one.ask("And then?", threaded=True)
    assert second.ask.messages[0] == first.ask.messages[0]
    assert "Nobody" not in second.words


async def test_a_message_that_is_replied_to_is_not_told_twice() -> None:
    """On Discord it is the last of what stood before, and the question quotes it already."""
    one = asker()
    one.chat.before = [line(1, "Morning."), line(2, "The door is blue."), line(3, "Why?", ADA)]
    asked = await one.ask(
        "> The door is blue.\n\nWhy?",
        threaded=True,
        about=line(2, "The door is blue."),
        message=Ref("C1", "3.0"),
    )
    assert asked.last() == "Grace: Morning.\n\nAda: > The door is blue.\n\nWhy?"


async def test_a_history_that_cannot_be_read_costs_no_answer() -> None:
    class Broken(FileChat):
        async def history(self, incoming: Incoming, *, limit: int) -> Sequence[Line]:
            raise RuntimeError("the adapter is broken")

    asked = await asker(chat=Broken()).ask("Why?", threaded=True)
    assert asked.last() == "Ada: Why?"


async def test_a_question_without_a_word_is_still_one() -> None:
    """Somebody took the words out of their question by an edit."""
    one = asker()
    assert (await one.ask(" ", private=True)).last() == history.SILENT
    assert (await one.ask("Why?", private=True)).roles() == "u"


# ------------------------------------------------------------------------------------------------ what is too long

LONG = "The quick brown fox jumps over the lazy dog. " * 40  # 600 tokens


async def talk(one: Asker, exchanges: int, **more: Any) -> list[str]:
    """So many exchanges of about 1,200 tokens; what was remarked."""
    remarks: list[str] = []
    for number in range(exchanges):
        asked = await one.ask(f"Question {number}. {LONG}", answer=f"Answer {number}. {LONG}", **more)
        remarks += asked.remarks
    return remarks


async def test_a_conversation_that_grows_too_long_is_summarised_once_and_says_so() -> None:
    one = asker(claude=FakeClaude("They spoke of foxes.", Done("end_turn")), INKSTREAM_HISTORY_TOKENS="4500")
    assert await talk(one, 4) == []
    asked = await one.ask("And now?")
    assert asked.remarks == [sentences.SUMMARISED]
    assert len(one.claude.asked) == 1
    assert asked.ask.messages[0]["content"] == (
        history.SUMMARY.format(text="They spoke of foxes.") + f"\n\nAda: Question 3. {LONG}"
    )
    assert "Question 2" not in asked.words
    later = await one.ask("And then?")
    assert later.remarks == []
    assert len(one.claude.asked) == 1, "it is made once"
    assert later.ask.messages[: len(asked.ask.messages)] == asked.ask.messages, "and reused word for word"


async def test_a_summary_is_asked_for_with_what_claude_has_in_its_cache() -> None:
    """The same system prompt, model and messages as of the answers before it, and one message more."""
    one = asker(claude=FakeClaude("Foxes.", Done("end_turn")), INKSTREAM_HISTORY_TOKENS="4500")
    photo = one.chat.attach("photo.png", papers.png())
    first = await one.ask(f"What is this? {LONG}", [photo], answer=LONG)
    await talk(one, 3)
    await one.ask("And now?")
    [summary] = one.claude.asked
    assert list(summary.ask.messages[:1]) == list(first.ask.messages)
    assert (summary.ask.system, summary.ask.model) == (first.ask.system, first.ask.model)
    assert (summary.ask.effort, summary.ask.thinking) == (first.ask.effort, first.ask.thinking)
    assert summary.ask.messages[-1] == {"role": "user", "content": history.SUMMARISE}
    assert summary.ask.max_tokens <= 4_000
    assert one.chat.fetched == ["photo.png"]


async def test_a_summary_of_a_summary_has_the_first_one_in_it() -> None:
    one = asker(claude=FakeClaude("They spoke of foxes.", Done("end_turn")), INKSTREAM_HISTORY_TOKENS="4500")
    remarks = await talk(one, 12)
    assert remarks.count(sentences.SUMMARISED) == len(one.claude.asked) >= 2
    assert "They spoke of foxes." in one.claude.asked[1].ask.messages[0]["content"]
    roles = [[message["role"] for message in asked.ask.messages] for asked in one.claude.asked]
    assert all(first != second for each in roles for first, second in pairwise(each))


async def test_another_model_may_summarise() -> None:
    one = asker(
        claude=FakeClaude("Foxes.", Done("end_turn")),
        INKSTREAM_HISTORY_TOKENS="4500",
        INKSTREAM_SUMMARY_MODEL="claude-haiku-5-5",
    )
    await talk(one, 5)
    assert [asked.ask.model for asked in one.claude.asked] == ["claude-haiku-5-5"]
    assert one.claude.asked[0].ask.thinking == "off", "which not every model takes"


def reserved(one: Asker) -> int:
    ledger = one.store.ledger
    assert isinstance(ledger, FakeLedger)
    return len(ledger.reserved)


FAILURES: list[tuple[str, tuple[Step, ...]]] = [
    ("a fault", (ClaudeFault("overloaded_error", sentences.BUSY),)),
    ("broken off", ("They sp", ClaudeFault("ReadError", sentences.BROKEN_OFF))),
    ("silence", (10_000.0, "too late", Done("end_turn"))),
    ("nothing said", (Done("end_turn"),)),
    ("refused", ("I would", Done("refusal"))),
]


@pytest.mark.parametrize("steps", [case[1] for case in FAILURES], ids=[case[0] for case in FAILURES])
async def test_where_no_summary_can_be_had_the_oldest_turns_are_left_out_and_it_is_said(
    steps: tuple[Step, ...],
) -> None:
    one = asker(claude=FakeClaude(*steps), INKSTREAM_HISTORY_TOKENS="4500")
    await talk(one, 4)
    begun = now()
    asked = await one.ask("And now?")
    assert asked.remarks == [sentences.HISTORY_LEFT_OUT]
    assert now() - begun < 70.0
    assert asked.roles() == "u a u"
    assert "Question 3" in asked.words
    assert "Question 0" not in asked.words
    assert one.claude.open == 0
    await asyncio.sleep(1)
    assert reserved(one) == 0


async def test_what_was_left_out_for_want_of_a_summary_is_told_in_the_askers_language() -> None:
    one = asker(claude=FakeClaude("", Done("end_turn")), INKSTREAM_HISTORY_TOKENS="4500")
    await talk(one, 4)
    asked = await one.ask("And now?", language="de")
    assert asked.remarks == [
        "Die ältesten Nachrichten dieses Gesprächs sind weggelassen: Es ist zu lang geworden."
    ]


async def test_a_stop_closes_the_summarys_request_and_what_it_read_is_paid() -> None:
    steps = (Spent(Usage(tokens_in=5_000)), "They ", 100.0, "spoke.", Done("end_turn"))
    one = asker(claude=FakeClaude(*steps), INKSTREAM_HISTORY_TOKENS="4500")
    await talk(one, 4)
    taken = await one.take("And now?")
    asking = asyncio.create_task(one.context.ask(one.channel, taken, Remarks()))
    await asyncio.sleep(10)
    assert one.claude.open == 1
    assert reserved(one) == 1
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert one.claude.open == 0
    await asyncio.sleep(1)
    assert reserved(one) == 0
    assert len(asyncio.all_tasks()) == 1


async def test_a_summary_of_words_that_were_changed_meanwhile_is_made_anew() -> None:
    one = asker(claude=FakeClaude(10.0, "Foxes.", Done("end_turn")), INKSTREAM_HISTORY_TOKENS="4500")
    await talk(one, 4)
    taken, remarks = await one.take("And now?"), Remarks()
    asking = asyncio.create_task(one.context.ask(one.channel, taken, remarks))
    await asyncio.sleep(5)
    await one.store.replace_question("r1", f"Question of a badger. {LONG}")
    asked = await asking
    assert remarks.lines == [sentences.SUMMARISED]
    first, second = (str(summary.ask.messages) for summary in one.claude.asked)
    assert "Question 0." in first
    assert "Question of a badger." in second
    assert "Question 0." not in second
    assert str(asked.messages).count("Foxes.") == 1
    await asyncio.sleep(1)
    assert reserved(one) == 0, "both are paid"


async def test_a_conversation_that_is_changed_all_the_time_is_told_without_its_oldest_turns() -> None:
    """Nobody waits for a third summary."""
    one = asker(claude=FakeClaude(10.0, "Foxes.", Done("end_turn")), INKSTREAM_HISTORY_TOKENS="4500")
    await talk(one, 4)
    taken, remarks = await one.take("And now?"), Remarks()
    asking = asyncio.create_task(one.context.ask(one.channel, taken, remarks))
    for number in range(2):
        await asyncio.sleep(8)
        await one.store.replace_question("r1", f"Badger {number}. {LONG}")
    asked = await asking
    assert remarks.lines == [sentences.HISTORY_LEFT_OUT]
    assert len(one.claude.asked) == 2
    assert "Foxes." not in str(asked.messages)
    assert "Question 3." in str(asked.messages)


async def test_a_conversation_of_which_most_is_taken_away_meanwhile_needs_no_summary() -> None:
    one = asker(claude=FakeClaude(10.0, "Foxes.", Done("end_turn")), INKSTREAM_HISTORY_TOKENS="4500")
    await talk(one, 4)
    taken, remarks = await one.take("And now?"), Remarks()
    asking = asyncio.create_task(one.context.ask(one.channel, taken, remarks))
    await asyncio.sleep(5)
    for reply in ("r1", "r2"):
        await one.store.forget_exchange(reply)
    asked = await asking
    assert remarks.lines == []
    assert "Foxes." not in str(asked.messages)
    assert [f"Question {number}." in str(asked.messages) for number in range(4)] == [False, False, True, True]


async def test_an_imported_thread_of_any_length_is_summarised_from_its_end() -> None:
    """Two hundred messages of a few thousand words each: more than any model takes."""
    one = asker(claude=FakeClaude("Foxes.", Done("end_turn")), INKSTREAM_HISTORY_TOKENS="4500")
    one.chat.before = [line(n, f"Line {n}. {LONG}") for n in range(100)]
    asked = await one.ask("What was decided?", threaded=True)
    assert asked.remarks == [sentences.SUMMARISED]
    assert asked.last() == history.SUMMARY.format(text="Foxes.") + "\n\nAda: What was decided?"
    [summary] = one.claude.asked
    told = str(summary.ask.messages[0]["content"])
    assert "Line 99." in told
    assert "Line 50." not in told


async def test_a_remark_that_comes_once_the_reply_is_there_is_made_to_it() -> None:
    """A file that Claude refuses is known only after it was asked, where the answer was paid for before it was shown."""

    class Heard:
        def __init__(self) -> None:
            self.lines: list[str] = []

        def remark(self, sentence: str, /) -> None:
            self.lines.append(sentence)

    noted, reply = Noted(), Heard()
    noted.remark("Earlier messages were summarised.")
    noted.to(reply)
    noted.remark("Left out: report.pdf could not be opened.")
    assert reply.lines == [
        "Earlier messages were summarised.",
        "Left out: report.pdf could not be opened.",
    ]
