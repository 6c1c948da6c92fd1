"""Whatever happens, in whatever order: every reply ends whole, or with exactly one honest outcome.

Hypothesis chooses arrivals, speeds, stops, deletions and what goes wrong with each call; everything runs on virtual
time. The fake platform lets echoes of hung calls land up to two timeouts late, answers get lost, and posts break
after they were carried out.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import looptime
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import sentences
from bot.ports import Denied, Op, Rejected, Unavailable
from bot.reply.messages import post_key
from bot.reply.outbox import Outbox, Settled, View
from sandbox.limits import Shape
from tests.reply.fake_platform import (
    DISCORD,
    PLACE,
    SLACK,
    FakeDocument,
    FakePlatform,
    Fault,
    Running,
    limit_of,
)

TIMEOUT = 4.0
NOTICE = "Stopped."


@dataclass(frozen=True)
class Story:
    """One reply: when it starts, how fast it is, and what befalls it."""

    start: float
    length: int
    speed: float
    held: int
    stops_at: float | None
    deleted_at: float | None


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with the calls from `first` on, `count` of them."""

    first: int
    count: int
    kind: Literal["lose", "drop", "cut", "slow", "raises", "down", "down-after", "rejected", "denied"]
    after: float


stories = st.builds(
    Story,
    start=st.floats(0, 20),
    length=st.integers(0, 1500),
    speed=st.sampled_from([15.0, 60.0, 300.0, 2000.0]),
    held=st.sampled_from([0, 0, 7, 60]),
    stops_at=st.one_of(st.none(), st.none(), st.floats(0, 15)),
    deleted_at=st.one_of(st.none(), st.none(), st.none(), st.floats(0, 30)),
)
harmless: list[Literal["lose", "drop", "cut", "slow", "raises", "down", "down-after"]] = [
    "lose",
    "drop",
    "cut",
    "slow",
    "raises",
    "down",
    "down-after",
]
troubles = st.lists(
    st.builds(
        Trouble,
        first=st.integers(0, 40),
        count=st.integers(1, 4),
        kind=st.sampled_from([*harmless, "rejected", "denied"]),
        after=st.floats(0, 2 * TIMEOUT),
    ),
    max_size=4,
)
limits = st.tuples(
    st.sampled_from([1.0, 1.0, 0.35, 0.8]),
    st.sampled_from(["natural", "natural", "single", "sliding", "fixed", "bucket"]),
)


def fault_of(trouble: Trouble) -> Fault:
    match trouble.kind:
        case "lose":
            return Fault(lose=True, after=trouble.after)
        case "drop":
            return Fault(drop=True)
        case "cut":
            return Fault(cut=True)
        case "slow":
            return Fault(slow=min(trouble.after, TIMEOUT - 0.5))
        case "raises":
            return Fault(raises=True)
        case "down":
            return Fault(outcome=Unavailable("http_503", applied=False))
        case "down-after":
            return Fault(outcome=Unavailable("http_500", applied=None, retry_after=trouble.after))
        case "rejected":
            return Fault(outcome=Rejected("invalid_blocks"))
        case "denied":
            return Fault(outcome=Denied("restricted_action"))


