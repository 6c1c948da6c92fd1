"""The sandbox's Slack through the real AsyncWebClient: messages as a viewer sees them, refusals as Slack gives them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Record
from sandbox.slack.server import SlackServer

GENERAL, RANDOM = "C0GENERAL", "C0RANDOM"


class World:
    """A server, its record, and the real client."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.limits = Limits()
        self.limits.enforced = False
        self.record = Record(self.clock)
        self.slack = SlackServer(self.clock, self.limits, self.record)

    def client(self) -> AsyncWebClient:
        return AsyncWebClient(token=self.slack.bot_token, base_url=self.slack.api_url)

    def texts(self, channel: str = GENERAL) -> list[str]:
        return [message["text"] for message in self.slack.messages(channel)]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.slack.start()
    yield made
    await made.slack.stop()


def markdown(text: str) -> dict[str, Any]:
    return {"type": "markdown", "text": text}


def button(action_id: str, label: str = "Stop", **more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": action_id, "text": {"type": "plain_text", "text": label}, **more}


async def refused(coroutine: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await coroutine
    return str(caught.value.response["error"])


# -------------------------------------------------------------------------------------------------------- edits


async def test_an_edit_with_blocks_leaves_no_mark_and_one_with_text_does(world: World) -> None:
    """docs chat.update: the edited flag is not displayed where blocks are used."""
    client = world.client()
    ts = (await client.chat_postMessage(channel=GENERAL, text="a"))["ts"]
    await client.chat_update(channel=GENERAL, ts=ts, text="b", blocks=[markdown("**b**")])
    assert [(m["text"], m["markup"], m["edited"]) for m in world.slack.messages(GENERAL)] == [
        ("**b**", "slack-markdown", False)
    ]
    answer = await client.chat_update(channel=GENERAL, ts=ts, text="c")
    assert [(m["text"], m["markup"], m["edited"]) for m in world.slack.messages(GENERAL)] == [
        ("c", "slack-mrkdwn", True)
    ]
    assert answer["text"] == "c"
    assert answer["message"]["edited"]["user"] == world.slack.bot_profile_id
    assert [entry["verb"] for entry in world.record.entries("shown")] == ["post", "edit", "edit"]


async def test_blocks_without_text_keep_the_text(world: World) -> None:
    """And text without blocks takes the blocks away; metadata stays where it is not mentioned."""
    client = world.client()
    marked = {"event_type": "turn", "event_payload": {"turn": "r1"}}
    ts = (await client.chat_postMessage(channel=GENERAL, text="fallback", metadata=marked))["ts"]
    # By the raw call: the SDK's own method warns about a missing text.
    answer = await client.api_call(
        "chat.update", json={"channel": GENERAL, "ts": ts, "blocks": [markdown("x")]}
    )
    assert answer["text"] == "fallback"
    assert answer["message"]["metadata"] == marked
    answer = await client.chat_update(channel=GENERAL, ts=ts, text="plain", metadata={})
    assert "blocks" not in answer["message"]
    assert "metadata" not in answer["message"]


@pytest.mark.parametrize(("length", "error"), [(4_000, None), (4_001, "msg_too_long")])
async def test_the_text_of_an_edit_holds_4000_characters(
    world: World, length: int, error: str | None
) -> None:
    """docs chat.update: the text field cannot exceed 4,000 characters."""
    client = world.client()
    ts = (await client.chat_postMessage(channel=GENERAL, text="a"))["ts"]
    if error:
        assert await refused(client.chat_update(channel=GENERAL, ts=ts, text="x" * length)) == error
        assert world.texts() == ["a"]
    else:
        await client.chat_update(channel=GENERAL, ts=ts, text="x" * length)
        assert world.texts() == ["x" * length]


@pytest.mark.parametrize(
    ("length", "sizes"), [(4_040, [4_040]), (4_041, [4_000, 41]), (9_000, [4_000, 4_000, 1_000])]
)
async def test_a_long_posted_text_becomes_several_messages(
    world: World, length: int, sizes: list[int]
) -> None:
    """Observed: 4,041 characters make two messages, and the answer names only the first."""
    answer = await world.client().chat_postMessage(channel=GENERAL, text="x" * length)
    shown = world.slack.messages(GENERAL)
    assert [len(message["text"]) for message in shown] == sizes
    assert answer["ts"] == shown[0]["id"]


async def test_only_own_messages_can_be_changed(world: World) -> None:
    """A person's message, a deleted one, an unknown one, somebody's eyes only: each has its code."""
    client, slack = world.client(), world.slack
    theirs = await slack.say("U0ADA", GENERAL, "mine")
    assert await refused(client.chat_update(channel=GENERAL, ts=theirs, text="x")) == "cant_update_message"
    assert await refused(client.chat_delete(channel=GENERAL, ts=theirs)) == "cant_delete_message"
    own = str((await client.chat_postMessage(channel=GENERAL, text="a"))["ts"])
    await slack.delete("U0ADA", GENERAL, own)
    assert await refused(client.chat_update(channel=GENERAL, ts=own, text="b")) == "message_not_found"
    assert await refused(client.chat_delete(channel=GENERAL, ts=own)) == "message_not_found"
    hidden = (await client.chat_postEphemeral(channel=GENERAL, user="U0ADA", text="psst"))["message_ts"]
    assert await refused(client.chat_update(channel=GENERAL, ts=hidden, text="b")) == "message_not_found"
    assert await refused(client.chat_update(channel=RANDOM, ts=theirs, text="x")) == "message_not_found"


async def test_a_deleted_root_with_replies_leaves_a_tombstone(world: World) -> None:
    """The thread lives on; one without replies is gone, and can be replied to no more."""
    client, slack = world.client(), world.slack
    root = await slack.say("U0ADA", GENERAL, "question")
    await client.chat_postMessage(channel=GENERAL, thread_ts=root, text="answer")
    await slack.delete("U0ADA", GENERAL, root)
    assert world.texts() == ["This message was deleted.", "answer"]
    await client.chat_postMessage(channel=GENERAL, thread_ts=root, text="more")
    alone = await slack.say("U0ADA", GENERAL, "alone")
    await slack.delete("U0ADA", GENERAL, alone)
    late = client.chat_postMessage(channel=GENERAL, thread_ts=alone, text="late")
    assert await refused(late) == "thread_not_found"
    assert [entry["message"] for entry in world.record.entries("removed")] == [root, alone]


# -------------------------------------------------------------------------------------------------------- blocks

LONG_ROW = "| " + "x" * 100 + " |\n"
TABLE = "| a | b |\n| - | - |\n| 1 | 2 |\n"
ICON = {"type": "icon_button", "icon": "trash", "text": {"type": "plain_text", "text": "Delete"}}


@pytest.mark.parametrize(
    ("blocks", "error"),
    [
        ([markdown("x" * 12_000)], None),
        ([markdown("x" * 12_001)], "msg_blocks_too_long"),
        ([markdown("x" * 6_001), markdown("y" * 6_000)], "msg_blocks_too_long"),
        (
            [markdown("x" * 11000), {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2300}}],
            "msg_blocks_too_long",
        ),
        ([markdown("x")] * 50, None),
        ([markdown("x")] * 51, "invalid_blocks"),
        ([markdown("# h\n\ntext\n\n" * 25)], None),
        ([markdown("# h\n\ntext\n\n" * 26)], "invalid_blocks"),
        ([markdown("")], "invalid_blocks"),
        ([{"type": "markdown"}], "invalid_blocks"),
        ([{"type": "markdon", "text": "x"}], "invalid_blocks"),
        (["x"], "invalid_blocks"),
        ([{}], "invalid_blocks"),
        ([markdown(TABLE)], None),
        ([markdown(TABLE + "\ntext\n\n" + TABLE)], "invalid_attachments"),
        ([markdown(TABLE), markdown(TABLE)], "invalid_attachments"),
        ([markdown("```\n" + TABLE + "\n" + TABLE + "```")], None),
        ([markdown("| a |\n| - |\n" + "| 1 |\n" * 99)], None),
        ([markdown("| a |\n| - |\n" + "| 1 |\n" * 100)], "invalid_attachments"),
        ([markdown("|" + " a |" * 21 + "\n|" + " - |" * 21 + "\n")], "invalid_attachments"),
        ([markdown("| a |\n| - |\n" + LONG_ROW * 99)], None),
        (
            [markdown("| a |\n| - |\n" + LONG_ROW[:-2] + "xx |\n" + ("| " + "x" * 103 + " |\n") * 98)],
            "invalid_attachments",
        ),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_000}}], None),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}}], "invalid_blocks"),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": ""}}], "invalid_blocks"),
        ([{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}], "invalid_blocks"),
        ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "invalid_blocks"),
        ([{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}], "invalid_blocks"),
        ([{"type": "actions", "elements": [button(f"b{n}") for n in range(25)]}], None),
        ([{"type": "actions", "elements": [button(f"b{n}") for n in range(26)]}], "invalid_blocks"),
        ([{"type": "actions", "elements": [button("same"), button("same")]}], "invalid_blocks"),
        ([{"type": "actions", "elements": []}], "invalid_blocks"),
        ([{"type": "actions", "elements": [ICON]}], "invalid_blocks"),
        ([{"type": "context_actions", "elements": [ICON]}], None),
        ([{"type": "context_actions", "elements": [ICON] * 6}], "invalid_blocks"),
        ([{"type": "context_actions", "elements": [button("b")]}], "invalid_blocks"),
        ([{"type": "actions", "elements": [button("b", "x" * 76)]}], "invalid_blocks"),
        ([{"type": "actions", "elements": [button("b", value="x" * 2_001)]}], "invalid_blocks"),
        ([{"type": "actions", "elements": [button("x" * 256)]}], "invalid_blocks"),
        ([{"type": "actions", "elements": [button("b", style="red")]}], "invalid_blocks"),
        ([{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}], "invalid_blocks"),
    ],
)
async def test_blocks_are_held_to_slacks_rules(world: World, blocks: list[Any], error: str | None) -> None:
    """The same for a post and for an edit; what is refused shows nothing."""
    client = world.client()
    ts = (await client.chat_postMessage(channel=RANDOM, text="before"))["ts"]
    if error is None:
        await client.chat_postMessage(channel=GENERAL, text="t", blocks=blocks)
        await client.chat_update(channel=RANDOM, ts=ts, text="t", blocks=blocks)
        assert world.texts(GENERAL) == world.texts(RANDOM) != ["before"]
    else:
        assert await refused(client.chat_postMessage(channel=GENERAL, text="t", blocks=blocks)) == error
        assert await refused(client.chat_update(channel=RANDOM, ts=ts, text="t", blocks=blocks)) == error
        assert (world.texts(GENERAL), world.texts(RANDOM)) == ([], ["before"])


