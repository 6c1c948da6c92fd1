"""Buttons, reactions and words, on virtual time: judged by what people saw and what Claude was asked."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from bot import sentences
from bot.claude.events import Done
from bot.ports import Control, Op, Person, Place, Pressed, Ref, Standing, Submitted, Unavailable
from bot.reply.buttons import controls_after
from tests.conversation.stage import (
    ADA,
    GRACE,
    WORDS,
    Chat,
    Stage,
    asked,
    growing,
    notice,
    now,
    staged,
)
from tests.reply.fake_platform import Fault

pytestmark = pytest.mark.looptime


def press(
    stage: Stage, control: Control, *, person: Person = ADA, reply: str | None = None, ref: Ref | None = None
) -> None:
    """Press a button of the first reply; with `ref` a reaction on that message."""
    named = "" if ref is not None else next(iter(stage.store.rows)) if reply is None else reply
    place = Place("fake", "T1", "C1", thread="1700.1", route="press")
    stage.conversations.take(stage.channel, Pressed(control, named, person, place, ref or Ref("C1", "1")))


# ------------------------------------------------------------------------------------------------ stop


@pytest.mark.parametrize(
    ("person", "standing", "stops"),
    [
        (ADA, Standing(), True),
        (GRACE, Standing(), False),
        (GRACE, Standing(moderator=True), True),
        (GRACE, Standing(manager=True), True),
        (GRACE, Standing(manager=True, outsider=True), False),
    ],
)
async def test_the_asker_and_who_moderates_may_stop(person: Person, standing: Standing, stops: bool) -> None:
    """Fault 26: stop rights; who may not is told so, alone."""
    async with staged(*growing(WORDS, seconds=10), chat=Chat(standings={person.id: standing})) as stage:
        stage.ask("Why?")
        await asyncio.sleep(3)
        press(stage, Control.STOP, person=person)
        await stage.quiet()
        [text] = stage.chat.texts()
        assert text.endswith(notice(sentences.STOPPED)) == stops
        assert stage.chat.said_beside("told") == ([] if stops else [sentences.NOT_YOURS_TO_STOP])


async def test_a_stop_closes_claudes_request_at_once_and_is_seen_within_two_calls() -> None:
    """Fault 26: stop that only hides."""
    async with staged(*growing(WORDS, seconds=20)) as stage:
        stage.ask("Why?")
        await asyncio.sleep(5)
        press(stage, Control.STOP)
        await asyncio.sleep(0.01)
        assert stage.claude.open == 0
        await stage.quiet()
        assert now() <= 5 + 2 * stage.chat.call + 0.05


async def test_the_stop_reaction_means_the_message_that_it_stands_on() -> None:
    async with staged(*growing(WORDS, seconds=20)) as stage:
        stage.ask("One?", thread="1")
        stage.ask("Two?", thread="2")
        await asyncio.sleep(5)
        [second] = [message.ref for message in stage.chat.visible() if message.thread == "2"]
        press(stage, Control.STOP, ref=second)
        await stage.quiet()
        assert stage.chat.thread("1") == [WORDS.strip()]
        assert stage.chat.thread("2")[0].endswith(notice(sentences.STOPPED))


async def test_a_reaction_on_a_message_whose_post_is_unanswered_stops_its_answer() -> None:
    """It stands there for all to see: that we have not been told so yet is not their trouble."""
    chat = Chat(fault=lambda op, t, n: Fault(lose=True) if op == "post" and n == 0 else None)
    async with staged(*growing(WORDS, seconds=20), chat=chat) as stage:
        stage.ask("Why?")
        await asyncio.sleep(2)
        [message] = stage.chat.visible()
        press(stage, Control.STOP, ref=message.ref)
        await stage.quiet()
        [text] = stage.chat.texts()
        assert text.endswith(notice(sentences.STOPPED))


async def test_what_an_answer_cost_is_known_when_claude_is_done_with_it() -> None:
    """A platform may be down for long: what was set aside for the answer is there for the next one meanwhile."""
    chat = Chat(fault=lambda op, t, n: Fault(drop=True) if op == "edit" and now() < 120 else None)
    async with staged(*growing(WORDS, seconds=5), chat=chat) as stage:
        stage.ask("Why?")
        await asyncio.sleep(20)
        assert stage.conversations._answers.live, "its last edit has not landed"
        assert not stage.store.ledger.reserved
        assert stage.store.ledger.spent
        await stage.quiet()


@pytest.mark.parametrize(
    ("text", "stops"),
    [
        ("stop", True),
        ("Stop!", True),
        (" STOP. ", True),
        ("please stop", True),
        ("🛑", True),
        ("stop the deploy", False),
        ("don't stop", False),
        ("stop?", False),
        ("bus stop", False),
    ],
)
async def test_only_the_bare_word_stops(text: str, stops: bool) -> None:
    """Fault 26: "stop the deploy" stops nothing."""
    async with staged(*growing(WORDS, seconds=10)) as stage:
        stage.ask("Why?")
        await asyncio.sleep(3)
        stage.ask(text, how="overheard")
        await asyncio.sleep(1)
        assert (stage.claude.open == 0) == stops
        await stage.quiet()
        assert len(stage.claude.asked) == (1 if stops else 2)


@pytest.mark.parametrize("how", ["mention", "overheard"])
async def test_the_word_in_a_quiet_thread_stops_nothing_elsewhere(how: str) -> None:
    """Fault 26: one's own answers in other threads of the channel are another matter."""
    async with staged(*growing(WORDS, seconds=10)) as stage:
        stage.ask("One?", thread="1")
        stage.ask("Two?", thread="2")
        await asyncio.sleep(3)
        stage.ask("stop", thread="3", how=how, threaded=True)
        await asyncio.sleep(1)
        assert stage.claude.open == 2
        stage.ask("stop", thread="2", how=how, threaded=True)
        await asyncio.sleep(1)
        assert stage.claude.open == 1
        await stage.quiet()
        assert stage.chat.thread("1") == [WORDS.strip()]
        assert stage.chat.said_beside("told") == ([sentences.NOTHING_TO_STOP] if how == "mention" else [])


