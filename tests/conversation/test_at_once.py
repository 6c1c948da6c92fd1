"""What people do in the very moment in which they see something, before we are told of it; on virtual time, judged by what
people saw and what Claude was asked.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import pytest

from bot import sentences
from bot.claude.events import Done
from bot.ports import (
    Chosen,
    Content,
    Control,
    Deleted,
    Edited,
    Op,
    Ordered,
    Place,
    Pressed,
    Ref,
    Unavailable,
)
from bot.reply.messages import ANNOUNCEMENT, post_key
from bot.store.nouns import Unfinished
from tests.conversation.fake_store import Row
from tests.conversation.stage import (
    ADA,
    GRACE,
    THREAD,
    WORDS,
    Chat,
    FakeStore,
    Stage,
    asked,
    growing,
    notice,
    staged,
)
from tests.reply.fake_platform import Fault

pytestmark = pytest.mark.looptime

SEEN = 0.2  # seconds; a first post stands by then
CHANNEL = Place("fake", "T1", "C1")
LATE = pytest.mark.parametrize("late", [0.0, 2.0, 30.0])


def unanswered(late: float) -> Chat:
    """The first post stands, and its answer comes so much later; the outbox's patience is 20 s."""

    def fault(op: Op, target: str, number: int) -> Fault | None:
        return Fault(late=late) if op == "post" and number == 0 else None

    return Chat(fault=fault)


def told_of(stage: Stage, word: str) -> None:
    """Two requests, the second with the first one's words as context."""
    assert len(stage.claude.asked) == 2
    [request] = [request for request in stage.claude.asked if "Which word?" in request.question]
    assert word in str(request.ask.messages)


# ------------------------------------------------------------------------------------------------ going on


@LATE
async def test_a_reply_with_a_ping_goes_on_with_an_answer_that_we_are_not_told_yet_stands(
    late: float,
) -> None:
    """Discord: the message replied to is all that leads back; it was answered without what was said before."""
    async with staged(*growing(WORDS, seconds=5), chat=unanswered(late)) as stage:
        stage.ask("The word is heliotrope.", place=CHANNEL, scope="message:C1:100", message=Ref("C1", "100"))
        await asyncio.sleep(1)
        [answer] = stage.chat.visible()
        stage.ask(
            "Which word?",
            place=CHANNEL,
            scope="message:C1:101",
            message=Ref("C1", "101"),
            answers=answer.ref,
            person=GRACE,
            threaded=True,
        )
        await stage.quiet()
        told_of(stage, "heliotrope")


@LATE
@pytest.mark.parametrize("how", ["mention", "overheard"])
async def test_a_thread_under_a_commands_question_goes_on_with_it_before_we_are_told_of_it(
    how: str, late: float
) -> None:
    """People see a message before the platform's answer to us, which may even be lost."""
    async with staged(chat=unanswered(late)) as stage:
        stage.ask("The word is heliotrope.", how="command", place=CHANNEL, scope="command:1", unseen="ada")
        await asyncio.sleep(SEEN)
        root = stage.chat.visible()[0].ref.message
        stage.ask("Which word?", how=how, thread=root, person=GRACE, threaded=True)
        stage.ask("Not for us.", how="overheard", thread="elsewhere", person=GRACE, threaded=True)
        await stage.quiet()
        told_of(stage, "heliotrope")
        assert stage.chat.thread(root) == ["Yes.", "Yes."]


@LATE
async def test_the_thread_of_an_answer_in_a_direct_message_goes_on_with_it_before_we_are_told(
    late: float,
) -> None:
    """Slack's streams stand in a thread under the question, which their post alone makes ours."""
    direct = Place("fake", "T1", "D1", private=True, reply_to="100")
    async with staged(*growing(WORDS, seconds=5), chat=unanswered(late)) as stage:
        stage.ask(
            "The word is heliotrope.",
            how="direct",
            place=direct,
            scope="direct:D1",
            message=Ref("D1", "100"),
        )
        await asyncio.sleep(1)
        stage.ask(
            "Which word?",
            how="direct",
            place=replace(direct, thread="100", reply_to="101"),
            scope="thread:D1:100",
            message=Ref("D1", "101"),
            threaded=True,
        )
        await stage.quiet()
        told_of(stage, "heliotrope")


