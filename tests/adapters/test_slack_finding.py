"""Looking for a post whose answer was lost, where that takes more than one page or has no mark to go by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import pytest

from adapters.slack import writing
from bot.ports import Content, File, Incoming, Open, Place, Ref, Sent, Unavailable
from tests.adapters.slack_stage import ADA, GENERAL, Workspace


@pytest.mark.parametrize("applied", ["after", "before"])
async def test_in_a_long_thread_a_lost_post_is_looked_for_behind_its_question(
    slack: Workspace, monkeypatch: pytest.MonkeyPatch, applied: Literal["before", "after"]
) -> None:
    """One more page than in a short one, however long it is: what somebody was asked there is answered below it. Also
    after a restart, from what is stored of the place.
    """
    monkeypatch.setattr(writing, "FIND_LIMIT", 3)
    root = await _long_thread(slack, 3 * writing.FIND_PAGES + 3)
    place = (await slack.ask(thread=root)).place
    slack.server.faults.fault("chat.postMessage", drop=applied)
    assert await slack.post(place, "one", "k7") == Unavailable("connection_lost", None)
    await slack.restart()
    found = await slack.platform.find(place, "k7")
    assert len(slack.calls("conversations.replies")) == 2
    if applied == "before":
        assert found is None
    else:
        assert isinstance(found, Ref)
        assert slack.shown(found) == "one"


async def test_a_thread_that_is_too_long_is_read_on_where_it_was_left(
    slack: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody knows when it was asked, a thread of any length has an end: nothing is posted before it is reached."""
    monkeypatch.setattr(writing, "FIND_LIMIT", 2)
    slack.limits.enforced = False
    root = await _long_thread(slack, 3 * writing.FIND_PAGES)
    place = Place("slack", "T0SANDBOX", GENERAL, thread=root)
    assert await slack.platform.find(place, "k7") == Unavailable("thread_too_long")
    assert await slack.platform.find(place, "k7") is None
    sent = await slack.post(place, "one", "k7")
    assert isinstance(sent, Sent)
    assert await slack.platform.find(place, "k7") == Unavailable("thread_too_long")
    slack.server.faults.fault("conversations.replies", status=429, retry_after=4)
    assert await slack.platform.find(place, "k7") == Unavailable("ratelimited", None, 4.0)
    assert await slack.platform.find(place, "k7") == sent.ref


async def _long_thread(slack: Workspace, length: int) -> str:
    root = await slack.server.say(ADA, GENERAL, "root")
    for number in range(length):
        await slack.server.say(ADA, GENERAL, f"reply {number}", thread=root)
    for _ in range(length + 1):
        await slack.next(Incoming)
    return root


# ---------------------------------------------------------------------------------------------------- without a mark


@pytest.fixture
async def native(closed: Workspace) -> Workspace:
    """Direct messages grow by Slack's own streams."""
    await closed.connect(streaming="native")
    return closed


async def ask(native: Workspace) -> Place:
    await native.server.say(ADA, native.server.direct(ADA), "why?")
    return (await native.next(Incoming)).place


async def start(native: Workspace, place: Place, key: str) -> Ref:
    """A stream that goes on."""
    sent = await native.platform.post(place, Content("one two", settled=7), key=key)
    assert isinstance(sent, Sent)
    assert isinstance(sent.open, Open)
    return sent.ref


def texts(native: Workspace, place: Place) -> list[str]:
    """What the bot says under the question."""
    said = native.server.messages(place.channel)
    return [str(one["text"]) for one in said if one["thread"] == place.reply_to]


async def test_a_stream_that_a_crash_has_left_is_found_and_can_be_changed(native: Workspace) -> None:
    """Nobody heard the answer to its start, and a start bears no mark. Somebody has asked on behind it meanwhile."""
    place = await ask(native)
    native.server.faults.fault("chat.startStream", drop="after")
    lost = await native.platform.post(place, Content("one two", settled=7), key="k7")
    assert lost == Unavailable("connection_lost", None)
    await native.server.say(ADA, place.channel, "hello?", thread=place.reply_to)
    await native.next(Incoming)
    await native.restart(streaming="native")
    found = await native.platform.find(place, "k7")
    assert isinstance(found, Ref)
    assert native.shown(found) == "one two"
    assert await native.platform.find(place, "k8") is None, "it is no other page as well"
    whole = Content("one two, and then", closed=True)
    while (sent := await native.platform.edit(place, found, whole)) != Sent(found):
        assert isinstance(sent, Sent)
        assert sent.open is not None
    assert texts(native, place) == ["one two, and then", "hello?"]


async def nothing_lost(_native: Workspace, _place: Place) -> None:
    """The start never arrived."""


async def an_older_answer(native: Workspace, place: Place) -> None:
    """Marked when it was posted."""
    assert isinstance(await native.post(place, "It is so.", "k1"), Sent)


async def a_whole_stream(native: Workspace, place: Place) -> None:
    """Marked when it was stopped."""
    ref = await start(native, place, "k1")
    assert await native.platform.edit(place, ref, Content("one two three", closed=True)) == Sent(ref)


async def a_file(native: Workspace, place: Place) -> None:
    assert isinstance(await native.platform.upload(place, File("a.md", "text/markdown", b"# a"), ""), Sent)
    await native.record.wait(lambda record: record.entries("shown", files=["a.md"]))


async def a_later_answer_above_which_one_was_left(native: Workspace, place: Place) -> None:
    """Whatever stands above what was said later is not what was lost last."""
    await start(native, place, "k1")
    await an_older_answer(native, place)


@pytest.mark.parametrize(
    "before", [nothing_lost, an_older_answer, a_whole_stream, a_file, a_later_answer_above_which_one_was_left]
)
async def test_nothing_else_is_taken_for_a_stream_that_a_crash_has_left(
    native: Workspace, before: Callable[[Workspace, Place], Awaitable[None]]
) -> None:
    """Else another answer would be overwritten; a few words that stand twice are the lesser evil."""
    place = await ask(native)
    await before(native, place)
    stood = texts(native, place)
    await native.restart(streaming="native")
    assert await native.platform.find(place, "k7") is None
    assert texts(native, place) == stood


async def test_what_stood_before_the_question_is_no_answer_to_it(native: Workspace) -> None:
    """In a thread that goes on, a stream that was left above it belongs to an older one."""
    root = await ask(native)
    await start(native, root, "k1")
    await native.server.say(ADA, root.channel, "and now?", thread=root.reply_to)
    place = (await native.next(Incoming)).place
    await native.restart(streaming="native")
    assert await native.platform.find(place, "k7") is None


async def test_what_grows_in_this_process_is_nobodys_lost_stream(native: Workspace) -> None:
    """A new question in the same thread is answered while the old one is still looked for."""
    place = await ask(native)
    await native.restart(streaming="native")
    grows = await start(native, place, "k8")
    assert await native.platform.find(place, "k7") is None
    native.server.faults.fault("chat.startStream", drop="after")
    await native.platform.post(place, Content("three four", settled=10), key="k9")
    assert await native.platform.find(place, "k7") is None, "that start is still waited for"
    assert (await native.platform.find(place, "k9")) not in (None, grows)


async def test_a_post_that_this_process_lost_is_no_stream_of_another(native: Workspace) -> None:
    """What it was made as is known: it bears a mark, or it is not there."""
    place = await ask(native)
    await start(native, place, "k1")
    await native.restart(streaming="native")
    native.server.faults.fault("chat.postMessage", drop="before")
    assert await native.post(place, "All at once.", "k7") == Unavailable("connection_lost", None)
    assert await native.platform.find(place, "k7") is None