@pytest.mark.parametrize("how", ["mention", "overheard"])
async def test_the_word_as_a_reply_stops_the_answer_that_it_replies_to(how: str) -> None:
    """Fault 26, where answers stand in the channel itself (Discord)."""
    place = Place("fake", "T1", "C1")
    async with staged(*growing(WORDS, seconds=10)) as stage:
        for number in ("100", "101"):
            message = Ref("C1", number)
            asking = replace(place, reply_to=number)
            stage.ask(f"{number}?", place=asking, scope=f"message:C1:{number}", message=message)
        await asyncio.sleep(3)
        second = stage.chat.visible()[1].ref
        stage.ask(
            "stop",
            place=place,
            scope="message:C1:102",
            message=Ref("C1", "102"),
            answers=second,
            threaded=True,
            how=how,
        )
        await stage.quiet()
        assert [text.endswith(notice(sentences.STOPPED)) for text in stage.chat.texts()] == [False, True]


@pytest.mark.parametrize("how", ["mention", "overheard"])
async def test_the_word_drops_no_question_that_waits_behind_what_it_stops(how: str) -> None:
    """As the button does: who is tired of one answer wants the next. Said once more, it stops that one, too."""
    async with staged(*growing(WORDS, seconds=10)) as stage:
        stage.ask("One?")
        await asyncio.sleep(3)
        stage.ask("Two?", how="overheard")
        await asyncio.sleep(1)
        stage.ask("stop", how=how, threaded=True)
        await asyncio.sleep(1)
        assert [request.question for request in stage.claude.asked] == ["Ada: One?", "Ada: Two?"]
        assert stage.claude.open == 1
        stage.ask("stop", how=how, threaded=True)
        await stage.quiet()
        assert [text.endswith(notice(sentences.STOPPED)) for text in stage.chat.texts()] == [True, True]
        assert stage.chat.said_beside("told") == []


async def test_the_word_stops_what_waits_for_somebody_elses_answer() -> None:
    """Where nothing of one's own is under way; and it is told."""
    async with staged(*growing(WORDS, seconds=10)) as stage:
        stage.ask("One?", person=GRACE)
        await asyncio.sleep(3)
        stage.ask("Two?")
        await asyncio.sleep(1)
        stage.ask("stop", how="overheard", threaded=True)
        await stage.quiet()
        assert stage.chat.texts() == [WORDS.strip(), notice(sentences.STOPPED)]
        assert len(stage.claude.asked) == 1


async def test_the_word_stops_what_a_command_has_begun_in_its_thread() -> None:
    """There it is a conversation of its own (Discord); to whoever reads along it is the thread's."""
    place = Place("fake", "T1", "C9", parent="C1")
    async with staged(*growing(WORDS, seconds=10)) as stage:
        stage.ask("Why?", place=place, how="command", scope="message:C9:interaction")
        await asyncio.sleep(3)
        stage.ask("stop", place=place, how="mention", scope="thread:C9", threaded=True)
        await asyncio.sleep(1)
        assert stage.claude.open == 0
        await stage.quiet()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(40))
