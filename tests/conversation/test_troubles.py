"""What goes wrong around a question, on virtual time: judged by what the asker was told, and what was left of it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from bot import sentences
from bot.claude.events import Done
from bot.claude.faults import ClaudeFault
from bot.ports import Content, Control, Deleted, Denied, Outcome, Person, Place, Pressed, Ref, Rejected
from bot.translations import say
from tests.conversation.stage import ADA, WORDS, Chat, growing, notice, now, staged
from tests.reply.fake_platform import Fault

pytestmark = pytest.mark.looptime


async def test_who_may_not_be_answered_in_the_channel_is_told_in_private() -> None:
    chat = Chat(fault=lambda *_: Fault(outcome=Denied("not_in_channel")))
    async with staged(*growing(WORDS, seconds=60), chat=chat) as stage:
        stage.ask("Why?")
        await stage.quiet()
        assert chat.said_beside("told") == [sentences.NOT_A_MEMBER]
        assert stage.store.state() == "denied"
        assert stage.left() == {}


async def test_a_post_that_is_refused_for_good_is_told_to_its_asker_as_our_fault() -> None:
    chat = Chat(fault=lambda *_: Fault(outcome=Rejected("no_text")))
    async with staged(*growing(WORDS, seconds=60), chat=chat) as stage:
        stage.ask("Why?")
        await stage.quiet()
        assert chat.said_beside("told") == [sentences.OUR_FAULT]
        assert stage.left() == {}


async def test_an_answer_that_no_post_takes_is_excused_in_its_askers_language() -> None:
    """What the platform refuses is the text: a short sentence passes."""
    german = say("de", sentences.OUR_FAULT)

    class Choosy(Chat):
        async def post(self, place: Place, content: Content, *, key: str) -> Outcome:
            if content.text != german:
                return Rejected("msg_too_long")
            return await super().post(place, content, key=key)

    async with staged(*growing(WORDS, seconds=1), chat=Choosy()) as stage:
        stage.ask("Warum?", locale="de-AT")
        await stage.quiet()
        assert stage.chat.texts() == [german]


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


@pytest.mark.parametrize("replies", [200, pytest.param(1000, marks=pytest.mark.long)])
async def test_hundreds_of_replies_leave_nothing_behind(replies: int) -> None:
    """Bounded memory, whatever their ends were."""
    rng = random.Random(7)
    chat = Chat()
    for gate in chat._gates.values():  # the test is of memory, not of budgets
        gate.limit = replace(gate.limit, rate=1000.0, burst=1000)
    async with staged(chat=chat, INKSTREAM_REPLIES_AT_ONCE="50") as stage:
        stage.claude.will("whole", *growing(WORDS, seconds=2, step=0.5))
        stage.claude.will("fails", "Half", ClaudeFault("api_error", sentences.FAILED))
        stage.claude.will("blank", Done("end_turn"))
        for number in range(replies):
            words = rng.choice(["whole", "fails", "blank", ""])
            stage.ask(
                words, thread=f"{number % (replies // 3)}", person=Person("U1", rng.choice(["Ada", ""]))
            )
        await stage.quiet(within=36_000)
        await asyncio.sleep(5)
        assert stage.left() == {}
        assert len(chat.visible()) == replies
