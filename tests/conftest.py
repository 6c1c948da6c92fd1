"""For all tests."""

from __future__ import annotations

import asyncio

import pytest

# pytest-asyncio and looptime ask for the main thread's current loop, and so make one that nobody closes: its
# ResourceWarning would then hit whichever test runs when it is collected. Said to be none, none is made.
asyncio.set_event_loop(None)

# Those that wait longest begin first, so that the last worker does not end alone.
_FIRST = ("tests/end_to_end/test_answers", "tests/end_to_end/", "tests/deploy/", "tests/page/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((n for n, path in enumerate(_FIRST) if item.nodeid.startswith(path)), len(_FIRST))

    items.sort(key=place)
