"""Native streaming on the sandbox's Slack: the real chat_stream, and each way a stream can end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.models.messages.chunk import MarkdownTextChunk, TaskUpdateChunk
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Record
from sandbox.slack.server import SlackServer

GENERAL = "C0GENERAL"


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        limits = Limits()
        limits.enforced = False
        self.record = Record(self.clock)
        self.slack = SlackServer(self.clock, limits, self.record)
        self.root = ""

    @property
    def client(self) -> AsyncWebClient:
        return AsyncWebClient(token=self.slack.bot_token, base_url=self.slack.api_url)

    @property
    def dm(self) -> str:
        return self.slack.direct("U0ADA")

    async def started(self, **more: Any) -> str:
        answer = await self.client.chat_startStream(channel=self.dm, thread_ts=self.root, **more)
        return str(answer["ts"])

    def answer(self) -> str:
        return str(self.slack.messages(self.dm)[-1]["text"])


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.slack.start()
    made.root = await made.slack.say("U0ADA", made.dm, "question")
    yield made
    await made.slack.stop()


async def refused(coroutine: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await coroutine
    return str(caught.value.response["error"])


async def test_the_sdks_stream_grows_one_message(world: World) -> None:
    """start, append and stop through the SDK's own helper; the viewer sees every step."""
    stream = await world.client.chat_stream(channel=world.dm, thread_ts=world.root, buffer_size=1)
    for piece in ("Hello", " **wor", "ld**"):
        await stream.append(markdown_text=piece)
    await stream.stop()
    shown = [entry for entry in world.record.entries("shown") if entry["author"] == world.slack.bot_id]
    assert [(e["verb"], e["text"]) for e in shown] == [
        ("post", "Hello"),
        ("append", "Hello **wor"),
        ("append", "Hello **world**"),
        ("append", "Hello **world**"),
    ]
    (_, message) = world.slack.messages(world.dm)
    assert (message["markup"], message["thread"], message["edited"]) == ("slack-markdown", world.root, False)


async def test_blocks_and_metadata_come_with_the_stop(world: World) -> None:
    """A footer and buttons are put under the text."""
    ts = await world.started(markdown_text="text")
    footer = [{"type": "context", "elements": [{"type": "mrkdwn", "text": "a footer"}]}]
    marked = {"event_type": "turn", "event_payload": {"turn": "r1"}}
    answer = await world.client.chat_stopStream(channel=world.dm, ts=ts, blocks=footer, metadata=marked)
    assert world.answer() == "text\n\na footer"
    assert answer["message"]["metadata"] == marked


async def test_tasks_are_shown_and_replaced_by_their_id(world: World) -> None:
    """A title and a status replace, one card per id."""
    ts = await world.started(chunks=[TaskUpdateChunk(id="t1", title="Searching", status="in_progress")])
    more = [TaskUpdateChunk(id="t1", title="Searched", status="complete"), MarkdownTextChunk(text="Found")]
    await world.client.chat_appendStream(channel=world.dm, ts=ts, chunks=more)
    assert world.answer() == "● Searched\nFound"


@pytest.mark.parametrize("ending", ["seal", "stop", "person"])
async def test_a_stream_that_is_over_takes_nothing_more(world: World, ending: str) -> None:
    """Slack's seal after five minutes (shortened), our own stop, or the person's stop button."""
    ts = await world.started(markdown_text="text")
    over = "message_not_in_streaming_state"
    if ending == "seal":
        world.clock.set_duration("slack.stream_seal", 0.0)
    elif ending == "stop":
        await world.client.chat_stopStream(channel=world.dm, ts=ts)
    else:
        await world.slack.stop_stream("U0ADA", world.dm, ts)
    append = world.client.chat_appendStream(channel=world.dm, ts=ts, markdown_text="x")
    assert await refused(append) == ("stopped_by_user" if ending == "person" else over)
    assert await refused(world.client.chat_stopStream(channel=world.dm, ts=ts)) == over
    assert world.answer() == "text"


async def test_a_sealed_stream_can_be_repaired_by_an_edit(world: World) -> None:
    """The maintainers' advice (python-slack-sdk#1859); a live one refuses it."""
    ts = await world.started(markdown_text="half")
    blocks = [{"type": "markdown", "text": "half and half"}]
    edit = world.client.chat_update(channel=world.dm, ts=ts, text="t", blocks=blocks)
    assert await refused(edit) == "streaming_state_conflict"
    world.clock.set_duration("slack.stream_seal", 0.0)
    await world.client.chat_update(channel=world.dm, ts=ts, text="t", blocks=blocks)
    assert world.answer() == "half and half"