async def test_markdown_text_stands_alone(world: World) -> None:
    """markdown_text_conflict with text or blocks; 12,000 characters at most."""
    client = world.client()
    await client.chat_postMessage(channel=GENERAL, markdown_text="**x**")
    assert [(m["text"], m["markup"]) for m in world.slack.messages(GENERAL)] == [("**x**", "slack-markdown")]
    both = client.chat_postMessage(channel=GENERAL, text="x", markdown_text="x")
    assert await refused(both) == "markdown_text_conflict"
    long = client.chat_postMessage(channel=GENERAL, markdown_text="x" * 12_001)
    assert await refused(long) == "msg_too_long"


async def test_a_viewer_sees_the_blocks_and_not_the_fallback(world: World) -> None:
    """The text is for notifications; controls are seen beside the text."""
    blocks = [
        markdown("# Title"),
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "a footer"}]},
        {"type": "actions", "elements": [button("stop", value="r1", style="danger")]},
        {
            "type": "context_actions",
            "elements": [
                {
                    "type": "feedback_buttons",
                    "action_id": "fb",
                    "positive_button": {"text": {"type": "plain_text", "text": "Good"}, "value": "up"},
                    "negative_button": {"text": {"type": "plain_text", "text": "Bad"}, "value": "down"},
                }
            ],
        },
    ]
    await world.client().chat_postMessage(channel=GENERAL, text="fallback", blocks=blocks)
    (message,) = world.slack.messages(GENERAL)
    assert message["text"] == "# Title\n\na footer"
    assert message["controls"] == [
        {"id": "stop", "label": "Stop", "style": "danger"},
        {"id": "fb=up", "label": "Good", "style": ""},
        {"id": "fb=down", "label": "Bad", "style": ""},
    ]
    assert world.record.entries("shown")[0]["controls"] == ["Stop", "Good", "Bad"]