@dataclass
class Branching(Chat):
    """Opens a thread at once, and says so seconds later."""

    opening: float = 3.0

    async def branch(self, place: Place, message: Ref, name: str) -> Place | None:
        self.threads = True
        thread = await super().branch(place, message, name)
        await asyncio.sleep(self.opening)
        return thread


@pytest.mark.parametrize("how", ["mention", "overheard"])
async def test_what_is_said_in_a_thread_that_is_being_opened_for_a_question_goes_on_with_it(how: str) -> None:
    """Discord shows the thread before it answers us."""
    async with staged(chat=Branching()) as stage:
        stage.store.preferences.set["fake", "T1", ""] = {"branching": "always"}
        stage.ask("The word is heliotrope.", place=CHANNEL, scope="message:C1:100", message=Ref("C1", "100"))
        await asyncio.sleep(1)
        assert stage.chat.branches
        stage.ask(
            "Which word?",
            how=how,
            place=Place("fake", "T1", "thread-100", parent="C1"),
            scope="thread:thread-100",
            message=Ref("thread-100", "101"),
            person=GRACE,
            threaded=True,
        )
        stage.ask(
            "Not for us.",
            how="overheard",
            place=Place("fake", "T1", "thread-7", parent="C1"),
            scope="thread:thread-7",
            message=Ref("thread-7", "102"),
            threaded=True,
        )
        await stage.quiet()
        told_of(stage, "heliotrope")


@pytest.mark.parametrize("how", ["mention", "overheard"])
async def test_a_thread_that_a_crash_kept_from_us_is_looked_for_before_what_is_said_there_is_judged(
    how: str,
) -> None:
    """A command's question was posted, and the process killed before it was told; the next one hears what is said there."""
    left = Unfinished("r1", 1, "growing", CHANNEL, (), "", "", "Ada asks")
    chat, store = Chat(call=2.0), FakeStore()
    async with staged(chat=chat, store=store) as stage:
        stage.ask("The word is heliotrope.", thread="9")
        await stage.quiet()
        row = next(iter(store.rows.values()))
        store.rows = {"r1": Row("r1", row.conversation, CHANNEL, "Ada asks", question=row.question)}
        store.anchors.clear()
        outcome = chat._do_post(CHANNEL, Content("Ada asks"), post_key("r1", ANNOUNCEMENT))
        stage.conversations.mend(stage.channel, [left])
        await asyncio.sleep(SEEN)
        stage.ask("Which word?", how=how, thread=outcome.ref.message, person=GRACE, threaded=True)  # type: ignore[union-attr] # Sent
        await stage.quiet()
        told_of(stage, "heliotrope")


# ------------------------------------------------------------------------------------------------ order


async def test_what_goes_on_from_a_question_that_arrives_behind_it_is_taken_up_then() -> None:
    """Two sockets, or a delivery that had to be repeated: the question comes last, and what was said after it was lost."""
    async with staged() as stage:
        stage.ask("Why?", how="overheard", message=Ref("C1", "1700.3"), threaded=True, person=GRACE)
        stage.ask("Elsewhere.", how="overheard", thread="5.0", message=Ref("C1", "5.3"), threaded=True)
        stage.ask("Before.", how="overheard", message=Ref("C1", "1700.0"), threaded=True, person=GRACE)
        await asyncio.sleep(30)
        stage.ask("The word is heliotrope.", message=Ref("C1", "1700.1"))
        await stage.quiet()
        assert asked(stage)[1:] == ["u: Ada: The word is heliotrope. | a: Yes. | u: Grace: Why?"]
        assert stage.chat.texts() == ["Yes.", "Yes."]


async def test_what_goes_on_from_a_question_that_arrives_behind_two_others_is_taken_up_then() -> None:
    """A later mention may have begun the conversation before: what was said first is where it begins."""
    async with staged() as stage:
        stage.ask("Between.", how="overheard", message=Ref("C1", "1700.2"), threaded=True, person=GRACE)
        stage.ask("Three?", message=Ref("C1", "1700.3"), threaded=True)
        await asyncio.sleep(30)
        stage.ask("One?", message=Ref("C1", "1700.1"))
        await stage.quiet()
        assert [request.question for request in stage.claude.asked] == [
            "Ada: Three?",
            "Ada: One?",
            "Grace: Between.",
        ]


