"""The world, its control calls and `python -m sandbox`, as a client in any language would use them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from anthropic import AsyncAnthropic, DefaultAioHttpClient

from sandbox import calls
from sandbox.claude import library
from sandbox.world import PortError, World

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World(scale=50) as one:
        yield one


class Steering:
    """A client of the control calls."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        async with self._session.request(method, f"{self._url}/control{path}", **more) as response:
            return response.status, await response.json()

    async def get(self, path: str, **params: Any) -> Any:
        status, answer = await self.ask("GET", path, params=params)
        assert (status, answer["ok"]) == (200, True), answer
        return answer["result"]

    async def post(self, path: str, **fields: Any) -> Any:
        status, answer = await self.ask("POST", path, json=fields)
        assert (status, answer["ok"]) == (200, True), answer
        return answer["result"]

    async def refused(self, path: str, **fields: Any) -> str:
        status, answer = await self.ask("POST", path, json=fields)
        assert (status, answer["ok"]) == (400, False), answer
        return str(answer["error"])


@pytest.fixture
async def steer(world: World) -> AsyncIterator[Steering]:
    async with aiohttp.ClientSession() as session:
        yield Steering(session, world.url)


async def said_by_claude(world: World, question: str) -> str:
    async with AsyncAnthropic(
        api_key=world.claude.api_key,
        base_url=world.claude.api_url,
        max_retries=0,
        http_client=DefaultAioHttpClient(),
    ) as client:
        message = await client.messages.create(
            model="claude-sonnet-5-5",
            max_tokens=8192,
            messages=[{"role": "user", "content": question}],
            thinking={"type": "between_tools"},
        )
    return "".join(block.text for block in message.content if block.type == "text")


# ---------------------------------------------------------------------------------------------------- the world


async def test_a_world_has_four_addresses_and_the_settings_for_a_bot(world: World) -> None:
    """Everything a bot needs is in the environment, and every address answers."""
    environment = world.environment()
    assert set(environment) == {
        "SLACK_BOT_TOKEN",
        "SLACK_APP_TOKEN",
        "SLACK_SIGNING_SECRET",
        "SLACK_API_URL",
        "DISCORD_BOT_TOKEN",
        "DISCORD_API_URL",
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
    }
    assert all(environment.values())
    assert environment["SLACK_API_URL"].endswith("/api/")
    assert environment["DISCORD_API_URL"].endswith("/api/v10")
    async with aiohttp.ClientSession() as session:
        slack = {"Authorization": f"Bearer {environment['SLACK_BOT_TOKEN']}"}
        async with session.post(environment["SLACK_API_URL"] + "auth.test", headers=slack) as response:
            assert (await response.json())["user_id"] == world.slack.bot_id
        discord = {"Authorization": f"Bot {environment['DISCORD_BOT_TOKEN']}"}
        async with session.get(environment["DISCORD_API_URL"] + "/users/@me", headers=discord) as response:
            assert (await response.json())["id"] == world.discord.bot_id
        async with session.get(world.url) as response:
            assert response.status == 200
    assert await said_by_claude(world, "#script:short") == "Yes."


async def test_what_happens_on_all_servers_is_in_one_record_in_order(world: World) -> None:
    """One clock and one record: numbers and times only go up."""
    slack, discord = world.slack, world.discord
    await slack.say(person(slack), channel(slack), "hello")
    await discord.say(person(discord), channel(discord), "hello")
    await said_by_claude(world, "#script:short")
    entries = list(world.record)
    assert {entry.platform for entry in entries} == {"slack", "discord", "claude"}
    assert [entry.number for entry in entries] == list(range(len(entries)))
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)


