"""Native streaming in direct messages: the outbox, the adapter and the real client on the sandbox's Slack.

Judged by what the person sees in the thread under the question: every character once, in order, whatever Slack says.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from adapters.slack.budgets import Allowance
from adapters.slack.platform import SlackPlatform
from adapters.slack.stream import LEFT_AT_BYTES, LIFE_SECONDS, MOST_BYTES
from bot.ports import Control, Deleted, Event, File, Incoming, Place, Pressed, Ref, Rule, Sent
from bot.reply.outbox import Outbox, Settled, View
from bot.reply.pages import Document
from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Entry, Record
from sandbox.slack.server import SlackServer

ADA, GENERAL = "U0ADA", "C0GENERAL"
WORDS = "The quick brown fox jumps over the lazy dog, and then it rests for a while under a tree. "


def text_of(length: int) -> str:
    """Prose in paragraphs, each sentence with its number, so that a character lost or doubled is seen."""
    said, number = "", 0
    while len(said) < length:
        number += 1
        said += f"Sentence {number}: {WORDS}" + ("\n\n" if number % 7 == 0 else "")
    return said[:length].strip()


def squeezed(text: str) -> str:
    """Layout is not text: page cuts take white space with them."""
    return "".join(text.split())


@dataclass
class Workspace:
    """The sandbox's Slack, the adapter in it, and the core's outbox on top."""

    life: float = LIFE_SECONDS
    clock: Clock = field(default_factory=Clock)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.record = Record(self.clock)
        self.server = SlackServer(self.clock, self.limits, self.record)
        self.dm = self.server.direct(ADA)
        self.asked = 0

    @asynccontextmanager
    async def up(self, streaming: Any = "native") -> AsyncIterator[Outbox]:
        self.platform = SlackPlatform(
            bot_token=self.server.bot_token,
            app_token=self.server.app_token,
            api_url=self.server.api_url,
            streaming=streaming,
            stream_life=self.life,
        )
        outbox = Outbox(self.platform, timeout=5.0)
        running = asyncio.create_task(outbox.run())
        try:
            await self.platform.connect(outbox)
            self._events = self.platform.events().__aiter__()
            yield outbox
        finally:
            await self.platform.close()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def next(self) -> Event:
        async with asyncio.timeout(10):
            return await anext(self._events)

    async def ask(self, channel: str = "", *, thread: str = "") -> Incoming:
        self.asked += 1
        await self.server.say(
            ADA, channel or self.dm, f"{self.server.mention} why, {self.asked}?", thread=thread
        )
        event = await self.next()
        assert isinstance(event, Incoming), event
        return event

    # -------------------------------------------------------------------------------------------- what was seen

    def messages(self, place: Place) -> list[dict[str, Any]]:
        """What stands in the thread of the answer now, by the bot."""
        thread = place.thread or place.reply_to
        return [
            message
            for message in self.server.messages(place.channel)
            if message["author"] == self.server.bot_id and message["thread"] == thread
        ]

    def text(self, place: Place) -> str:
        return "\n".join(str(message["text"]).replace("&lt;", "<") for message in self.messages(place))

    def calls(self, *methods: str) -> list[Entry]:
        return [entry for entry in self.record.entries("call", "slack") if entry["method"] in methods]

    def methods(self) -> list[str]:
        chat = [str(entry["method"]) for entry in self.record.entries("call", "slack")]
        return [method.removeprefix("chat.") for method in chat if method.startswith("chat.")]

    def frames(self, ref: Ref) -> list[str]:
        shown = self.record.entries("shown", "slack", message=ref.message)
        return [str(entry["text"]) for entry in shown]

    @property
    def refusals(self) -> list[Entry]:
        return self.record.entries("refused", "slack")


@pytest.fixture
async def slack() -> AsyncIterator[Workspace]:
    workspace = Workspace()
    await workspace.server.start()
    yield workspace
    await workspace.server.stop()


class Answer:
    """One reply on its way, as `bot/reply/reply.py` makes them."""

    def __init__(self, outbox: Outbox, platform: SlackPlatform, place: Place, name: str = "r1") -> None:
        profile = platform.profile
        self.document = Document(profile.dialect, profile.page_limit)
        self.view: View = outbox.open(place, name, self.document)
        self.said = ""

    def say(self, text: str) -> None:
        self.said += text
        self.document.feed(text)
        self.view.grew()

    async def type(
        self, text: str, *, size: int = 60, pause: float = 0.02, until: Callable[[], bool] | None = None
    ) -> None:
        for start in range(0, len(text), size):
            if until is not None and until():
                return
            self.say(text[start : start + size])
            await asyncio.sleep(pause)

    async def end(self, notice: str = "") -> Settled:
        self.document.end(notice)
        self.view.finish()
        async with asyncio.timeout(40):
            return await self.view.settled()


async def told(
    slack: Workspace, outbox: Outbox, text: str, *, name: str = "r1", **typed: Any
) -> tuple[Place, Answer]:
    """A question in the DM, and its whole answer."""
    place = (await slack.ask()).place
    answer = Answer(outbox, slack.platform, place, name)
    await answer.type(text, **typed)
    settled = await answer.end()
    assert settled == Settled("shown")
    assert squeezed(slack.text(place)) == squeezed(text)
    return place, answer


# ---------------------------------------------------------------------------------------------------- as it should be


async def test_an_answer_in_a_direct_message_grows_natively_under_its_question(slack: Workspace) -> None:
    """start, append, stop; nothing is ever taken back, nothing else is called, and the end carries no button."""
    async with slack.up() as outbox:
        place, answer = await told(slack, outbox, text_of(1500))
    methods = slack.methods()
    assert methods[0] == "startStream"
    assert methods[-1] == "stopStream"
    assert set(methods) == {"startStream", "appendStream", "stopStream"}
    assert len(methods) >= 5
    [message] = slack.messages(place)
    assert message["controls"] == []
    frames = slack.frames(answer.view.refs[0])
    assert len(frames[0].split()) >= 3, "the first text comes with the start"
    assert all(after.startswith(before) for before, after in pairwise(frames))
    assert slack.refusals == []


async def test_an_answers_file_stood_outside_its_thread(slack: Workspace) -> None:
    """The thread that a stream has opened is named by no place: the file goes there all the same."""
    async with slack.up() as outbox:
        place, answer = await told(slack, outbox, text_of(300))
        file = File("answer.md", "text/markdown", b"# Why")
        assert isinstance(await slack.platform.upload(place, file, ""), Sent)
        await slack.record.wait(lambda record: record.entries("shown", files=["answer.md"]))
    [shown] = [message for message in slack.server.messages(slack.dm) if message["files"]]
    [grown] = [m for m in slack.server.messages(slack.dm) if m["id"] == answer.view.refs[0].message]
    assert shown["thread"] == grown["thread"] == place.reply_to


async def test_markdown_streams_to_the_same_text_as_it_would_be_edited_to(slack: Workspace) -> None:
    """What is half a word, a fence or a table is held until it is certain."""
    text = (
        "# Title\n\nSome **bold words** and `code` with <b>html</b>.\n\n```python\nprint('a')\nprint('b')\n```\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\n1. one\n2. two\n\n> a quote\n\nThe end, with a [link](https://x.test)."
    )
    async with slack.up() as outbox:
        place, answer = await told(slack, outbox, text, size=3, pause=0.005)
        dialect = slack.platform.profile.dialect
    assert "update" not in slack.methods()
    [page] = answer.document.pages()
    assert slack.messages(place)[0]["text"] == page.text
    assert dialect.cost(page.text) == len(page.text)


async def test_an_answer_that_is_whole_at_once_is_posted(slack: Workspace) -> None:
    """A stream of one call would be two."""
    async with slack.up() as outbox:
        place = (await slack.ask()).place
        answer = Answer(outbox, slack.platform, place)
        answer.say("Because it is so.")
        assert await answer.end() == Settled("shown")
    assert slack.methods() == ["postMessage"]
    assert slack.text(place) == "Because it is so."


async def test_channels_and_the_default_are_edited(slack: Workspace) -> None:
    """In a channel one person alone would see a stream grow."""
    async with slack.up() as outbox:
        place = (await slack.ask(GENERAL)).place
        answer = Answer(outbox, slack.platform, place)
        await answer.type(text_of(400))
        assert await answer.end() == Settled("shown")
    async with slack.up("edit") as outbox:
        place = (await slack.ask()).place
        answer = Answer(outbox, slack.platform, place)
        await answer.type(text_of(400))
        assert await answer.end() == Settled("shown")
        assert slack.messages(place) == [], "at top level"
    assert set(slack.methods()) == {"postMessage", "update"}


async def test_a_question_in_a_thread_of_the_direct_message_is_answered_there(slack: Workspace) -> None:
    """The thread's root, not the question, is where Slack streams to."""
    async with slack.up() as outbox:
        root = (await slack.ask()).message
        assert root is not None
        place = (await slack.ask(thread=root.message)).place
        answer = Answer(outbox, slack.platform, place)
        await answer.type(text_of(300))
        assert await answer.end() == Settled("shown")
    assert place.thread == root.message
    assert squeezed(slack.text(place)) == squeezed(text_of(300))
    assert slack.methods()[0] == "startStream"


