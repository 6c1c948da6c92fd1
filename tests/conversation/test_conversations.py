"""Every event to the end of its reply, on virtual time: judged by what the asker and everybody else saw."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from bot import sentences
from bot.claude.events import Done
from bot.claude.faults import ClaudeFault
from bot.conversation.channel import Channel
from bot.ports import Content, Control, Deleted, Denied, Person, Place, Pressed, Ref, Unavailable
from bot.reply.reply import controls_after
from bot.reply.view import ANNOUNCEMENT, post_key
from tests.conversation.stage import DIALECT, Chat, FakeStore, Row, Stage, growing, now, staged
from tests.reply.fake_platform import Fault, Running

pytestmark = pytest.mark.looptime

WORDS = "The quick brown fox jumps over the lazy dog and rests. " * 20
ADA, GRACE = Person("U1", "Ada"), Person("U2", "Grace")


def notice(sentence: str) -> str:
    return DIALECT.notice(sentence)


def asked(stage: Stage) -> list[str]:
    """Claude's requests, each as its turns."""
    return [
        " | ".join(f"{turn['role'][0]}: {turn['content']}" for turn in request.ask.messages)
        for request in stage.claude.asked
    ]


# ------------------------------------------------------------------------------------------------ taken once


async def test_a_question_is_answered_in_its_thread_and_nothing_is_held_after() -> None:
    async with staged(*growing(WORDS, seconds=5)) as stage:
        stage.ask("Why?")
        await stage.quiet()
        assert stage.chat.thread("1700.1") == [WORDS.strip()]
        assert stage.store.state() == "shown"
        await asyncio.sleep(2)
        assert stage.left() == {}


async def test_every_further_delivery_of_a_question_is_ignored() -> None:
    """Fault 15: redelivered at once, while it is answered, and long after."""
    async with staged(*growing(WORDS, seconds=5)) as stage:
        for pause in (0.0, 0.0, 2.0, 300.0):
            stage.ask("Why?", key="message:same")
            await asyncio.sleep(pause)
        await stage.quiet()
        assert stage.chat.texts() == [WORDS.strip()]
        assert len(stage.claude.asked) == 1


async def test_what_is_overheard_is_answered_only_where_the_bot_takes_part() -> None:
    async with staged() as stage:
        stage.ask("Lunch?", thread="1", how="overheard")
        stage.ask("Why?", thread="2")
        await stage.quiet()
        stage.ask("And then?", thread="2", how="overheard")
        stage.ask("Dinner?", thread="1", how="overheard")
        stage.ask("", thread="2", how="overheard")
        stage.ask(" \n", thread="2", how="overheard")
        await stage.quiet()
        assert stage.chat.thread("1") == []
        assert stage.chat.thread("2") == ["Yes.", "Yes."]


async def test_a_reply_to_one_of_our_messages_goes_on_in_its_conversation() -> None:
    """As on Discord: a chain of replies, each its own message."""
    async with staged("I am a fox, if you ask me.", Done("end_turn")) as stage:
        stage.ask("Who are you?", thread="", scope="message:C1:100")
        await stage.quiet()
        [message] = stage.chat.visible()
        stage.ask("Really?", thread="", scope="message:C1:101", answers=message.ref, how="overheard")
        await stage.quiet()
        assert asked(stage)[1] == "u: Ada: Who are you? | a: I am a fox, if you ask me. | u: Ada: Really?"


@pytest.mark.parametrize("text", ["", "  \n "])
async def test_an_empty_question_is_greeted_once(text: str) -> None:
    async with staged() as stage:
        for _ in range(2):
            stage.ask(text, key="message:same")
        await stage.quiet()
        assert stage.chat.texts() == [notice(sentences.EMPTY_QUESTION)]
        assert stage.claude.asked == []
        assert stage.left() == {}


async def test_a_huge_question_is_told_its_limit() -> None:
    async with staged() as stage:
        stage.ask("x" * 100_000)
        await stage.quiet()
        assert stage.chat.texts() == [
            notice(sentences.LONG_QUESTION.format(length="100,000", limit="50,000"))
        ]
        assert stage.claude.asked == []