async def test_a_taken_port_is_told_and_nothing_stays_open() -> None:
    """PortError names the part; the servers that had started are closed again."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        world = World()
        with pytest.raises(
            PortError, match=f"The claude port {port} on 127.0.0.1 is already in use"
        ) as caught:
            await world.start(claude=port)
    assert caught.value.part == "claude"
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(world.slack.url)


async def test_a_world_can_be_stopped_twice_and_in_the_middle_of_an_answer(world: World) -> None:
    """Stopping waits for nobody."""
    asking = asyncio.create_task(said_by_claude(world, "#fault:stall:seconds=100000"))
    await world.record.wait(lambda record: record.entries("asked"))
    await world.stop()
    await world.stop()
    with pytest.raises(Exception, match="Connection error"):
        await asking
    assert world.claude.requests[-1].ended == "server stopped"


def person(server: Any) -> str:
    return next(str(one["id"]) for one in server.people() if not one["bot"])


def channel(server: Any) -> str:
    return next(str(one["id"]) for one in server.channels() if one["kind"] == "channel")


# ---------------------------------------------------------------------------------------------------- control calls


async def test_the_calls_are_listed_with_their_fields_and_what_they_do(steer: Steering) -> None:
    """The list is made from the functions themselves; every call says what it does."""
    listed = {one["call"]: one for one in await steer.get("")}
    assert listed["POST /control/slack/say"]["fields"]["thread"] == "str = ''"
    assert listed["POST /control/claude/script"]["fields"]["chars"] == "int | None = None"
    assert "GET /control/record" in listed
    assert len(listed) > 70
    silent = [name for name, one in listed.items() if not one["does"] and "/control/slack" not in name]
    assert [
        name for name in silent if not name.startswith(("POST /control/discord", "GET /control/discord"))
    ] == []


async def test_the_verbs_of_both_servers_are_all_reachable(world: World) -> None:
    """A verb that a colleague adds to a server must not be forgotten here."""
    internal = {"start", "stop"}
    for server, verbs in ((world.slack, calls.SLACK_VERBS), (world.discord, calls.DISCORD_VERBS)):
        public = {
            name
            for name in dir(server)
            if not name.startswith("_") and asyncio.iscoroutinefunction(getattr(server, name))
        }
        assert public - internal <= set(verbs)


@pytest.mark.parametrize("platform", ["slack", "discord"])
async def test_people_speak_by_control_calls(world: World, steer: Steering, platform: str) -> None:
    """say, change, delete: what a viewer then sees is in the messages and in the record."""
    server = getattr(world, platform)
    who, where = person(server), channel(server)
    message = await steer.post(f"/{platform}/say", person=who, channel=where, text="good morning")
    seen = await steer.get(f"/{platform}/messages", channel=where)
    assert [one["text"] for one in seen if one["id"] == message] == ["good morning"]
    await steer.post(f"/{platform}/change", person=who, channel=where, message=message, text="good evening")
    snapshot = await steer.get("/snapshot")
    assert [one["text"] for one in snapshot[platform]["messages"][where] if one["id"] == message] == [
        "good evening"
    ]
    await steer.post(f"/{platform}/delete", person=who, channel=where, message=message)
    seen = await steer.get(f"/{platform}/messages", channel=where)
    assert message not in [one["id"] for one in seen]
    assert world.record.entries("removed", platform, message=message)


async def test_the_record_can_be_followed(world: World, steer: Steering) -> None:
    """`next` leads from call to call; with `wait` the answer comes with the first entry that matches."""
    start = await steer.get("/record", since=0)
    waiting = asyncio.create_task(steer.get("/record", since=start["next"], wait=20, kind="asked"))
    await steer.post("/slack/say", person=person(world.slack), channel=channel(world.slack), text="not this")
    assert await said_by_claude(world, "#script:short") == "Yes."
    answer = await waiting
    assert [entry["kind"] for entry in answer["entries"]] == ["asked"]
    assert answer["entries"][0]["fields"]["question"] == "#script:short"
    rest = await steer.get("/record", since=answer["next"])
    assert all(entry["number"] >= answer["next"] for entry in rest["entries"])
    nothing = await steer.get("/record", since=rest["next"] + 1000, wait=0.05)
    assert nothing["entries"] == []
    one = await steer.get("/record", since=0, limit=1)
    assert (len(one["entries"]), one["next"]) == (1, 1)


async def test_time_and_limits_are_steered(world: World, steer: Steering) -> None:
    """The scale, a single duration, a limit's figure and shape, and whether any is enforced."""
    await steer.post("/time", scale=10, durations={"claude.first_byte": 0.5})
    assert world.clock.scale == 10
    assert (await steer.get("/time"))["durations"]["claude.first_byte"] == 0.5
    await steer.post("/limits", name="claude.requests", rate=0.01, burst=1, shape="fixed")
    await said_by_claude(world, "#script:short")
    with pytest.raises(Exception, match="429"):
        await said_by_claude(world, "#script:short")
    await steer.post("/limits", enforced=False)
    assert await said_by_claude(world, "#script:short") == "Yes."
    limits = await steer.get("/limits")
    (own,) = [limit for limit in limits["limits"] if limit["name"] == "claude.requests"]
    assert (limits["enforced"], own["shape"], own["certainty"]) == (False, "fixed", "guessed")
    assert own["counters"][0]["refusals"] >= 1


