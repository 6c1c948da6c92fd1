"""A real Bolt app on Socket Mode against the sandbox's Slack: events, redelivery, commands, buttons, lost sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Entry, Record
from sandbox.slack.refusals import MisusedError
from sandbox.slack.server import SlackServer

GENERAL, RANDOM, SECRET = "C0GENERAL", "C0RANDOM", "G0SECRET"
STOP: dict[str, Any] = {
    "type": "button",
    "action_id": "stop",
    "value": "r1",
    "text": {"type": "plain_text", "text": "Stop"},
}


class Bot:
    """A Bolt app that keeps what it heard, and answers mentions."""

    def __init__(self, slack: SlackServer) -> None:
        self.slack = slack
        self.heard: list[dict[str, Any]] = []
        self.changed = asyncio.Event()
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        self.app = AsyncApp(client=client, signing_secret=slack.signing_secret)
        self.app.event("app_mention")(self.on_event)
        self.app.event("message")(self.on_event)
        self.app.event("reaction_added")(self.on_event)
        self.app.event("agent_session_stopped")(self.on_event)
        self.app.command("/ask")(self.on_command)
        self.app.action("stop")(self.on_press)
        self.app.shortcut("ask_message")(self.on_shortcut)
        self.app.view("ask_form")(self.on_submit)
        self.handlers: list[AsyncSocketModeHandler] = []

    async def connect(self) -> None:
        handler = AsyncSocketModeHandler(self.app, self.slack.app_token, ping_interval=0.2)
        self.handlers.append(handler)
        await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt leaves it without annotations

    async def close(self) -> None:
        for handler in self.handlers:
            await handler.close_async()  # type: ignore[no-untyped-call]  # Bolt leaves it without annotations

    def _hear(self, body: dict[str, Any]) -> None:
        self.heard.append(body)
        self.changed.set()

    async def on_event(self, body: dict[str, Any]) -> None:
        self._hear(body)

    async def on_command(self, ack: Any, body: dict[str, Any], respond: Any) -> None:
        self._hear(body)
        await ack("one moment")
        await respond(f"you asked: {body['text']}", response_type="in_channel")

    async def on_press(self, ack: Any, body: dict[str, Any], respond: Any) -> None:
        await ack()
        self._hear(body)
        await respond("stopped", replace_original=False)

    async def on_shortcut(self, ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        self._hear(body)
        view = {
            "type": "modal",
            "callback_id": "ask_form",
            "private_metadata": body["message_ts"],
            "title": {"type": "plain_text", "text": "Ask Claude"},
            "blocks": [],
        }
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    async def on_submit(self, ack: Any, body: dict[str, Any]) -> None:
        self._hear(body)
        await ack()

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [body for body in self.heard if body.get("event", {}).get("type") == kind]

    async def hear(self, number: int) -> None:
        async with asyncio.timeout(10):
            while len(self.heard) < number:
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    clock, limits = Clock(), Limits()
    limits.enforced = False
    server = SlackServer(clock, limits, Record(clock))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def bot(slack: SlackServer) -> AsyncIterator[Bot]:
    made = Bot(slack)
    await made.connect()
    await slack.record.wait(lambda record: record.entries("connected"))
    yield made
    await made.close()


def acked(record: Record, **fields: Any) -> list[Entry]:
    return record.entries("acked", **fields)


# -------------------------------------------------------------------------------------------------------- events


async def test_a_mention_comes_as_two_events_about_one_message(slack: SlackServer, bot: Bot) -> None:
    """message and app_mention: different event ids, same channel and ts, in the shapes of Slack."""
    ts = await slack.say("U0ADA", GENERAL, f"{slack.mention} is 1 < 2 & so on? https://a.test/?x=1&y=2")
    await bot.hear(2)
    (message,), (mention,) = bot.events("message"), bot.events("app_mention")
    assert message["event_id"] != mention["event_id"]
    for body in (message, mention):
        event = body["event"]
        assert (event["channel"], event["ts"], event["user"], event["event_ts"]) == (GENERAL, ts, "U0ADA", ts)
        assert event["text"] == f"{slack.mention} is 1 &lt; 2 &amp; so on? <https://a.test/?x=1&amp;y=2>"
        assert event["blocks"][0]["elements"][0]["elements"] == [
            {"type": "user", "user_id": slack.bot_id},
            {"type": "text", "text": " is 1 < 2 & so on? "},
            {"type": "link", "url": "https://a.test/?x=1&y=2"},
        ]
        assert body["authorizations"][0]["user_id"] == slack.bot_id
        assert "thread_ts" not in event
    assert message["event"]["channel_type"] == "channel"
    assert "channel_type" not in mention["event"]


async def test_the_pair_comes_in_either_order(slack: SlackServer, bot: Bot) -> None:
    """Nobody may rely on the one being first."""
    for _ in range(2):
        await slack.say("U0ADA", GENERAL, slack.mention)
    await bot.hear(4)
    assert {entry["event"] for entry in slack.record.entries("event")[::2]} == {
        "app_mention",
        "message.channels",
    }


async def test_a_direct_message_and_a_reply_have_their_marks(slack: SlackServer, bot: Bot) -> None:
    """im without app_mention; thread_ts and parent_user_id in a thread; group in a private channel."""
    dm = slack.direct("U0ADA")
    root = await slack.say("U0ADA", dm, f"hello {slack.mention}")
    await slack.say("U0ADA", dm, "more", thread=root)
    await slack.say("U0GRACE", "G0COUNCIL", "between us")
    await bot.hear(3)
    direct, reply, private = (body["event"] for body in bot.heard)
    assert not bot.events("app_mention")
    assert (direct["channel_type"], direct["channel"]) == ("im", dm)
    assert (reply["thread_ts"], reply["parent_user_id"]) == (root, "U0ADA")
    assert private["channel_type"] == "group"


async def test_another_bot_is_heard_with_its_own_bot_id(slack: SlackServer, bot: Bot) -> None:
    """Its mentions arrive as a person's do: whoever answers every mention may answer a machine for ever."""
    await slack.say("U0ROBOT", GENERAL, f"{slack.mention} deployed")
    await bot.hear(2)
    (mention,) = bot.events("app_mention")
    assert (mention["event"]["bot_id"], mention["event"]["user"]) == ("B0ROBOT", "U0ROBOT")
    assert "client_msg_id" not in mention["event"]


