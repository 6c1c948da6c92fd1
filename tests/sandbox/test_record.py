"""sandbox/record.py: what happened is never changed, and can be waited for."""

from __future__ import annotations

import asyncio
import json

import pytest

from sandbox.clock import Clock
from sandbox.record import Entry, Record


def test_entries_are_found_by_kind_platform_and_fields() -> None:
    """A test asks for what it means."""
    record = Record(Clock())
    record.add("shown", "slack", channel="C1", text="a")
    record.add("shown", "discord", channel="C1", text="b")
    record.add("call", "slack", method="chat.update")
    assert [entry["text"] for entry in record.entries("shown")] == ["a", "b"]
    assert [entry["text"] for entry in record.entries("shown", "slack", channel="C1")] == ["a"]
    assert record.entries("shown", "slack", channel="C2") == []
    assert [entry.number for entry in record] == [0, 1, 2]
    assert record.entries("call")[0].get("error", "none") == "none"


def test_an_entry_travels_as_json() -> None:
    """The page and a file get the same flat thing."""
    entry = Record(Clock()).add("shown", "slack", channel="C1", controls=["Stop"])
    assert json.loads(json.dumps(entry.as_json()))["fields"] == {"channel": "C1", "controls": ["Stop"]}


def test_listeners_hear_each_entry_until_they_stop() -> None:
    """The page is live."""
    record, heard = Record(Clock()), list[Entry]()
    stop = record.listen(heard.append)
    record.add("call", "slack")
    stop()
    record.add("call", "slack")
    assert [entry.number for entry in heard] == [0]


async def test_waiting_ends_with_the_first_answer() -> None:
    """A test waits for a condition, never for a time."""
    record = Record(Clock())

    async def later() -> None:
        for text in ("one", "two", "three"):
            record.add("shown", "slack", text=text)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(later())
        found = await record.wait(lambda r: r.entries("shown", text="two"))
    assert [entry.number for entry in found] == [1]


async def test_what_has_happened_already_needs_no_waiting() -> None:
    """The condition is asked before anything new happens."""
    record = Record(Clock())
    record.add("shown", "slack", text="one")
    assert await record.wait(len) == 1


async def test_waiting_in_vain_shows_the_last_entries() -> None:
    """A failure says what happened instead."""
    record = Record(Clock())
    record.add("shown", "slack", text="something else")
    with pytest.raises(TimeoutError, match="something else"):
        await record.wait(lambda r: r.entries("shown", text="never"), within=0.01)