async def test_what_was_said_where_we_take_no_part_is_remembered_for_minutes_alone() -> None:
    """It is nobody's business that the bot was there."""
    async with staged() as stage:
        for number in range(1_500):
            message = Ref("C1", f"1700.{number + 2}")
            stage.ask("Talk.", how="overheard", message=message, threaded=True, person=GRACE)
        await stage.quiet()
        for number in range(1_500):
            edited = Edited(Ref("C1", f"1700.{number + 2}"), GRACE, THREAD, "More talk.")
            stage.conversations.take(stage.channel, edited)
        await stage.quiet()
        early = stage.conversations._questions._early
        assert len(early) == 2_000
        await asyncio.sleep(601)
        stage.ask("Elsewhere.", how="overheard", thread="5.0", message=Ref("C1", "5.3"), threaded=True)
        await stage.quiet()
        assert len(early) == 1
        stage.ask("The word is heliotrope.", message=Ref("C1", "1700.1"))
        await stage.quiet()
        assert len(stage.claude.asked) == 1


async def test_an_edit_that_arrives_before_its_question_is_what_is_asked() -> None:
    async with staged() as stage:
        message = Ref("C1", "1700.1")
        stage.conversations.take(stage.channel, Edited(message, ADA, THREAD, "New words?"))
        await asyncio.sleep(30)
        stage.ask("Old words?", message=message)
        await stage.quiet()
        assert asked(stage) == ["u: Ada: New words?"]


async def test_a_question_that_arrives_behind_its_deletion_is_not_answered() -> None:
    async with staged() as stage:
        message = Ref("C1", "1700.1")
        stage.conversations.take(stage.channel, Deleted(message))
        await asyncio.sleep(30)
        stage.ask("Why?", message=message)
        await stage.quiet()
        assert not stage.claude.asked
        assert stage.chat.texts() == []


@pytest.mark.parametrize("takes", [0.0, 0.5, 5.0])
async def test_a_new_conversation_begins_where_it_was_said_to_begin(takes: float) -> None:
    """What was asked before is not in it, what was asked after it is: however slow the look-ups and the disk are."""
    chat, store = Chat(standing_takes=takes / 3), FakeStore(delay=takes)
    async with staged(chat=chat, store=store) as stage:
        place = Place("fake", "T1", "D1", private=True)
        for number, text in enumerate(("One?", "Two?", "new", "Three?", "Four?")):
            message = Ref("D1", f"{100 + number}")
            stage.ask(text, how="direct", place=place, scope="direct:D1", message=message)
        await stage.quiet()
        assert sorted(asked(stage)) == [
            "u: One?",
            "u: One? | a: Yes. | u: Two?",
            "u: Three?",
            "u: Three? | a: Yes. | u: Four?",
        ]


# ------------------------------------------------------------------------------------------------ stopping


@pytest.mark.parametrize("how", ["overheard", "mention"])
async def test_the_word_right_behind_a_question_stops_it(how: str) -> None:
    """The question is still being looked up when the word comes."""
    async with staged(*growing(WORDS, seconds=10), chat=Chat(standing_takes=2)) as stage:
        stage.ask("Why?", message=Ref("C1", "1700.1"))
        await asyncio.sleep(SEEN)
        stage.ask("stop", how=how, message=Ref("C1", "1700.2"), threaded=True)
        await stage.quiet()
        assert WORDS.strip() not in stage.chat.texts()
        assert sentences.NOTHING_TO_STOP not in stage.chat.said_beside("told")


async def test_the_command_right_behind_a_question_stops_it() -> None:
    async with staged(*growing(WORDS, seconds=10), chat=Chat(standing_takes=2)) as stage:
        stage.ask("Why?", message=Ref("C1", "1700.1"))
        await asyncio.sleep(SEEN)
        place = replace(CHANNEL, route="r")
        stage.conversations.take(stage.channel, Ordered("o1", "stop", "", ADA, place, ""))
        await stage.quiet()
        assert WORDS.strip() not in stage.chat.texts()
        assert stage.chat.said_beside("told") == [sentences.STOPPED_PRIVATELY]


