"""Settings in the store: only what was set, never an old value after a write."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

from bot.store.store import Store


async def test_what_was_set_is_read_and_nothing_else(store: Store) -> None:
    await store.preferences.change("slack", "T1", "", {"model": "a", "footer": True}, by="U1")
    await store.preferences.change("slack", "T1", "C1", {"footer": False, "persona": ""}, by="U1")
    workspace, channel = await store.preferences.changes("slack", "T1", "C1")
    assert (dict(workspace), dict(channel)) == (
        {"model": "a", "footer": True},
        {"footer": False, "persona": ""},
    )
    for elsewhere in (("slack", "T1", "C2"), ("slack", "T2", "C1"), ("discord", "T1", "C1")):
        assert dict((await store.preferences.changes(*elsewhere))[1]) == {}


async def test_parts_of_a_form_that_are_sent_one_by_one_add_up(store: Store) -> None:
    """Discord's form is sent field by field, maybe by two managers at once."""
    sent: list[dict[str, Any]] = [
        {"model": "a"},
        {"footer": True},
        {"reply_in": "channel"},
        {"notify_after": 60},
    ]
    await asyncio.gather(*(store.preferences.change("discord", "G1", "C1", one, by="U1") for one in sent))
    _, channel = await store.preferences.changes("discord", "G1", "C1")
    assert dict(channel) == {"model": "a", "footer": True, "reply_in": "channel", "notify_after": 60}


async def test_what_is_unset_leaves_no_trace(store: Store, tmp_path: Path) -> None:
    await store.preferences.change("slack", "T1", "C1", {"model": "a", "footer": True}, by="U1")
    await store.preferences.change("slack", "T1", "C1", {"model": None}, by="U1")
    assert dict((await store.preferences.changes("slack", "T1", "C1"))[1]) == {"footer": True}
    await store.preferences.change("slack", "T1", "C1", {"footer": None}, by="U1")
    with sqlite3.connect(tmp_path / "s.sqlite3") as raw:
        assert raw.execute("select count(*) from preferences").fetchone() == (0,)
    raw.close()


async def test_a_reader_beside_a_writer_never_remembers_the_old_value(store: Store) -> None:
    """What is remembered must not be older than the last write that has returned."""

    async def read() -> None:
        for _ in range(20):
            await store.preferences.changes("slack", "T1", "C1")

    async def write() -> None:
        for number in range(10):
            await store.preferences.change("slack", "T1", "C1", {"notify_after": number}, by="U1")
            _, channel = await store.preferences.changes("slack", "T1", "C1")
            assert channel["notify_after"] == number

    await asyncio.gather(read(), write(), read())
    assert (await store.preferences.changes("slack", "T1", "C1"))[1]["notify_after"] == 9


async def test_settings_survive_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.sqlite3"
    store = await Store.open(url)
    await store.preferences.change("slack", "T1", "C1", {"allowed_people": ["U1"]}, by="U9", now=5.0)
    await store.close()
    store = await Store.open(url)
    assert dict((await store.preferences.changes("slack", "T1", "C1"))[1]) == {"allowed_people": ["U1"]}
    await store.close()
