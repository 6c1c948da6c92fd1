"""The sandbox's Discord over plain HTTP: headers, refusals and whatever a client may send by mistake."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.clock import Clock
from sandbox.discord import buckets
from sandbox.discord.server import DiscordServer
from sandbox.discord.sessions import EVERYTHING, MESSAGE_CONTENT
from sandbox.limits import Limits
from sandbox.record import Record
from tests.sandbox.discord_raw import Answer, Client, wrong

EXAMPLES = 60
PATCH = "PATCH /channels/{c}/messages/{m}"
POST = "POST /channels/{c}/messages"


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    clock = Clock()
    server = DiscordServer(clock, Limits(), Record(clock))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client(server: DiscordServer) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(server, session)


# ---------------------------------------------------------------------------------------------- headers and limits


async def test_every_answer_has_the_headers_that_clients_read(client: Client) -> None:
    """Exactly application/json, the bucket's figures as Discord writes them, and Via."""
    answer = await client.post()
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-RateLimit-Limit"] == "5"
    assert answer.headers["X-RateLimit-Remaining"] == "4"
    assert 4.5 < float(answer.headers["X-RateLimit-Reset-After"]) <= 5.0
    assert float(answer.headers["X-RateLimit-Reset"]) > 1_700_000_000
    assert len(answer.headers["X-RateLimit-Bucket"]) == 32
    assert "Via" in answer.headers


async def test_the_sixth_post_of_a_window_is_refused(client: Client) -> None:
    """429 with Retry-After, scope and JSON; nothing is posted; another channel has a bucket of its own."""
    for index in range(5):
        assert (await client.post(f"{index}")).headers["X-RateLimit-Remaining"] == str(4 - index)
    refused = await client.post("too much")
    assert refused.status == 429
    body = refused.json
    assert body["message"] == "You are being rate limited."
    assert 0 < body["retry_after"] <= 5
    assert body["global"] is False
    assert int(refused.headers["Retry-After"]) == 5
    assert refused.headers["X-RateLimit-Scope"] == "user"
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert "X-RateLimit-Global" not in refused.headers
    assert len(client.server.messages("general")) == 5
    random = client.server.state.channel("random").id
    assert (await client.call("POST", f"/channels/{random}/messages", {"content": "x"})).status == 200
    entry = client.server._record.entries("refused")[0]
    assert (entry["method"], entry["limit"], entry["scope"]) == (POST, buckets.POST, client.general)


async def test_who_waits_for_reset_after_is_not_refused(client: Client) -> None:
    """The figures in the headers are real seconds, also when sandbox time runs faster, and hold to the millisecond."""
    client.server._clock.rescale(50)
    for _ in range(3):
        remaining, answer = "", Answer(0, {}, "")
        while remaining != "0":
            answer = await client.post()
            assert answer.status == 200
            remaining = answer.headers["X-RateLimit-Remaining"]
        reset_after = float(answer.headers["X-RateLimit-Reset-After"])
        assert reset_after <= 0.1
        await asyncio.sleep(reset_after)


async def test_post_and_patch_have_buckets_of_their_own(client: Client) -> None:
    """Unless the switch makes them share one, which their hashes then say."""
    first = await client.post()
    edit = await client.patch(first.json["id"])
    assert edit.headers["X-RateLimit-Remaining"] == "4"
    assert edit.headers["X-RateLimit-Bucket"] != first.headers["X-RateLimit-Bucket"]
    client.server.buckets.share_post_and_patch = True
    edit = await client.patch(first.json["id"])
    assert edit.headers["X-RateLimit-Remaining"] == "3"
    assert edit.headers["X-RateLimit-Bucket"] == first.headers["X-RateLimit-Bucket"]


async def test_each_unmeasured_route_has_a_bucket_of_its_own(client: Client) -> None:
    """Asking who one is does not spend what asking for a channel has."""
    me = await client.call("GET", "/users/@me")
    channel = await client.call("GET", f"/channels/{client.general}")
    assert me.headers["X-RateLimit-Bucket"] != channel.headers["X-RateLimit-Bucket"]
    assert me.headers["X-RateLimit-Remaining"] == channel.headers["X-RateLimit-Remaining"] == "9"


async def test_a_bucket_can_change_its_hash_mid_run(client: Client) -> None:
    """As when Discord moves a route to another bucket."""
    before = (await client.post()).headers["X-RateLimit-Bucket"]
    new = client.server.buckets.rehash(buckets.POST)
    assert (await client.post()).headers["X-RateLimit-Bucket"] == new != before