async def test_an_uninstalled_app_is_told_and_locked_out(slack: SlackServer, bot: Bot) -> None:
    """tokens_revoked and app_uninstalled; every call fails from then on."""
    slack.uninstall()
    await slack.record.wait(lambda record: len(record.entries("event")) == 2)
    told = [entry["event"] for entry in slack.record.entries("event")]
    assert sorted(told) == ["app_uninstalled", "tokens_revoked"]
    with pytest.raises(SlackApiError, match="account_inactive"):
        await bot.app.client.auth_test()


async def test_nothing_is_heard_of_places_where_the_bot_is_not(slack: SlackServer, bot: Bot) -> None:
    """Nor of ephemeral messages, nor of what is not subscribed to."""
    slack.subscriptions.discard("reaction_added")
    await slack.say("U0ADA", SECRET, f"{slack.mention} come in")
    await slack.say("U0ADA", "C0LOBBY", f"{slack.mention} come in")
    ts = await slack.say("U0ADA", GENERAL, "heard")
    await slack.react("U0ADA", GENERAL, ts, "eyes")
    await slack.say("U0ADA", GENERAL, "heard too")
    await bot.hear(2)
    assert [body["event"]["text"] for body in bot.heard] == ["heard", "heard too"]


async def test_changes_and_deletions_are_told_and_hidden(slack: SlackServer, bot: Bot) -> None:
    """message_changed for people's edits and for unfurls alike; message_deleted; reactions."""
    ts = await slack.say("U0ADA", GENERAL, "first")
    await slack.change("U0ADA", GENERAL, ts, "second")
    await slack.unfurl(GENERAL, ts)
    await slack.react("U0GRACE", GENERAL, ts, "octagonal_sign")
    await slack.delete("U0ADA", GENERAL, ts)
    await bot.hear(5)
    changed, unfurled, reaction, deleted = (body["event"] for body in bot.heard[1:])
    assert (changed["subtype"], changed["hidden"], changed["message"]["text"]) == (
        "message_changed",
        True,
        "second",
    )
    assert changed["message"]["edited"]["user"] == "U0ADA"
    assert changed["previous_message"]["text"] == "first"
    assert unfurled["message"]["edited"] == unfurled["previous_message"]["edited"]
    assert unfurled["message"]["text"] == unfurled["previous_message"]["text"] == "second"
    assert (reaction["reaction"], reaction["item"]["ts"]) == ("octagonal_sign", ts)
    assert (deleted["subtype"], deleted["deleted_ts"], deleted["hidden"]) == ("message_deleted", ts, True)


