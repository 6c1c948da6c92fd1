"""People who press everything twice, edit while they delete and never wait; platforms and disks that break or hang: on
virtual time, judged by what stands in the channel once all is quiet.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot import sentences
from bot.claude.events import Done
from bot.ports import Attachment, Control, Deleted, Edited, Person, Place, Pressed, Ref, Standing, Submitted
from bot.store.nouns import Unfinished
from bot.translations import say
from tests.conversation.stage import ADA, GRACE, WORDS, Chat, Stage, growing, notice, now, staged

pytestmark = pytest.mark.looptime


def place(thread: str = "1700.1", **more: Any) -> Place:
    return Place("fake", "T1", "C1", thread=thread, **more)


def bare(text: str) -> str:
    return "".join(text.split())


# ------------------------------------------------------------------------------------------------ all at once


@dataclass
class Asked:
    """One question, with what was done to it."""

    number: int
    thread: str
    person: Person
    message: Ref
    key: str
    version: int = 0
    gone: bool = False  # its asker took it, or its answer, away
    edits: int = 0

    @property
    def words(self) -> str:
        return f"Q{self.number}v{self.version}z"


@dataclass
class Crowd:
    """Two people in two threads who do everything at any time, by the dice."""

    stage: Stage
    dice: random.Random
    questions: list[Asked] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    asks: int = 0

    def act(self) -> None:
        deeds = [
            "ask",
            "regenerate",
            "edit",
            "delete question",
            "delete",
            "stop",
            "stop word",
            "good",
            "twice",
        ]
        weights = [4, 4, 5, 1, 1, 3, 1, 1, 2]
        if not self.questions:
            deeds, weights = ["ask"], [1]
        [deed] = self.dice.choices(deeds, weights)
        one = self.dice.choice(self.questions) if self.questions else None
        for _ in range(2 if deed == "twice" else 1):
            self._do("regenerate" if deed == "twice" else deed, one)

    def _do(self, deed: str, one: Asked | None) -> None:
        self.told.append(f"{now():.2f} {deed} {one.number if one else ''}")
        if deed == "ask" or one is None:
            self._ask()
        elif deed == "edit":
            if one.gone:
                return
            one.version = self.dice.choice([one.version, one.version + 1, max(0, one.version - 1)])
            self._will(one)
            self.asks += 1
            self.stage.conversations.take(
                self.stage.channel, Edited(one.message, one.person, place(one.thread), one.words)
            )
        elif deed == "delete question":
            one.gone = True
            self.stage.conversations.take(self.stage.channel, Deleted(one.message))
        elif deed == "stop word":
            self.stage.ask("stop", thread=one.thread, how="overheard", person=one.person)
        else:
            control = {
                "regenerate": Control.REGENERATE,
                "delete": Control.DELETE,
                "stop": Control.STOP,
                "good": Control.GOOD,
            }[deed]
            reply = self.reply(one)
            if reply is None:
                return
            one.gone = one.gone or control is Control.DELETE
            self.asks += control is Control.REGENERATE
            where = place(one.thread, route="press")
            self.stage.conversations.take(
                self.stage.channel, Pressed(control, reply, one.person, where, Ref("C1", "1"))
            )

    def _ask(self) -> None:
        number = len(self.questions)
        thread = self.dice.choice(["1", "2"])
        one = Asked(
            number, thread, self.dice.choice([ADA, GRACE]), Ref("C1", f"question {number}"), f"k{number}"
        )
        self.questions.append(one)
        self._will(one)
        self.asks += 1
        self.stage.ask(one.words, thread=thread, person=one.person, message=one.message, key=one.key)

    def _will(self, one: Asked) -> None:
        length = self.dice.choice([1, 10, 40])
        text = f"Answer to {one.words}, as long as it is. " * length
        self.stage.claude.will(one.words, *growing(text, seconds=self.dice.choice([0.2, 2.0, 8.0])))

    def reply(self, one: Asked) -> str | None:
        rows = self.stage.store.rows.values()
        return next((row.id for row in rows if row.question and row.question.key == one.key), None)

    def judge(self, *, removes: bool) -> None:
        stage = self.stage
        assert stage.left() == {}, self.told
        shown = {message.ref: message for message in stage.chat.visible()}
        owned: list[Ref] = []
        for one in self.questions:
            story = [line for line in self.told if line.endswith(f" {one.number}")]
            reply = self.reply(one)
            assert reply is not None, story
            row = stage.store.rows[reply]
            assert row.state in ("shown", "gone"), story
            pages = [shown[ref].text for ref in row.refs if ref in shown]
            owned += row.refs
            if one.gone:
                assert not (removes and pages), story
                continue
            assert len(pages) == len(row.refs) > 0, (story, row)
            text = "".join(pages)
            said = f"Answer to {one.words}," in text
            honest = any(notice(line) in text for line in (sentences.STOPPED, sentences.QUESTION_CHANGED))
            assert said or honest, (story, text)
            assert bare(row.text) == bare(text) or honest, (story, text)
            others = {other.number for other in self.questions if f"Answer to Q{other.number}v" in text}
            assert others <= {one.number}, story
        assert len(owned) == len(set(owned)), self.told
        assert set(shown) <= set(owned), [message.text for ref, message in shown.items() if ref not in owned]
        assert len(stage.claude.asked) <= self.asks


@pytest.mark.parametrize("removes", [True, False])
@pytest.mark.parametrize("seed", range(12))
async def test_whatever_two_people_do_at_once_each_question_has_one_answer(
    *, seed: int, removes: bool
) -> None:
    """Law 4 and 8: after any deeds in any order each question has one answer, whole or with an honest line."""
    dice = random.Random(f"deeds {seed}")
    chat = Chat(page_limit=500, standing_takes=dice.choice([0.0, 0.3]))
    async with staged(chat=chat) as stage:
        stage.store.delay = dice.choice([0.0, 0.01, 0.2])
        stage.store.preferences.set["fake", "T1", ""] = {
            "remove_with_question": removes,
            "requests_a_minute": 0,
        }
        crowd = Crowd(stage, dice)
        for _ in range(25):
            crowd.act()
            await asyncio.sleep(dice.choice([0.0, 0.0, 0.05, 0.3, 1.0, 4.0]))
        await stage.quiet()
        await asyncio.sleep(2)
        crowd.judge(removes=removes)


# ------------------------------------------------------------------------------------------------ while it waits


def press(
    stage: Stage, control: Control, *, person: Person = ADA, reply: str = "", thread: str = "1700.1"
) -> None:
    named = reply or next(iter(stage.store.rows))
    where = place(thread, route="press")
    stage.conversations.take(stage.channel, Pressed(control, named, person, where, Ref("C1", "1")))


async def test_regenerate_pressed_twice_asks_once() -> None:
    """Nobody is answered twice by accident, or pays for it."""
    async with staged(chat=Chat(standing_takes=0.3)) as stage:
        stage.ask("Why?")
        await stage.quiet()
        for _ in range(3):
            press(stage, Control.REGENERATE)
        await stage.quiet()
        assert len(stage.claude.asked) == 2
        assert stage.chat.said_beside("told") == [sentences.STILL_GROWING] * 2


async def test_a_stop_stops_what_waits_for_its_turn() -> None:
    """Fault 26: behind somebody else's long answer, a question that is taken back is not asked."""
    async with staged(*growing(WORDS, seconds=20)) as stage:
        stage.ask("Long?", person=GRACE)
        await asyncio.sleep(1)
        stage.ask("Mine?")
        await asyncio.sleep(1)
        stage.ask("stop", how="overheard")
        await stage.quiet()
        assert [asked.question for asked in stage.claude.asked] == ["Grace: Long?"]
        assert stage.chat.texts() == [WORDS.strip(), notice(sentences.STOPPED)]