async def test_a_stop_that_races_the_end_has_exactly_one_outcome(seed: int) -> None:
    """Fault 26. Twenty-five races each: a button, a reaction or the word, around the moment of the end."""
    rng = random.Random(seed)
    for race in range(25):
        seconds = rng.uniform(0.5, 4)
        async with staged(*growing(WORDS[:300], seconds=seconds)) as stage:
            begun = now()
            stage.ask("Why?", key=f"{seed}:{race}")
            await asyncio.sleep(max(0.0, seconds + rng.uniform(-0.4, 0.4)))
            for _ in range(rng.choice([1, 2])):
                if rng.random() < 0.5:
                    press(stage, Control.STOP)
                else:
                    stage.ask("stop", how="overheard")
            await stage.quiet()
            [text] = stage.chat.texts()
            whole, stopped = text == WORDS[:300].strip(), text.endswith(notice(sentences.STOPPED))
            assert whole != stopped, (seed, race, begun)
            assert len(stage.claude.asked) == 1
            [message] = stage.chat.visible()
            assert message.controls == controls_after("whole" if whole else "partial", text)
            assert stage.store.state() == "shown"


# ------------------------------------------------------------------------------------------------ again, and on


async def test_regenerate_answers_the_same_question_in_the_same_messages() -> None:
    async with staged() as stage:
        stage.claude.will("Why?", "The first answer.", Done("end_turn"))
        stage.ask("Why?")
        await stage.quiet()
        before = [message.ref for message in stage.chat.visible()]
        stage.claude.will("Why?", "Another answer.", Done("end_turn"))
        press(stage, Control.REGENERATE, person=GRACE)
        await stage.quiet()
        assert stage.chat.texts() == ["Another answer."]
        assert [message.ref for message in stage.chat.visible()] == before
        assert asked(stage) == ["u: Ada: Why?"] * 2
        stage.ask("And then?")
        await stage.quiet()
        assert asked(stage)[-1] == "u: Ada: Why? | a: Another answer. | u: Ada: And then?"


async def test_a_shorter_answer_takes_the_pages_that_are_left_over_away() -> None:
    async with staged(chat=Chat(page_limit=500)) as stage:
        stage.claude.will("Why?", *growing(WORDS * 2, seconds=2))
        stage.ask("Why?")
        await stage.quiet()
        assert len(stage.chat.visible()) > 2
        first = stage.chat.visible()[0].ref
        stage.claude.will("Why?", "Short.", Done("end_turn"))
        press(stage, Control.REGENERATE)
        await stage.quiet()
        await asyncio.sleep(2 * stage.chat.call)
        assert stage.chat.texts() == ["Short."]
        assert stage.chat.visible()[0].ref == first


async def test_what_is_asked_next_waits_for_no_button_of_an_earlier_page_and_regenerate_does() -> None:
    """People can read the answer, and ask on: but its messages are edited by one of the two at a time."""

    def fault(op: Op, target: str, number: int) -> Fault | None:
        return Fault(outcome=Unavailable("busy", False)) if target == "1" and now() < 60 else None

    async with staged(chat=Chat(page_limit=500, fault=fault)) as stage:
        stage.claude.will("Why?", WORDS * 2, Done("end_turn"))
        stage.claude.will("And then?", "Then this.", Done("end_turn"))
        stage.ask("Why?")
        await asyncio.sleep(10)
        assert stage.chat.visible()[0].controls == (Control.STOP,)
        stage.ask("And then?")
        await asyncio.sleep(2)
        assert "Then this." in stage.chat.texts()
        stage.claude.will("Why?", "Short.", Done("end_turn"))
        press(stage, Control.REGENERATE)
        await asyncio.sleep(2)
        assert len(stage.claude.asked) == 2
        await stage.quiet()
        await asyncio.sleep(2 * stage.chat.call)
        assert stage.chat.texts() == ["Short.", "Then this."]


async def test_regenerate_waits_for_no_other_answer_to_be_read() -> None:
    """Buttons of earlier pages go with calls that no text needs; where others grow that takes as long as they do."""
    async with staged(chat=Chat(page_limit=500)) as stage:
        for number in range(5):
            stage.claude.will(f"Other {number}.", *growing(WORDS, seconds=40))
            stage.ask(f"Other {number}.", thread=f"18{number}.1", person=GRACE)
        await asyncio.sleep(10)
        stage.claude.will("Why?", WORDS, Done("end_turn"))
        stage.ask("Why?")
        await asyncio.sleep(10)
        reply = next(row.id for row in stage.store.rows.values() if row.place.thread == "1700.1")
        assert len(stage.chat.thread("1700.1")) == 3
        stage.claude.will("Why?", "Short.", Done("end_turn"))
        before = len(stage.claude.asked)
        press(stage, Control.REGENERATE, reply=reply)
        await asyncio.sleep(2)
        assert len(stage.claude.asked) == before + 1
        await asyncio.sleep(3)
        assert stage.chat.thread("1700.1") == ["Short."]