async def test_the_bots_own_messages_are_echoed_with_its_bot_id(slack: SlackServer, bot: Bot) -> None:
    """Bolt drops them by that, and acknowledges them."""
    client = bot.app.client
    ts = (await client.chat_postMessage(channel=GENERAL, text="mine"))["ts"]
    await client.chat_update(channel=GENERAL, ts=ts, text="mine again")
    await slack.record.wait(lambda record: len(acked(record, event="message.channels")) == 2)
    assert [entry["subtype"] for entry in slack.record.entries("event")] == ["", "message_changed"]


# -------------------------------------------------------------------------------------------------------- delivery


async def test_an_event_without_acknowledgement_comes_again(slack: SlackServer, bot: Bot) -> None:
    """The same event_id with a retry number, after the deadline (shortened)."""
    slack.clock.set_duration("slack.ack", 0.3)
    slack.clock.set_duration("slack.retry_2", 0.05)
    slack.swallow_acks(2)
    await slack.say("U0ADA", GENERAL, "hello")
    await slack.record.wait(lambda record: acked(record, attempt=2))
    first, second, third = bot.heard
    assert first["event_id"] == second["event_id"] == third["event_id"]
    tried = slack.record.entries("event")
    assert [entry["attempt"] for entry in tried] == [0, 1, 2]
    assert [entry["reason"] for entry in slack.record.entries("unacked")] == ["timeout", "timeout"]


async def test_an_event_is_given_up_after_three_retries(slack: SlackServer, bot: Bot) -> None:
    """At once, after a minute and after five, then never."""
    for name, seconds in (("slack.ack", 0.2), ("slack.retry_2", 0.01), ("slack.retry_3", 0.02)):
        slack.clock.set_duration(name, seconds)
    slack.swallow_acks(4)
    await slack.say("U0ADA", GENERAL, "hello")
    await slack.record.wait(lambda record: len(record.entries("unacked")) == 4)
    await slack.say("U0ADA", GENERAL, "another")
    await slack.record.wait(acked)
    assert [entry["attempt"] for entry in slack.record.entries("event")] == [0, 1, 2, 3, 0]


async def test_a_duplicate_comes_although_the_first_was_acknowledged(slack: SlackServer, bot: Bot) -> None:
    """Slack may repeat itself; the id tells."""
    slack.deliver_twice()
    await slack.say("U0ADA", GENERAL, "hello")
    await bot.hear(2)
    assert bot.heard[0]["event_id"] == bot.heard[1]["event_id"]


@pytest.mark.parametrize("reason", ["refresh_requested", "link_disabled", ""])
async def test_the_client_comes_back_and_nothing_is_lost(slack: SlackServer, bot: Bot, reason: str) -> None:
    """Told or cut: the real client reconnects, and what was said in the gap arrives."""
    await slack.disconnect(reason)
    await slack.record.wait(lambda record: record.entries("disconnected"))
    await slack.say("U0ADA", GENERAL, "in the gap")
    await bot.hear(1)
    assert len(slack.record.entries("connected")) == 2
    assert bot.heard[0]["event"]["text"] == "in the gap"