# ---------------------------------------------------------------------------------------------------- the end of a stream


async def test_at_the_size_cap_the_answer_goes_on_in_new_messages(slack: Workspace) -> None:
    """No stream is given more than its nine thousand bytes, and nothing is taken back for it."""
    text = text_of(24_000)
    async with slack.up() as outbox:
        place = (await slack.ask()).place
        answer = Answer(outbox, slack.platform, place)
        await answer.type(text[:7_000], size=300, pause=0.03)
        # Where the cap is met so slowly that a machine which stands still for a moment does not say a thousand bytes in it.
        await answer.type(text[7_000:9_500], size=50, pause=0.05)
        await answer.type(text[9_500:], size=300, pause=0.03)
        assert await answer.end() == Settled("shown")
    assert squeezed(slack.text(place)) == squeezed(text)
    pages = slack.messages(place)
    assert len(pages) >= 3
    stream = slack.frames(answer.view.refs[0])
    assert LEFT_AT_BYTES / 2 < len(stream[-1].encode()) <= MOST_BYTES
    assert all(after.startswith(before) for before, after in pairwise(stream))
    assert slack.methods().count("startStream") == 1, "it goes on by edits"
    touched = slack.calls("chat.update")
    assert answer.view.refs[0].message not in {entry["message"] for entry in touched}


