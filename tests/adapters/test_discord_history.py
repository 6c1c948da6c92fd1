"""What came before a question on Discord, read from the sandbox's server: threads and reply chains."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.discord.dialect import DiscordDialect
from adapters.discord.history import MOST_HOPS, Reader, read_chain, read_thread
from adapters.discord.rest import Answer
from bot.ports import Attachment, Content, Control, Deleted, Incoming, Line, Place, Ref, Sent
from tests.adapters.discord_stage import Stage, staged
from tests.adapters.test_discord_inbound import ADA, GENERAL, ME, Cache, message

LIST = "GET /channels/{c}/messages"
ONE = "GET /channels/{c}/messages/{m}"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as made:
        yield made


def told(lines: Sequence[Line]) -> list[tuple[str, str]]:
    return [(line.person.name, line.text) for line in lines]


async def answered(stage: Stage, place: Place, text: str, key: str = "k1", reply: str = "r1") -> Ref:
    """An answer as it stands when it was stopped: with a notice and its button."""
    notice = DiscordDialect().notice("Stopped.")
    content = Content(f"{text}\n\n{notice}", (Control.STOP,), reply)
    sent = await stage.platform.post(place, content, key=key)
    assert isinstance(sent, Sent)
    return sent.ref


async def asked_in_thread(stage: Stage, thread: str, text: str = "and so?") -> Incoming:
    await stage.server.say(stage.linus, thread, f"{stage.server.mention} {text}")
    while True:
        incoming = await stage.next(Incoming)
        if incoming.text == text:
            return incoming


# ---------------------------------------------------------------------------------------------------- threads


async def test_a_thread_is_read_from_the_message_that_it_grew_from(stage: Stage) -> None:
    """In order, by name, with files; our own words without notice and button; the question itself is not among them."""
    root = await stage.server.say(
        stage.ada, stage.general, "the build is red", files=[("log.txt", "text/plain", b"boom")]
    )
    thread = await stage.server.start_thread(stage.ada, stage.general, "Red build", message=root)
    await stage.server.say(stage.linus, thread, "since <#" + stage.random + ">?")
    first = await asked_in_thread(stage, thread, "why?")
    ours = await answered(stage, first.place, "Because of the cache.")
    question = await asked_in_thread(stage, thread)
    assert question.threaded
    lines = await stage.platform.history(question, limit=50)
    assert told(lines) == [
        ("Ada", "the build is red"),
        ("Linus", "since #random?"),
        ("Linus", "why?"),
        ("claude", "Because of the cache."),
    ]
    assert [line.ours for line in lines] == [False, False, False, True]
    assert lines[-1].message == ours
    [file] = lines[0].files
    assert (file.name, file.mime, file.size) == ("log.txt", "text/plain", 4)
    assert file.url.startswith("http://127.0.0.1")


async def test_of_a_long_thread_the_newest_are_read_and_what_it_is_about(stage: Stage) -> None:
    """The limit counts the first message too; two pages of a hundred are not one."""
    root = await stage.server.say(stage.ada, stage.general, "what it is about")
    thread = await stage.server.start_thread(stage.ada, stage.general, "Long", message=root)
    for number in range(130):
        await stage.server.say(stage.linus, thread, f"message {number}")
    question = await asked_in_thread(stage, thread)
    lines = await stage.platform.history(question, limit=121)
    assert [line.text for line in lines] == [
        "what it is about",
        *(f"message {number}" for number in range(10, 130)),
    ]
    assert [line.text for line in await stage.platform.history(question, limit=1)] == ["what it is about"]
    assert len(await stage.platform.history(question, limit=500)) == 131


async def test_a_thread_without_a_first_message_is_read_all_the_same(stage: Stage) -> None:
    """Threads are also opened on nothing."""
    thread = await stage.server.start_thread(stage.ada, stage.general, "Alone")
    await stage.server.say(stage.ada, thread, "hello")
    question = await asked_in_thread(stage, thread)
    assert told(await stage.platform.history(question, limit=50)) == [("Ada", "hello")]


async def test_a_thread_whose_history_may_not_be_read_is_empty(stage: Stage) -> None:
    """Nothing is raised: the question is answered without it."""
    thread = await stage.server.start_thread(stage.ada, stage.general, "Closed")
    await stage.server.say(stage.ada, thread, "hello")
    await stage.server.revoke(stage.general, "read_message_history")
    question = await asked_in_thread(stage, thread)
    assert list(await stage.platform.history(question, limit=50)) == []


async def test_a_mention_in_a_channel_has_no_history(stage: Stage) -> None:
    """Other people's talk in the channel is nobody's context."""
    await stage.server.say(stage.linus, stage.general, "something private")
    incoming = await stage.ask()
    assert not incoming.threaded
    before = len(stage.calls(LIST))
    assert list(await stage.platform.history(incoming, limit=50)) == []
    assert len(stage.calls(LIST)) == before


# ---------------------------------------------------------------------------------------------------- reply chains


async def test_a_reply_chain_is_walked_to_its_beginning(stage: Stage) -> None:
    """Every second message comes along with the one that answers it."""
    last = ""
    for number in range(7):
        person = stage.ada if number % 2 else stage.linus
        last = await stage.server.say(person, stage.general, f"message {number}", reply_to=last)
        await stage.server.say(stage.linus, stage.general, "something else")
    await stage.server.say(stage.ada, stage.general, f"{stage.server.mention} well?", reply_to=last)
    question = await stage.addressed()
    assert question.about is not None
    assert question.about.text == "message 6"
    lines = await stage.platform.history(question, limit=50)
    assert told(lines) == [("Ada" if n % 2 else "Linus", f"message {n}") for n in range(7)]
    assert len(stage.calls(ONE)) == 4
    assert [line.text for line in await stage.platform.history(question, limit=3)] == [
        "message 4",
        "message 5",
        "message 6",
    ]


async def test_pages_of_an_answer_lead_to_its_question(stage: Stage) -> None:
    """A second page right under the first has no arrow; replying to it still means the whole answer."""
    asked = await stage.ask("what is a monad?")
    await answered(stage, asked.place, "Page one.", "k1")
    under = Place("discord", asked.place.workspace, asked.place.channel)
    second = await answered(stage, under, "Page two.", "k2")
    await stage.server.say(stage.linus, stage.general, "go on", reply_to=second.message)
    question = await stage.next(Incoming)
    assert question.answers == second
    assert told(await stage.platform.history(question, limit=50)) == [
        ("Ada", "what is a monad?"),
        ("claude", "Page one."),
        ("claude", "Page two."),
    ]


async def test_a_deleted_link_of_the_chain_ends_it(stage: Stage) -> None:
    """What came before it cannot be known."""
    first = await stage.server.say(stage.ada, stage.general, "one")
    second = await stage.server.say(stage.ada, stage.general, "two", reply_to=first)
    third = await stage.server.say(stage.ada, stage.general, "three", reply_to=second)
    for _ in range(3):
        assert (await stage.next(Incoming)).how == "overheard"
    await stage.server.delete(stage.ada, stage.general, second)
    await stage.next(Deleted)
    await stage.server.say(stage.ada, stage.general, f"{stage.server.mention} well?", reply_to=third)
    question = await stage.next(Incoming)
    assert told(await stage.platform.history(question, limit=50)) == [("Ada", "three")]
    assert len(stage.calls(ONE)) == 1


# ---------------------------------------------------------------------------------------------------- faults


async def test_a_short_refusal_is_waited_for(stage: Stage) -> None:
    """The budget of reading is closed for a moment: the history still comes."""
    thread = await stage.server.start_thread(stage.ada, stage.general, "Busy")
    await stage.server.say(stage.ada, thread, "hello")
    question = await asked_in_thread(stage, thread)
    stage.server.faults.fault(LIST, retry_after=0.2)
    assert told(await stage.platform.history(question, limit=50)) == [("Ada", "hello")]
    assert stage.meter.refusals


async def test_a_long_refusal_is_not(stage: Stage) -> None:
    """Somebody waits for an answer: what has come so far has to do."""
    root = await stage.server.say(stage.ada, stage.general, "the root")
    thread = await stage.server.start_thread(stage.ada, stage.general, "Busy", message=root)
    for number in range(101):
        await stage.server.say(stage.linus, thread, f"message {number}")
    question = await asked_in_thread(stage, thread)
    stage.server.faults.fault(LIST, delay=0.001)  # the first page as usual
    stage.server.faults.fault(LIST, times=9, retry_after=3600.0)
    async with asyncio.timeout(5):
        lines = await stage.platform.history(question, limit=500)
    assert [line.text for line in lines] == ["the root", *(f"message {n}" for n in range(1, 101))]


async def test_a_server_at_fault_is_asked_once_more(stage: Stage) -> None:
    """One bad answer is weather, two are a reason to go on without."""
    thread = await stage.server.start_thread(stage.ada, stage.general, "Stormy")
    await stage.server.say(stage.ada, thread, "hello")
    question = await asked_in_thread(stage, thread)
    stage.server.faults.fault(LIST, status=502)
    assert told(await stage.platform.history(question, limit=50)) == [("Ada", "hello")]
    stage.server.faults.fault(LIST, times=2, status=502)
    assert list(await stage.platform.history(question, limit=50)) == []


# ---------------------------------------------------------------------------------------------------- whatever comes


def reader(answers: dict[str, Any], calls: list[str]) -> Reader:
    async def get(channel: str, tail: str) -> Answer | None:
        calls.append(f"{channel}{tail}")
        path = tail.partition("?")[0]
        return Answer(status=200, body=answers.get(path), headers={})

    return Reader(get, ME, Cache())


async def test_a_chain_that_bites_its_tail_ends() -> None:
    """Two messages that claim to answer each other."""
    calls: list[str] = []
    answers = {
        f"/{a}": message(
            f"m{a}", id=a, type=19, message_reference={"message_id": b, "channel_id": GENERAL}
        )
        for a, b in (("1", "2"), ("2", "1"))
    }  # fmt: skip
    lines = await read_chain(reader(answers, calls), start=Ref(GENERAL, "1"), limit=50)
    assert [line.text for line in lines] == ["m2", "m1"]
    assert len(calls) == 2


async def test_a_channel_that_always_gives_the_same_page_ends() -> None:
    """A server that does not know `before`."""
    calls: list[str] = []
    page = [message(f"m{n}", id=str(n)) for n in range(200, 100, -1)]
    lines = await read_thread(
        reader({"": page}, calls), channel="7", parent="", before="999", limit=5000, within=5.0
    )
    assert [line.text for line in lines][-1] == "m200"
    assert len(calls) <= 4


async def test_a_forums_post_is_the_root_in_its_own_thread() -> None:
    """Its first message has the thread's id, and stands in the thread itself."""
    calls: list[str] = []
    page = [message(f"m{n}", id=str(n), channel_id="7") for n in range(30, 20, -1)]
    page.append(message("the post", id="7", channel_id="7"))
    lines = await read_thread(reader({"": page}, calls), channel="7", parent="5", before="999", limit=3)
    assert [line.text for line in lines] == ["the post", "m29", "m30"]
    assert calls == ["7?limit=100&before=999"]


