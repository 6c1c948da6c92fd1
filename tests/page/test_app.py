"""The page's routes and its WebSocket, as a browser would use them, without one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from sandbox.page.app import is_loopback
from sandbox.page.files import MOST_BYTES
from sandbox.slack.app import OFFERS, PROMPTS
from sandbox.world import World
from tests.page.stage import general, staged

Message = dict[str, Any]


class Viewer:
    """One page's WebSocket; what it was told is applied as the page applies it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.messages: dict[tuple[str, str, str], Message] = {}
        self.gauges: Message = {}
        self.updates = 0
        self.ref = 0

    async def hear(self) -> Message:
        told: Message = json.loads((await self.socket.receive(timeout=10)).data)
        for message in told.get("messages", ()):
            self.messages[message["platform"], message["channel"], message["id"]] = message
        for removed in told.get("removed", ()):
            self.messages.pop(tuple(removed), None)
        self.gauges |= {
            name: told[name]
            for name in ("now", "scale", "speed", "lag", "budgets", "statuses")
            if name in told
        }
        self.updates += told["type"] == "update"
        return told

    async def until(self, condition: Callable[[Viewer], Any]) -> Any:
        while not (answer := condition(self)):
            await self.hear()
        return answer

    async def do(self, name: str, **fields: Any) -> Message:
        """The answer to a deed."""
        self.ref += 1
        await self.socket.send_json({"do": name, "ref": self.ref, **fields})
        while (told := await self.hear())["type"] != "answer" or told["ref"] != self.ref:
            pass
        return told

    def shown(self, platform: str, **fields: Any) -> list[Message]:
        return [
            message
            for key, message in self.messages.items()
            if key[0] == platform and all(message[name] == value for name, value in fields.items())
        ]


@asynccontextmanager
async def viewing(world: World, **headers: str) -> AsyncIterator[Viewer]:
    headers = {"Origin": world.url} | headers
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{world.url}/live", headers=headers) as socket,
    ):
        viewer = Viewer(socket)
        assert (await viewer.hear())["type"] == "snapshot"
        yield viewer


def ada(world: World, platform: str) -> str:
    server = world.slack if platform == "slack" else world.discord
    return next(str(one["id"]) for one in server.people() if one["name"] == "Ada")


async def test_the_page_and_its_files_are_served_under_a_strict_policy() -> None:
    """No script, style, picture or connection from elsewhere."""
    async with staged(answering=False) as world, aiohttp.ClientSession(world.url) as session:
        async with session.get("/") as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert answer.status == 200
            assert "Inkstream" in await answer.text()
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        for name, kind in (("main.js", "javascript"), ("page.css", "css"), ("drop.svg", "svg")):
            async with session.get(f"/static/{name}") as answer:
                assert answer.status == 200
                assert kind in answer.content_type


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1:5000", True),
        ("localhost:5000", True),
        ("[::1]:5000", True),
        ("127.0.0.1", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
        ("10.0.0.1:5000", False),
        ("[::1", False),
    ],
)
def test_only_this_machine_has_a_loopback_name(host: str, ours: bool) -> None:
    """A foreign name that resolves to 127.0.0.1 is still a foreign name."""
    assert is_loopback(host) is ours


async def test_a_foreign_host_or_origin_reaches_nothing() -> None:
    """A site that somebody visits must not speak in the sandbox."""
    async with staged(answering=False) as world, aiohttp.ClientSession(world.url) as session:
        async with session.get("/", headers={"Host": "evil.example"}) as answer:
            assert answer.status == 403
        for origin in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {}):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect("/live", headers=origin)
            assert refused.value.status == 403


@pytest.mark.parametrize("platform", ["slack", "discord"])
async def test_what_one_types_is_seen_and_its_answer_grows(platform: str) -> None:
    """Snapshot first, then messages as they change, with the history of their growth."""
    async with staged() as world, viewing(world) as viewer:
        world.clock.rescale(4.0)
        world.claude.speed = 900
        mention = (world.slack if platform == "slack" else world.discord).mention
        said = await viewer.do(
            "say", platform=platform, person=ada(world, platform), channel=general(world, platform),
            text=f"{mention} #chars:1500 **go**",
        )  # fmt: skip
        assert said["ok"] is True
        (question,) = await viewer.until(lambda v: v.shown(platform, id=said["result"]))
        assert '<span class="mention" data-kind="user">@claude</span>' in question["html"]
        whole = await viewer.until(
            lambda v: [one for one in v.shown(platform, bot=True) if one["characters"] == 1500]
        )
        growth = whole[0]["growth"]
        assert growth[0][2] == "post"
        assert [tick[1] for tick in growth] == sorted(tick[1] for tick in growth)
        assert growth[-1][1] == 1500
        # All of it was seen, so nobody is behind.
        await viewer.until(lambda v: v.gauges["lag"]["answers"] == 0 and v.gauges["lag"]["characters"] == 0)