async def test_claude_is_scripted_by_control_calls(world: World, steer: Steering) -> None:
    """Answers, faults and speed, and what was asked, for a bot that is not written in Python."""
    assert await steer.post("/claude/speed", speed=10_000) == {"speed": 10_000}
    await steer.post("/claude/script", text="one", when="first")
    await steer.post("/claude/script", chars=120, speed=50_000)
    await steer.post(
        "/claude/script", blocks=[{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "3"}]
    )
    assert await said_by_claude(world, "second") == library.prose(120)
    assert await said_by_claude(world, "third") == "3"
    assert await said_by_claude(world, "the first") == "one"
    await steer.post("/claude/fault", fault="529")
    await steer.post("/claude/fault", fault={"kind": "http", "status": 503})
    for status in ("529", "503"):
        with pytest.raises(Exception, match=status):
            await said_by_claude(world, "now")
    await steer.post("/claude/fault", fault="fin@10")
    assert (await steer.post("/claude/clear")) == {"queued": 0}
    requests = await steer.get("/claude/requests", since=2)
    assert requests[0]["body"]["messages"][0]["content"] == "third"
    assert world.claude.api_key not in str(requests)
    names = await steer.get("/claude/library")
    assert "tables" in names["scripts"]
    assert "refusal" in names["faults"]


