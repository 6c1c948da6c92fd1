"""Whatever happens to native streams, in whatever order: every answer ends whole, each character once.

The core's outbox, the adapter and the SDK's client on the sandbox's Slack, on virtual time. Hypothesis chooses speeds,
what goes wrong with each call, how soon Slack seals, who presses its stop button, and when the process dies.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import cast

import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ports import Platform, Unavailable
from bot.reply.messages import ECHO_OF_BREAK, post_key
from bot.reply.outbox import Outbox, Settled
from bot.reply.view import View
from tests.adapters.slack_in_memory import Adapter, Fault, SlackInMemory
from tests.reply.fake_platform import FakeDocument

TIMEOUT = 4.0
NOTICE = "_Stopped._"
PEOPLE = ["U0ADA", "U0GRACE", "U0LINUS"]

STREAM_CODES = ["msg_too_long", "feature_not_enabled", "streaming_mode_mismatch", "never_heard"]


@dataclass(frozen=True)
class Story:
    """One answer."""

    start: float
    length: int
    speed: float
    unsettled: int
    early: int
    pause: float
    stopped_at: float | None


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with the calls from `first` on, `count` of them."""

    first: int
    count: int
    fault: Fault
    only: str = ""


faults = st.one_of(
    st.builds(Fault, lose=st.just(True), applied=st.booleans(), after=st.floats(0, 2 * TIMEOUT)),
    st.builds(Fault, cut=st.just(True), applied=st.booleans()),
    st.builds(Fault, status=st.just(503), applied=st.booleans()),
    st.builds(Fault, code=st.just("ratelimited")),
)
troubles = st.lists(
    st.one_of(
        st.builds(Trouble, st.integers(0, 40), st.integers(1, 4), faults),
        st.builds(
            Trouble,
            st.integers(0, 40),
            st.integers(1, 30),
            st.builds(Fault, code=st.sampled_from(STREAM_CODES)),
            only=st.sampled_from(["chat.startStream", "chat.appendStream", "chat.stopStream", "Stream"]),
        ),
        st.builds(
            Trouble,
            st.integers(0, 40),
            st.integers(1, 30),
            st.builds(Fault, code=st.just("block_mismatch")),
            only=st.just("chat.update"),
        ),
    ),
    max_size=4,
)
stories = st.builds(
    Story,
    start=st.floats(0, 10),
    length=st.integers(1, 2500),
    speed=st.sampled_from([30.0, 100.0, 600.0]),
    unsettled=st.sampled_from([0, 5, 40, 400]),
    early=st.sampled_from([0, 0, 30]),
    pause=st.sampled_from([0.0, 0.0, 6.0]),
    stopped_at=st.one_of(st.none(), st.none(), st.floats(0.5, 15)),
)


def text_of(length: int, name: str) -> str:
    return "".join(f"{name}.{number} " for number in range(length))[:length]


