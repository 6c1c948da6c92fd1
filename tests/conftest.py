"""For all tests."""

from __future__ import annotations

import asyncio

# pytest-asyncio and looptime ask for the main thread's current loop, and so make one that nobody closes: its
# ResourceWarning would then hit whichever test runs when it is collected. Said to be none, none is made.
asyncio.set_event_loop(None)
