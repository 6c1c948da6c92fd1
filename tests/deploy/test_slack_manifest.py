"""deploy/slack-manifest.yaml asks for exactly what the adapter uses, and that is enough; the agent's has a little more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from adapters.slack import interactions, scopes
from adapters.slack.platform import SlackPlatform
from bot.ports import (
    Bucket,
    Content,
    Control,
    Deleted,
    Edited,
    Event,
    Field,
    File,
    Group,
    Incoming,
    Ordered,
    Panel,
    Place,
    Pressed,
    Sent,
    Submitted,
    Wanted,
)
from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Record
from sandbox.slack.server import SlackServer

DEPLOY = Path(__file__).parents[2] / "deploy"
MANIFESTS = ("slack-manifest.yaml", "slack-manifest-agent.yaml")
E = TypeVar("E", bound=Event)


class Meter:
    def spent(self, bucket: Bucket) -> None: ...
    def told(self, bucket: Bucket, *, limit: int, remaining: int, reset_after: float) -> None: ...
    def refused(self, bucket: Bucket, retry_after: float) -> None: ...


def read(name: str) -> dict[str, Any]:
    loaded = yaml.safe_load((DEPLOY / name).read_text())
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(params=MANIFESTS)
def manifest(request: pytest.FixtureRequest) -> dict[str, Any]:
    return read(request.param)


def asked_for(manifest: dict[str, Any]) -> tuple[set[str], set[str]]:
    """(bot scopes, subscribed events)."""
    return (
        set(manifest["oauth_config"]["scopes"]["bot"]),
        set(manifest["settings"]["event_subscriptions"]["bot_events"]),
    )


def test_the_manifest_asks_for_what_the_table_explains() -> None:
    """Each scope has a method or an event that needs it."""
    plain, agent = map(read, MANIFESTS)
    assert asked_for(plain) == (set(scopes.SCOPES), set(scopes.EVENTS))
    assert asked_for(agent) == (
        set(scopes.SCOPES | scopes.AGENT_SCOPES),
        set(scopes.EVENTS) | scopes.AGENT_EVENTS,
    )


def test_the_agent_is_the_same_app_with_its_own_surface() -> None:
    """An opt-in that hides nothing else: one cannot go back from it."""
    plain, agent = map(read, MANIFESTS)
    view = agent["features"].pop("agent_view")
    for app in (plain, agent):
        del app["oauth_config"], app["settings"]["event_subscriptions"]
    assert agent == plain
    assert len(view["agent_description"]) <= 300
    assert 1 <= len(view["suggested_prompts"]) <= 4
    assert all(prompt["title"] and prompt["message"] for prompt in view["suggested_prompts"])


def test_every_scope_is_required_or_costs_something() -> None:
    """And the one who runs the bot is told what, in a sentence for each."""
    assert set(scopes.COSTS) | scopes.REQUIRED == scopes.SCOPES
    assert not set(scopes.COSTS) & scopes.REQUIRED
    said = scopes.notes(sorted(scopes.SCOPES))
    assert len(set(said)) == len(scopes.SCOPES)
    assert all(sentence.startswith("Slack: ") and sentence.endswith(".") for sentence in said)


def test_the_manifest_is_for_socket_mode_with_what_the_adapter_hears(manifest: dict[str, Any]) -> None:
    """What the README's steps rely on."""
    settings, features = manifest["settings"], manifest["features"]
    assert settings["socket_mode_enabled"] is True
    assert settings["interactivity"]["is_enabled"] is True
    assert features["app_home"]["messages_tab_read_only_enabled"] is False
    assert [command["command"] for command in features["slash_commands"]] == ["/ask", "/claude"]
    assert {(one["type"], one["callback_id"]) for one in features["shortcuts"]} == {
        ("message", interactions.ASK_MESSAGE),
        ("message", interactions.SUMMARIZE_THREAD),
    }
    assert all(len(one["name"]) <= 24 and len(one["description"]) <= 150 for one in features["shortcuts"])
    assert all(len(command["description"]) <= 2_000 for command in features["slash_commands"])
    assert len(manifest["display_information"]["description"]) <= 140


class Day:
    """A workspace that grants exactly what a manifest asks for, and the adapter in it."""

    def __init__(self, granted: set[str], subscribed: set[str]) -> None:
        clock = Clock()
        self.record = Record(clock)
        self.server = SlackServer(clock, Limits(), self.record)
        for having, wanted in ((self.server.scopes, granted), (self.server.subscriptions, subscribed)):
            having.clear()
            having.update(wanted)

    async def begin(self) -> None:
        if "assistant:write" in self.server.scopes:
            self.server.declare_agent()
        await self.server.start()
        self.platform = SlackPlatform(
            bot_token=self.server.bot_token,
            app_token=self.server.app_token,
            api_url=self.server.api_url,
            streaming="native",
            agent="assistant:write" in self.server.scopes,
        )
        await self.platform.connect(Meter())
        self._events = self.platform.events()

    async def end(self) -> None:
        await self.platform.close()
        await self.server.stop()

    async def next(self, kind: type[E]) -> E:
        async with asyncio.timeout(10):
            event = await anext(self._events)
        assert isinstance(event, kind), event
        return event

    async def post(self, place: Place, key: str, **more: Any) -> Sent:
        sent = await self.platform.post(place, Content("because", (Control.STOP,), "r1", **more), key=key)
        assert isinstance(sent, Sent), sent
        return sent


@pytest.fixture
async def day(manifest: dict[str, Any]) -> AsyncIterator[Day]:
    one = Day(*asked_for(manifest))
    await one.begin()
    yield one
    await one.end()