class Reply:
    """One answer from its question to its end, also over a crash."""

    def __init__(self, slack: SlackInMemory, story: Story, number: int) -> None:
        self.slack = slack
        self.story = story
        self.name = f"r{number}"
        self.place = slack.ask(PEOPLE[number], number)
        self.document = FakeDocument(limit=600, unsettled=story.unsettled, early=story.early)
        self.stopped = asyncio.Event()
        self.settled: Settled | None = None
        self.view: View | None = None

    async def run(self, outbox: Outbox) -> None:
        story = self.story
        await asyncio.sleep(story.start)
        self.view = outbox.open(self.place, self.name, self.document)
        text = text_of(story.length, self.name)
        pressing = asyncio.create_task(self._press(self.view))
        size = max(1, round(story.speed * 0.1))
        try:
            for start in range(0, len(text), size):
                if self.stopped.is_set():
                    break
                self.document.feed(text[start : start + size])
                self.view.grew()
                await asyncio.sleep(0.1 + (story.pause if start <= len(text) // 2 < start + size else 0.0))
        finally:
            pressing.cancel()
        await self._end(NOTICE if self.stopped.is_set() else "")

    async def _end(self, notice: str) -> None:
        assert self.view is not None
        self.document.end(notice)
        self.view.finish()
        self.settled = await asyncio.wait_for(self.view.settled(), 3000)

    async def _press(self, view: View) -> None:
        """Slack's own stop button; the adapter hears of it from the next append."""
        if self.story.stopped_at is not None:
            await asyncio.sleep(self.story.stopped_at)
            if view.refs:
                self.slack.stop_by_person(self.place, view.refs[0])

    async def journalled(self) -> None:
        """A moment at which the journal knows of every message that there is."""
        while self.view is not None and not self.view.is_settled and self.view.posting is not None:  # noqa: ASYNC110  virtual time
            await asyncio.sleep(0.05)

    async def mend(self, outbox: Outbox, adapter: Adapter) -> None:
        """What the next start does with an answer that a crash left: what was said, and a notice."""
        if self.settled is not None or self.view is None:
            return
        refs = list(self.view.refs)
        text = self.document.text
        self.document = FakeDocument(limit=600)
        self.document.feed(text)
        while not isinstance(
            found := await adapter.find(self.place, post_key(self.name, len(refs))), Unavailable
        ):
            if found is None or found in refs:
                break
            refs.append(found)
        self.view = outbox.open(self.place, self.name, self.document, refs=refs, crashed=True)
        await self._end(NOTICE)

    @property
    def shown(self) -> str:
        return "".join("".join(message.source for message in self.slack.answers(self.place)).split())

    @property
    def meant(self) -> str:
        return "".join((self.document.text + self.document.notice).split())


async def process(
    slack: SlackInMemory, replies: list[Reply], *, life: float, dies_at: float | None, mending: bool
) -> None:
    """The bot from its start to its end, or to its death."""
    by_name = {reply.name: reply for reply in replies}
    adapter = Adapter(
        slack, life=life, page_limit=600, stopped=lambda _ref, name: by_name[name].stopped.set()
    )
    outbox = Outbox(cast("Platform", adapter), timeout=TIMEOUT)
    await adapter.connect(outbox)
    driving = asyncio.create_task(outbox.run())
    work = [
        asyncio.create_task(reply.mend(outbox, adapter) if mending else reply.run(outbox))
        for reply in replies
    ]
    if dies_at is None:
        await asyncio.gather(*work)
        await asyncio.sleep(4 * TIMEOUT)
        assert outbox.snapshot().live == 0
    else:
        await asyncio.sleep(dies_at)
        for reply in replies:
            await reply.journalled()
    assert not driving.done()
    for task in (*work, driving):
        task.cancel()
    await asyncio.gather(*work, driving, return_exceptions=True)


@pytest.mark.long
@given(
    st.lists(stories, min_size=1, max_size=3),
    troubles,
    st.sampled_from([300.0, 300.0, 9.0, 3.0]),
    st.sampled_from([240.0, 5.0]),
    st.one_of(st.none(), st.none(), st.floats(1.0, 20)),
)
@settings(max_examples=100)
def test_every_answer_ends_whole_with_each_character_once(
    told: list[Story], wrong: list[Trouble], seal: float, life: float, dies_at: float | None
) -> None:
    """Law 4 on Slack's streams: whole, exactly once, in order; law 2: no budget is ever overspent."""

    def fault(method: str, number: int) -> Fault | None:
        for trouble in wrong:
            if trouble.first <= number < trouble.first + trouble.count and method.endswith(trouble.only):
                # The connections of a process that dies break with it.
                late = trouble.fault.after if dies_at is None else min(trouble.fault.after, ECHO_OF_BREAK / 2)
                return replace(trouble.fault, after=late)
        return None

    slacks: list[SlackInMemory] = []
    replies: list[Reply] = []

    async def scenario() -> None:
        slack = SlackInMemory(fault, seal=seal)
        slacks.append(slack)
        replies.extend(Reply(slack, story, number) for number, story in enumerate(told))
        try:
            await process(slack, replies, life=life, dies_at=dies_at, mending=False)
            if dies_at is not None:
                await process(slack, replies, life=life, dies_at=None, mending=True)
        finally:
            await slack.close()

    loop = looptime.new_event_loop(start=0)
    try:
        loop.run_until_complete(scenario())
    finally:
        loop.close()

    slack = slacks[0]
    unstoppable = any(trouble.fault.code for trouble in wrong if "chat.stopStream".endswith(trouble.only))
    for reply in replies:
        if reply.view is None:
            continue  # died before it began
        if dies_at is not None and reply.settled == Settled("gone", "message_not_found"):
            # It died between our own deletion of a message and the post that was to follow.
            assert "chat.delete" in {method for method, _, _ in slack.calls}
            continue
        assert reply.settled == Settled("shown")
        assert reply.shown == reply.meant
        for message in slack.answers(reply.place):
            assert not message.controls
            stream = message.stream
            over = stream is None or stream.over or loop.time() - stream.started > seal
            assert over or unstoppable, "a stream is left open"
    assert slack.overtaken == 0, "two calls at once for one message"
    if not any(trouble.fault.lose for trouble in wrong) and dies_at is None:
        assert slack.refusals == []