@LATE
async def test_the_word_in_a_thread_that_we_are_not_told_of_yet_stops_the_answer_there(late: float) -> None:
    async with staged(*growing(WORDS, seconds=40), chat=unanswered(late)) as stage:
        stage.ask("Why?", how="command", place=CHANNEL, scope="command:1", unseen="ada")
        await asyncio.sleep(SEEN)
        root = stage.chat.visible()[0].ref.message
        stage.ask("stop", how="overheard", thread=root, message=Ref("C1", "2"), threaded=True)
        await stage.quiet()
        [text] = stage.chat.thread(root)
        assert text.endswith(notice(sentences.STOPPED))


@LATE
async def test_a_thumb_on_a_message_whose_post_is_unanswered_is_kept(late: float) -> None:
    async with staged(chat=unanswered(late)) as stage:
        stage.ask("Why?")
        await asyncio.sleep(SEEN)
        [message] = stage.chat.visible()
        stage.conversations.take(stage.channel, Pressed(Control.GOOD, "", GRACE, THREAD, message.ref))
        await stage.quiet()
        assert list(stage.store.judged.values()) == [("good", "")]


async def test_who_is_forgotten_is_not_answered_any_further() -> None:
    """What waits behind the answer that grows is stopped with it."""
    async with staged(*growing(WORDS, seconds=10)) as stage:
        stage.ask("One?")
        await asyncio.sleep(3)
        stage.ask("Two?")
        await asyncio.sleep(1)
        stage.conversations.take(stage.channel, Chosen("c1", "forget:yes", ADA, THREAD))
        await stage.quiet()
        assert len(stage.claude.asked) == 1
        assert stage.store.forgotten == [ADA.id]


# ------------------------------------------------------------------------------------------------ buttons that are to go


def buttons_stay(until: float) -> Chat:
    """The first page's button cannot be taken away before that."""

    def fault(op: Op, target: str, number: int) -> Fault | None:
        late = target == "1" and asyncio.get_running_loop().time() < until
        return Fault(outcome=Unavailable("busy", False)) if late else None

    return Chat(page_limit=500, fault=fault)


async def whole(stage: Stage) -> None:
    """Until all of the first answer can be read, and a button of its first page is still to go."""
    stage.claude.will("Why?", WORDS * 2, Done("end_turn"))
    stage.ask("Why?", message=Ref("C1", "1700.1"))
    await asyncio.sleep(10)
    assert stage.chat.visible()[0].controls == (Control.STOP,)
    assert stage.conversations._answers.live


async def test_what_is_asked_behind_a_regenerate_waits_for_no_button_either() -> None:
    async with staged(chat=buttons_stay(60)) as stage:
        await whole(stage)
        reply = next(iter(stage.store.rows))
        stage.conversations.take(
            stage.channel, Pressed(Control.REGENERATE, reply, ADA, THREAD, Ref("C1", "2"))
        )
        stage.ask("And then?", message=Ref("C1", "1700.2"))
        await asyncio.sleep(5)
        assert "Yes." in stage.chat.texts()
        await stage.quiet()
        assert len(stage.claude.asked) == 3


@pytest.mark.parametrize("by", ["command", "button"])
async def test_stop_says_so_where_nothing_but_a_button_is_to_go(by: str) -> None:
    """Who presses what is about to go is told, too, that there is nothing to stop."""
    async with staged(chat=buttons_stay(60)) as stage:
        await whole(stage)
        place, reply = replace(CHANNEL, route="r"), next(iter(stage.store.rows))
        button = Pressed(Control.STOP, reply, ADA, THREAD, Ref("C1", "1"))
        command = Ordered("o1", "stop", "", ADA, place, "")
        stage.conversations.take(stage.channel, button if by == "button" else command)
        await asyncio.sleep(2)
        assert stage.chat.said_beside("told") == [sentences.NOTHING_TO_STOP]
        await stage.quiet()