async def test_a_question_that_is_deleted_while_it_waits_is_never_asked() -> None:
    async with staged(*growing(WORDS, seconds=20)) as stage:
        stage.ask("Long?", person=GRACE)
        stage.ask("Mine?", message=Ref("C1", "900"))
        await asyncio.sleep(1)
        stage.conversations.take(stage.channel, Deleted(Ref("C1", "900")))
        await stage.quiet()
        assert len(stage.claude.asked) == 1
        assert stage.chat.texts() == [WORDS.strip()]
        assert stage.left() == {}


@pytest.mark.parametrize("standing_takes", [0.0, 4.0])
async def test_an_edit_while_it_waits_is_what_is_asked(standing_takes: float) -> None:
    """An edit may come before the question is even taken up: a platform that is slow loses no words."""
    async with staged(chat=Chat(standing_takes=standing_takes)) as stage:
        stage.claude.will("Long?", *growing(WORDS, seconds=20))
        stage.ask("Long?", person=GRACE)
        stage.ask("Mine?", message=Ref("C1", "900"))
        await asyncio.sleep(1)
        stage.conversations.take(stage.channel, Edited(Ref("C1", "900"), ADA, place(), "Ours?"))
        await stage.quiet()
        assert [asked.question for asked in stage.claude.asked][1:] == ["Ada: Ours?"]
        assert len(stage.chat.texts()) == 2