async def test_a_hidden_limit_refuses_while_calls_remain(client: Client) -> None:
    """429 although Remaining is above 0; taken off again it is gone."""
    message = (await client.post()).json["id"]
    client.server.buckets.hide(buckets.PATCH, rate=0.01, burst=1)
    assert (await client.patch(message)).status == 200
    refused = await client.patch(message)
    assert refused.status == 429
    assert int(refused.headers["X-RateLimit-Remaining"]) > 0
    assert refused.json["retry_after"] > 50
    client.server.buckets.reveal(buckets.PATCH)
    assert (await client.patch(message)).status == 200


async def test_old_messages_have_a_limit_of_their_own(client: Client) -> None:
    """Code 30046 after three edits of messages older than an hour (a duration of the clock)."""
    message = (await client.post()).json["id"]
    client.server._clock.set_duration("discord.old_message", 0.0)
    for _ in range(3):
        assert (await client.patch(message)).status == 200
    refused = await client.patch(message)
    assert (refused.status, refused.code) == (429, 30046)
    assert refused.json["retry_after"] <= 6
    assert client.server._record.entries("refused", limit=buckets.OLD)[0]["message"] == message


async def test_the_global_limit_is_for_all_but_interactions(client: Client) -> None:
    """50 a second over all routes; its 429 carries no bucket."""
    client.server._limits.change(buckets.GLOBAL, rate=0.1, burst=2)
    assert [(await client.call("GET", "/users/@me")).status for _ in range(3)] == [200, 200, 429]
    refused = await client.call("GET", "/users/@me")
    assert refused.json["global"] is True
    assert (refused.headers["X-RateLimit-Global"], refused.headers["X-RateLimit-Scope"]) == ("true", "global")
    assert "X-RateLimit-Remaining" not in refused.headers
    hook = await client.call("PATCH", f"/webhooks/{client.server.application_id}/none/messages/@original", {})
    assert hook.code == 50027


async def test_too_many_invalid_requests_are_shut_out_at_the_edge(client: Client) -> None:
    """10,000 answers of 401, 403 or 429 in ten minutes (here 3): HTML without Via."""
    client.server._limits.change(buckets.INVALID, rate=0.01, burst=3)
    for _ in range(3):
        assert (await client.call("GET", "/users/@me", headers={"Authorization": "Bot wrong"})).status == 401
    shut = await client.call("GET", "/users/@me")
    assert shut.status == 429
    assert "Via" not in shut.headers
    assert shut.headers["Content-Type"].startswith("text/html")
    assert int(shut.headers["Retry-After"]) > 0


async def test_limits_that_are_not_enforced_still_count(client: Client) -> None:
    """Everything is allowed, and the gates say how often it was not."""
    client.server._limits.enforced = False
    assert [(await client.post()).status for _ in range(7)] == [200] * 7
    assert client.server._limits.gate(buckets.POST, client.general).refusals == 2


async def test_every_limit_says_where_it_comes_from(server: DiscordServer) -> None:
    """Certainty and source, for all of them."""
    ours = [limit for limit in server._limits.known if limit.name.startswith("discord.")]
    assert len(ours) == len(buckets.DECLARED)
    assert all(limit.source and limit.certainty in ("documented", "observed", "guessed") for limit in ours)


# ---------------------------------------------------------------------------------------------- messages


async def test_two_thousand_code_points_are_the_most(client: Client) -> None:
    """Emoji count once; one more is a 50035 at `content`."""
    assert (await client.post("😀" * 2000)).status == 200
    assert wrong(await client.post("😀" * 2001), "content") == "BASE_TYPE_MAX_LENGTH"


@pytest.mark.parametrize("content", ["", "   \n ", None])
async def test_an_empty_message_is_refused(client: Client, content: str | None) -> None:
    """50006, for edits too."""
    assert (await client.post(content)).code == 50006
    message = (await client.post("something")).json["id"]
    assert (await client.patch(message, content)).code == 50006


async def test_the_same_nonce_makes_one_message(client: Client) -> None:
    """With enforce_nonce the first message comes back; without it, or later, a new one is made."""
    first = await client.post("one", nonce="k1", enforce_nonce=True)
    again = await client.post("two", nonce="k1", enforce_nonce=True)
    assert (again.json["id"], again.json["content"], again.json["nonce"]) == (first.json["id"], "one", "k1")
    assert (await client.post("three", nonce="k1")).json["id"] != first.json["id"]
    assert wrong(await client.post("x", nonce="n" * 26), "nonce") == "BASE_TYPE_MAX_LENGTH"
    client.server._clock.set_duration("discord.nonce", 0.0)
    assert (await client.post("four", nonce="k1", enforce_nonce=True)).json["content"] == "four"