async def test_a_warning_comes_before_the_refresh(slack: SlackServer, bot: Bot) -> None:
    """The client may open its next connection in those seconds; the old one is closed after them."""
    slack.clock.set_duration("slack.warning", 0.1)
    await slack.disconnect("warning")
    await slack.record.wait(lambda record: len(record.entries("connected")) == 2)
    assert slack.record.entries("disconnected")[0]["connection"] == 1


async def test_connections_are_refreshed_every_few_hours(slack: SlackServer) -> None:
    """Slack closes each connection at its age; the client opens another."""
    slack.clock.set_duration("slack.connection", 0.3)
    slack.clock.set_duration("slack.warning", 0.1)
    bot = Bot(slack)
    await bot.connect()
    await slack.record.wait(lambda record: len(record.entries("connected")) >= 2)
    await bot.close()


async def test_refused_connections_are_tried_again(slack: SlackServer) -> None:
    """apps.connections.open fails twice, then opens."""
    slack.faults.fault("apps.connections.open", times=2, error="internal_error")
    bot = Bot(slack)
    connecting = asyncio.create_task(bot.connect())
    await slack.record.wait(lambda record: record.entries("connected"))
    await connecting
    assert [entry["error"] for entry in slack.record.entries("call", method="apps.connections.open")] == [
        "internal_error",
        "internal_error",
        "",
    ]
    await bot.close()


async def test_an_event_goes_to_one_of_several_connections(slack: SlackServer, bot: Bot) -> None:
    """They take turns; none is delivered twice."""
    await bot.connect()
    await slack.record.wait(lambda record: len(record.entries("connected")) == 2)
    assert slack.connections == 2
    for number in range(4):
        await slack.say("U0ADA", GENERAL, f"m{number}")
    await bot.hear(4)
    assert sorted(body["event"]["text"] for body in bot.heard) == ["m0", "m1", "m2", "m3"]


async def test_a_socket_by_hand_is_greeted_and_ignores_nonsense(slack: SlackServer) -> None:
    """hello first; garbage, binary and unknown acknowledgements change nothing; pings are answered in kind."""
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {slack.app_token}"}
        async with session.post(slack.api_url + "apps.connections.open", headers=headers) as answer:
            url = (await answer.json())["url"]
        async with session.ws_connect(url, autoping=False) as socket:
            hello = await socket.receive_json()
            assert (hello["type"], hello["num_connections"]) == ("hello", 1)
            for text in ("", "{", "[]", '{"envelope_id":1}', '{"envelope_id":"x"}', '{"a":' * 5_000):
                await socket.send_str(text)
            await socket.send_bytes(b"\x00\xff")
            await socket.ping(b"sdk-ping-pong:1.5")
            pong = await socket.receive()
            assert (pong.type, pong.data) == (aiohttp.WSMsgType.PONG, b"sdk-ping-pong:1.5")
            await slack.say("U0ADA", GENERAL, "hello")
            envelope = await socket.receive_json()
            assert (envelope["type"], envelope["retry_attempt"], envelope["retry_reason"]) == (
                "events_api",
                0,
                "",
            )
            assert envelope["accepts_response_payload"] is False
            await socket.send_json({"envelope_id": envelope["envelope_id"]})
            await slack.record.wait(acked)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)  # a ticket opens one connection


async def test_the_eleventh_connection_is_turned_away(slack: SlackServer) -> None:
    """too_many_websockets."""
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    async with aiohttp.ClientSession() as session:
        sockets = []
        for _ in range(11):
            url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
            sockets.append(await session.ws_connect(url))
        first = [await socket.receive_json() for socket in sockets]
        assert [message["type"] for message in first] == ["hello"] * 10 + ["disconnect"]
        assert first[-1]["reason"] == "too_many_websockets"
        for socket in sockets:
            await socket.close()


# -------------------------------------------------------------------------------------------------------- commands


