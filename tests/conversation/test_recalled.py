"""A form about a message that is sent off when the bot remembers nothing of it: after a restart, or very long ago."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from bot import sentences
from bot.claude.events import Done
from bot.ports import Attachment, File, Incoming, Line, Person, Place, Ref, Submitted
from tests.conversation.stage import Chat, Stage, staged

pytestmark = pytest.mark.looptime

ADA, GRACE = Person("U1", "Ada"), Person("U2", "Grace")
PLACE = Place("fake", "T1", "C1", thread="5", route="form")
LOG = Attachment("F1", "log.txt", "text/plain", 5)
ABOUT = Line(Ref("C1", "5"), GRACE, "The build is **red**, since last night.", files=(LOG,))
CARRIED = Line(Ref("C1", "5"), Person("U2"), "The build is **red**")
AROUND = (Line(Ref("C1", "4"), ADA, "Good morning."), ABOUT, Line(Ref("C1", "6"), ADA, "Again?"))


@dataclass
class Thread(Chat):
    """Where the message stands, and what was asked about it."""

    reads: bool = True
    looked: list[Incoming] = field(default_factory=list)

    async def history(self, incoming: Incoming, *, limit: int) -> Sequence[Line]:
        self.looked.append(incoming)
        if not self.reads:
            raise RuntimeError("the adapter is broken")
        return await super().history(incoming, limit=limit)


def chat(*before: Line, reads: bool = True) -> Thread:
    return Thread(
        before=list(before),
        reads=reads,
        files={"F1": File("log.txt", "text/plain", b"error")},
        names={"U2": "Grace"},
    )


def submit(stage: Stage, about: Line | None, *, place: Place = PLACE) -> None:
    sent = Submitted(
        "f1",
        "ask:0123456789abcdef",
        {"question": ("What happened?",)},
        ADA,
        place,
        about=about,
        scope="thread:C1:5",
    )
    stage.conversations.take(stage.channel, sent)


def question(stage: Stage) -> str:
    [asked] = stage.claude.asked
    return str(asked.ask.messages)


@pytest.mark.parametrize("carried", [CARRIED, replace(CARRIED, text="")], ids=["some words", "none"])
async def test_the_message_is_looked_up_once_more_whole_and_with_its_files(carried: Line) -> None:
    """A platform may carry some of its words with the form, or none."""
    async with staged("Because.", Done("end_turn"), chat=chat(*AROUND)) as stage:
        submit(stage, carried)
        await stage.quiet()
        told = question(stage)
        assert "message of Grace:" in told
        assert "> The build is **red**, since last night." in told
        assert "error" in told, "its file"
        assert stage.chat.thread("5") == ["**Ada asks about this:** What happened?", "Because."]


@pytest.mark.parametrize("reads", [True, False])
async def test_where_it_cannot_be_read_the_words_do_that_came_with_the_form(reads: bool) -> None:
    """The bot may be no member there, or the adapter may break."""
    async with staged("Because.", Done("end_turn"), chat=chat(reads=reads)) as stage:
        submit(stage, CARRIED)
        await stage.quiet()
        told = question(stage)
        assert "message of Grace:" in told
        assert "> The build is **red**\\n" in told


@pytest.mark.parametrize(
    "about",
    [None, replace(CARRIED, text=" "), replace(CARRIED, message=Ref("C2", "5"))],
    ids=["nothing", "no words", "elsewhere"],
)
async def test_where_there_is_nothing_to_ask_about_the_form_is_too_old(about: Line | None) -> None:
    """And nobody reads another channel by a form that came from this one."""
    async with staged(chat=chat()) as stage:
        submit(stage, about)
        await stage.quiet()
        assert stage.chat.said_beside("told") == [sentences.FORM_TOO_OLD]
        assert stage.claude.asked == []
        assert isinstance(stage.chat, Thread)
        assert all(one.answers == Ref("C1", "5") for one in stage.chat.looked)


async def test_sent_off_twice_it_is_one_question() -> None:
    async with staged("Because.", Done("end_turn"), chat=chat(*AROUND)) as stage:
        submit(stage, CARRIED)
        submit(stage, CARRIED)
        await stage.quiet()
        assert len(stage.claude.asked) == 1