async def test_replies_refer_to_what_is_there(client: Client) -> None:
    """A reply has type 19 and its target; a deleted target is 50035, or is let go on request."""
    question = await client.server.say("Ada", "general", "why?")
    reply = await client.post("because", message_reference={"message_id": question})
    assert (reply.json["type"], reply.json["referenced_message"]["content"]) == (19, "why?")
    assert client.server._record.entries("shown", text="because")[0]["pings"] == [
        client.server.state.person("Ada").id
    ]
    await client.server.delete("Ada", "general", question)
    gone = await client.post("x", message_reference={"message_id": question})
    assert wrong(gone, "message_reference") == "REPLIES_UNKNOWN_MESSAGE"
    kept = await client.post("x", message_reference={"message_id": question, "fail_if_not_exists": False})
    assert kept.json["type"] == 0
    elsewhere = await client.server.say("Ada", "random", "over here")
    assert (await client.post("x", message_reference={"message_id": elsewhere})).code == 50035
    await client.server.revoke("general", "read_message_history")
    assert (await client.post("x", message_reference={"message_id": question})).code == 160002


MENTIONS = "@everyone <@&{role}> <@{ada}> `<@{grace}>`"


@pytest.mark.parametrize(
    ("allowed", "pinged"),
    [
        (None, ["everyone", "&role", "ada"]),
        ({"parse": []}, []),
        ({}, []),
        ({"parse": ["users"]}, ["ada"]),
        ({"users": ["ada", "grace"]}, ["ada"]),
        ({"parse": ["everyone"], "users": ["grace"]}, ["everyone"]),
        ({"roles": ["role"]}, ["&role"]),
    ],
)
async def test_allowed_mentions_decide_who_is_pinged(
    client: Client, allowed: dict[str, Any] | None, pinged: list[str]
) -> None:
    """The default pings everybody named outside code; what is allowed narrows it; the record has who was pinged."""
    state = client.server.state
    names = {
        "ada": state.person("Ada").id,
        "grace": state.person("Grace").id,
        "role": next(iter(state.roles)),
    }

    def ids(value: Any) -> Any:
        return {key: [names.get(one, one) for one in listed] for key, listed in value.items()}

    more = {} if allowed is None else {"allowed_mentions": ids(allowed)}
    answer = await client.post(MENTIONS.format(**names), **more)
    expected = [names.get(one, one) if not one.startswith("&") else f"&{names[one[1:]]}" for one in pinged]
    assert client.server._record.entries("shown", verb="post")[-1]["pings"] == expected
    assert answer.json["mention_everyone"] == ("everyone" in expected)
    # An edit is parsed anew, without regard to what the post allowed (docs: Edit Message).
    edited = await client.patch(answer.json["id"], MENTIONS.format(**names))
    assert edited.json["mention_everyone"] is True


async def test_mentions_that_exclude_each_other_are_refused(client: Client) -> None:
    """`parse: users` and `users` cannot both be said."""
    both = {"parse": ["users"], "users": [client.server.bot_id]}
    answer = await client.post("x", allowed_mentions=both)
    assert wrong(answer, "allowed_mentions") == "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"


def row(*buttons: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(buttons)}


def button(custom_id: str = "a", **more: Any) -> dict[str, Any]:
    return {"type": 2, "style": 2, "label": "A", "custom_id": custom_id, **more}