async def test_a_stream_of_wide_characters_is_measured_in_bytes(slack: Workspace) -> None:
    """Nine thousand bytes are three thousand of these."""
    text = "".join(f"第{n}句话写在这里。" for n in range(330))
    async with slack.up() as outbox:
        _, answer = await told(slack, outbox, text, size=20, pause=0.04)
    assert len(slack.frames(answer.view.refs[0])[-1].encode()) <= MOST_BYTES


async def test_a_stream_is_left_before_slack_seals_it(slack: Workspace) -> None:
    """Also where no new text comes: a sealed message would look broken."""
    slack.life = 1.0
    async with slack.up() as outbox:
        place = (await slack.ask()).place
        answer = Answer(outbox, slack.platform, place)
        await answer.type(text_of(300))
        await slack.record.wait(lambda r: r.entries("call", "slack", method="chat.stopStream"), within=5)
        await answer.type(text_of(700)[300:])
        assert await answer.end() == Settled("shown")
    assert squeezed(slack.text(place)) == squeezed(answer.said)
    assert len(slack.messages(place)) == 2
    assert slack.methods().count("startStream") == 1


async def test_a_stream_that_slack_seals_early_goes_on_in_a_new_message(slack: Workspace) -> None:
    """message_not_in_streaming_state: the sealed message is made whole, the rest is new."""
    slack.clock.set_duration("slack.stream_seal", 1.0)
    async with slack.up() as outbox:
        place, _ = await told(slack, outbox, text_of(3000), pause=0.05)
    assert len(slack.messages(place)) == 2
    errors = {entry["error"] for entry in slack.calls("chat.appendStream")}
    assert "message_not_in_streaming_state" in errors


