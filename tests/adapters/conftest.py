"""The stage of the tests of what only Slack has. The contract suite has its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.adapters.slack_stage import Workspace


@pytest.fixture
async def closed() -> AsyncIterator[Workspace]:
    """A workspace that nobody has connected to yet."""
    workspace = Workspace()
    await workspace.server.start()
    yield workspace
    if hasattr(workspace, "platform"):
        await workspace.platform.close()
    await workspace.server.stop()


@pytest.fixture
async def slack(closed: Workspace) -> Workspace:
    await closed.connect()
    return closed