async def test_a_page_that_comes_back_sees_what_it_missed() -> None:
    """The snapshot holds everything that stands in the channels."""
    async with staged(answering=False) as world:
        await world.slack.say(ada(world, "slack"), general(world, "slack"), "hello")
        async with viewing(world) as viewer:
            assert [one["html"] for one in viewer.shown("slack")] == ["hello"]


async def test_a_deleted_message_goes_from_every_page() -> None:
    """What nobody can see any more is not shown."""
    async with staged(answering=False) as world, viewing(world) as viewer, viewing(world) as other:
        where = {"platform": "discord", "person": ada(world, "discord"), "channel": general(world, "discord")}
        message = (await viewer.do("say", **where, text="oops"))["result"]
        await other.until(lambda v: v.shown("discord", id=message))
        assert (await viewer.do("change", **where, message=message, text="better"))["ok"]
        await other.until(lambda v: v.shown("discord", id=message, edited=True))
        assert (await viewer.do("delete", **where, message=message))["ok"]
        await other.until(lambda v: not v.shown("discord"))


async def test_twenty_messages_that_grow_are_told_together() -> None:
    """A viewer gets a few updates with the newest text, not one for each edit."""
    async with staged(answering=False) as world, viewing(world) as viewer:
        person, channel = ada(world, "discord"), general(world, "discord")
        messages = [await world.discord.say(person, channel, "0") for _ in range(20)]
        for number in range(1, 51):
            for message in messages:
                await world.discord.change(person, channel, message, str(number))
        await viewer.until(lambda v: len(v.shown("discord", html="50")) == 20)
        assert viewer.updates < 20


@pytest.mark.parametrize(
    ("deed", "sentence"),
    [
        ({"do": "fly"}, "knows no deed 'fly'"),
        ({"do": "say"}, "platform is slack or discord"),
        ({"do": "say", "platform": "slack"}, "person is missing"),
        ({"do": "say", "platform": "slack", "person": "U0ADA", "channel": "C9", "text": "x"}, "C9"),
        ({"do": "say", "platform": "slack", "person": "U0ADA", "channel": ["C0GENERAL"], "text": "x"}, "channel is missing"),
        ({"do": "say", "platform": "discord", "person": "Ada", "channel": "general", "text": "x" * 2001}, "2000"),
        ({"do": "say", "platform": "slack", "person": "U0ADA", "channel": "C0ARCHIVE", "text": "x"}, "archived"),
        ({"do": "press", "platform": "slack", "person": "U0ADA", "channel": "C0GENERAL", "message": "1", "control": "stop"}, "1"),
        ({"do": "scale", "scale": 0}, "scale is a number"),
        ({"do": "scale", "scale": True}, "scale is a number"),
        ({"do": "speed", "speed": "fast"}, "speed is a number"),
        ({"do": "shape", "shape": "round"}, "a limit's shape"),
        ({"do": "enforce", "enforced": 1}, "true or false"),
        (["say"], "a deed is a JSON object"),
    ],
)  # fmt: skip
async def test_what_cannot_be_done_is_refused_in_a_sentence(deed: Any, sentence: str) -> None:
    """Bad input is answered, changes nothing, and the page goes on."""
    async with staged(answering=False) as world, viewing(world) as viewer:
        await viewer.socket.send_json(deed)
        while (told := await viewer.hear())["type"] != "answer":
            pass
        assert told["ok"] is False
        assert sentence in told["problem"]
        assert (await viewer.do("speed", speed=50))["ok"]


async def test_words_that_are_no_json_are_refused_in_a_sentence() -> None:
    """The socket survives anything that is sent over it."""
    async with staged(answering=False) as world, viewing(world) as viewer:
        for noise in ("{", "[" * 100_000, "\ud83d"):
            await viewer.socket.send_str(noise.encode(errors="replace").decode())
            while (told := await viewer.hear())["type"] != "answer":
                pass
            assert told["problem"] == "that was no JSON"
        await viewer.socket.send_bytes(b"\x00")
        while (told := await viewer.hear())["type"] != "answer":
            pass
        assert told["problem"] == "the page speaks JSON text"