async def test_a_refusal_of_a_command_is_told_to_its_asker_alone() -> None:
    async with staged() as stage:
        stage.ask("", how="command")
        await stage.quiet()
        assert stage.chat.texts() == []
        assert stage.chat.said_beside("told") == [sentences.EMPTY_QUESTION]


async def test_a_refusal_of_a_command_that_cannot_be_told_alone_is_posted() -> None:
    async with staged(chat=Chat(tells=False)) as stage:
        stage.ask("", how="command")
        await stage.quiet()
        assert stage.chat.texts() == [notice(sentences.EMPTY_QUESTION)]


async def test_a_commands_question_is_posted_first_and_answered_under_it() -> None:
    async with staged(*growing(WORDS, seconds=5)) as stage:
        stage.ask("Why?", how="command", place=Place("fake", "T1", "C1"), announce="Ada asks: Why?")
        await stage.quiet()
        root, answer = stage.chat.visible()
        assert (root.text, root.thread, root.controls) == ("Ada asks: Why?", "", ())
        assert (answer.text, answer.thread) == (WORDS.strip(), root.ref.message)


async def test_half_a_surrogate_pair_is_no_reason_to_fail() -> None:
    """JSON may carry one; no file and no request can."""
    async with staged() as stage:
        stage.ask("Why \ud83d?", person=Person("U1", "A\udc00"), announce="")
        stage.ask("Whole: \ud83d\ude00", thread="2")
        await stage.quiet()
        assert asked(stage) == ["u: A\ufffd: Why \ufffd?", "u: Ada: Whole: \U0001f600"]


# ------------------------------------------------------------------------------------------------ order, context


async def test_two_questions_in_one_conversation_are_answered_in_order_with_their_context() -> None:
    """The second sees the first and its answer; the first knows nothing of the second."""
    async with staged() as stage:
        stage.claude.will("first", *growing("One, at length. " * 30, seconds=10))
        stage.claude.will("second", "Two, at once.", Done("end_turn"))
        stage.ask("The first?")
        await asyncio.sleep(1)
        stage.ask("The second?", person=GRACE)
        await stage.quiet()
        one = "One, at length. " * 30
        assert stage.chat.texts() == [one.strip(), "Two, at once."]
        assert asked(stage) == [
            "u: Ada: The first?",
            f"u: Ada: The first? | a: {one} | u: Grace: The second?",
        ]


@pytest.mark.parametrize("seed", range(10))
async def test_questions_that_come_at_the_same_moment_are_answered_as_they_came(seed: int) -> None:
    """Overheard or addressed, through a store that takes its time: a burst after a reconnect keeps its order."""
    rng = random.Random(seed)

    class Moody(FakeStore):
        async def _work(self, method: str, about: str = "") -> None:
            self.delay = rng.uniform(0, 0.2)
            await super()._work(method, about)

    async with staged(store=Moody()) as stage:
        stage.ask("Number 0?")
        await stage.quiet()
        for number in range(1, 8):
            stage.ask(f"Number {number}?", how=rng.choice(["overheard", "mention"]))
        await stage.quiet()
        assert [request.question.rpartition("Number ")[2] for request in stage.claude.asked] == [
            f"{number}?" for number in range(8)
        ]


async def test_who_waits_is_told_so_in_a_status() -> None:
    """Heard, and waiting for the answer before it."""
    async with staged(*growing(WORDS, seconds=10)) as stage:
        stage.ask("The first?")
        await asyncio.sleep(3)
        stage.ask("The second?")
        await asyncio.sleep(3)
        assert stage.chat.said_beside()[-1:] == [sentences.WAITING]
        await stage.quiet()
        assert len(stage.chat.texts()) == 2