@pytest.mark.parametrize(
    ("text", "pings"),
    [
        ("<!channel> and <@U0ADA>", ["<!channel>", "<@U0ADA>"]),
        ("`<!here>` <!subteam^S0EDITORS>", ["<!here>", "<!subteam^S0EDITORS>"]),
        ("&lt;!channel> @channel <#C0GENERAL> <!date^1^x|y> <https://a.test>", []),
    ],
)
async def test_the_record_knows_whom_a_message_pings(world: World, text: str, pings: list[str]) -> None:
    """Tokens are live in mrkdwn and in markdown blocks alike."""
    client = world.client()
    await client.chat_postMessage(channel=GENERAL, text=text)
    await client.chat_postMessage(channel=GENERAL, text="fallback", blocks=[markdown(text)])
    assert [entry["pings"] for entry in world.record.entries("shown")] == [pings, pings]


async def test_the_record_knows_what_would_be_unfurled(world: World) -> None:
    """A link, unless both kinds of previews are refused at post time."""
    client = world.client()
    await client.chat_postMessage(channel=GENERAL, text="https://a.test")
    await client.chat_postMessage(
        channel=GENERAL, text="https://a.test", unfurl_links=False, unfurl_media=False
    )
    await client.chat_postMessage(channel=GENERAL, text="no link")
    assert [entry["unfurls"] for entry in world.record.entries("shown")] == [True, False, False]