async def test_the_announcement_of_a_thread_brings_its_root() -> None:
    """Discord puts a message of type 21 at a thread's beginning, which holds the one that it grew from."""
    calls: list[str] = []
    root = message("the root", id="7", channel_id="5", attachments=[{"id": "9", "filename": "a", "url": "u"}])
    page = [message("m", id="8", channel_id="7"), message("", id="8", type=21, referenced_message=root)]
    lines = await read_thread(reader({"": page}, calls), channel="7", parent="5", before="999", limit=50)
    assert [line.text for line in lines] == ["the root", "m"]
    assert lines[0].files == (Attachment("9", "a", "", 0, "u"),)
    assert len(calls) == 1


LEAF = st.none() | st.booleans() | st.integers() | st.sampled_from([ADA, ME, "1", "2", GENERAL, 19, 21])
KEYS = ["id", "type", "author", "channel_id", "content", "referenced_message", "message_reference", "message_id", "interaction_metadata"]  # fmt: skip
BODY = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(["", "/1", "/2"]), BODY))
def test_no_answer_is_fatal_and_none_is_asked_for_ever(answers: dict[str, Any]) -> None:
    """Wrong types everywhere: lines or none, within the calls that are allowed."""

    async def run() -> None:
        calls: list[str] = []
        await read_chain(reader(answers, calls), start=Ref(GENERAL, "1"), limit=50, within=5.0)
        await read_thread(reader(answers, calls), channel="1", parent="2", before="3", limit=50, within=5.0)
        assert len(calls) <= 2 * MOST_HOPS + 25

    asyncio.run(run())