@pytest.mark.parametrize(
    ("components", "path", "code"),
    [
        ([row(button(), button())], ("0", "components", "1", "custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED"),
        ([row(*(button(str(n)) for n in range(6)))], ("0", "components"), "BASE_TYPE_MAX_LENGTH"),
        ([row(button(str(n))) for n in range(6)], (), "BASE_TYPE_BAD_LENGTH"),
        ([row(button("x" * 101))], ("0", "components", "0", "custom_id"), "BASE_TYPE_BAD_LENGTH"),
        ([row(button(label=""))], ("0", "components", "0", "label"), "BUTTON_COMPONENT_INVALID_LABEL"),
        ([row(button(label="x" * 81))], ("0", "components", "0", "label"), "BASE_TYPE_MAX_LENGTH"),
        ([row(button(style=9))], ("0", "components", "0", "style"), "BASE_TYPE_CHOICES"),
        ([row()], ("0", "components"), "BASE_TYPE_BAD_LENGTH"),
        ([button()], ("0", "type"), "UNION_TYPE_CHOICES"),
        ([{"type": 10, "content": "text"}], ("0", "type"), "UNION_TYPE_CHOICES"),
        (["nonsense"], ("0",), "DICT_TYPE_CONVERT"),
    ],
)
async def test_components_are_checked_at_their_place(
    client: Client, components: list[Any], path: tuple[str, ...], code: str
) -> None:
    """Rows, buttons, ids: the error names the component that is wrong."""
    assert wrong(await client.post("x", components=components), "components", *path) == code
    assert client.server.messages("general") == []


async def test_components_v2_follow_their_own_rules(client: Client) -> None:
    """No content beside them, 4,000 characters in all, a byte limit that is a 500, and the flag stays."""
    client.server._limits.enforced = False
    flag = 1 << 15

    def text(*parts: str) -> dict[str, Any]:
        return {"flags": flag, "components": [{"type": 10, "content": part} for part in parts]}

    legacy = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
    assert wrong(await client.post("words", **text("a")), "content") == legacy
    path = f"/channels/{client.general}/messages"
    made = await client.call("POST", path, text("x" * 2000, "y" * 2000))
    assert made.status == 200
    too_long = await client.call("POST", path, text("x" * 2000, "y" * 2001))
    assert wrong(too_long, "components") == "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"
    assert (await client.call("POST", path, text("字" * 3400))).status == 500
    assert (await client.call("POST", path, {"flags": flag})).code == 50006
    assert wrong(await client.patch(made.json["id"], "plain", flags=0), "content") == legacy
    plain = (await client.post("plain")).json["id"]
    assert wrong(await client.call("PATCH", f"{path}/{plain}", text("a")), "content") == legacy
    became = await client.call("PATCH", f"{path}/{plain}", {**text("a"), "content": None})
    assert became.json["flags"] & flag
    stays = await client.call("PATCH", f"{path}/{plain}", {**text("b"), "flags": 0})
    assert stays.json["flags"] & flag


async def test_embeds_can_be_suppressed_by_an_edit_and_brought_back(client: Client) -> None:
    """Flag 4 follows the edit, in both directions; other bits cannot be set."""
    made = await client.post("https://example.com", flags=4 | 1 << 6)
    assert made.json["flags"] == 4
    assert not await client.server.unfurl("general", made.json["id"])
    shown = await client.patch(made.json["id"], flags=0)
    assert shown.json["flags"] == 0
    assert await client.server.unfurl("general", made.json["id"])


@pytest.mark.parametrize(
    ("embeds", "path", "code"),
    [
        ([{"description": "x" * 4097}], ("0", "description"), "BASE_TYPE_MAX_LENGTH"),
        ([{"description": "x" * 3001}, {"description": "x" * 3000}], (), "MAX_EMBED_SIZE_EXCEEDED"),
        ([{"title": "x"}] * 11, (), "BASE_TYPE_MAX_LENGTH"),
    ],
)
async def test_embeds_have_their_sums(
    client: Client, embeds: list[Any], path: tuple[str, ...], code: str
) -> None:
    """4,096 in a description, 6,000 over all, ten of them."""
    assert wrong(await client.post("x", embeds=embeds), "embeds", *path) == code


async def test_what_is_gone_is_unknown(client: Client) -> None:
    """10008 after a deletion, 10003 after the channel's."""
    message = (await client.post()).json["id"]
    await client.server.delete("Ada", "general", message)
    assert (await client.patch(message)).code == 10008
    await client.server.delete_channel("general")
    assert (await client.patch(message)).code == 10003


async def test_people_delete_what_their_permissions_allow(client: Client) -> None:
    """One's own, or as a moderator anybody's; in a DM only one's own."""
    message = (await client.post()).json["id"]
    with pytest.raises(PermissionError, match="Linus may delete only own messages"):
        await client.server.delete("Linus", "general", message)
    await client.server.delete("Grace", "general", message)
    direct = client.server.direct("Ada")
    sent = await client.call("POST", f"/channels/{direct}/messages", {"content": "hi"})
    with pytest.raises(PermissionError):
        await client.server.delete("Ada", direct, sent.json["id"])
    with pytest.raises(PermissionError, match="not Grace's DM"):
        await client.server.say("Grace", direct, "hello?")


async def test_rest_hides_peoples_words_without_the_intent(client: Client) -> None:
    """The portal's toggle counts for REST too; the bot's own words stay."""
    await client.server.say("Ada", "general", "secret")
    await client.post("own")
    path = f"/channels/{client.general}/messages"
    assert [one["content"] for one in (await client.call("GET", path)).json] == ["own", "secret"]
    client.server.gateway.allowed_intents = EVERYTHING & ~MESSAGE_CONTENT
    assert [one["content"] for one in (await client.call("GET", path)).json] == ["own", ""]


# ---------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/nothing", 404, {"message": "404: Not Found", "code": 0}),
        ("PUT", "/users/@me", 405, {"message": "405: Method Not Allowed", "code": 0}),
        ("GET", "/channels/1", 404, {"message": "Unknown Channel", "code": 10003}),
        ("GET", "/guilds/1", 404, {"message": "Unknown Guild", "code": 10004}),
        ("GET", "/users/1", 404, {"message": "Unknown User", "code": 10013}),
        ("GET", "/applications/1/commands", 403, {"message": "Missing Access", "code": 50001}),
    ],
)
async def test_what_does_not_exist_is_answered_as_discord_does(
    client: Client, method: str, path: str, status: int, body: dict[str, Any]
) -> None:
    """The sentence and the code, not a page of the web server."""
    answer = await client.call(method, path)
    assert (answer.status, answer.json) == (status, body)


