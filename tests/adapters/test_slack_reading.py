"""What people write on Slack, as Claude reads it: literal tables, and whatever a payload may hold."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import mrkdwn, reading
from bot.ports import Attachment

NAMES = {
    "U1": "Ada Lovelace",
    "U2": "Grace",
    "UBOT": "claude",
    "C1": "general",
    "S2": "editors",
    "U8": "@two\nlines",
}


def name_of(id_: str) -> str:
    return NAMES.get(id_, "")


def said(text: str = "", **more: Any) -> str:
    return reading.message({"text": text, **more}, bot="UBOT", name_of=name_of)


def rich(*elements: dict[str, Any], **more: Any) -> str:
    return said("(the plain twin)", blocks=[{"type": "rich_text", "elements": list(elements)}], **more)


def section(*elements: dict[str, Any] | str) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": [words(one) for one in elements]}


def words(one: dict[str, Any] | str, **style: bool) -> dict[str, Any]:
    if isinstance(one, dict):
        return one
    return {"type": "text", "text": one, **({"style": style} if style else {})}


def listing(style: str, *items: str, **more: Any) -> dict[str, Any]:
    return {"type": "rich_text_list", "style": style, "elements": [section(item) for item in items], **more}


# ---------------------------------------------------------------------------------------------------- plain text


TOKENS = [
    ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
    ("&amp;lt; stays", "&lt; stays"),
    ("&quot; is not Slack's", "&quot; is not Slack's"),
    ("ask <@U2> or <@U7>", "ask @Grace or @U7"),
    ("<@U7|bob>", "@bob"),
    ("<@U8>", "@two lines"),
    ("in <#C2|random> and <#C1|> and <#C3>", "in #random and #general and #C3"),
    ("<!here> <!channel|@channel> <!subteam^S1|@team>", "@here @channel @team"),
    ("<!subteam^S2> <!subteam^S3>", "@editors @subteam"),
    ("<!date^1700000000^{date}|yesterday>", "yesterday"),
    ("<!date^1700000000^{date}>", "2023-11-14 22:13 UTC"),
    ("<!date^99999999999999^{date}>", "a date"),
    ("<https://a.b/?x=1&amp;y=2>", "https://a.b/?x=1&y=2"),
    ("<https://a.b|the page>", "[the page](https://a.b)"),
    ("<http://a.b|a.b>", "http://a.b"),
    ("<mailto:a@b.c|a@b.c>", "a@b.c"),
    ("a < b > c", "a < b > c"),
    ("<> <|> <x>", "<> <|> <x>"),
    ("<<@U2>>", "<@Grace>"),
]


@pytest.mark.parametrize(("raw", "meant"), [*TOKENS, ("`code` *bold* ~no~", "`code` *bold* ~no~")])
def test_a_commands_text_is_read_as_it_was_typed(raw: str, meant: str) -> None:
    """Slack's escapes and tokens, and nothing else, are undone."""
    assert reading.read(raw, bot="UBOT", name_of=name_of) == meant


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        *TOKENS,
        ("*bold* and _it_ and ~no~", "**bold** and _it_ and ~~no~~"),
        ("*a b*, (*c*) *d*", "**a b**, (**c**) **d**"),
        ("2 * 3 * 4 and a*b*c and * x*", "2 * 3 * 4 and a*b*c and * x*"),
        ("**already** ~~so~~", "**already** ~~so~~"),
        ("*over\nlines*", "*over\nlines*"),
        ("*see <https://a.b/*x*|the *page*>*", "**see [the *page*](https://a.b/*x*)**"),
        ("`*x* &lt;b&gt;` and *y*", "`*x* <b>` and **y**"),
        ("see ```a *b*\nc``` there", "see \n```\na *b*\nc\n```\n there"),
        ("```\npython\nx = 1\n```", "```\npython\nx = 1\n```"),
        ("&gt; said\nme", "> said\nme"),
        ("so\n&gt;&gt;&gt; all\nof it", "so\n> all\n> of it"),
        ("• one\n    ◦ two", "- one\n    - two"),
        ("a & b", "a & b"),
    ],
)
def test_mrkdwn_becomes_markdown_where_there_are_no_blocks(raw: str, meant: str) -> None:
    """Old clients and other apps send text alone."""
    assert said(raw) == meant


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ("<@UBOT> why?", "why?"),
        ("<@UBOT>: why?", "why?"),
        ("<@UBOT|claude>\nwhy?", "why?"),
        ("<@UBOT>", ""),
        ("<@UBOT> <@UBOT>, hi", "hi"),
        ("a\n<@UBOT> b", "a\nb"),
        ("why is that? <@UBOT>", "why is that?"),
        ("thanks, <@UBOT>!", "thanks!"),
        ("right, <@UBOT>?", "right?"),
        ("stop <@UBOT>", "stop"),
        ("stop <@UBOT>!", "stop!"),
        ("stop the deploy <@UBOT>", "stop the deploy @claude"),
        # Named rather than addressed: a sentence keeps its words.
        ("what does <@UBOT> do?", "what does @claude do?"),
        ("who is <@UBOT>", "who is @claude"),
        ("<@UBOT>'s answer is wrong", "@claude's answer is wrong"),
        ("<@UBOT> and <@U2>: compare", "@claude and @Grace: compare"),
        ("<@UBOT> and you?", "and you?"),
        ("hey <@UBOT> why?", "hey @claude why?"),
    ],
)
def test_the_bots_own_mention_is_taken_off_where_it_addresses_the_bot(raw: str, meant: str) -> None:
    """In the text, and in the blocks, of which a mention is an element of its own."""
    assert said(raw) == meant
    if "|" not in raw:
        pieces: list[dict[str, Any] | str] = []
        for number, part in enumerate(raw.replace("<@U2>", "@Grace").split("<@UBOT>")):
            pieces += [{"type": "user", "user_id": "UBOT"}] if number else []
            pieces += [part] if part else []
        assert rich(section(*pieces)) == meant