# -------------------------------------------------------------------------------------------------------- places


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("C0NOWHERE", "channel_not_found"),
        ("G0SECRET", "channel_not_found"),
        ("C0LOBBY", "not_in_channel"),
        ("C0ARCHIVE", "is_archived"),
        ("D0NOBODY", "channel_not_found"),
    ],
)
async def test_the_bot_writes_only_where_it_is(world: World, channel: str, error: str) -> None:
    """A private channel that it is not in does not exist for it."""
    client = world.client()
    assert await refused(client.chat_postMessage(channel=channel, text="x")) == error
    assert await refused(client.chat_postEphemeral(channel=channel, user="U0ADA", text="x")) == error


async def test_channels_are_named_by_id_name_or_person(world: World) -> None:
    """A person's id means the DM with them; chat.update takes ids only."""
    client = world.client()
    assert (await client.chat_postMessage(channel="#random", text="x"))["channel"] == RANDOM
    answer = await client.chat_postMessage(channel="U0ADA", text="x")
    assert answer["channel"] == world.slack.direct("U0ADA")
    wrong = client.chat_update(channel="U0ADA", ts=answer["ts"], text="y")
    assert await refused(wrong) == "channel_not_found"


async def test_access_lost_in_the_middle_ends_edits(world: World) -> None:
    """Taken out of the channel, or the channel archived."""
    client, slack = world.client(), world.slack
    ts = (await client.chat_postMessage(channel=GENERAL, text="a"))["ts"]
    slack.set_archived(GENERAL)
    assert await refused(client.chat_update(channel=GENERAL, ts=ts, text="b")) == "is_inactive"
    slack.set_archived(GENERAL, archived=False)
    await slack.remove_bot(GENERAL)
    assert await refused(client.chat_update(channel=GENERAL, ts=ts, text="b")) == "channel_not_found"
    assert await refused(client.chat_postMessage(channel=GENERAL, text="b")) == "not_in_channel"
    await slack.invite("U0ADA", GENERAL)
    await client.chat_update(channel=GENERAL, ts=ts, text="b")
    assert world.texts() == ["b"]


# -------------------------------------------------------------------------------------------------------- reading