async def test_a_missing_or_wrong_token_is_unauthorized(client: Client) -> None:
    """401 with code 0; a reset of the token in the portal looks the same."""
    answer = await client.call("GET", "/users/@me", headers={"Authorization": client.server.bot_token})
    assert (answer.status, answer.json) == (401, {"message": "401: Unauthorized", "code": 0})
    before = client.server.bot_token
    client.server.bot_token = "reset"
    assert (await client.call("GET", "/users/@me", headers={"Authorization": f"Bot {before}"})).status == 401


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"{", "application/json", 50109),
        (b"\xff\xfe", "application/json", 50109),
        (b"[" * 100_000, "application/json", 50109),
        (b"[]", "application/json", 50035),
        (b'"text"', "application/json", 50035),
        (b"{}", "text/plain", 50035),
        (b"", "application/json", 50006),
        (b"--x\r\nnonsense", "multipart/form-data; boundary=x", 50035),
        (b"nothing", "multipart/form-data", 50035),
    ],
)
async def test_an_unreadable_body_is_refused(client: Client, body: bytes, kind: str, code: int) -> None:
    """Broken JSON, lists, other types, broken forms: 400 with Discord's code."""
    answer = await client.call(
        "POST", f"/channels/{client.general}/messages", body, headers={"Content-Type": kind}
    )
    assert (answer.status, answer.code) == (400, code)


async def test_a_path_that_is_no_id_is_a_form_error(client: Client) -> None:
    """50035 at `channel_id`."""
    assert wrong(await client.call("GET", "/channels/general"), "channel_id") == "NUMBER_TYPE_COERCE"


async def test_files_that_are_too_large_are_refused(client: Client) -> None:
    """10 MiB a file: 413 with code 40005; ten files at most."""
    form = aiohttp.FormData()
    form.add_field("payload_json", "{}")
    form.add_field("files[0]", io.BytesIO(bytes(10 * 1024 * 1024 + 1)), filename="a.bin")
    path = f"/channels/{client.general}/messages"
    answer = await client.call("POST", path, form)
    assert (answer.status, answer.code) == (413, 40005)
    form = aiohttp.FormData()
    for index in range(11):
        form.add_field(f"files[{index}]", b"x", filename="a.bin")
    assert (await client.call("POST", path, form)).code == 50035