async def test_conversations_never_wait_for_each_other() -> None:
    """One with a Claude that says nothing, one with a platform that answers nothing, and one that is quick."""
    chat = Chat()
    stuck = Chat(fault=lambda *_: Fault(outcome=Unavailable("503", applied=False)))
    async with staged(chat=chat) as stage, Running(stuck) as outbox:
        stage.claude.will("silent", 3600.0, Done("end_turn"))
        stage.ask("Be silent.", thread="1")
        stage.ask("Nobody hears me.", thread="2", channel=Channel(stuck, outbox))
        await asyncio.sleep(1)
        stage.ask("Quick?", thread="3")
        await asyncio.sleep(0.5)
        assert chat.thread("3") == ["Yes."]
        assert chat.thread("1") == []


async def test_a_platform_that_is_down_takes_no_places_from_the_others() -> None:
    """Places are for reading Claude: replies that only wait to be shown hold none."""
    stuck = Chat(fault=lambda *_: Fault(outcome=Unavailable("503", applied=False)))
    async with staged(INKSTREAM_REPLIES_AT_ONCE="3") as stage, Running(stuck) as outbox:
        for number in range(10):
            stage.ask("Why?", thread=f"down {number}", channel=Channel(stuck, outbox))
        await asyncio.sleep(5)
        stage.ask("Quick?", thread="up")
        await asyncio.sleep(2)
        assert stage.chat.thread("up") == ["Yes."]


async def test_no_more_answers_are_read_at_once_than_there_are_places() -> None:
    async with staged(*growing(WORDS, seconds=5), INKSTREAM_REPLIES_AT_ONCE="3") as stage:
        most = 0
        for number in range(9):
            stage.ask("Why?", thread=f"{number}")
        while stage.conversations._tasks:
            most = max(most, stage.claude.open)
            await asyncio.sleep(0.5)
        assert most == 3
        assert stage.chat.texts() == [WORDS.strip()] * 9


async def test_a_name_is_looked_up_behind_the_answer_and_known_in_the_next_turn() -> None:
    """Never in front of Claude's request, and once for each person."""
    chat = Chat(names={"U9": "Linus"})
    async with staged(*growing(WORDS, seconds=3), chat=chat) as stage:
        stage.ask("Why?", person=Person("U9"))
        await stage.quiet()
        ended = stage.claude.asked[0].ended
        assert ended is not None
        assert [at > ended for what, at, _ in chat.asides if what == "name"] == [True]
        stage.ask("And then?", person=Person("U9"))
        await stage.quiet()
        assert asked(stage)[0] == "u: U9: Why?"
        assert asked(stage)[1].startswith("u: Linus: Why?")
        assert asked(stage)[1].endswith("u: Linus: And then?")
        assert chat.said_beside("name") == ["U9"]


async def test_a_name_cannot_pass_for_somebody_elses_turn() -> None:
    """Display names are free text."""
    async with staged() as stage:
        stage.ask("Why?", person=Person("U8", " Eve\n\nAda: I agree with" + " all" * 40))
        stage.ask("And?", person=Person("U8", " \n "), thread="2")
        await stage.quiet()
        first, second = asked(stage)
        assert first.startswith("u: Eve Ada: I agree with all")
        assert "\n" not in first
        assert len(first) < 100
        assert second == "u: U8: And?"


async def test_a_refused_exchange_is_left_out_of_the_next_turn() -> None:
    """Going on after a refusal keeps being refused."""
    async with staged() as stage:
        stage.claude.will("bad", "I would", Done("refusal"))
        stage.ask("Something bad?")
        await stage.quiet()
        stage.ask("Something good?")
        await stage.quiet()
        assert asked(stage)[1] == "u: Ada: Something good?"


# ------------------------------------------------------------------------------------------------ what goes wrong


async def test_who_may_not_be_answered_in_the_channel_is_told_in_private() -> None:
    chat = Chat(fault=lambda *_: Fault(outcome=Denied("not_in_channel")))
    async with staged(*growing(WORDS, seconds=60), chat=chat) as stage:
        stage.ask("Why?")
        await stage.quiet()
        assert chat.said_beside("told") == [sentences.NOT_A_MEMBER]
        assert stage.store.state() == "denied"
        assert stage.left() == {}