async def test_a_lost_post_is_found_by_its_metadata(world: World) -> None:
    """The answer was lost after applying; include_all_metadata tells that the message is there."""
    client = AsyncWebClient(token=world.slack.bot_token, base_url=world.slack.api_url, retry_handlers=[])
    root = await world.slack.say("U0ADA", GENERAL, "question")
    world.slack.faults.fault("chat.postMessage", drop="after")
    with pytest.raises(Exception, match="disconnected"):
        await client.chat_postMessage(
            channel=GENERAL,
            thread_ts=root,
            text="answer",
            metadata={"event_type": "turn", "event_payload": {"turn": "r1"}},
        )
    plain = await client.conversations_replies(channel=GENERAL, ts=root)
    assert ["metadata" in message for message in plain["messages"]] == [False, False]
    marked = await client.conversations_replies(channel=GENERAL, ts=root, include_all_metadata=True)
    assert marked["messages"][1]["metadata"]["event_payload"] == {"turn": "r1"}


async def test_the_default_retry_of_the_sdk_doubles_a_lost_post(world: World) -> None:
    """A post is not idempotent on Slack: why a bot must not repeat it blindly."""
    world.slack.faults.fault("chat.postMessage", drop="after")
    await world.client().chat_postMessage(channel=GENERAL, text="once?")
    assert world.texts() == ["once?", "once?"]


async def test_replies_come_in_pages_root_first(world: World) -> None:
    """What is posted between two pages shifts nothing."""
    client, slack = world.client(), world.slack
    root = await slack.say("U0ADA", GENERAL, "root")
    for number in range(5):
        await slack.say("U0GRACE", GENERAL, f"r{number}", thread=root)
    await slack.say("U0ADA", GENERAL, "elsewhere")
    seen: list[str] = []
    cursor = ""
    for _ in range(10):
        page = await client.conversations_replies(channel=GENERAL, ts=root, limit=2, cursor=cursor)
        seen += [message["text"] for message in page["messages"]]
        await slack.say("U0LINUS", RANDOM, "noise")
        if not page["has_more"]:
            break
        cursor = page["response_metadata"]["next_cursor"]
    assert seen == ["root", "r0", "r1", "r2", "r3", "r4"]
    first = (await client.conversations_replies(channel=GENERAL, ts=root, limit=1))["messages"][0]
    assert (first["reply_count"], first["reply_users"], first["thread_ts"]) == (5, ["U0GRACE"], root)


async def test_history_comes_newest_first_without_replies(world: World) -> None:
    """Only the top level; pages neither skip nor repeat although somebody posts in between."""
    client, slack = world.client(), world.slack
    *_, root = [await slack.say("U0ADA", GENERAL, f"m{number}") for number in range(4)]
    await slack.say("U0ADA", GENERAL, "a reply", thread=root)
    page = await client.conversations_history(channel=GENERAL, limit=2)
    await slack.say("U0ADA", GENERAL, "m4")
    following = page["response_metadata"]["next_cursor"]
    rest = await client.conversations_history(channel=GENERAL, limit=2, cursor=following)
    assert [m["text"] for m in (*page["messages"], *rest["messages"])] == ["m3", "m2", "m1", "m0"]
    only = await client.conversations_history(channel=GENERAL, oldest=root, inclusive=True, latest=root)
    assert [m["text"] for m in only["messages"]] == ["m3"]


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"channel": "C0LOBBY"}, "not_in_channel"),
        ({"channel": "G0SECRET"}, "channel_not_found"),
        ({"channel": GENERAL, "cursor": "###"}, "invalid_cursor"),
        ({"channel": GENERAL, "cursor": "bmV4dDox"}, "invalid_cursor"),
        ({"channel": GENERAL, "oldest": "yesterday"}, "invalid_ts_oldest"),
        ({"channel": GENERAL, "latest": "-1"}, "invalid_ts_latest"),
        ({"channel": GENERAL, "limit": -1}, "invalid_limit"),
    ],
)
async def test_history_refuses_what_it_cannot_read(world: World, said: dict[str, Any], error: str) -> None:
    """Each mistake has its code."""
    assert await refused(world.client().conversations_history(**said)) == error