async def live(
    outbox: Outbox, platform: FakePlatform, name: str, story: Story
) -> tuple[View, FakeDocument, Settled]:
    """One reply from its first fragment to its settled end."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(story.start)
    document = FakeDocument(limit=platform.page_limit, held=story.held)
    view = outbox.open(PLACE, name, document)
    text = "".join(f"{number} " for number in range(story.length))[: story.length]
    begun = loop.time()

    async def delete() -> None:
        if story.deleted_at is None:
            return
        await asyncio.sleep(story.deleted_at)
        for ref in view.refs:
            platform.messages[ref.message].deleted = True

    deleting = asyncio.create_task(delete())
    size = max(1, round(story.speed * 0.1))
    stopped = False
    for start in range(0, len(text), size):
        if story.stops_at is not None and loop.time() - begun >= story.stops_at:
            stopped = True
            break
        document.feed(text[start : start + size])
        view.grew()
        await asyncio.sleep(0.1)
    document.end(NOTICE if stopped else "")
    view.finish()
    settled = await asyncio.wait_for(view.settled(), 3000)
    await deleting
    return view, document, settled


@given(
    st.lists(stories, min_size=1, max_size=4),
    troubles,
    limits,
    st.sampled_from(["slack", "discord"]),
)
@settings(max_examples=150)
def test_every_reply_ends_whole_or_with_one_honest_outcome(
    told: list[Story], wrong: list[Trouble], limit: tuple[float, str], kind: str
) -> None:
    """Law 4 and 1: whole, exactly once, the newest text last, whatever the platform does; law 2: no bucket overspent."""
    rule = SLACK if kind == "slack" else DISCORD
    scale, shape = limit
    shapes: dict[str, Shape | None] = {
        "natural": None,
        "single": "single",
        "sliding": "sliding",
        "fixed": "fixed",
        "bucket": "bucket",
    }

    def fault(op: Op, target: str, number: int) -> Fault | None:
        for trouble in wrong:
            if trouble.first <= number < trouble.first + trouble.count:
                return fault_of(trouble)
        return None

    platform = FakePlatform(
        edit_rule=rule,
        edit_limit=limit_of(rule, scale=scale, shape=shapes[shape]),
        headers=kind == "discord",
        page_limit=300,
        fault=fault,
    )

    async def scenario() -> list[tuple[View, FakeDocument, Settled]]:
        async with Running(platform, timeout=TIMEOUT) as outbox:
            ends = await asyncio.gather(
                *(live(outbox, platform, f"r{number}", story) for number, story in enumerate(told))
            )
            await asyncio.sleep(4 * TIMEOUT)
            assert outbox.snapshot().live == 0
            assert outbox.snapshot().unseen == 0
            return ends

    loop = looptime.new_event_loop(start=0)
    try:
        ends = loop.run_until_complete(scenario())
    finally:
        loop.close()

    kinds = {trouble.kind for trouble in wrong}
    for number, (story, (view, document, settled)) in enumerate(zip(told, ends, strict=True)):
        name = f"r{number}"
        keys = [post_key(name, page) for page in range(100)]
        mine = sorted(
            (message for message in platform.messages.values() if message.key in keys),
            key=lambda message: (keys.index(message.key), int(message.ref.message)),
        )
        assert len({message.key for message in mine}) == len(mine), "a page was posted twice"
        if settled.kind == "shown":
            if story.deleted_at is None:
                assert [message.text for message in mine] == [page.text for page in document.pages()]
                assert all(message.controls == () for message in mine)
                assert [message.ref for message in mine] == list(view.refs)
        elif settled.kind == "gone" and story.deleted_at is None:
            # Nothing of it was taken, again and again; one honest sentence was.
            assert settled.code.startswith("rejected:"), settled
            assert [(message.text, message.controls) for message in mine] == [(sentences.OUR_FAULT, ())]
        elif settled.kind != "gone":
            assert settled.kind == "denied"
            assert kinds & {"rejected", "denied"}, settled
    assert platform.overtaken == 0, "two calls at once for one message"
    natural = scale == 1.0 and shape in ("natural", "bucket" if kind == "slack" else "fixed")
    if natural and "lose" not in kinds:
        # A hung call may be counted long after anybody waited for it; all else is booked.
        assert platform.refusals == []


@given(st.lists(stories, min_size=1, max_size=3), st.sampled_from(["slack", "discord"]))
@settings(max_examples=60)
def test_without_faults_what_is_seen_only_grows(told: list[Story], kind: str) -> None:
    """Law 1: every frame of a page is a later text than the frame before."""
    rule = SLACK if kind == "slack" else DISCORD
    platform = FakePlatform(edit_rule=rule, headers=kind == "discord", page_limit=300)

    async def scenario() -> None:
        async with Running(platform, timeout=TIMEOUT) as outbox:
            ends = await asyncio.gather(
                *(live(outbox, platform, f"r{number}", story) for number, story in enumerate(told))
            )
            for view, _, settled in ends:
                for ref in view.refs if settled.kind == "shown" else ():
                    texts = [frame.text for frame in platform.frames(ref)]
                    for before, after in pairwise(texts):
                        assert after.startswith(before)

    loop = looptime.new_event_loop(start=0)
    try:
        loop.run_until_complete(scenario())
    finally:
        loop.close()
    assert platform.refusals == []
    assert platform.overtaken == 0
    assert math.isfinite(len(platform.seen))