async def test_a_command_is_acknowledged_with_words_and_answered_by_its_url(
    slack: SlackServer, bot: Bot
) -> None:
    """The ack's text is for the asker only; the response_url may speak to all; the command itself is not shown."""
    asked = await slack.command("U0ADA", GENERAL, "/ask", "why is the sky blue?")
    await slack.record.wait(lambda record: len(record.entries("shown")) == 2)
    (entry,) = slack.record.entries("event", event="slash_command")
    assert entry["id"] == asked
    seen = [(m["text"], m["ephemeral_for"]) for m in slack.messages(GENERAL)]
    assert sorted(seen) == [("one moment", "U0ADA"), ("you asked: why is the sky blue?", "")]
    (body,) = bot.heard
    assert (body["command"], body["channel_name"], body["user_id"]) == ("/ask", "general", "U0ADA")


async def test_a_command_works_where_the_bot_is_not(slack: SlackServer, bot: Bot) -> None:
    """It can be typed anywhere; only its response_url speaks there."""
    await slack.command("U0ADA", SECRET, "ask", "hello?")
    await slack.record.wait(lambda record: record.entries("shown", ephemeral=False))
    assert bot.heard[0]["channel_name"] == "privategroup"


async def test_a_command_that_nobody_takes_fails_for_the_asker(slack: SlackServer, bot: Bot) -> None:
    """Slackbot says operation_timeout, once, to the one who asked."""
    slack.clock.set_duration("slack.ack", 0.3)
    asked = await slack.command("U0ADA", GENERAL, "/unknown", "")
    await slack.record.wait(lambda record: record.entries("shown"))
    (message,) = slack.messages(GENERAL)
    assert message["text"] == '/unknown failed with the error "operation_timeout"'
    assert (message["ephemeral_for"], message["author_name"]) == ("U0ADA", "Slackbot")
    assert [entry["id"] for entry in slack.record.entries("unacked")] == [asked]


# -------------------------------------------------------------------------------------------------------- pressing


async def test_a_button_is_pressed(slack: SlackServer, bot: Bot) -> None:
    """block_actions with the message, its thread, the value, and an address to answer to."""
    root = await slack.say("U0ADA", GENERAL, "question")
    client = bot.app.client
    blocks: list[dict[str, Any]] = [
        {"type": "markdown", "text": "half"},
        {"type": "actions", "elements": [STOP]},
    ]
    posted = await client.chat_postMessage(channel=GENERAL, thread_ts=root, text="t", blocks=blocks)
    await slack.press("U0GRACE", GENERAL, str(posted["ts"]), "Stop")
    await slack.record.wait(lambda record: record.entries("shown", text="stopped"))
    body = bot.heard[-1]
    assert (body["type"], body["user"]["id"], body["channel"]["id"]) == ("block_actions", "U0GRACE", GENERAL)
    assert (body["actions"][0]["action_id"], body["actions"][0]["value"]) == ("stop", "r1")
    assert (body["container"]["message_ts"], body["container"]["thread_ts"]) == (posted["ts"], root)
    assert body["message"]["blocks"][0]["text"] == "half"
    assert slack.messages(GENERAL)[-1]["ephemeral_for"] == "U0GRACE"


async def test_a_message_shortcut_opens_a_form_that_can_be_sent(slack: SlackServer, bot: Bot) -> None:
    """trigger_id, views.open, view_submission; the form closes."""
    ts = await slack.say("U0ADA", GENERAL, "explain this")
    await slack.shortcut("U0GRACE", "ask_message", GENERAL, ts)
    await slack.record.wait(lambda record: record.entries("view", verb="opened"))
    (view,) = slack.views()
    assert (view["person"], view["body"]["private_metadata"]) == ("U0GRACE", ts)
    await slack.submit(
        "U0GRACE", view["id"], {"q": {"question": {"type": "plain_text_input", "value": "why"}}}
    )
    await slack.record.wait(lambda record: record.entries("view", verb="closed"))
    assert bot.heard[-1]["view"]["state"]["values"]["q"]["question"]["value"] == "why"
    assert slack.views() == []