async def test_a_stop_while_a_regenerate_reads_what_was_said_keeps_the_old_answer() -> None:
    async with staged() as stage:
        stage.ask("Why?")
        await stage.quiet()
        stage.store.trouble["turns"] = "hangs"
        press(stage, Control.REGENERATE)
        await asyncio.sleep(1)
        press(stage, Control.STOP)
        await stage.quiet(1)
        assert stage.chat.texts() == ["Yes."]
        assert len(stage.claude.asked) == 1
        assert stage.store.ledger.reserved == {}


async def test_slow_look_ups_of_many_people_in_a_thread_are_made_side_by_side() -> None:
    """A workspace whose users.info hangs delays a thread by one look-up, not by one for each question in it."""
    async with staged(chat=Chat(standing_takes=1e6)) as stage:
        for number in range(8):
            stage.ask(f"Q{number}?", person=Person(f"U{number}", "Ada"))
        await stage.quiet()
        assert len(stage.claude.asked) == 8
        assert stage.claude.asked[0].at <= 5.1
        assert [asked.question[-3:] for asked in stage.claude.asked] == [f"Q{n}?" for n in range(8)]
        assert stage.claude.asked[-1].at <= 5.1 + 8


async def test_an_answer_that_gets_shorter_and_longer_again_is_whole() -> None:
    """Fault 4: the message of a page that was taken away is not written into by the next answer."""
    async with staged(chat=Chat(page_limit=500)) as stage:
        for text in (WORDS, "Short.", WORDS):
            stage.claude.will("Why?", *growing(text, seconds=2))
            if stage.store.rows:
                press(stage, Control.REGENERATE)
            else:
                stage.ask("Why?")
            await stage.quiet()
            await asyncio.sleep(1)
            assert bare("".join(stage.chat.texts())) == bare(text)


# ------------------------------------------------------------------------------------------------ what breaks, hangs


class Broken(Chat):
    """One verb raises, or never answers."""

    def __init__(self, verb: str, how: str) -> None:
        super().__init__(page_limit=500, threads=True)
        self.breaks = ""

        async def broken(*_: Any, **__: Any) -> Any:
            if how == "raises":
                raise RuntimeError("the adapter is broken")
            await asyncio.get_running_loop().create_future()

        real = getattr(self, verb)

        async def sometimes(*told: Any, **more: Any) -> Any:
            return await (broken if self.breaks else real)(*told, **more)

        setattr(self, verb, sometimes)


VERBS = ["standing", "history", "download", "whisper", "open", "delete", "upload", "branch", "name", "status"]