@pytest.mark.parametrize(
    "code",
    [
        "feature_not_enabled",
        "missing_scope",
        "streaming_mode_mismatch",
        "msg_too_long",
        "invalid_chunks",
        "never_heard",
    ],
)
async def test_an_append_that_is_refused_for_good_ends_the_stream(slack: Workspace, code: str) -> None:
    """Any error that says no more: stopped, and on by edits."""
    async with slack.up() as outbox:
        slack.server.faults.fault("chat.appendStream", error=code)
        place, _ = await told(slack, outbox, text_of(1500))
    assert len(slack.messages(place)) == 2
    assert "stopStream" in slack.methods()


async def test_a_stream_that_cannot_even_be_stopped_is_made_whole(slack: Workspace) -> None:
    """Every stream method is gone while one is open: after the seal chat.update is taken again."""
    slack.clock.set_duration("slack.stream_seal", 3.0)
    async with slack.up() as outbox:
        place = (await slack.ask()).place
        answer = Answer(outbox, slack.platform, place)
        await answer.type(text_of(300))
        slack.server.faults.fault("chat.appendStream", error="unknown_method", times=50)
        slack.server.faults.fault("chat.stopStream", error="unknown_method", times=50)
        await answer.type(text_of(1500)[300:])
        assert await answer.end() == Settled("shown")
    assert squeezed(slack.text(place)) == squeezed(answer.said)


async def test_a_message_that_slack_will_not_update_is_taken_back_and_posted_anew(slack: Workspace) -> None:
    """block_mismatch is reported for stopped streams; the deletion is no news to the core."""
    async with slack.up() as outbox:
        slack.server.faults.fault("chat.appendStream", error="msg_too_long")
        slack.server.faults.fault("chat.update", error="block_mismatch")
        place, answer = await told(slack, outbox, text_of(1500))
        assert len(slack.calls("chat.delete")) == 1
        assert [m["id"] for m in slack.messages(place)] == [ref.message for ref in answer.view.refs]
        # What comes next is the next question, not the news of the deletion.
        assert (await slack.ask()).text


# ---------------------------------------------------------------------------------------------------- lost answers


@pytest.mark.parametrize("drop", ["before", "after"])
@pytest.mark.parametrize("method", ["chat.startStream", "chat.appendStream", "chat.stopStream"])
async def test_a_lost_answer_loses_and_doubles_nothing(slack: Workspace, method: str, drop: Any) -> None:
    """Whether it was carried out is not guessed, but made certain."""
    async with slack.up() as outbox:
        slack.server.faults.fault(method, drop=drop)
        await told(slack, outbox, text_of(1200))


@pytest.mark.parametrize("method", ["chat.startStream", "chat.appendStream", "chat.stopStream"])
async def test_a_server_error_loses_and_doubles_nothing(slack: Workspace, method: str) -> None:
    """HTTP 500 says nothing about what has happened."""
    async with slack.up() as outbox:
        slack.server.faults.fault(method, status=500, times=2)
        await told(slack, outbox, text_of(1200))


async def test_an_append_that_is_carried_out_after_its_timeout_changes_nothing(slack: Workspace) -> None:
    """It hangs until we give it up, and lands when the stream is over: stopStream is the fence."""
    async with slack.up() as outbox:
        place = (await slack.ask()).place
        answer = Answer(outbox, slack.platform, place)
        await answer.type(text_of(200))
        slack.server.faults.fault("chat.appendStream", delay=7.0)
        await answer.type(text_of(900)[200:])
        assert await answer.end() == Settled("shown")
        late = await slack.record.wait(
            lambda r: [e for e in r.entries("call", "slack", method="chat.appendStream") if e["took"] > 6],
            within=10,
        )
    assert late[0]["error"] == "message_not_in_streaming_state"
    assert squeezed(slack.text(place)) == squeezed(answer.said)