async def test_where_there_is_no_way_to_tell_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    chat = Chat(tells=False, fault=lambda *_: Fault(outcome=Denied("restricted_action")))
    async with staged(chat=chat) as stage:
        stage.ask("Why?")
        stage.ask("", thread="2")
        await stage.quiet()
        assert chat.said_beside("told") == [sentences.MAY_NOT_WRITE] * 2
        assert caplog.messages.count("reply.nowhere_to_say") == 2


async def test_a_deleted_answer_is_over_quietly() -> None:
    async with staged(*growing(WORDS, seconds=20)) as stage:
        stage.ask("Why?")
        await asyncio.sleep(5)
        ref = stage.chat.visible()[0].ref
        stage.chat.vanish(ref)
        stage.conversations.take(stage.channel, Deleted(ref))
        await stage.quiet()
        assert now() < 6
        assert stage.claude.open == 0
        assert stage.chat.texts() == []
        assert stage.store.state() == "gone"


async def test_somebody_elses_deleted_message_is_nobodys_business() -> None:
    async with staged(*growing(WORDS, seconds=5)) as stage:
        stage.ask("Why?", message=Ref("C1", "900"))
        await asyncio.sleep(2)
        stage.conversations.take(stage.channel, Deleted(Ref("C1", "901")))
        await stage.quiet()
        assert stage.chat.texts() == [WORDS.strip()]


def pressed(reply: str) -> Pressed:
    return Pressed(Control.STOP, reply, ADA, Place("fake", "T1", "C1"), Ref("C1", "1"))


async def test_the_stop_button_stops_its_own_reply() -> None:
    async with staged(*growing(WORDS, seconds=20)) as stage:
        stage.ask("One?", thread="1")
        stage.ask("Two?", thread="2")
        await asyncio.sleep(5)
        [first] = [row.id for row in stage.store.rows.values() if row.place.thread == "1"]
        stage.conversations.take(stage.channel, pressed(first))
        stage.conversations.take(stage.channel, pressed("nobody's"))
        await stage.quiet()
        assert stage.chat.thread("1")[0].endswith(notice(sentences.STOPPED))
        assert stage.chat.thread("2") == [WORDS.strip()]
        stage.conversations.take(stage.channel, pressed(first))
        await stage.quiet()
        assert stage.left() == {}


@pytest.mark.parametrize("method", ["begin", "turns", "ended", "closed", "posted", "grew", "knows_name"])
async def test_a_database_that_fails_is_a_sentence_or_costs_nothing(method: str) -> None:
    """Where the question cannot be kept or its context not be had, the asker is told; else the answer is whole."""
    async with staged(*growing(WORDS, seconds=3)) as stage:
        stage.store.trouble[method] = "fails"
        stage.ask("One?", thread="1", person=Person("U1"))
        await stage.quiet()
        told = notice(sentences.OUR_FAULT) if method in ("begin", "turns") else WORDS.strip()
        assert stage.chat.thread("1") == [told]
        stage.store.trouble.clear()
        stage.ask("Two?", thread="2")
        await stage.quiet()
        assert stage.chat.thread("2") == [WORDS.strip()]
        await asyncio.sleep(60)
        assert stage.left() == {}
        assert {row.state for row in stage.store.rows.values()} == {"shown"}, "nothing for the next start"


async def test_a_database_that_fails_brings_no_apology_to_people_who_did_not_ask() -> None:
    """Fault 29 the other way round: nobody is answered by accident."""
    async with staged() as stage:
        stage.store.trouble["takes_part"] = "fails"
        stage.ask("Lunch?", how="overheard")
        await stage.quiet()
        assert stage.chat.texts() == []


