"""Servers of the sandbox by themselves, with no bot on the other side."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Record
from sandbox.slack.server import SlackServer


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    """Slack with all of its limits; modules that are about something else have one without."""
    clock = Clock()
    server = SlackServer(clock, Limits(), Record(clock))
    await server.start()
    yield server
    await server.stop()