async def test_the_controls_change_the_world() -> None:
    """Time, speed, the limits' shape and whether they refuse."""
    async with staged(answering=False) as world, viewing(world) as viewer:
        own = {limit.name: limit.shape for limit in world.limits.known}
        for deed in (
            {"do": "scale", "scale": 10},
            {"do": "speed", "speed": 77},
            {"do": "enforce", "enforced": False},
        ):
            assert (await viewer.do(str(deed.pop("do")), **deed))["ok"]
        assert (world.clock.scale, world.claude.speed, world.limits.enforced) == (10, 77, False)
        await viewer.until(lambda v: v.gauges["scale"] == 10 and v.gauges["speed"] == 77)
        await viewer.do("shape", shape="single")
        assert {limit.shape for limit in world.limits.known} == {"single"}
        await viewer.do("shape", shape="")
        assert {limit.name: limit.shape for limit in world.limits.known} == own


async def test_ten_people_ask_at_once() -> None:
    """One press of a button, ten questions to the bot by all who are there."""
    async with staged(answering=False) as world, viewing(world) as viewer:
        channel = general(world, "slack")
        assert (await viewer.do("crowd", platform="slack", channel=channel))["ok"]
        asked = await viewer.until(lambda v: len(v.shown("slack")) == 10 and v.shown("slack"))
        assert len({message["author"] for message in asked}) == 4
        assert all("@claude" in message["html"] for message in asked)


async def test_no_token_is_shown_in_the_budgets() -> None:
    """A scope that is no channel stays on the server: it may be a token."""
    async with staged() as world, viewing(world) as viewer:
        await viewer.do(
            "say", platform="discord", person=ada(world, "discord"), channel=general(world, "discord"),
            text=f"{world.discord.mention} #chars:50",
        )  # fmt: skip
        rows = await viewer.until(lambda v: v.gauges.get("budgets"))
        assert {row["place"] for row in rows} <= {"", "#general"}
        assert world.discord.bot_token not in json.dumps(rows)


def test_slacks_menus_offer_what_the_manifest_says() -> None:
    """The sandbox's workspace has the app that the repository tells people to install."""
    manifest = yaml.safe_load((Path(__file__).parents[2] / "deploy" / "slack-manifest.yaml").read_text())
    features = manifest["features"]
    assert [one for one in OFFERS if one["kind"] == "slash"] == [
        {
            "kind": "slash",
            "name": one["command"].removeprefix("/"),
            "id": one["command"],
            "description": one["description"],
            "hint": one["usage_hint"],
        }
        for one in features["slash_commands"]
    ]
    assert [(one["id"], one["name"], one["description"]) for one in OFFERS if one["kind"] == "message"] == [
        (one["callback_id"], one["name"], one["description"]) for one in features["shortcuts"]
    ]


def test_slacks_agent_suggests_what_its_manifest_says() -> None:
    """As the app's other manifest has it."""
    manifest = yaml.safe_load(
        (Path(__file__).parents[2] / "deploy" / "slack-manifest-agent.yaml").read_text()
    )
    assert manifest["features"]["agent_view"]["suggested_prompts"] == list(PROMPTS)


async def test_a_file_is_taken_once_and_only_from_the_page() -> None:
    """A foreign site cannot put a file here; what was sent is not kept for another message."""
    async with staged(answering=False) as world, aiohttp.ClientSession(world.url) as session:
        async with session.post(
            "/files?name=a.txt", data=b"x", headers={"Origin": "http://evil.example"}
        ) as answer:
            assert answer.status == 403
        async with session.post("/files?name=../a.txt", data=b"x", headers={"Origin": world.url}) as answer:
            key = (await answer.json())["key"]
        async with viewing(world) as viewer:
            where = {"platform": "slack", "person": "U0ADA", "channel": "C0GENERAL"}
            assert (await viewer.do("say", **where, text="", files=[key]))["ok"]
            assert "attach it again" in (await viewer.do("say", **where, text="", files=[key]))["problem"]
            [shown] = await viewer.until(lambda v: v.shown("slack"))
        assert [file["name"] for file in shown["files"]] == [".._a.txt"]
        path = f"/files/slack/C0GENERAL/{shown['id']}/{shown['files'][0]['id']}"
        async with session.get(path) as answer:
            assert await answer.read() == b"x"
            assert answer.headers["Content-Disposition"].startswith("attachment")
            assert "sandbox" in answer.headers["Content-Security-Policy"]
        for wrong in (path + "0", path.replace("slack", "discord"), path.replace("C0GENERAL", "C0RANDOM")):
            async with session.get(wrong) as answer:
                assert answer.status == 404


async def test_a_file_that_is_too_large_is_refused_in_a_sentence() -> None:
    """Whatever a browser sends, the sandbox's memory is bounded."""
    async with staged(answering=False) as world, aiohttp.ClientSession(world.url) as session:
        headers = {"Origin": world.url}
        async with session.post(
            "/files?name=big", data=BytesIO(bytes(MOST_BYTES + 1)), headers=headers
        ) as answer:
            assert answer.status == 413
            assert "too large" in await answer.text()