# ---------------------------------------------------------------------------------------------------- capability, budgets


@pytest.mark.parametrize(
    "code", ["unknown_method", "missing_scope", "invalid_thread_ts", "channel_type_not_supported"]
)
async def test_where_streams_cannot_be_had_answers_are_edited_and_slack_is_not_asked_again(
    slack: Workspace, code: str
) -> None:
    """The first text is not delayed for it either."""
    async with slack.up() as outbox:
        slack.server.faults.fault("chat.startStream", error=code)
        await told(slack, outbox, text_of(600))
        await told(slack, outbox, text_of(600), name="r2")
    assert slack.methods().count("startStream") == 1
    assert slack.methods().count("postMessage") == 2


async def test_a_server_without_the_method_is_not_asked_again(slack: Workspace) -> None:
    """Some servers that speak Slack's API answer 404."""
    async with slack.up() as outbox:
        slack.server.faults.fault("chat.startStream", status=404, body="not found")
        await told(slack, outbox, text_of(600))
        await told(slack, outbox, text_of(600), name="r2")
    assert slack.methods().count("startStream") == 1


async def test_more_answers_than_starts_are_to_be_had_do_not_wait_for_one(slack: Workspace) -> None:
    """Twenty starts a minute, some five at once: who finds none is answered by edits; nobody is refused."""
    async with slack.up() as outbox:
        places = [(await slack.ask()).place for _ in range(8)]
        answers = [Answer(outbox, slack.platform, place, f"r{n}") for n, place in enumerate(places)]
        await asyncio.gather(*(answer.type(text_of(900)) for answer in answers))
        await asyncio.gather(*(answer.end() for answer in answers))
    assert slack.methods().count("startStream") == 5
    assert all(squeezed(slack.text(place)) == squeezed(text_of(900)) for place in places)
    assert slack.refusals == []


def test_an_allowance_is_a_bucket_that_a_refusal_empties() -> None:
    """Its figures are the rule's; after Retry-After there is one, and more come as they always do."""
    allowance = Allowance(Rule(rate=0.5, burst=2, shape="bucket", certainty="guessed", source="a test"))
    assert [allowance.take(10.0) for _ in range(3)] == [True, True, False]
    assert [allowance.take(at) for at in (11.0, 12.0, 12.5)] == [False, True, False]
    allowance.shut(30.0)
    assert [allowance.take(at) for at in (20.0, 29.9, 30.0, 30.1, 32.0)] == [False, False, True, False, True]


async def test_a_refused_start_is_posted_at_once(slack: Workspace) -> None:
    """Retry-After closes the streams, not the answer."""
    async with slack.up() as outbox:
        slack.server.faults.fault("chat.startStream", status=429, retry_after=30)
        place, _ = await told(slack, outbox, text_of(300))
        assert slack.methods()[:2] == ["startStream", "postMessage"]
        await told(slack, outbox, text_of(300), name="r2")
    assert slack.methods().count("startStream") == 1
    assert place.thread == ""


@pytest.mark.parametrize("method", ["chat.appendStream", "chat.stopStream"])
async def test_a_refused_call_is_made_again_after_its_time(slack: Workspace, method: str) -> None:
    """429: nothing was applied, and the newest text follows."""
    async with slack.up() as outbox:
        slack.server.faults.fault(method, status=429, retry_after=1)
        place, _ = await told(slack, outbox, text_of(900))
    assert len(slack.messages(place)) == 1
    assert "update" not in slack.methods()