@pytest.mark.parametrize("where", ["document", "claude", "adapter", "whisper", "name"])
async def test_a_bug_in_one_event_is_told_to_its_asker_and_touches_no_other(
    where: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Law 8, for whatever nobody foresaw."""
    async with staged(*growing(WORDS, seconds=5)) as stage:
        stage.ask("Good?", thread="good")
        await asyncio.sleep(1)
        match where:
            case "document":

                def broken(*_: object) -> None:
                    monkeypatch.undo()  # it is the next document alone that cannot be made
                    raise ZeroDivisionError

                monkeypatch.setattr("bot.reply.reply.Document", broken)
            case "claude":
                stage.claude.will("Bad", "Half", ZeroDivisionError())
            case "adapter":
                stage.chat.fault = lambda _op, _target, number: Fault(raises=number == 1)
            case "whisper":
                monkeypatch.setattr(stage.chat, "whisper", _breaks)
                stage.chat.fault = lambda _op, _target, number: (
                    Fault(outcome=Denied("not_in_channel")) if _op == "post" else None
                )
            case "name":
                monkeypatch.setattr(stage.chat, "name", _breaks)
        stage.ask("Bad?", thread="bad", person=Person("U7"))
        await stage.quiet()
        assert stage.chat.thread("good") == [WORDS.strip()]
        bad = " ".join(stage.chat.thread("bad"))
        if where in ("adapter", "name"):
            assert bad == WORDS.strip()
        elif where == "whisper":
            assert "reply.nowhere_to_say" in caplog.messages
        else:
            assert bad.endswith(notice(sentences.OUR_FAULT))
            assert bad.count(sentences.OUR_FAULT) == 1
        assert any(record.levelname == "ERROR" for record in caplog.records)
        await asyncio.sleep(2)
        assert stage.left() == {}
        assert not [row for row in stage.store.rows.values() if row.state in ("growing", "ending")]


async def _breaks(*_: object) -> bool:
    raise ZeroDivisionError


async def test_a_thousand_replies_leave_nothing_behind() -> None:
    """Bounded memory, whatever their ends were."""
    rng = random.Random(7)
    chat = Chat()
    for gate in chat._gates.values():  # the test is of memory, not of budgets
        gate.limit = replace(gate.limit, rate=1000.0, burst=1000)
    async with staged(chat=chat, INKSTREAM_REPLIES_AT_ONCE="50") as stage:
        stage.claude.will("whole", *growing(WORDS, seconds=2, step=0.5))
        stage.claude.will("fails", "Half", ClaudeFault("api_error", sentences.FAILED))
        stage.claude.will("blank", Done("end_turn"))
        for number in range(1000):
            words = rng.choice(["whole", "fails", "blank", ""])
            stage.ask(words, thread=f"{number % 300}", person=Person("U1", rng.choice(["Ada", ""])))
        await stage.quiet(within=36_000)
        await asyncio.sleep(5)
        assert stage.left() == {}
        assert len(chat.visible()) == 1000


# ------------------------------------------------------------------------------------------------ beginning, end


async def test_a_drain_lets_answers_end_and_tells_only_the_others() -> None:
    async with staged() as stage:
        stage.claude.will("short", *growing(WORDS, seconds=8))
        stage.claude.will("long", *growing(WORDS, seconds=60))
        stage.claude.will("late", 120.0, "Too late.", Done("end_turn"))
        stage.ask("A short one?", thread="short")
        stage.ask("A long one?", thread="long")
        stage.ask("A late one?", thread="late")
        stage.ask("A short one behind a long one?", thread="long")
        await asyncio.sleep(2)
        before = now()
        draining = asyncio.create_task(stage.conversations.drain(20.0, 10.0))
        await asyncio.sleep(1)
        stage.ask("A new one?", thread="new")
        assert await draining == 0
        assert 20 <= now() - before < 30
        assert stage.chat.thread("short") == [WORDS.strip()]
        [long, queued] = stage.chat.thread("long")
        said = long.removesuffix(f"\n\n{notice(sentences.INTERRUPTED)}")
        assert said != long
        assert len(said) > 100
        assert WORDS.startswith(said)
        assert queued == notice(sentences.INTERRUPTED_EARLY)
        assert stage.chat.thread("late") == [notice(sentences.INTERRUPTED_EARLY)]
        assert stage.chat.thread("new") == [notice(sentences.RESTARTING)]
        assert stage.claude.open == 0
        assert {row.state for row in stage.store.rows.values()} == {"shown"}


async def test_a_drain_with_nothing_under_way_takes_no_time() -> None:
    async with staged() as stage:
        assert await stage.conversations.drain(30.0, 10.0) == 0
        await stage.conversations.close(1.0)
        assert now() == 0


async def test_a_drain_ends_with_the_last_answer() -> None:
    async with staged(*growing(WORDS, seconds=5)) as stage:
        stage.ask("Why?")
        await asyncio.sleep(1)
        await stage.conversations.drain(30.0, 10.0)
        assert now() < 6
        assert stage.chat.texts() == [WORDS.strip()]


async def test_a_stop_still_stops_while_draining() -> None:
    async with staged(*growing(WORDS, seconds=60)) as stage:
        stage.ask("Why?")
        await asyncio.sleep(3)
        draining = asyncio.create_task(stage.conversations.drain(30.0, 10.0))
        await asyncio.sleep(1)
        stage.conversations.take(stage.channel, pressed(next(iter(stage.store.rows))))
        await draining
        assert now() < 6
        assert stage.chat.texts()[0].endswith(notice(sentences.STOPPED))


async def test_what_a_dead_platform_kept_from_being_shown_is_left_to_the_next_start() -> None:
    """Shutdown does not wait for ever, and the journal has the end."""
    chat = Chat(fault=lambda *_: Fault(outcome=Unavailable("503", applied=False)))
    async with staged(*growing(WORDS, seconds=2), chat=chat) as stage:
        stage.ask("Why?")
        await asyncio.sleep(4)
        assert await stage.conversations.drain(5.0, 10.0) == 1
        await stage.conversations.close(1.0)
        assert now() < 21
        assert stage.conversations._tasks == set()
        [left] = await stage.store.unfinished()
        assert (left.state, left.text) == ("ending", WORDS)


async def test_a_second_signal_leaves_everything_to_the_next_start() -> None:
    async with staged(*growing(WORDS, seconds=60)) as stage:
        stage.ask("Why?")
        await asyncio.sleep(10.5)
        draining = asyncio.create_task(stage.conversations.drain(30.0, 10.0))
        await asyncio.sleep(0.1)
        draining.cancel()
        await asyncio.wait({draining})
        before = now()
        await stage.conversations.close(0.0)
        await stage.journal.flush()
        assert now() - before < 0.1
        [left] = await stage.store.unfinished()
        assert left.state == "growing"
        assert len(left.text) > 100
        assert WORDS.startswith(left.text)
        assert left.refs == (stage.chat.visible()[0].ref,)


# ------------------------------------------------------------------------------------------------ after a crash


def left_behind(
    stage: Stage, *, state: str = "growing", text: str = "", notice: str = "", announce: str = ""
) -> Row:
    place = Place("fake", "T1", "C1", thread="" if announce else "1")
    row = Row("abc", 1, place, announce, state=state, text=text, notice=notice)
    stage.store.rows["abc"] = row
    return row


async def frozen(stage: Stage, row: Row, text: str, *, journalled: bool = True) -> None:
    """A message that the crash left with its button."""
    content = Content(text, (Control.STOP,), "abc")
    outcome = await stage.chat.post(row.place, content, key=post_key("abc", 0))
    if journalled:
        row.refs = (outcome.ref,)  # type: ignore[union-attr]  # nothing is refused here


async def mended(stage: Stage) -> None:
    stage.conversations.mend(stage.channel, await stage.store.unfinished())
    await stage.quiet()
    assert stage.store.rows["abc"].state == "shown"
    await asyncio.sleep(2)
    assert stage.left() == {}


async def test_after_a_crash_a_growing_answer_is_closed_with_an_honest_line() -> None:
    async with staged() as stage:
        row = left_behind(stage, text="Half of it, and more than was shown")
        await frozen(stage, row, "Half of it")
        await mended(stage)
        [message] = stage.chat.visible()
        assert message.text == f"Half of it, and more than was shown\n\n{notice(sentences.INTERRUPTED)}"
        assert message.controls == controls_after("partial", message.text)


async def test_after_a_crash_a_question_without_a_word_is_answered_for() -> None:
    async with staged() as stage:
        left_behind(stage)
        await mended(stage)
        assert stage.chat.thread("1") == [notice(sentences.INTERRUPTED_EARLY)]


async def test_who_replies_to_a_mended_message_goes_on_in_its_conversation() -> None:
    """The message that mending posted leads back to it, and a second crash finds it."""
    async with staged() as stage:
        left_behind(stage)
        await mended(stage)
        [message] = stage.chat.visible()
        assert stage.store.rows["abc"].refs == (message.ref,)
        assert f"fake:T1:message:C1:{message.ref.message}" in stage.store.anchors


async def test_after_a_crash_an_answer_that_lacked_only_its_last_edit_is_whole() -> None:
    async with staged() as stage:
        row = left_behind(stage, state="ending", text="All of it.", notice=sentences.CUT_BY_LIMIT)
        await frozen(stage, row, "All")
        await mended(stage)
        assert stage.chat.texts() == [f"All of it.\n\n{notice(sentences.CUT_BY_LIMIT)}"]


async def test_a_message_posted_too_shortly_before_the_crash_is_found_and_not_posted_again() -> None:
    """Its key is on the platform, though the journal never heard of it."""
    async with staged() as stage:
        row = left_behind(stage, text="Half")
        await frozen(stage, row, "Half of it", journalled=False)
        await mended(stage)
        [message] = stage.chat.visible()
        assert message.text == f"Half\n\n{notice(sentences.INTERRUPTED)}"
        assert stage.store.rows["abc"].refs == (message.ref,)


async def test_after_a_crash_a_commands_question_is_posted_if_it_was_not() -> None:
    async with staged() as stage:
        left_behind(stage, announce="Ada asks: Why?")
        await mended(stage)
        root, answer = stage.chat.visible()
        assert (root.text, root.thread) == ("Ada asks: Why?", "")
        assert (answer.text, answer.thread) == (notice(sentences.INTERRUPTED_EARLY), root.ref.message)


async def test_after_a_crash_a_commands_question_is_not_posted_twice() -> None:
    async with staged() as stage:
        row = left_behind(stage, announce="Ada asks: Why?")
        await stage.chat.post(row.place, Content("Ada asks: Why?"), key=post_key("abc", ANNOUNCEMENT))
        await mended(stage)
        root, answer = stage.chat.visible()
        assert (root.text, answer.thread) == ("Ada asks: Why?", root.ref.message)


async def test_a_crash_while_mending_is_mended_too() -> None:
    """What the first mending wrote down is what the second shows."""
    chat = Chat(fault=lambda op, _target, _number: Fault(slow=5.0) if op == "edit" else None)
    async with staged(chat=chat) as stage:
        row = left_behind(stage, text="Half of it")
        await frozen(stage, row, "Half")
        stage.conversations.mend(stage.channel, await stage.store.unfinished())
        await asyncio.sleep(3)
        await stage.conversations.close(0.0)
        await stage.journal.flush()
        await mended(stage)
        assert chat.texts() == [f"Half of it\n\n{notice(sentences.INTERRUPTED)}"]
        assert len(stage.store.said[1]) == 1, "and the turn was kept once"


async def test_what_the_next_turn_after_a_crash_knows_is_the_partial_answer() -> None:
    async with staged() as stage:
        stage.ask("One?", thread="1")
        await stage.quiet()
        row = next(iter(stage.store.rows.values()))
        row.state, row.text = "growing", "Half of it"
        stage.store.said[row.conversation] = stage.store.said[row.conversation][:1]
        stage.conversations.mend(stage.channel, await stage.store.unfinished())
        await stage.quiet()
        stage.ask("Go on.", thread="1")
        await stage.quiet()
        assert asked(stage)[1] == "u: Ada: One? | a: Half of it | u: Ada: Go on."