@given(st.text(max_size=200))
def test_what_slack_escapes_comes_back(text: str) -> None:
    """Any text, escaped as Slack does, is read back unchanged (but for the space around it, and noncharacters)."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert reading.read(escaped, bot="UBOT", name_of=name_of) == mrkdwn.clean(text).strip()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ada", "Ada"),
        ("@ada", "ada"),
        ("a*b_c", "a\\*b\\_c"),
        ("<!channel>", "\\<!channel\\>"),
        ("x\n\ny", "x y"),
    ],
)
def test_a_name_is_only_a_name(name: str, shown: str) -> None:
    """People choose their display names."""
    assert reading.inert(name) == shown


# ---------------------------------------------------------------------------------------------------- rich text


@pytest.mark.parametrize(
    ("elements", "meant"),
    [
        ([words("plain *stars* snake_case")], "plain *stars* snake_case"),
        ([words("a "), words("bold", bold=True), words(" b")], "a **bold** b"),
        ([words("bold ", bold=True), words("b")], "**bold** b"),
        ([words(" it", italic=True), words("x", strike=True)], "*it*~~x~~"),
        ([words("a", bold=True), words("b", bold=True, italic=True)], "**a*b***"),
        ([words("a", bold=True), words(" "), words("b", bold=True)], "**a b**"),
        ([words("two\nlines", bold=True)], "**two**\n**lines**"),
        ([words("x = 1", code=True), words(" &lt;")], "`x = 1` &lt;"),
        ([words("a`b", code=True)], "`` a`b ``"),
        ([words("a", code=True), words("b", code=True, bold=False)], "`ab`"),
        ([words("a", code=True, bold=True)], "**`a`**"),
        ([{"type": "user", "user_id": "U1"}, words(" and "), {"type": "user", "user_id": "U9"}], "@Ada Lovelace and @U9"),
        ([{"type": "channel", "channel_id": "C1"}, {"type": "channel", "channel_id": "C9"}], "#general#C9"),
        ([{"type": "usergroup", "usergroup_id": "S2"}], "@editors"),
        ([{"type": "broadcast", "range": "here"}], "@here"),
        ([{"type": "link", "url": "https://a.b"}], "https://a.b"),
        ([{"type": "link", "url": "https://a.b", "text": "a.b"}], "https://a.b"),
        ([{"type": "link", "url": "https://a.b", "text": "it", "style": {"bold": True}}], "**[it](https://a.b)**"),
        ([{"type": "emoji", "name": "thumbsup", "unicode": "1f44d-1f3fd"}], "👍🏽"),
        ([{"type": "emoji", "name": "partyparrot"}], ":partyparrot:"),
        ([{"type": "emoji", "name": "odd", "unicode": "d800"}], ":odd:"),
        ([{"type": "color", "value": "#F405B3"}], "#F405B3"),
        ([{"type": "date", "timestamp": 1700000000, "fallback": "then"}], "2023-11-14 22:13 UTC"),
        ([{"type": "date", "timestamp": 10**18, "fallback": "then"}], "then"),
        ([{"type": "something_new", "text": "its words"}], "its words"),
        ([{"type": "something_new", "elements": [words("inner")]}], "inner"),
    ],
)  # fmt: skip
def test_what_people_compose_is_read_exactly(elements: list[dict[str, Any]], meant: str) -> None:
    """Emphasis as it was set; words as they were typed."""
    assert rich(section(*elements)) == meant


def test_names_that_only_the_text_gives_serve_the_blocks() -> None:
    """A block has the id alone, the text beside it may have the name."""
    element = {"type": "channel", "channel_id": "C77"}
    block = {"type": "rich_text", "elements": [section("in ", element)]}
    assert said("in <#C77|far-away>", blocks=[block]) == "in #far-away"


def test_sections_lists_code_and_quotes_keep_their_order() -> None:
    """Nested lists come as elements side by side, with a level each; numbers go on where a list was interrupted."""
    shown = rich(
        section("Todo:\n"),
        listing("bullet", "one", "two\nmore", indent=0),
        listing("ordered", "first", "second", indent=1),
        listing("bullet", "three", indent=0),
        listing("ordered", "fifth", indent=0, offset=4),
        {
            "type": "rich_text_preformatted",
            "elements": [words("x = '```'\n"), {"type": "link", "url": "http://a.b"}],
            "language": "python",
        },
        {"type": "rich_text_quote", "elements": [words("said\nhe")]},
        section("\n"),
        listing("bullet", "quoted", border=1),
        section("end"),
    )
    assert shown == (
        "Todo:\n\n"
        "- one\n- two\n  more\n    1. first\n    2. second\n- three\n5. fifth\n\n"
        "````python\nx = '```'\nhttp://a.b\n````\n\n"
        "> said\n> he\n\n"
        "> - quoted\n\n"
        "end"
    )


def test_a_message_without_a_word_in_its_blocks_is_read_by_its_text() -> None:
    """A block that we cannot read shall not silence what stands beside it."""
    assert said("hello", blocks=[{"type": "rich_text", "elements": []}, {"type": "carousel"}]) == "hello"
    assert said("hello", blocks="nonsense") == "hello"


def test_other_apps_blocks_are_words_too() -> None:
    """Sections, headers, contexts; buttons say nothing."""
    shown = said(
        "fallback",
        blocks=[
            {"type": "header", "text": {"type": "plain_text", "text": "Deploy *3*"}},
            {"type": "section", "text": {"type": "mrkdwn", "text": "*Done* by <@U2>"}, "fields": [{"type": "mrkdwn", "text": "*Took*\n3 min"}]},
            {"type": "divider"},
            {"type": "context", "elements": [{"type": "plain_text", "text": "a"}, {"type": "image", "alt_text": "b"}]},
            {"type": "image", "alt_text": "a chart"},
            {"type": "markdown", "text": "# As &lt;is>\n- x"},
            {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Stop"}}]},
        ],
    )  # fmt: skip
    assert shown == (
        "## Deploy *3*\n\n**Done** by @Grace\n**Took**\n3 min\n\na b\n\na chart\n\n# As <is>\n- x"
    )


# ---------------------------------------------------------------------------------------------------- attachments


def cell(text: str) -> dict[str, Any]:
    return {"type": "raw_text", "text": text}


TABLE = {
    "type": "table",
    "column_settings": [{"align": "left"}, {"align": "right"}],
    "rows": [
        [cell("Name"), {"type": "rich_text", "elements": [section(words("n", bold=True))]}],
        [cell("a|b\nc"), {"type": "raw_number", "value": 3}],
        [cell("short")],
    ],
}
SHOWN = "| Name | **n** |\n| --- | --: |\n| a\\|b<br>c | 3 |\n| short |"


def test_a_pasted_table_is_a_markdown_table() -> None:
    """It comes as an attachment, and not in the text (vercel/chat, sample messages)."""
    assert said(
        "<@UBOT> sum it", attachments=[{"blocks": [TABLE], "fallback": "[no preview available]"}]
    ) == (f"sum it\n\n{SHOWN}")
    assert said("", blocks=[TABLE]) == SHOWN


def test_a_forwarded_message_is_quoted_with_its_author() -> None:
    """Slack leaves the text empty; what was forwarded stands in an attachment."""
    shared = {
        "is_share": True,
        "is_msg_unfurl": True,
        "author_id": "U1",
        "author_name": "Ada",
        "channel_id": "C1",
        "from_url": "https://x.slack.com/archives/C1/p1",
        "fallback": "[date] Ada: it is *down*",
        "text": "it is *down*",
        "message_blocks": [
            {
                "channel": "C1",
                "message": {"blocks": [{"type": "rich_text", "elements": [section("it is\n", words("down", bold=True))]}]},
            }
        ],
    }  # fmt: skip
    assert said("<@UBOT>", attachments=[shared]) == "> Ada wrote in #general:\n> it is\n> **down**"
    plain = {**shared, "message_blocks": None, "channel_id": "C9", "author_name": ""}
    assert said("<@UBOT> look", attachments=[plain]) == (
        "look\n\n> Ada Lovelace wrote:\n> it is **down**"
    )  # fmt: skip


def test_another_apps_card_is_quoted() -> None:
    """Alerts say everything in an attachment, and nothing in their text."""
    card = {
        "title": "High load",
        "title_link": "https://a.b/1",
        "text": "on *db1*",
        "fields": [{"title": "Since", "value": "10:00", "short": True}, {"title": "", "value": ""}],
        "fallback": "High load",
    }
    assert said("", attachments=[card, {"fallback": "only &lt;this&gt;"}]) == (
        "> [High load](https://a.b/1)\n> on **db1**\n> Since: 10:00\n\n> only <this>"
    )


def test_files_are_described_also_those_of_forwarded_messages() -> None:
    """A file that was deleted is none; one of another workspace has an id alone."""
    file = {
        "id": "F1",
        "name": "a.png",
        "mimetype": "image/png",
        "size": 12,
        "mode": "hosted",
        "url_private": "http://h/p",
        "url_private_download": "http://h/d",
    }
    message = {
        "files": [file, file, {"id": "F2", "mode": "tombstone"}, {"id": "F3", "file_access": "check_file_info"}],
        "attachments": [{"is_share": True, "files": [{"id": "F4", "title": "Notes", "size": True}]}],
    }  # fmt: skip
    assert reading.files(message) == (
        Attachment("F1", "a.png", "image/png", 12, "http://h/d"),
        Attachment("F3", "F3", "", 0, ""),
        Attachment("F4", "Notes", "", 0, ""),
    )


# ---------------------------------------------------------------------------------------------------- our own


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Because.\n\n_Stopped._", "Because."),
        ("Because.\n\n_Stopped._\n\n_claude-x, 3 s, $0.01_", "Because."),
        ("_Stopped._", ""),
        ("Because it *is*", "Because it *is*"),
        ("- _a_ b\n- c", "- _a_ b\n- c"),
        ("so\n_a_ and _b_", "so\n_a_ and _b_"),
        ("so\n*a* and *b*", "so\n*a* and *b*"),
        ("so\n\n_The whole is in `my_file.md`._", "so"),
        ("1 &lt; 2", "1 < 2"),
    ],
)
def test_our_own_notices_are_not_claudes_words(text: str, left: str) -> None:
    """Neither as we sent them, nor as Slack gives a markdown block back after it has made rich text of it."""
    button = {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Stop"}}]}  # fmt: skip
    card = {"type": "task_card", "title": "Searching", "status": "complete"}
    message = {
        "text": "",
        "blocks": [card, {"type": "markdown", "text": text}, button],
        "attachments": [{"text": "a preview"}],
    }
    assert reading.ours(message, bot="UBOT", name_of=name_of) == left


def test_our_markdown_in_plain_sections_is_read_as_markdown() -> None:
    """Where Slack would not take it as such, its source was posted (see `blocks.sections`)."""
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "*it* &lt;b&gt;", "verbatim": True}}
    assert reading.ours({"blocks": [section]}, bot="UBOT", name_of=name_of) == "*it* <b>"


def test_a_notice_that_slack_made_rich_text_of_is_a_notice() -> None:
    """Slack expands markdown blocks into blocks of its own."""
    blocks = [
        {"type": "rich_text", "elements": [section("Because."), section(words("Stopped.", italic=True))]}
    ]
    assert reading.ours({"blocks": blocks}, bot="UBOT", name_of=name_of) == "Because."


# ---------------------------------------------------------------------------------------------------- whatever comes


LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=6)
KINDS = ["rich_text", "rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote", "text", "link", "user", "emoji", "date", "color", "channel", "usergroup", "broadcast", "table", "section", "header", "context", "markdown", "image", "raw_text", "actions"]  # fmt: skip
KEYS = ["type", "text", "elements", "style", "indent", "offset", "border", "language", "rows", "blocks", "attachments", "fields", "title", "url", "user_id", "name", "unicode", "timestamp", "fallback", "value", "message_blocks", "message", "files", "id", "size", "author_name", "author_id", "from_url", "is_share", "column_settings", "align", "bold", "code"]  # fmt: skip
VALUES = st.sampled_from([*KINDS, True, 10**30, -1, "<@UBOT>", "U1", "a|b\n*c*", "d800", "1f44d", "ordered"])
ANYTHING = st.recursive(
    LEAF | VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from(["text", "blocks", "attachments", "files", "subtype"]), ANYTHING))
def test_no_message_is_fatal_and_none_explodes(message: dict[str, Any]) -> None:
    """Wrong types everywhere: an answer, and one no longer than a multiple of what came."""
    bound = 60 * len(json.dumps(message, allow_nan=True)) + 200
    assert len(reading.message(message, bot="UBOT", name_of=name_of)) <= bound
    assert len(reading.ours(message, bot="UBOT", name_of=name_of)) <= bound
    reading.files(message)
    assert len(reading.strangers(message, name_of)) <= reading.MOST_STRANGERS


@pytest.mark.parametrize(
    "text",
    [
        "*" * 60_000, "*a " * 20_000, "~" * 60_000, "`" * 60_001, "```" + "`a" * 30_000, "<" * 60_000, "<@U1>" * 12_000,
        "\n" * 60_000 + "<@UBOT>", ("<@UBOT>" + " " * 9) * 5_000, "&gt;&gt;&gt;\n" * 10_000, "• " * 30_000, " " * 60_000 + ".",
        "<@UBOT>" + "?" * 60_000, "," * 60_000 + "<@UBOT>", "_" * 60_000, "<!date^" * 10_000, "[" * 60_000,
    ],
    ids=range(17),
)  # fmt: skip
def test_the_work_is_linear_in_the_text(text: str) -> None:
    """Nobody stops the bot with one message: 60,000 characters of anything take less than what a quadratic reading of them would."""
    began = time.process_time()
    said(text)
    reading.read(text, bot="UBOT", name_of=name_of)
    reading.ours({"blocks": [{"type": "markdown", "text": text}]}, bot="UBOT", name_of=name_of)
    assert time.process_time() - began < 3.0


def test_depth_is_bounded() -> None:
    """Elements in elements, deeper than Python's stack would carry a recursion of two calls each."""
    inner: dict[str, Any] = {"type": "x", "text": "deep"}
    for _ in range(400):
        inner = {"type": "x", "elements": [inner]}
    assert rich(section(inner)) == "(the plain twin)"
