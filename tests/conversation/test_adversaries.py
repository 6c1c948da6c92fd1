"""People who press everything twice, edit while they delete and never wait; platforms and disks that break or hang: on
virtual time, judged by what stands in the channel once all is quiet.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot import sentences
from bot.claude.events import Done
from bot.ports import Attachment, Control, Deleted, Edited, File, Person, Place, Pressed, Ref, Standing
from tests.conversation.stage import DIALECT, Chat, Stage, growing, now, settings, staged

pytestmark = pytest.mark.looptime

ADA, GRACE = Person("U1", "Ada"), Person("U2", "Grace")
WORDS = "The quick brown fox jumps over the lazy dog and rests. " * 20
HOUSE = settings().model


def notice(sentence: str) -> str:
    return DIALECT.notice(sentence)


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