async def test_what_the_manifest_allows_is_what_a_day_in_a_workspace_uses(
    day: Day, manifest: dict[str, Any]
) -> None:
    """With exactly these scopes and events nothing is refused; and the record names no method besides the table's."""
    assert day.platform.health().notes == ()
    for happening in (_questions, _streams, _controls, _orders, _files):
        await happening(day)
    calls = day.record.entries("call", "slack")
    assert {call["error"] for call in calls} <= {"", "connection closed"}
    agent = asked_for(manifest)[0] >= scopes.AGENT_SCOPES
    expected = set(scopes.METHODS) | (set(scopes.AGENT_METHODS) if agent else set())
    assert {call["method"] for call in calls} - {"response_url"} == expected
    heard = asked_for(manifest)[1] - {"message.mpim"}  # the sandbox has no group DMs
    await day.record.wait(lambda r: {e["event"] for e in r.entries("acked", "slack")} >= heard)


ADA, GENERAL = "U0ADA", "C0GENERAL"


async def _questions(day: Day) -> None:
    """A mention, a follow-up, a private channel, a lost post, names, a thread's history, a word to one person."""
    server, platform = day.server, day.platform
    await server.say(ADA, GENERAL, f"{server.mention} why?")
    asked = await day.next(Incoming)
    await platform.status(asked.place, "is thinking…")
    sent = await day.post(asked.place, "k1")
    assert await platform.edit(asked.place, sent.ref, Content("because of this")) == sent
    assert await platform.find(asked.place, "k1") == sent.ref
    assert await platform.name(asked.person) == "Ada"
    assert (await platform.standing(asked.place, asked.person)).manager
    assert await platform.whisper(asked.place, asked.person, "A word.")
    await server.say(ADA, GENERAL, "really, in <#C0RANDOM>?", thread=asked.place.thread)
    followed = await day.next(Incoming)
    assert (followed.how, followed.text) == ("overheard", "really, in #random?")
    assert len(await platform.history(followed, limit=10)) == 2
    council = next(
        c["id"] for c in server.channels() if c["kind"] == "channel" and c["private"] and c["member"]
    )
    await server.say(ADA, council, f"{server.mention} between us")
    await day.post((await day.next(Incoming)).place, "k4")


async def _streams(day: Day) -> None:
    """A direct message that grows natively, one whose post is lost, and the stop button of Slack's own."""
    server, platform = day.server, day.platform
    direct = server.direct(ADA)
    await server.say(ADA, direct, "hello")
    private = (await day.next(Incoming)).place
    sent = await day.post(private, "k2", settled=4)
    grown = Content("because of this", (Control.STOP,), "r1", settled=10)
    assert isinstance(await platform.edit(private, sent.ref, grown), Sent)
    await platform.edit(private, sent.ref, replace(grown, controls=(), settled=15, closed=True))
    server.faults.fault("chat.postMessage", drop="after")
    plain = replace(private, reply_to="", thread="")
    await platform.post(plain, Content("hello"), key="k5")
    assert await platform.find(plain, "k5") is not None
    if "agent_session_stopped" in server.subscriptions:
        told = "agents.sessions.setStatus"  # behind the answer, when it has grown for a while
        await day.record.wait(lambda record: record.entries("call", "slack", method=told))
        growing = await day.post(private, "k6", settled=4)
        await server.stop_stream(ADA, direct, growing.ref.message)
        assert (await day.next(Pressed)).control is Control.STOP


async def _controls(day: Day) -> None:
    """A button, a reaction, an edited question, a deletion."""
    server, platform = day.server, day.platform
    said = await server.say(ADA, GENERAL, f"{server.mention} why?")
    asked = await day.next(Incoming)
    sent = await day.post(asked.place, "k7")
    await server.press(ADA, GENERAL, sent.ref.message, "Stop")
    assert (await day.next(Pressed)).reply == "r1"
    await server.react(ADA, GENERAL, sent.ref.message, "octagonal_sign")
    assert (await day.next(Pressed)).control is Control.STOP
    await server.change(ADA, GENERAL, said, f"{server.mention} how?")
    assert (await day.next(Edited)).text == "how?"
    assert await platform.delete(asked.place, sent.ref) == Sent(sent.ref)
    assert (await day.next(Deleted)).message == sent.ref


async def _orders(day: Day) -> None:
    """A command, an order, a shortcut, and a form that it opens."""
    server, platform = day.server, day.platform
    await server.command(ADA, GENERAL, "ask", "why?")
    commanded = await day.next(Incoming)
    await day.post(commanded.place, "k3")
    assert await platform.whisper(commanded.place, commanded.person, "A word.")
    await server.command(ADA, GENERAL, "claude", "settings")
    order = await day.next(Ordered)
    roles = Group("g", "Who", (Field("roles", "Groups", "roles"), Field("note", "Note", "text")))
    assert await platform.open(order.place, order.person, Panel("p", "Settings", (roles,), "Save"))
    [view] = server.views()
    await server.fill(ADA, view["id"], {"roles": ["@editors"], "note": "x"})
    assert (await day.next(Submitted)).values == {"roles": ("S0EDITORS",), "note": ("x",)}


async def _files(day: Day) -> None:
    """A file from somebody, also one that is only named, and one of ours."""
    server, platform = day.server, day.platform
    said = await server.say(ADA, GENERAL, "look", files=[("a.txt", b"hello")])
    [attachment] = (await day.next(Incoming)).files
    await server.shortcut(ADA, "summarize_thread", GENERAL, said)
    wanted = await day.next(Wanted)
    for one in (attachment, replace(attachment, url="")):
        assert isinstance(await platform.download(one, limit=100), File)
    sent = await platform.upload(wanted.place, File("b.md", "text/markdown", b"# b"), "All of it")
    assert isinstance(sent, Sent)
    assert await platform.delete(wanted.place, sent.ref) == Sent(sent.ref)
