"""What people write on Discord, as Claude reads it: literal tables, and whatever a payload may hold."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discord import reading
from adapters.discord.dialect import DiscordDialect
from bot.ports import Attachment, Line, Person, Ref
from tests.adapters.test_discord_inbound import ADA, GENERAL, GUILD, ME, US, Cache, message

PEOPLE = [{"id": ADA, "username": "ada", "member": {"nick": "Ada L"}}, *US]


def said(content: str = "", **more: Any) -> str:
    return reading.message(message(content, **{"mentions": PEOPLE, **more}), ME, Cache())


# ---------------------------------------------------------------------------------------------------- the text


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("ask <@100> and <@!101>", "ask @Ada L and @Grace"),
        ("ask <@77>", "ask @someone"),
        ("<@&500>, <@&501>", "@engineers, @role"),
        ("see <#10> and <#99>", "see #general and #channel"),
        ("see <id:customize> <id:linked-roles:5>", "see #Channels & Roles #Linked Roles"),
        ("nice <:party:123> <a:spin:9>", "nice :party: :spin:"),
        ("at <t:1700000000:R> or <t:1700000000>", "at 2023-11-14 22:13 UTC or 2023-11-14 22:13 UTC"),
        ("at <t:99999999999999999>", "at <t:99999999999999999>"),
        ("use </ask:123> or </claude new:5>", "use /ask or /claude new"),
        ("`<@100>` and ```\n<#10>\n``` stay", "`<@100>` and ```\n<#10>\n``` stay"),
        ("1 < 2 > 0 <b>", "1 < 2 > 0 <b>"),
        ("**b** *i* __u__ ~~s~~ ||h|| # x", "**b** *i* __u__ ~~s~~ ||h|| # x"),
        ("a\ufdd0b", "ab"),
    ],
)
def test_markup_becomes_words(raw: str, plain: str) -> None:
    """Claude reads names, not ids; Markdown stays, and code is left as it was typed."""
    assert said(raw) == plain


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        (f"<@{ME}> hi", "hi"),
        (f"<@!{ME}>: hi", "hi"),
        (f"<@{ME}>", ""),
        (f"<@{ME}> <@!{ME}>, hi", "hi"),
        (f"a\n<@{ME}> b", "a\nb"),
        (f"why is that? <@{ME}>", "why is that?"),
        (f"thanks, <@{ME}>!", "thanks!"),
        (f"stop <@{ME}>", "stop"),
        (f"stop the deploy <@{ME}>", "stop the deploy @claude"),
        # Named rather than addressed: a sentence keeps its words.
        (f"what does <@{ME}> do?", "what does @claude do?"),
        (f"who is <@{ME}>", "who is @claude"),
        (f"<@{ME}>'s answer is wrong", "@claude's answer is wrong"),
        (f"<@{ME}> and you?", "and you?"),
        (f"<@{ME}> and <@100>: compare", "@claude and @Ada L: compare"),
    ],
)
def test_our_own_mention_is_taken_off_where_it_addresses_us(raw: str, plain: str) -> None:
    """Before what is said, or after all of it."""
    assert said(raw) == plain


# ---------------------------------------------------------------------------------------------------- beside the text


def test_embeds_are_quoted() -> None:
    """A link's preview and another application's card say what people see."""
    card = {
        "title": "Build <#10>",
        "url": "https://a.b",
        "description": "**failed** for <@100>",
        "fields": [
            {"name": "Since", "value": "10:00"},
            {"name": "\u200b", "value": "two\nlines"},
            {"name": "", "value": ""},
        ],
        "author": {"name": "CI"},
        "footer": {"text": "v2"},
    }
    assert said("look", embeds=[card, {"type": "image", "url": "https://x/y.png"}]) == (
        "look\n\n"
        "> CI\n> [Build #general](https://a.b)\n> **failed** for @Ada L\n> Since: 10:00\n> two\n> lines\n> v2"
    )


def test_a_forwarded_message_is_quoted_with_all_that_it_says() -> None:
    """Its content stands in a snapshot, and nothing in the message itself; whose it was Discord does not say."""
    snapshot = {
        "content": "it is <#10>\nbroken",
        "embeds": [{"description": "the preview"}],
        "attachments": [{"id": "5", "filename": "log.txt", "content_type": "text/plain; charset=utf-8", "size": 9, "url": "u"}],
    }  # fmt: skip
    forward = {
        "message_reference": {"type": 1, "message_id": "1"},
        "message_snapshots": [{"message": snapshot}],
    }
    assert said("", **forward) == "Forwarded message:\n> it is #general\n> broken\n>\n> > the preview"
    assert reading.files(message("", **forward)) == (Attachment("5", "log.txt", "text/plain", 9, "u"),)


def test_a_poll_is_its_question_and_answers() -> None:
    """With the votes as far as they are told."""
    poll = {
        "question": {"text": "Tabs?"},
        "answers": [
            {"answer_id": 1, "poll_media": {"text": "yes", "emoji": {"name": "👍"}}},
            {"answer_id": 2, "poll_media": {"text": "no"}},
            {"answer_id": 3, "poll_media": {"text": "what"}},
        ],
        "results": {"answer_counts": [{"id": 1, "count": 1}, {"id": 2, "count": 4}]},
    }
    assert said("", poll=poll) == "Poll: Tabs?\n- 👍 yes (1 vote)\n- no (4 votes)\n- what"


def test_stickers_and_newer_components_are_words() -> None:
    """Where `content` is empty there may still be something said."""
    shown = said(
        "",
        sticker_items=[{"id": "1", "name": "Wave", "format_type": 1}],
        components=[
            {"type": 17, "components": [{"type": 10, "content": "# Hi <@100>"}, {"type": 9, "components": [{"type": 10, "content": "there"}]}]},
            {"type": 1, "components": [{"type": 2, "label": "Press"}]},
        ],
    )  # fmt: skip
    assert shown == "(sticker: Wave)\n\n# Hi @Ada L\n\nthere"


# ---------------------------------------------------------------------------------------------------- lines


def ours(text: str) -> Line | None:
    author = {"id": ME, "username": "claude", "bot": True}
    return reading.line(message(text, author=author, embeds=[{"title": "x"}]), ME, Cache())


def test_our_own_notices_are_not_claudes_words() -> None:
    """What `DiscordDialect.notice` marks is left out, and so are the marks that keep mentions inert."""
    notice = DiscordDialect().notice("Stopped.")
    assert ours(f"Because.\n\n{notice}\n{notice}") == Line(
        Ref(GENERAL, "2000"), Person(ME, "claude"), "Because.", ours=True
    )
    assert ours(notice) is None
    answer = ours("ask @\u200beveryone")
    assert answer is not None
    assert answer.text == "ask @everyone"


@pytest.mark.parametrize(
    "d",
    [
        message(type=6),
        message(type=21),
        message(flags=1 << 7),
        message(flags=1 << 6),
        message(""),
        message(author=None),
        message(id=7),
        None,
        [],
    ],
    ids=["pin", "starter", "loading", "ephemeral", "empty", "nobody's", "no id", "none", "a list"],
)
def test_what_says_nothing_is_no_line(d: Any) -> None:
    """Announcements, statuses and what only one person sees are no part of a conversation."""
    assert reading.line(d, ME, Cache(), guild=GUILD) is None


def test_a_line_is_read_with_the_names_of_its_server() -> None:
    """REST leaves the guild out of messages."""
    d = message("<@&500> go", member={"nick": "Countess"})
    del d["guild_id"]
    assert reading.line(d, ME, Cache(), guild=GUILD) == Line(
        Ref(GENERAL, "2000"), Person(ADA, "Countess"), "@engineers go"
    )


# ---------------------------------------------------------------------------------------------------- whatever comes


LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=6)
KEYS = ["type", "content", "embeds", "title", "description", "fields", "name", "value", "url", "author", "footer", "text", "message", "message_snapshots", "poll", "question", "answers", "answer_id", "poll_media", "emoji", "results", "answer_counts", "id", "count", "components", "attachments", "filename", "size", "mentions", "member", "nick", "username", "channel_id", "guild_id", "flags", "message_reference", "message_id", "sticker_items"]  # fmt: skip
VALUES = st.sampled_from(["<@900>", "<t:1:R>", "`a`", "2000", 10, 19, 21, 10**30, -1, "-# x", "a\nb"])
ANYTHING = st.recursive(
    LEAF | VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=8), st.booleans())
def test_no_message_is_fatal_and_none_explodes(payload: dict[str, Any], whole: bool) -> None:
    """Wrong types everywhere: an answer, and one no longer than a multiple of what came."""
    d = {**message(), **payload} if whole else payload
    bound = 60 * len(json.dumps(d, allow_nan=True)) + 200
    assert len(reading.message(d, ME, Cache())) <= bound
    assert len(reading.ours(d, ME, Cache())) <= bound
    reading.line(d, ME, Cache())
    reading.files(d)
    reading.answers(d)


@pytest.mark.parametrize(
    "text",
    [
        "`" * 60_001, "``" + "`a\n" * 20_000, "<" * 60_000, f"<@{ME}>" * 10_000, "<@100>" * 10_000, "\n" * 60_000 + f"<@{ME}>",
        (f"<@{ME}>" + " " * 9) * 4_000, f"<@{ME}>" + "?" * 60_000, "</a" * 20_000, "<:a" * 20_000, "-# \n" * 15_000,
    ],
    ids=range(11),
)  # fmt: skip
def test_the_work_is_linear_in_the_text(text: str) -> None:
    """Nobody stops the bot with one message: 60,000 characters of anything take less than what a quadratic reading of them would."""
    began = time.process_time()
    said(text)
    ours(text)
    assert time.process_time() - began < 3.0
