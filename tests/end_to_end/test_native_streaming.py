"""SLACK_STREAMING=native with the bot as a process of its own: a direct message grows by Slack's own streams.

What the person sees is judged: the thread under the question, whole to the character, whatever befalls the stream.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from bot import sentences
from sandbox.claude.choice import Request
from sandbox.record import Entry, Record
from tests.end_to_end.stage import Chat, squeezed

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("native")]


async def asked(slack: Chat, text: str, *, person: int = 0) -> str:
    """A direct message; its ts."""
    return str(await slack.server.say(slack.person(person), slack.direct(person), text))


async def whole(slack: Chat, question: str, part: str, *, within: float = 40.0) -> Request:
    """Wait until the answer under the question is what Claude said."""
    request = await slack.asked(part)

    def is_there(_: Record) -> bool:
        shown = "".join(squeezed(page["text"]) for page in slack.pages(question))
        return bool(request.ended) and shown == squeezed(request.said)

    await slack.world.record.wait(is_there, within=within)
    return request


def calls(slack: Chat, since: Entry, *names: str) -> list[Entry]:
    found = slack.world.record.entries("call", "slack")
    return [
        entry for entry in found if entry.at >= since.at and entry["method"].removeprefix("chat.") in names
    ]


def question_of(slack: Chat, question: str) -> Entry:
    return slack.world.record.entries("shown", "slack", message=question)[0]


async def test_an_answer_in_a_direct_message_grows_natively_and_ends_whole(slack: Chat) -> None:
    """In the thread of the question, by appends alone, and stopped at the end."""
    question = await asked(slack, "Natively? #chars:900 #speed:300")
    await whole(slack, question, "Natively?")
    since = question_of(slack, question)
    stopped = await slack.world.record.wait(lambda _: calls(slack, since, "stopStream"), within=10)
    assert stopped[0]["error"] == ""
    frames = slack.frames(question)
    assert len({frame["message"] for frame in frames}) == 1
    assert len(frames) >= 4
    assert all(after["text"].startswith(before["text"]) for before, after in pairwise(frames))
    assert not any("Stop" in frame["controls"] for frame in frames), "Slack has its own"
    assert calls(slack, since, "postMessage", "update") == []
    assert slack.refusals == []


async def test_channels_are_edited_all_the_same(slack: Chat) -> None:
    """There everybody should see it grow."""
    question = await slack.mention("In the channel? #chars:500 #speed:400")
    await whole(slack, question, "In the channel?")
    assert {frame["verb"] for frame in slack.frames(question)} <= {"post", "edit"}


async def test_an_answer_longer_than_a_stream_goes_on_in_new_messages(slack: Chat) -> None:
    """At the size cap the stream is stopped; the rest grows by edits, in the same thread."""
    with slack.paced(3_000.0) as hurry:
        question = await asked(slack, "At length? #chars:15000")
        record = slack.world.record
        await record.wait(lambda _: any(len(page["text"]) >= 4_000 for page in slack.pages(question)))
        # A machine that stands still for a moment does not say a thousand bytes in it, and so not jump over the cap.
        slack.world.claude.speed = 800.0
        await record.wait(lambda _: len(slack.pages(question)) >= 2, within=20)
        hurry()
        await whole(slack, question, "At length?")
    pages = slack.pages(question)
    assert len(pages) >= 2
    assert len(pages[0]["text"].encode()) <= 9_000
    first = [frame for frame in slack.frames(question) if frame["message"] == pages[0]["message"]]
    streamed = [frame for frame in first if frame["verb"] != "edit"]
    assert len(streamed) >= 3
    assert len(streamed[-1]["text"].encode()) <= 9_000
    assert {page["thread"] for page in pages} == {question}


async def test_an_answer_outlives_the_seal_of_its_stream(slack: Chat) -> None:
    """Slack ends a stream by itself; the answer goes on in a new message."""
    slack.world.clock.set_duration("slack.stream_seal", 2.0)
    try:
        question = await asked(slack, "Sealed? #chars:1500 #speed:250")
        await whole(slack, question, "Sealed?")
    finally:
        slack.world.clock.set_duration("slack.stream_seal", 300.0)
    assert len(slack.pages(question)) == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"drop": "after"},
        {"drop": "before"},
        {"status": 500},
        {"status": 429, "retry_after": 1.0},
        {"error": "message_not_in_streaming_state"},
        {"error": "feature_not_enabled"},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
async def test_faults_of_an_append_lose_and_double_nothing(slack: Chat, fault: dict[str, Any]) -> None:
    """An append that was lost may have happened: it is never guessed."""
    slack.world.slack.faults.fault("chat.appendStream", **fault)
    part = f"With {'-'.join(map(str, fault.values()))}?"
    question = await asked(slack, f"{part} #chars:900 #speed:300")
    await whole(slack, question, part)
    assert not slack.world.slack.faults.pending, "the fault has happened"


async def test_slacks_own_stop_button_ends_the_answer(slack: Chat) -> None:
    """As ours does: Claude's request is closed, what was said stays, and a line says so."""
    question = await asked(slack, "Stop me? #chars:5000 #speed:200", person=1)
    await slack.world.record.wait(lambda _: len(slack.frames(question)) >= 2, within=20)
    stream = slack.frames(question)[0]["message"]
    await slack.server.stop_stream(slack.person(1), slack.direct(1), stream)
    await slack.world.record.wait(
        lambda _: slack.pages(question)[-1]["text"].endswith(f"_{sentences.STOPPED}_"), within=10
    )
    request = await slack.asked("Stop me?")
    assert request.ended
    assert len(request.said) < 4_000
    [page] = slack.pages(question)
    assert page["message"] == stream


async def test_a_follow_up_at_top_level_stays_the_same_conversation(slack: Chat) -> None:
    """That answers stand in threads now changes nothing of who remembers what."""
    first = await asked(slack, "Remember the walrus. #chars:60", person=2)
    await whole(slack, first, "the walrus")
    second = await asked(slack, "What was it? #chars:60", person=2)
    request = await whole(slack, second, "What was it?")
    assert "walrus" in str(request.messages)


async def test_where_streams_cannot_be_had_the_answer_is_posted_and_edited(slack: Chat) -> None:
    """Last, for the workspace is not asked again for an hour."""
    slack.world.slack.faults.fault("chat.startStream", error="feature_not_enabled")
    question = await asked(slack, "Without? #chars:600 #speed:300")
    await whole(slack, question, "Without?")
    again = await asked(slack, "And again? #chars:300 #speed:300")
    await whole(slack, again, "And again?")
    since = question_of(slack, question)
    assert len(calls(slack, since, "startStream")) == 1
    assert {frame["verb"] for frame in slack.frames(again)} <= {"post", "edit"}