async def test_where_no_stop_is_to_spare_the_text_is_whole_before_it(slack: Workspace) -> None:
    """An append brings the rest; the end of the stream follows when there is one."""
    async with slack.up() as outbox:
        place = (await slack.ask()).place
        answer = Answer(outbox, slack.platform, place)
        await answer.type(text_of(300))
        slack.server.faults.fault("chat.stopStream", status=429, retry_after=4)
        ending = asyncio.create_task(answer.end())
        await slack.record.wait(lambda _: squeezed(slack.text(place)) == squeezed(answer.said), within=3)
        assert not ending.done()
        assert await ending == Settled("shown")
    assert len(slack.messages(place)) == 1


# ---------------------------------------------------------------------------------------------------- stops, crashes


async def test_slacks_own_stop_button_is_a_press_of_stop(slack: Workspace) -> None:
    """Told by the event and by the next append; the answer ends with its notice, in its message."""
    async with slack.up() as outbox:
        asked = await slack.ask()
        answer = Answer(outbox, slack.platform, asked.place)
        await answer.type(text_of(400))
        ref = answer.view.refs[0]
        await slack.server.stop_stream(ADA, slack.dm, ref.message)
        by_event = await slack.next()
        answer.say(" And on it goes, for a while.")
        by_append = await slack.next()
        for pressed in (by_event, by_append):
            assert isinstance(pressed, Pressed)
            assert (pressed.control, pressed.message, pressed.person.id) == (Control.STOP, ref, ADA)
        assert isinstance(by_append, Pressed)
        assert by_append.reply == "r1"
        assert await answer.end("Stopped.") == Settled("shown")
    [message] = slack.messages(asked.place)
    assert squeezed(message["text"]) == squeezed(answer.said + "_Stopped._")


async def test_a_stream_that_a_crash_left_open_is_closed_by_the_next_start(slack: Workspace) -> None:
    """streaming_state_conflict: stopped first, then brought to its text."""
    async with slack.up() as outbox:
        place = (await slack.ask()).place
        answer = Answer(outbox, slack.platform, place)
        await answer.type(text_of(500))
        refs = answer.view.refs
        answer.view.abandon()
    async with slack.up() as outbox:
        profile = slack.platform.profile
        document = Document(profile.dialect, profile.page_limit)
        document.feed(answer.said)
        document.end("Interrupted.")
        view = outbox.open(place, "r1", document, refs=refs)
        view.finish()
        async with asyncio.timeout(20):
            assert await view.settled() == Settled("shown")
    [message] = slack.messages(place)
    assert squeezed(message["text"]) == squeezed(answer.said + "_Interrupted._")


async def test_pages_that_a_crash_made_fewer_leave_no_message_behind(slack: Workspace) -> None:
    """A page was sealed early; the next process, which knows nothing of that, shows the text on one page."""
    slack.life = 0.8
    async with slack.up() as outbox:
        place = (await slack.ask()).place
        answer = Answer(outbox, slack.platform, place)
        await answer.type(text_of(2500), pause=0.06)
        refs = answer.view.refs
        assert len(refs) == 2
        answer.view.abandon()
    async with slack.up() as outbox:
        profile = slack.platform.profile
        document = Document(profile.dialect, profile.page_limit)
        document.feed(answer.said)
        document.end()
        view = outbox.open(place, "r1", document, refs=refs)
        view.finish()
        async with asyncio.timeout(20):
            assert await view.settled() == Settled("shown")
        await slack.record.wait(lambda r: r.entries("removed", "slack", message=refs[1].message), within=10)
    assert squeezed(slack.text(place)) == squeezed(answer.said)


async def test_a_message_that_somebody_deletes_ends_its_reply(slack: Workspace) -> None:
    """message_not_found, or the event: quietly."""
    async with slack.up() as outbox:
        place = (await slack.ask()).place
        answer = Answer(outbox, slack.platform, place)
        await answer.type(text_of(300))
        ref = answer.view.refs[0]
        await slack.server.delete(ADA, slack.dm, ref.message)
        gone = await slack.next()
        assert isinstance(gone, Deleted)
        answer.say(" More words that nobody will see, and some more.")
        assert (await answer.end()).kind == "gone"
