"""Threads where the bot takes no part: they cost nothing, and are noticed the moment it does."""

from __future__ import annotations

import pytest

from bot.ports import Ref
from bot.store.engine import Strangers
from bot.store.store import Store
from tests.store.stage import THREAD, question


@pytest.mark.parametrize("deed", ["begin", "anew", "posted"])
async def test_a_thread_that_was_foreign_is_known_as_soon_as_the_bot_is_in_it(
    store: Store, deed: str
) -> None:
    """Law: nobody is left without an answer because of what is remembered."""
    anchor = "slack:T1:thread:C9:1.1"
    assert not await store.takes_part([anchor])
    assert not await store.takes_part([anchor])
    match deed:
        case "begin":
            await store.begin(question("k9", anchor), reply="r9", model="m", silence=1e9)
        case "anew":
            await store.begin_anew(THREAD, [anchor])
        case "posted":
            await store.begin(question("k9", "elsewhere"), reply="r9", model="m", silence=1e9)
            await store.posted("r9", [Ref("C9", "5")], THREAD, [anchor])
    assert await store.takes_part([anchor])


def test_what_was_read_before_somebody_was_met_is_not_remembered() -> None:
    """A reading that a writing overtook may be wrong by now."""
    strangers = Strangers()
    since = strangers.meetings
    with strangers.meeting(["a"]):
        strangers.remember(["a"], since=since)
        assert "a" not in strangers
        strangers.remember(["a"], since=strangers.meetings)
    assert "a" not in strangers
