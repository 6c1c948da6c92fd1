"""deploy/slack-manifest.yaml asks for exactly what the adapter uses, and that is enough."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.slack import scopes
from adapters.slack.platform import SlackPlatform
from bot.ports import Bucket, Content, Control, Incoming, Place, Sent
from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Record
from sandbox.slack.server import SlackServer

MANIFEST = Path(__file__).parents[2] / "deploy" / "slack-manifest.yaml"


class Meter:
    def spent(self, bucket: Bucket) -> None: ...
    def told(self, bucket: Bucket, *, limit: int, remaining: int, reset_after: float) -> None: ...
    def refused(self, bucket: Bucket, retry_after: float) -> None: ...


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    loaded = yaml.safe_load(MANIFEST.read_text())
    assert isinstance(loaded, dict)
    return loaded


def asked_for(manifest: dict[str, Any]) -> tuple[set[str], set[str]]:
    """(bot scopes, subscribed events)."""
    return (
        set(manifest["oauth_config"]["scopes"]["bot"]),
        set(manifest["settings"]["event_subscriptions"]["bot_events"]),
    )


def test_the_manifest_asks_for_what_the_table_explains(manifest: dict[str, Any]) -> None:
    """Each scope has a method or an event that needs it."""
    assert asked_for(manifest) == (set(scopes.SCOPES), set(scopes.EVENTS))


def test_the_manifest_is_for_socket_mode_with_buttons_and_the_command(manifest: dict[str, Any]) -> None:
    """What the README's steps rely on."""
    settings = manifest["settings"]
    assert settings["socket_mode_enabled"] is True
    assert settings["interactivity"]["is_enabled"] is True
    assert manifest["features"]["app_home"]["messages_tab_read_only_enabled"] is False
    [command] = manifest["features"]["slash_commands"]
    assert command["command"] == "/ask"
    assert len(command["description"]) <= 2_000
    assert len(manifest["display_information"]["description"]) <= 140


async def test_what_the_manifest_allows_is_what_a_day_in_a_workspace_uses(manifest: dict[str, Any]) -> None:
    """With exactly these scopes and events nothing is refused; and the record names no method besides the table's."""
    granted, subscribed = asked_for(manifest)
    clock = Clock()
    record = Record(clock)
    server = SlackServer(clock, Limits(), record)
    server.scopes.clear()
    server.scopes.update(granted)
    server.subscriptions.clear()
    server.subscriptions.update(subscribed)
    await server.start()
    platform = SlackPlatform(bot_token=server.bot_token, app_token=server.app_token, api_url=server.api_url)
    try:
        await platform.connect(Meter())
        assert platform.health().notes == ()
        await _a_day(server, platform)
        calls = record.entries("call", "slack")
        assert {c["error"] for c in calls} <= {"", "connection closed"}
        used = {call["method"] for call in calls} - {"response_url"}
        assert used == set(scopes.METHODS)
        await record.wait(lambda r: {e["event"] for e in r.entries("acked", "slack")} >= subscribed)
    finally:
        await platform.close()
        await server.stop()


async def _a_day(server: SlackServer, platform: SlackPlatform) -> None:
    """A mention, a follow-up, a DM, a command, a button, a lost post, a name, a word to one person."""
    events = platform.events()
    ada, general, direct = "U0ADA", "C0GENERAL", server.direct("U0ADA")

    async def heard() -> Incoming:
        async with asyncio.timeout(10):
            event = await anext(events)
        assert isinstance(event, Incoming)
        return event

    async def post(place: Place, key: str) -> Sent:
        sent = await platform.post(place, Content("because", (Control.STOP,), "r1"), key=key)
        assert isinstance(sent, Sent)
        return sent

    await server.say(ada, general, f"{server.mention} why?")
    asked = await heard()
    await platform.status(asked.place, "is thinking…")
    sent = await post(asked.place, "k1")
    assert await platform.edit(asked.place, sent.ref, Content("because of this")) == sent
    assert await platform.find(asked.place, "k1") == sent.ref
    assert await platform.name(asked.person) == "Ada"
    assert await platform.tell(asked, "A word.")
    await server.say(ada, general, "really?", thread=asked.place.thread)
    assert (await heard()).how == "overheard"
    council = next(
        c["id"] for c in server.channels() if c["kind"] == "channel" and c["private"] and c["member"]
    )
    await server.say(ada, council, f"{server.mention} between us")
    await post((await heard()).place, "k4")
    await server.say(ada, direct, "hello")
    private = await heard()
    server.faults.fault("chat.postMessage", drop="after")
    await platform.post(private.place, Content("hello"), key="k2")
    assert await platform.find(private.place, "k2") is not None
    await server.command(ada, general, "ask", "why?")
    commanded = await heard()
    await post(commanded.place, "k3")
    assert await platform.tell(commanded, "A word.")
