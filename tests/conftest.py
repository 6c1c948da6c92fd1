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

# The longest files begin first, so that no worker ends alone; and those that wait begin before those that compute.
_FIRST = (
    *("tests/end_to_end/test_answers", "tests/end_to_end/test_forms", "tests/page/test_browser"),
    *("tests/end_to_end/test_faults_seen", "tests/end_to_end/test_lifetime", "tests/page/test_conversation"),
    *("tests/adapters/test_slack_streaming.py", "tests/end_to_end/test_histories", "tests/test_app"),
    *("tests/end_to_end/", "tests/deploy/", "tests/page/", "tests/adapters/test_slack_agent", "tests/bench/"),
    *("tests/reply/test_pages_plainly", "tests/reply/test_outbox_properties", "tests/adapters/"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((n for n, path in enumerate(_FIRST) if item.nodeid.startswith(path)), len(_FIRST))

    items.sort(key=place)