async def test_a_file_link_ends(client: Client) -> None:
    """A link with another signature or an old date is no longer available."""
    await client.server.say("Ada", "general", "", files=[("a.txt", "text/plain", b"abc")])
    url = client.server.messages("general")[0]["files"][0]["url"]
    async with client.session.get(url) as good, client.session.get(url.replace("ex=", "ex=1&x=")) as bad:
        assert (good.status, await good.read(), bad.status) == (200, b"abc", 404)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BUTTON = {
    "type": 2,
    "style": 1,
    "label": "Go",
    "custom_id": "a",
    "emoji": {"name": "x", "id": None},
    "disabled": False,
}
LINK = {"type": 2, "style": 5, "label": "There", "url": "https://example.com"}
OPTION = {"label": "One", "value": "1", "description": "The first", "emoji": {"name": "x"}, "default": True}
SELECT = {"type": 3, "custom_id": "s", "placeholder": "Pick", "min_values": 1, "options": [OPTION]}
EMBED = {
    "title": "t",
    "description": "d",
    "footer": {"text": "f"},
    "author": {"name": "a"},
    "fields": [{"name": "n", "value": "v", "inline": True}],
}
MESSAGE = {
    "content": "words",
    "nonce": "n",
    "enforce_nonce": True,
    "tts": False,
    "flags": 4,
    "embeds": [EMBED],
    "allowed_mentions": {"parse": ["everyone"], "users": ["1"], "roles": ["2"], "replied_user": True},
    "message_reference": {"message_id": "1", "channel_id": "2", "guild_id": "3", "fail_if_not_exists": False},
    "components": [{"type": 1, "components": [BUTTON, LINK]}, {"type": 1, "components": [SELECT]}],
    "attachments": [{"id": "0", "filename": "a", "description": "d"}],
    "sticker_ids": ["1"],
}
LAYOUT = {
    "flags": 1 << 15,
    "components": [
        {
            "type": 17,
            "accent_color": 1,
            "components": [
                {"type": 10, "content": "text"},
                {"type": 9, "components": [{"type": 10, "content": "x"}], "accessory": BUTTON},
                {"type": 14, "divider": True},
                {"type": 1, "components": [LINK]},
            ],
        }
    ],
}
INPUT = {
    "type": 4,
    "custom_id": "i",
    "style": 1,
    "label": "L",
    "min_length": 1,
    "max_length": 5,
    "value": "v",
    "required": True,
}
MODAL = {
    "custom_id": "m",
    "title": "Form",
    "components": [
        {"type": 1, "components": [INPUT]},
        {"type": 18, "label": "L", "component": {**INPUT, "custom_id": "j"}},
    ],
}
COMMAND = {
    "name": "ask",
    "description": "d",
    "type": 1,
    "contexts": [0, 1],
    "options": [
        {
            "type": 3,
            "name": "q",
            "description": "d",
            "required": True,
            "choices": [{"name": "c", "value": "v"}],
            "min_length": 1,
            "max_length": 9,
        }
    ],
}
RIGHT: list[tuple[str, str, Any]] = [
    *(("POST", path, body) for path in ("/channels/{c}/messages", "{hook}") for body in (MESSAGE, LAYOUT)),
    *(
        ("PATCH", path, body)
        for path in ("/channels/{c}/messages/{own}", "{hook}/messages/@original")
        for body in (MESSAGE, LAYOUT)
    ),
    *(
        ("POST", "{callback}", {"type": kind, "data": data})
        for kind, data in ((4, MESSAGE), (5, LAYOUT), (9, MODAL))
    ),
    ("POST", "/channels/{r}/messages/{m}/threads", {"name": "t", "auto_archive_duration": 60}),
    ("PATCH", "/channels/{r}", {"name": "n", "topic": "t"}),
    ("POST", "/users/@me/channels", {"recipient_id": "1"}),
    ("POST", "/channels/{c}/messages/bulk-delete", {"messages": ["1", "2"]}),
    ("POST", "/applications/{a}/commands", COMMAND),
    ("PUT", "/applications/{a}/commands", [COMMAND, {"name": "Menu", "type": 3}]),
]