async def test_regenerate_while_it_grows_is_told_to_wait() -> None:
    async with staged(*growing(WORDS, seconds=10)) as stage:
        stage.ask("Why?")
        await asyncio.sleep(3)
        press(stage, Control.REGENERATE)
        await stage.quiet()
        assert stage.chat.texts() == [WORDS.strip()]
        assert stage.chat.said_beside("told") == [sentences.STILL_GROWING]


async def test_continue_goes_on_below_with_what_was_said_as_context() -> None:
    async with staged() as stage:
        stage.claude.will("Why?", "The first half", Done("max_tokens"))
        stage.ask("Why?")
        await stage.quiet()
        [message] = stage.chat.visible()
        assert Control.CONTINUE in message.controls
        stage.claude.will(sentences.GOING_ON, "and the second.", Done("end_turn"))
        press(stage, Control.CONTINUE)
        await stage.quiet()
        assert stage.chat.texts()[1:] == ["and the second."]
        assert asked(stage)[-1] == f"u: Ada: Why? | a: The first half | u: Ada: {sentences.GOING_ON}"


async def test_a_second_press_on_continue_asks_nothing_again() -> None:
    async with staged() as stage:
        stage.claude.will("Why?", "The first half", Done("max_tokens"))
        stage.ask("Why?")
        await stage.quiet()
        press(stage, Control.CONTINUE)
        press(stage, Control.CONTINUE)
        await stage.quiet()
        assert len(stage.claude.asked) == 2


# ------------------------------------------------------------------------------------------------ thumbs, file, delete


async def test_a_thumb_is_kept_and_a_thumb_down_asks_for_a_comment() -> None:
    async with staged() as stage:
        stage.ask("Why?")
        await stage.quiet()
        press(stage, Control.GOOD, person=GRACE)
        await stage.quiet()
        press(stage, Control.BAD)
        await stage.quiet()
        reply = next(iter(stage.store.rows))
        [panel] = stage.chat.panels
        place = Place("fake", "T1", "C1", thread="1700.1")
        values = {panel.groups[0].fields[0].id: ("Too short.",)}
        stage.conversations.take(stage.channel, Submitted("f1", panel.id, values, ADA, place))
        await stage.quiet()
        assert stage.store.judged == {(reply, "U2"): ("good", ""), (reply, "U1"): ("bad", "Too short.")}
        assert stage.chat.said_beside("told") == [sentences.THANK_YOU] * 2


async def test_the_answer_as_a_file_holds_claudes_words_alone() -> None:
    async with staged("# Title\n\nText.", Done("max_tokens")) as stage:
        stage.ask("Why?")
        await stage.quiet()
        press(stage, Control.FILE)
        await stage.quiet()
        [(place, file, title)] = stage.chat.uploads
        assert (file.name, file.data, title) == ("answer.md", b"# Title\n\nText.", sentences.FILE_TITLE)
        [answer] = stage.chat.visible()
        assert (place.thread, place.reply_to) == ("1700.1", answer.ref.message)


async def test_a_deleted_answer_leaves_the_channel_and_the_context() -> None:
    async with staged() as stage:
        stage.ask("Why?")
        await stage.quiet()
        press(stage, Control.DELETE, person=GRACE)
        await stage.quiet()
        assert stage.chat.said_beside("told") == [sentences.NOT_YOURS_TO_DELETE]
        press(stage, Control.DELETE)
        await stage.quiet()
        assert stage.chat.texts() == []
        stage.ask("And then?")
        await stage.quiet()
        assert asked(stage)[-1] == "u: Ada: And then?"


async def test_delete_while_it_grows_stops_it_first() -> None:
    async with staged(*growing(WORDS, seconds=10)) as stage:
        stage.ask("Why?")
        await asyncio.sleep(3)
        press(stage, Control.DELETE)
        await stage.quiet()
        assert stage.chat.texts() == []
        assert stage.claude.open == 0
        assert now() < 5


async def test_a_press_on_an_answer_that_nobody_knows_is_told_so_and_a_reaction_is_not() -> None:
    async with staged() as stage:
        press(stage, Control.REGENERATE, reply="long ago")
        press(stage, Control.GOOD, ref=Ref("C1", "77"))
        await stage.quiet()
        assert stage.chat.said_beside("told") == [sentences.NOT_KNOWN_ANY_MORE]


async def test_the_buttons_speak_the_askers_language() -> None:
    async with staged(chat=Chat(standings={"U1": Standing(locale="de-DE")})) as stage:
        stage.claude.will("Why?", *growing(WORDS, seconds=5))
        stage.ask("Why?")
        await asyncio.sleep(2)
        press(stage, Control.STOP)
        await stage.quiet()
        [text] = stage.chat.texts()
        assert text.endswith(notice("Angehalten."))
