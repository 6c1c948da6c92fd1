"""For all tests."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, settings

# pytest-asyncio and looptime ask for the main thread's current loop, and so make one that nobody closes: its
# ResourceWarning would then hit whichever test runs when it is collected. Said to be none, none is made.
asyncio.set_event_loop(None)

# The same commit gets the same verdict wherever it is tested; `make properties` looks for what nobody has seen yet. How
# long an example takes is the machine's doing: what must be quick has a test of its own, which counts its own time.
settings.register_profile(
    "seeded", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("searching", settings.get_profile("seeded"), derandomize=False)
settings.load_profile("seeded")

# Those that wait longest begin first, so that the last worker does not end alone.
_FIRST = ("tests/end_to_end/test_answers", "tests/end_to_end/", "tests/deploy/", "tests/page/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((n for n, path in enumerate(_FIRST) if item.nodeid.startswith(path)), len(_FIRST))

    items.sort(key=place)