@pytest.mark.parametrize("how", ["raises", "hangs"])
@pytest.mark.parametrize("verb", VERBS)
async def test_a_verb_that_breaks_or_hangs_costs_nobody_an_answer(verb: str, how: str) -> None:
    """Law 8: whatever an adapter does, each question is answered, and what comes after it in its conversation, too."""
    chat = Broken(verb, how)
    async with staged(chat=chat) as stage:
        stage.store.preferences.set["fake", "T1", ""] = {
            "branching": "always",
            "attach_pages": 1,
            "requests_a_minute": 0,
        }
        chat.breaks = "now"
        file = Attachment("F1", "a.txt", "text/plain", 5, "http://x")
        stage.claude.will("Long?", *growing(WORDS, seconds=2))
        stage.claude.will("Next?", "Next answer.", Done("end_turn"))
        stage.ask(
            "Long?",
            threaded=True,
            files=(file,),
            person=Person("U1"),
            message=Ref("C1", "900"),
            place=place(""),
        )
        stage.ask("Next?")
        await stage.quiet(2_000)
        said = bare("".join(chat.texts()))
        assert bare("Next answer.") in said
        assert bare(WORDS) in said or (verb, how) in (("history", "hangs"), ("download", "hangs"))
        for control in (Control.REGENERATE, Control.BAD, Control.FILE, Control.GOOD, Control.DELETE):
            press(stage, control)
            await stage.quiet(2_000)
        stage.ask("Next?", key="again")
        await stage.quiet(2_000)
        assert chat.texts()[-1].startswith("Next answer.")
        await asyncio.sleep(60)
        assert stage.left() == {}


METHODS = [
    "begin",
    "conversation_of",
    "takes_part",
    "claim",
    "posted",
    "grew",
    "ended",
    "closed",
    "reply",
    "reply_of_message",
    "reply_of_question",
    "again",
    "replace_question",
    "forget_exchange",
    "feedback",
    "is_new",
    "import_lines",
    "turns",
    "named",
    "knows_name",
]


@pytest.mark.parametrize("how", ["fails", "hangs"])
@pytest.mark.parametrize("method", METHODS)
async def test_a_disk_that_fails_or_hangs_silences_nobody(method: str, how: Any) -> None:
    """Law 8: every question ends in an answer or a sentence, and every press in something; afterwards all is well again."""
    async with staged(chat=Chat(page_limit=500)) as stage:
        stage.store.preferences.set["fake", "T1", ""] = {"requests_a_minute": 0}
        stage.ask("Before?", message=Ref("C1", "900"))
        await stage.quiet()
        before = len(stage.chat.seen) + len(stage.chat.asides)
        stage.store.trouble[method] = how
        stage.ask("During?", threaded=True, person=Person("U1"), thread="2")
        await stage.quiet(2_000)
        assert len(stage.chat.thread("2")) == 1
        for control in (Control.REGENERATE, Control.GOOD, Control.CONTINUE, Control.DELETE):
            press(stage, control)
            await stage.quiet(2_000)
            after = len(stage.chat.seen) + len(stage.chat.asides)
            assert after > before, control
            before = after
        stage.store.trouble.clear()
        stage.ask("After?", thread="3")
        await stage.quiet(2_000)
        assert stage.chat.thread("3") == ["Yes."]
        await asyncio.sleep(60)
        assert stage.left() == {}


async def test_a_whole_answer_whose_last_edit_a_crash_kept_back_is_whole_in_the_askers_language() -> None:
    """A footer is no sign that an answer broke off, and the words on buttons are nobody's code."""
    async with staged() as stage:
        left = Unfinished("r1", 1, "ending", place(), (), "Ja.", "model · 2 s", "", turn="whole", locale="de")
        growing_ = replace(left, reply="r2", state="growing", notice="", turn="")
        stage.conversations.mend(stage.channel, [left, growing_])
        await stage.quiet()
        whole, broken = stage.chat.visible()
        assert Control.CONTINUE not in whole.controls
        assert broken.text.endswith(notice(say("de", sentences.INTERRUPTED)))


async def test_a_form_of_another_channel_changes_nothing() -> None:
    """Rights were looked up where the form was sent off, so nowhere else is changed by it."""
    async with staged(chat=Chat(standings={"U1": Standing(manager=True)})) as stage:
        values = {"always_on": ("on",)}
        for channel in ("C1", "C9"):
            form = Submitted(f"s{channel}", f"settings:channel:{channel}", values, ADA, place(route="form"))
            stage.conversations.take(stage.channel, form)
        await stage.quiet()
        assert list(stage.store.preferences.set) == [("fake", "T1", "C1")]
        assert stage.chat.said_beside("told")[-1] == sentences.FORM_TOO_OLD
