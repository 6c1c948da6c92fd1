"""A word in each conversation that belongs there alone, in its text and in its files: it is never seen in another."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import re
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.claude.events import Done
from bot.ports import Attachment, Person, Place
from tests.claude import papers
from tests.conversation.context_stage import Asked, Asker, FileChat, Remarks, asker
from tests.conversation.fake_store import FakeStore
from tests.conversation.stage import FakeClaude, growing, staged

WORD = re.compile(r"canary-\d+")


def canaries(text: object) -> set[str]:
    """The words in it, of images those in their base64 too."""
    said = json.dumps(text, ensure_ascii=False, default=str)
    return set(WORD.findall(said)) | {f"canary-{n}" for n in _IMAGES if _IMAGES[n] in said}


def image(number: int) -> bytes:
    """One that is told from all others by its head."""
    return papers.png(1_000 + number, 7)


# What an image's width looks like in base64: bytes 15 to 26 of the file, whose place in it never changes.
def _mark(number: int) -> str:
    return base64.b64encode(image(number))[20:28].decode()


_IMAGES = {n: _mark(n) for n in range(200)}


@pytest.mark.long
@pytest.mark.looptime
async def test_a_hundred_conversations_at_once_never_see_each_other() -> None:
    """Fault 19, publicly and privately: what Claude is asked, and what people see, each with its own word alone.

    Scripted to overlap: everybody asks, attaches and goes on within the same seconds, in threads, channels, workspaces
    and direct messages, under file ids that are the same everywhere.
    """
    dice = random.Random(7)
    chat, store = FileChat(), FakeStore()
    async with staged(chat=chat, store=store) as stage:
        places = [_place(n) for n in range(100)]
        for n in range(100):
            word = f"canary-{n}"
            stage.claude.will(
                f"{word} ", *growing(f"I have seen {word}. " * 20, seconds=3 + dice.random() * 5)
            )

        async def converse(n: int) -> None:
            word, place = f"canary-{n}", places[n]
            for turn in range(3):
                await asyncio.sleep(dice.random() * 4)
                notes = chat.attach("notes.txt", f"The word is {word}.".encode(), id_=f"F{turn}")
                photo = chat.attach("photo.png", image(n), "image/png", id_=f"G{turn}")
                for file in (notes, photo):
                    chat.takes[file.url] = dice.random() * 3
                stage.ask(
                    f"{word} is the word, said {turn} times",
                    person=Person(f"U{n}", f"Person {word}"),
                    place=place,
                    scope=f"direct:{place.channel}"
                    if place.private
                    else f"thread:{place.channel}:{place.thread}",
                    files=(notes, photo),
                )

        await asyncio.gather(*(converse(n) for n in range(100)))
        await stage.quiet()
        assert len(stage.claude.asked) == 300
        for asked in stage.claude.asked:
            [word] = canaries(asked.ask.messages)
            assert str(asked.ask.messages).count(f"The word is {word}.") >= 1, "its file is there"
        for n, place in enumerate(places):
            seen = [
                m.text for m in chat.visible() if (m.ref.channel, m.thread) == (place.channel, place.thread)
            ]
            assert seen
            assert {word for text in seen for word in canaries(text)} == {f"canary-{n}"}


def _place(n: int) -> Place:
    if n % 4 == 0:
        return Place("fake", f"T{n % 3}", f"D{n}", private=True)
    # Threads in one channel, and the same channel's id in other workspaces.
    return Place("fake", f"T{n % 3}", f"C{n}" if n % 4 == 1 else f"C{n % 5}", thread=f"{n}.0")


# ------------------------------------------------------------------------------------------------ any interleaving

STEPS = st.lists(
    st.tuples(
        st.integers(0, 4),  # which conversation goes on
        st.integers(0, 2),  # under which id it attaches something; the ids are the same in all of them
        st.floats(0, 2, allow_nan=False),  # how long its file takes
        st.floats(0, 1, allow_nan=False),  # how long until the next one asks
    ),
    min_size=2,
    max_size=14,
)
PLACES = [
    Place("fake", "T1", "C1", thread="1"),
    Place("fake", "T1", "C2", thread="1"),
    Place("fake", "T2", "C1", thread="1"),
    Place("other", "T1", "C1", thread="1"),
    Place("fake", "", "D1", private=True),
]


@pytest.mark.long
@given(STEPS, st.sampled_from(["0", "0.0005", "64"]))
@settings(max_examples=60)
def test_in_whatever_order_they_ask_each_sees_its_own(
    steps: list[tuple[int, int, float, float]], memory: str
) -> None:
    """Also where memory is so short that what one conversation keeps drives out another's."""
    asked = asyncio.run(_interleaved(steps, memory))
    assert len(asked) == len(steps)
    for (which, _, _, _), one in zip(steps, asked, strict=True):
        assert canaries(one.ask.messages) == {f"canary-{which}"}


async def _interleaved(steps: Iterable[tuple[int, int, float, float]], memory: str) -> list[Asked]:
    """On the real clock, a thousand times faster than told: threads read the files, and must not be hurried."""
    one = asker(
        claude=FakeClaude("They spoke.", Done("end_turn")),
        INKSTREAM_FILE_CACHE_MEGABYTES=memory,
        INKSTREAM_HISTORY_TOKENS="1000",
    )
    turns: dict[int, asyncio.Lock] = {}

    async def ask(which: int, id_: int, takes: float) -> Asked:
        word = f"canary-{which}"
        file = one.chat.attach("notes.txt", f"{word} {'x' * 300}".encode(), id_=f"F{id_}", size=320)
        one.chat.takes[file.url] = takes / 1000
        async with turns.setdefault(which, asyncio.Lock()):  # as the bot answers: one by one in each
            return await _one(one, which, file, f"{word} asks. {'y' * 400}")

    asking = []
    for which, id_, takes, pause in steps:
        asking.append(asyncio.create_task(ask(which, id_, takes)))
        await asyncio.sleep(pause / 1000)
    return await asyncio.gather(*asking)


async def _one(one: Asker, which: int, file: Attachment, text: str) -> Asked:
    taken = await one.take(text, [file], place=PLACES[which], person=Person(f"U{which}"))
    remarks = Remarks()
    ask = await one.context.ask(one.channel, taken, remarks)
    await one.store.ended(taken.reply, text=f"canary-{which} it is.", notice="", turn="whole", tokens={})
    for told in one.claude.asked:  # summaries are asked for, too
        assert len(canaries(told.ask.messages)) == 1
    return Asked(ask, remarks.lines)
