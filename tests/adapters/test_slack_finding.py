"""Looking for a post whose answer was lost, where that takes more than one page or has no mark to go by."""

from __future__ import annotations

from typing import Literal

import pytest

from adapters.slack import writing
from bot.ports import Incoming, Place, Ref, Sent, Unavailable
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