async def test_a_trigger_opens_one_view_in_time(slack: SlackServer, bot: Bot) -> None:
    """exchanged_trigger_id, expired_trigger_id, invalid_trigger_id."""
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    view = {"type": "modal", "title": {"type": "plain_text", "text": "t"}, "blocks": []}

    async def error(trigger: str) -> str:
        answer = await client.api_call("views.open", json={"trigger_id": trigger, "view": view})
        return str(answer.get("error", ""))

    await slack.command("U0ADA", GENERAL, "ask", "x")
    await bot.hear(1)
    trigger = bot.heard[0]["trigger_id"]
    await client.views_open(trigger_id=trigger, view=view)
    slack.clock.set_duration("slack.trigger", 0.0)
    await slack.command("U0ADA", GENERAL, "ask", "x")
    await bot.hear(2)
    for wrong, code in (
        (trigger, "exchanged_trigger_id"),
        (bot.heard[1]["trigger_id"], "expired_trigger_id"),
        ("1.2.3", "invalid_trigger_id"),
    ):
        with pytest.raises(Exception, match=code):
            await error(wrong)


async def test_the_native_stop_button_is_told(slack: SlackServer, bot: Bot) -> None:
    """agent_session_stopped names the person and the stream."""
    dm = slack.direct("U0ADA")
    root = await slack.say("U0ADA", dm, "question")
    started = await bot.app.client.chat_startStream(channel=dm, thread_ts=root, markdown_text="text")
    await slack.stop_stream("U0ADA", dm, str(started["ts"]))
    await slack.record.wait(lambda record: acked(record, event="agent_session_stopped"))
    event = bot.events("agent_session_stopped")[0]["event"]
    assert (event["user"], event["streaming_message_ts"]) == ("U0ADA", [started["ts"]])


@pytest.mark.parametrize(
    ("verb", "sentence"),
    [
        (lambda s, ts: s.press("U0ADA", GENERAL, ts, "stop"), "no control 'stop'"),
        (lambda s, ts: s.press("U0ADA", GENERAL, "1.1", "stop"), "no message"),
        (lambda s, ts: s.say("U0ADA", "C0NOWHERE", "x"), "in no channel"),
        (lambda s, ts: s.say("U0ADA", s.direct("U0GRACE"), "x"), "in no channel"),
        (lambda s, ts: s.say("U0NOBODY", GENERAL, "x"), "no person"),
        (lambda s, ts: s.say("U0CLAUDE", GENERAL, "x"), "no person"),
        (lambda s, ts: s.command("U0ROBOT", GENERAL, "ask", "x"), "no person"),
        (lambda s, ts: s.say("U0ADA", "C0ARCHIVE", "x"), "archived"),
        (lambda s, ts: s.say("U0ADA", GENERAL, ""), "empty"),
        (lambda s, ts: s.say("U0ADA", GENERAL, "x", thread="1.1"), "no message"),
        (lambda s, ts: s.change("U0GRACE", GENERAL, ts, "x"), "wrote themselves"),
        (lambda s, ts: s.submit("U0ADA", "V1", {}), "no modal"),
        (lambda s, ts: s.stop_stream("U0ADA", GENERAL, ts), "does not stream"),
    ],
)
async def test_people_can_do_only_what_people_can(slack: SlackServer, verb: Any, sentence: str) -> None:
    """Misuse answers with a sentence, and nothing happens."""
    ts = await slack.say("U0ADA", GENERAL, "x")
    with pytest.raises(MisusedError, match=sentence):
        await verb(slack, ts)
    assert len(slack.record.entries("shown")) == 1


def test_the_workspace_can_be_looked_at_before_it_starts() -> None:
    """Snapshots for the page: people, channels, a DM for each person."""
    clock = Clock()
    slack = SlackServer(clock, Limits(), Record(clock))
    people = {person["id"]: person for person in slack.people()}
    assert {person["name"] for person in people.values()} >= {"Ada", "Grace", "Linus", "Margaret", "claude"}
    assert people[slack.bot_id]["bot"] is True
    kinds = {channel["name"]: channel["kind"] for channel in slack.channels() if channel["kind"] == "channel"}
    assert {"general", "random"} <= set(kinds)
    directs = {channel["person"] for channel in slack.channels() if channel["kind"] == "dm"}
    assert directs == {person["id"] for person in people.values() if not person["bot"]}
    assert slack.messages(GENERAL) == []