def places(body: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every node of a body."""
    steps = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    return [path, *(found for step, inner in steps for found in places(inner, (*path, step)))]


def replaced(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[path[0]] = replaced(copy[path[0]], path[1:], value)
    return copy


@st.composite
def almost_right(draw: st.DrawFn) -> tuple[str, str, Any]:
    """A body that Discord takes, with one node of it replaced by anything."""
    method, path, body = draw(st.sampled_from(RIGHT))
    return method, path, replaced(body, draw(st.sampled_from(places(body))), draw(ANYTHING))


@settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(sent=almost_right())
async def test_no_body_makes_the_server_fail(client: Client, sent: tuple[str, str, Any]) -> None:
    """A body with any one mistake, on any route: an answer of Discord's, never a 500; and the views still work."""
    server = client.server
    server._limits.enforced = False
    random = server.state.channel("random")
    message = await server.say("Ada", random.id, "here")
    one = server.interactions.create(2, server.state.person("Ada"), random, {}, name="ask")
    method, path, body = sent
    callback = f"/interactions/{one.id}/{one.token}/callback"
    if "hook" in path:
        await client.call("POST", callback, {"type": 5})
    own = (await client.call("POST", f"/channels/{client.general}/messages", {"content": "x"})).json["id"]
    names = {"c": client.general, "own": own, "r": random.id, "m": message, "a": server.application_id}
    hook = f"/webhooks/{server.application_id}/{one.token}"
    answer = await client.call(method, path.format(hook=hook, callback=callback, **names), body)
    assert answer.status < 500
    if answer.status >= 400:
        assert {"message", "code"} <= set(answer.json)
    assert server.messages(client.general)
    assert server.messages(random.id)
    server.modals("Ada")


# ---------------------------------------------------------------------------------------------- interactions


async def test_interaction_errors_are_discords(client: Client) -> None:
    """10062 for what is unknown, 40060 for the second answer, 10015 before the first, 10008 for another's message."""
    server = client.server
    one = server.interactions.create(
        2, server.state.person("Ada"), server.state.channel("general"), {}, name="ask"
    )
    callback = f"/interactions/{one.id}/{one.token}/callback"
    hook = f"/webhooks/{server.application_id}/{one.token}"
    assert (await client.call("POST", callback.replace(one.token, "no"), {"type": 5})).code == 10062
    assert (await client.call("PATCH", hook + "/messages/@original", {"content": "x"})).code == 10015
    assert wrong(await client.call("POST", callback, {"type": 7}), "type") == "BASE_TYPE_CHOICES"
    assert (await client.call("POST", callback, {"type": 5, "data": {"flags": 64}})).status == 204
    assert (await client.call("POST", callback, {"type": 5})).code == 40060
    message = (await client.post("mine")).json["id"]
    assert (await client.call("PATCH", f"{hook}/messages/{message}", {"content": "x"})).code == 10008
    assert (
        await client.call("POST", hook.replace(server.application_id, "1"), {"content": "x"})
    ).code == 10015
    # Directly after a defer the first follow-up fills the loading message; whether it is ephemeral is settled.
    filled = await client.call("POST", hook, {"content": "x", "flags": 0})
    assert filled.json["flags"] & 64
    assert len([one for one in server.messages("general") if one["ephemeral_for"]]) == 1


async def test_the_callback_tells_of_its_message_when_asked(client: Client) -> None:
    """with_response: the interaction, and the resource that came of it."""
    server = client.server
    one = server.interactions.create(
        2, server.state.person("Ada"), server.state.channel("general"), {}, name="ask"
    )
    path = f"/interactions/{one.id}/{one.token}/callback?with_response=1"
    answer = await client.call("POST", path, {"type": 4, "data": {"content": "hi"}})
    assert answer.status == 200
    assert answer.json["resource"]["message"]["content"] == "hi"
    assert answer.json["interaction"]["response_message_id"] == answer.json["resource"]["message"]["id"]


async def test_an_interaction_has_five_edits_in_two_seconds(client: Client) -> None:
    """The bucket is the token's: another interaction has its own; the record never shows a token."""
    server = client.server
    hooks = []
    for _ in range(2):
        one = server.interactions.create(
            2, server.state.person("Ada"), server.state.channel("general"), {}, name="a"
        )
        await client.call("POST", f"/interactions/{one.id}/{one.token}/callback", {"type": 5})
        hooks.append(f"/webhooks/{server.application_id}/{one.token}/messages/@original")
    edits = [await client.call("PATCH", hooks[0], {"content": f"{n}"}) for n in range(6)]
    assert [edit.status for edit in edits] == [200] * 5 + [429]
    assert edits[5].json["retry_after"] <= 2
    assert (await client.call("PATCH", hooks[1], {"content": "x"})).status == 200
    tokens = [hook.split("/")[3] for hook in hooks]
    assert not any(token in str(entry.fields) for entry in server._record for token in tokens)
    assert not any(token in scope for scope, _ in server._limits.gates() for token in tokens)


async def test_commands_are_registered_whole_or_not_at_all(client: Client) -> None:
    """A bulk overwrite replaces all; ids stay with names; a mistake is named and nothing changes."""
    path = f"/applications/{client.server.application_id}/commands"
    ask = {
        "name": "ask",
        "description": "Ask",
        "options": [{"type": 3, "name": "q", "description": "Q", "required": True}],
    }
    first = await client.call("PUT", path, [ask, {"name": "About this", "type": 3}])
    assert [one["name"] for one in first.json] == ["ask", "About this"]
    second = await client.call("PUT", path, [ask])
    assert second.json[0]["id"] == first.json[0]["id"]
    bad = await client.call("PUT", path, [ask, {"name": "Not Slash", "description": ""}])
    assert wrong(bad, "1", "description") == "BASE_TYPE_REQUIRED"
    assert (
        wrong(await client.call("PUT", path, [ask, ask]), "0", "name")
        == "APPLICATION_COMMANDS_DUPLICATE_NAME"
    )
    assert [one["name"] for one in (await client.call("GET", path)).json] == ["ask"]
    assert [(one["name"], one["kind"]) for one in client.server.commands("general")] == [("ask", "slash")]
    await client.call("PUT", path, [{**ask, "contexts": [0]}])
    assert client.server.commands(client.server.direct("Ada")) == []


# ---------------------------------------------------------------------------------------------- faults


async def test_scripted_answers_come_as_discord_would_give_them(client: Client) -> None:
    """A 5xx burst, an error code, a 429 with a length, an edge that answers HTML; then all is well."""
    faults, message = client.server.faults, (await client.post()).json["id"]
    faults.fault(PATCH, status=502)
    faults.fault(PATCH, error="50013")
    faults.fault(PATCH, retry_after=7.5)
    faults.fault(PATCH, retry_after=3, error="shared")
    faults.fault(PATCH, status=503, body="<html>")
    answers = [await client.patch(message) for _ in range(6)]
    assert [answer.status for answer in answers] == [502, 403, 429, 429, 503, 200]
    assert answers[1].code == 50013
    assert (answers[2].json["retry_after"], answers[2].headers["Retry-After"]) == (7.5, "8")
    assert answers[2].headers["X-RateLimit-Scope"] == "user"
    assert answers[3].headers["X-RateLimit-Scope"] == "shared"
    assert "Via" not in answers[4].headers
    assert len(client.server._record.entries("shown", verb="edit")) == 1


async def test_a_call_can_lose_its_answer(client: Client) -> None:
    """`before`: nothing happened; `after`: it happened, and the client cannot know."""
    client.server.faults.fault(POST, drop="before")
    with pytest.raises(aiohttp.ClientError):
        await client.post("one")
    assert client.server.messages("general") == []
    client.server.faults.fault(POST, drop="after")
    with pytest.raises(aiohttp.ClientError):
        await client.post("two", nonce="n", enforce_nonce=True)
    assert [one["text"] for one in client.server.messages("general")] == ["two"]
    again = await client.post("two", nonce="n", enforce_nonce=True)
    assert again.json["id"] == client.server.messages("general")[0]["id"]
    assert len(client.server.messages("general")) == 1


async def test_a_slow_answer_comes_late_and_a_slow_call_happens_late(client: Client) -> None:
    """`delay` before it counts, `linger` after it was applied, in sandbox seconds."""
    client.server._clock.rescale(10)
    client.server.faults.fault(POST, delay=2.0)
    client.server.faults.fault(POST, linger=2.0)
    began = client.server._clock.now()
    await client.post("late")
    posted = client.server._record.entries("shown", text="late")[0].at
    assert posted - began >= 2.0
    call = asyncio.create_task(client.post("early"))
    entry = await client.server._record.wait(lambda r: r.entries("shown", text="early"))
    assert not call.done()
    await call
    assert client.server._record.entries("call", method=POST)[-1].at - entry[0].at >= 2.0


async def test_every_call_can_be_given_a_way_to_go(client: Client) -> None:
    """`latency`: half before the call counts, half after, in sandbox seconds."""
    client.server._clock.rescale(20)
    client.server.rest.latency = 2.0
    began = client.server._clock.now()
    await client.post()
    record = client.server._record
    assert record.entries("call")[0]["took"] >= 2.0
    assert 1.0 <= record.entries("shown")[0].at - began < record.entries("call")[0].at - began - 0.9


async def test_a_fault_can_be_for_one_channel_only(client: Client) -> None:
    """Also where the path names a token instead of the channel."""
    client.server.faults.fault("*", status=500, channel=client.server.state.channel("random").id)
    assert (await client.post()).status == 200


async def test_a_client_without_a_proper_name_can_be_shut_out(client: Client) -> None:
    """User-Agent as Discord asks for it, when the switch says so."""
    client.server.rest.picky_user_agent = True
    assert (await client.call("GET", "/users/@me")).code == 40333
    named = {"User-Agent": "DiscordBot (https://example.com, 1.0)"}
    assert (await client.call("GET", "/users/@me", headers=named)).status == 200