async def test_faults_of_the_chat_servers_are_scripted_by_control_calls(
    world: World, steer: Steering
) -> None:
    """The next calls of a method fail as told, then are over."""
    await steer.post("/slack/fault", method="auth.test", times=1, error="internal_error")
    assert len(await steer.get("/slack/faults")) == 1
    headers = {"Authorization": f"Bearer {world.slack.bot_token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        answers = []
        for _ in range(2):
            async with session.post(world.slack.api_url + "auth.test") as response:
                answers.append((await response.json()).get("error"))
    assert answers == ["internal_error", None]
    await steer.post("/discord/fault", method="*", status=500)
    await steer.post("/discord/faults/clear")
    assert await steer.get("/discord/faults") == []
    switches = await steer.post("/discord/switches", latency=0.25, compress=False)
    assert (world.discord.rest.latency, world.discord.gateway.compress, switches["mute_acks"]) == (
        0.25,
        False,
        0,
    )
    await steer.post("/discord/disconnect", code=4000)
    await steer.post("/slack/disconnect", reason="")


@pytest.mark.parametrize(
    ("path", "fields", "words"),
    [
        ("/slack/say", {}, "person"),
        ("/slack/say", {"person": "nobody", "channel": "C1", "text": "x"}, "nobody"),
        ("/slack/say", {"person": 5, "channel": "C1", "text": "x"}, "person"),
        ("/slack/say", {"person": "a", "channel": "b", "text": "c", "txt": "d"}, "txt"),
        ("/discord/say", {"person": "Ada", "channel": "nowhere", "text": "x"}, "nowhere"),
        ("/discord/select", {"person": "Ada"}, "channel is missing"),
        ("/time", {"scale": 0}, "positive"),
        ("/time", {"scale": "fast"}, "scale"),
        ("/time", {"scale": 5, "durations": {"slack.nap": 1}}, "slack.nap"),
        ("/limits", {"name": "slack.nothing", "rate": 1}, "slack.nothing"),
        ("/limits", {"rate": 1}, "name"),
        ("/limits", {"name": "claude.requests", "rate": -1}, "positive rate"),
        ("/limits", {"name": "claude.requests", "shape": "round"}, "shape"),
        ("/claude/script", {}, "an answer is one of"),
        ("/claude/script", {"text": "a", "chars": 3}, "text and chars"),
        ("/claude/script", {"script": "tabels"}, "tabels"),
        ("/claude/script", {"text": "a", "sped": 3}, "sped"),
        ("/claude/script", {"text": "a", "speed": "quick"}, "speed"),
        ("/claude/script", {"blocks": [{"type": "poem"}]}, "a block is"),
        ("/claude/script", {"blocks": [{"type": "text", "txt": "a"}]}, "txt"),
        ("/claude/script", {"text": "a", "faults": ["flood"]}, "flood"),
        ("/claude/fault", {"fault": {"kind": "fin", "att": 3}}, "att"),
        ("/claude/fault", {"fault": "200"}, "400 to 599"),
        ("/claude/speed", {"speed": -1}, "positive"),
        ("/slack/fault", {"method": "x", "drop": "sometimes"}, "drop"),
    ],
)
async def test_a_mistake_is_answered_with_one_sentence(
    world: World, steer: Steering, path: str, fields: dict[str, Any], words: str
) -> None:
    """400, what is wrong, and nothing has changed."""
    scale = world.clock.scale
    sentence = await steer.refused(path, **fields)
    assert words in sentence
    assert "\n" not in sentence
    assert (world.clock.scale, world.claude.queued) == (scale, 0)


async def test_a_body_that_is_no_object_and_a_call_that_is_none(steer: Steering) -> None:
    """The transport's mistakes are sentences too."""
    for body in (b"{", b"[]", b'"x"', b"[" * 100_000, b"\xff"):
        status, answer = await steer.ask("POST", "/time", data=body)
        assert (status, answer["ok"]) == (400, False)
    status, answer = await steer.ask("POST", "/tiem", json={})
    assert (status, answer["error"]) == (404, "There is no such call; GET /control lists them.")
    assert (await steer.ask("DELETE", "/time"))[0] == 405


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example:5000"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://localhost:5000", "Host": "localhost:5000"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({}, 200),
    ],
)
async def test_only_this_machine_and_no_other_page_steers(
    world: World, headers: dict[str, str], status: int
) -> None:
    """Neither by DNS rebinding (Host) nor from another site (Origin, Sec-Fetch-Site)."""
    before = len(world.record)
    fields = {"person": person(world.slack), "channel": channel(world.slack), "text": "x"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{world.url}/control/slack/say", json=fields, headers=headers) as response,
    ):
        assert response.status == status
    assert (len(world.record) > before) == (status == 200)


# ---------------------------------------------------------------------------------------------------- python -m sandbox


async def launch(*words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "sandbox"),
        *words,
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_sandbox_runs_alone_until_it_is_told_to_end(number: signal.Signals) -> None:
    """It prints addresses and settings that work, and exits with 0."""
    process = await launch(
        *[
            "--page-port",
            "0",
            "--slack-port",
            "0",
            "--discord-port",
            "0",
            "--claude-port",
            "0",
            "--scale",
            "20",
        ]
    )
    assert process.stdout is not None
    settings: dict[str, str] = {}
    async with asyncio.timeout(30):
        while "ANTHROPIC_BASE_URL" not in settings:
            line = (await process.stdout.readline()).decode()
            assert line, "it ended before it had said everything"
            name, _, value = line.strip().partition("=")
            settings[name] = value
    async with AsyncAnthropic(
        api_key=settings["ANTHROPIC_API_KEY"], base_url=settings["ANTHROPIC_BASE_URL"]
    ) as client:
        assert (await client.models.retrieve("claude-sonnet-5-5")).id == "claude-sonnet-5-5"
    process.send_signal(number)
    async with asyncio.timeout(15):
        _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")


async def test_a_taken_port_is_one_sentence_and_exit_code_2() -> None:
    """No traceback; the sentence names the option that helps."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await launch(
            *("--page-port", "0", "--slack-port", "0", "--claude-port", "0", "--discord-port", str(port))
        )
        async with asyncio.timeout(30):
            said, errors = await process.communicate()
    assert process.returncode == 2
    assert said == b""
    assert errors.decode() == (
        f"The discord port {port} on 127.0.0.1 is already in use. "
        "Choose another with --discord-port (0 takes any that is free).\n"
    )