async def test_the_first_content_locks_the_mode(world: World) -> None:
    """markdown_text and chunks never meet in one stream."""
    text = await world.started(markdown_text="text")
    chunk = [MarkdownTextChunk(text="x")]
    mixed = world.client.chat_appendStream(channel=world.dm, ts=text, chunks=chunk)
    assert await refused(mixed) == "streaming_mode_mismatch"
    chunks = await world.started(chunks=chunk)
    other = world.client.chat_stopStream(channel=world.dm, ts=chunks, markdown_text="x")
    assert await refused(other) == "streaming_mode_mismatch"
    empty = await world.started()
    await world.client.chat_appendStream(channel=world.dm, ts=empty, chunks=chunk)


async def test_a_stream_holds_some_eleven_thousand_bytes(world: World) -> None:
    """UTF-8 bytes count, not characters; what is refused is not shown."""
    ts = await world.started(markdown_text="é" * 5_000)
    await world.client.chat_appendStream(channel=world.dm, ts=ts, markdown_text="x" * 1_500)
    more = world.client.chat_appendStream(channel=world.dm, ts=ts, markdown_text="x")
    assert await refused(more) == "msg_too_long"
    assert len(world.answer()) == 6_500


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({}, "missing_recipient_user_id"),
        ({"recipient_user_id": "U0ADA"}, "missing_recipient_team_id"),
        ({"recipient_user_id": "U0NOBODY", "recipient_team_id": "T0SANDBOX"}, "user_not_found"),
        ({"recipient_user_id": "U0ADA", "recipient_team_id": "T0OTHER"}, "team_not_found"),
        (
            {"recipient_user_id": "U0ADA", "recipient_team_id": "T0SANDBOX", "task_display_mode": "dense"},
            "invalid_arguments",
        ),
        (
            {"recipient_user_id": "U0ADA", "recipient_team_id": "T0SANDBOX", "chunks": [{"type": "x"}]},
            "invalid_chunks",
        ),
        (
            {
                "recipient_user_id": "U0ADA",
                "recipient_team_id": "T0SANDBOX",
                "chunks": [{"type": "task_update", "id": "t", "title": "x", "status": "done"}],
            },
            "invalid_chunks",
        ),
    ],
)
async def test_a_stream_in_a_channel_needs_its_reader(world: World, said: dict[str, Any], error: str) -> None:
    """One person sees it smoothly; who, has to be said."""
    root = await world.slack.say("U0ADA", GENERAL, "question")
    assert await refused(world.client.chat_startStream(channel=GENERAL, thread_ts=root, **said)) == error


@pytest.mark.parametrize("thread", ["", "0", "soon", "1.000001"])
async def test_a_stream_stands_in_a_thread(world: World, thread: str) -> None:
    """invalid_thread_ts everywhere but in channels of Slack Code."""
    wrong = world.client.chat_startStream(channel=world.dm, thread_ts=thread)
    assert await refused(wrong) == "invalid_thread_ts"


async def test_a_stream_does_not_stand_under_a_reply(world: World) -> None:
    """A thread is named by its root."""
    reply = await world.slack.say("U0ADA", world.dm, "more", thread=world.root)
    wrong = world.client.chat_startStream(channel=world.dm, thread_ts=reply)
    assert await refused(wrong) == "invalid_thread_ts"


async def test_nothing_cannot_be_appended_and_nobody_elses_message_streams(world: World) -> None:
    """no_text, message_not_owned_by_app, message_not_found."""
    ts = await world.started(markdown_text="x")
    client, dm = world.client, world.dm
    assert await refused(client.api_call("chat.appendStream", json={"channel": dm, "ts": ts})) == "no_text"
    theirs = client.chat_appendStream(channel=dm, ts=world.root, markdown_text="x")
    assert await refused(theirs) == "message_not_owned_by_app"
    await world.slack.delete("U0ADA", dm, ts)
    gone = client.chat_appendStream(channel=dm, ts=ts, markdown_text="x")
    assert await refused(gone) == "message_not_found"