async def test_people_and_channels_can_be_looked_up(world: World) -> None:
    """users.info, conversations.info, open, members, list."""
    client = world.client()
    person = (await client.users_info(user="U0LINUS", include_locale=True))["user"]
    assert (person["profile"]["display_name"], person["locale"], person["is_bot"]) == (
        "Linus",
        "de-DE",
        False,
    )
    assert await refused(client.users_info(user="U0NOBODY")) == "user_not_found"
    assert (await client.conversations_open(users="U0ADA"))["channel"]["id"] == world.slack.direct("U0ADA")
    info = (await client.conversations_info(channel=world.slack.direct("U0ADA")))["channel"]
    assert (info["is_im"], info["user"]) == (True, "U0ADA")
    assert world.slack.bot_id in (await client.conversations_members(channel=GENERAL))["members"]
    listed = (await client.conversations_list(types="public_channel,private_channel"))["channels"]
    assert {c["name"] for c in listed} == {
        "general",
        "random",
        "public-no-bot",
        "private-with-bot",
        "archived",
    }
    assert (await client.users_list())["members"][0]["id"] == "U0ADA"


async def test_a_reaction_is_put_once(world: World) -> None:
    """already_reacted, no_reaction, invalid_name, bad_timestamp."""
    client = world.client()
    ts = await world.slack.say("U0ADA", GENERAL, "x")
    await client.reactions_add(channel=GENERAL, timestamp=ts, name="eyes")
    assert world.slack.messages(GENERAL)[0]["reactions"] == {"eyes": [world.slack.bot_id]}
    assert (
        await refused(client.reactions_add(channel=GENERAL, timestamp=ts, name="eyes")) == "already_reacted"
    )
    await client.reactions_remove(channel=GENERAL, timestamp=ts, name="eyes")
    assert await refused(client.reactions_remove(channel=GENERAL, timestamp=ts, name="eyes")) == "no_reaction"
    assert (
        await refused(client.reactions_add(channel=GENERAL, timestamp=ts, name="no such!")) == "invalid_name"
    )
    assert (
        await refused(client.reactions_add(channel=GENERAL, timestamp="now", name="eyes")) == "bad_timestamp"
    )


async def test_a_permalink_leads_into_the_thread(world: World) -> None:
    """chat.getPermalink."""
    client = world.client()
    root = await world.slack.say("U0ADA", GENERAL, "x")
    reply = str((await client.chat_postMessage(channel=GENERAL, thread_ts=root, text="y"))["ts"])
    link = (await client.chat_getPermalink(channel=GENERAL, message_ts=reply))["permalink"]
    assert (
        link
        == f"https://sandbox.slack.com/archives/{GENERAL}/p{reply.replace('.', '')}?thread_ts={root}&cid={GENERAL}"
    )


# -------------------------------------------------------------------------------------------------------- status


async def test_a_status_is_shown_until_the_answer_comes(world: World) -> None:
    """setStatus, cleared by a post in its thread, by an empty one, or after two minutes."""
    client, slack = world.client(), world.slack
    root = await slack.say("U0ADA", GENERAL, "question")
    await client.assistant_threads_setStatus(channel_id=GENERAL, thread_ts=root, status="is thinking")
    assert slack.status(GENERAL, root) == "is thinking"
    await client.chat_postMessage(channel=GENERAL, thread_ts=root, text="answer")
    assert slack.status(GENERAL, root) == ""
    await client.assistant_threads_setStatus(channel_id=GENERAL, thread_ts=root, status="again")
    await client.assistant_threads_setStatus(channel_id=GENERAL, thread_ts=root, status="")
    assert [entry["text"] for entry in world.record.entries("status")] == ["is thinking", "", "again", ""]
    wrong = client.assistant_threads_setStatus(channel_id=GENERAL, thread_ts="1.1", status="x")
    assert await refused(wrong) == "invalid_thread_ts"


async def test_a_status_lapses_after_its_time(world: World) -> None:
    """Two minutes, here shortened; a refreshed one lasts longer."""
    world.clock.set_duration("slack.status", 0.2)
    root = await world.slack.say("U0ADA", GENERAL, "question")
    client = world.client()
    await client.assistant_threads_setStatus(channel_id=GENERAL, thread_ts=root, status="one")
    world.clock.set_duration("slack.status", 0.4)
    await client.assistant_threads_setStatus(channel_id=GENERAL, thread_ts=root, status="two")
    await world.record.wait(lambda record: record.entries("status", text=""))
    one, two, none = world.record.entries("status")
    assert [one["text"], two["text"], none["text"]] == ["one", "two", ""]
    assert none.at - two.at >= 0.4
