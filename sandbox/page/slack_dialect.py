"""Slack's two markups on markdown-it. Law: Slack's tokens are live everywhere but in code, its three escapes nowhere.

`markdown` blocks (docs.slack.dev, Markdown block): bold, italic, strike, links, lists, task lists, quotes, code with
a language, headings of one size, rules, tables; images become links; a single newline breaks the line. mrkdwn
(Formatting message text): *bold*, _italic_, ~strike~, `code`, ```block```, > quote, and nothing else: headings, lists
and tables stay as they were typed. In both, `<@U1>`, `<#C1>`, `<!channel>` and `<https://x|label>` are live (measured
for markdown blocks by PostHog, 2026-09), and `&lt;` `&gt;` `&amp;` are undone last, so that they never make markup.
Whether Slack undoes them in fenced code of a markdown block too is not documented; here it does, as everywhere else.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal, TypeAlias

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

from sandbox.page.dialect import PageRenderer, bare_link, engine, link, mention, name_of, nested, safe, span

SlackMarkup: TypeAlias = Literal["slack-markdown", "slack-mrkdwn"]

TOKEN = re.compile(r"<([@#!][^<>\n]+|(?:https?://|mailto:)[^<>\n|]+(?:\|[^<>\n]*)?)>", re.IGNORECASE)
ESCAPES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
ESCAPE = re.compile("|".join(ESCAPES))
BROADCASTS = ("channel", "here", "everyone")

# mrkdwn: a delimiter opens after a space or punctuation and closes before one, within one line.
MRKDWN_SPANS = {
    "strong": re.compile(r"(?<![\w*])\*(?=[^\s*])([^\n*]*?[^\s*])\*(?![\w*])"),
    "em": re.compile(r"(?<![\w_])_(?=[^\s_])([^\n]*?[^\s_])_(?![\w_])"),
    "s": re.compile(r"(?<![\w~])~(?=[^\s~])([^\n~]*?[^\s~])~(?![\w~])"),
}
MRKDWN_FENCE = re.compile(r"```\n?([\s\S]+?)\n?```\n?")
MRKDWN_CODE = re.compile(r"`([^`\n]+)`")
MRKDWN_QUOTE = re.compile(r"(?:(?:>|&gt;)(?!(?:>|&gt;){2})[^\n]*(?:\n|$))+")
MRKDWN_LONG_QUOTE = re.compile(r"(?:>|&gt;){3}\n?([\s\S]+)")


@cache
def slack_engine(markup: SlackMarkup) -> MarkdownIt:
    if markup == "slack-markdown":
        return _markdown()
    if markup == "slack-mrkdwn":
        return _mrkdwn()
    raise ValueError(f"Slack's markups are slack-markdown and slack-mrkdwn, not {markup!r}")


def unescaped(text: str) -> str:
    """Slack's three escapes undone, once."""
    return ESCAPE.sub(lambda found: ESCAPES[found[0]], text)


class SlackRenderer(PageRenderer):
    def _source(self, code: str) -> str:
        return unescaped(code)


class MarkdownBlockRenderer(SlackRenderer):
    """Headings have one size in a markdown block."""

    def heading_open(self, *_: object) -> str:
        return '<h3 class="heading">'

    def heading_close(self, *_: object) -> str:
        return "</h3>\n"


def _markdown() -> MarkdownIt:
    md = engine("commonmark", MarkdownBlockRenderer, breaks=True, tasklists=True)
    md.enable(["table", "strikethrough"])
    md.inline.ruler.before("autolink", "slack_token", slack_token)
    md.inline.ruler.before("newline", "bare_link", bare_link)
    return md


def _mrkdwn() -> MarkdownIt:
    md = engine("zero", SlackRenderer)
    # Asked before the text rule: a quote stands at the start of a line, where text would swallow it.
    for rule in (
        mrkdwn_quote,
        mrkdwn_fence,
        mrkdwn_code,
        slack_token,
        bare_link,
        slack_escape,
        mrkdwn_span,
        line_break,
    ):
        md.inline.ruler.before("text", rule.__name__, rule)
    return md


def slack_token(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "<" or (found := TOKEN.match(state.src, state.pos, state.posMax)) is None:
        return False
    if not silent:
        target, _, label = found[1].partition("|")
        label = unescaped(label)
        if target[0] == "@":
            mention(state, f"@{label or name_of(state, target[1:])}")
        elif target[0] == "#":
            mention(state, f"#{label or name_of(state, target[1:])}", "channel")
        elif target[0] == "!":
            _command(state, target[1:], label)
        elif safe(url := unescaped(target)):
            link(state, url, label or url.removeprefix("mailto:"))
    state.pos = found.end()
    return True


def _command(state: StateInline, name: str, label: str) -> None:
    """<!channel>, <!subteam^S1|@team>, <!date^…|fallback>; anything else shows its label or its name."""
    if name in BROADCASTS:
        mention(state, f"@{name}", "broadcast")
    elif name.startswith("subteam^"):
        mention(state, label or f"@{name.removeprefix('subteam^')}", "broadcast")
    else:
        state.append_pending(label or f"<{name}>")


def slack_escape(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "&" or (found := ESCAPE.match(state.src, state.pos, state.posMax)) is None:
        return False
    if not silent:
        state.append_pending(ESCAPES[found[0]])
    state.pos = found.end()
    return True


def line_break(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "\n":
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos += 1
    return True


def mrkdwn_span(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "*_~":
        return False
    for tag, pattern in MRKDWN_SPANS.items():
        if found := pattern.match(state.src, state.pos, state.posMax):
            if not silent:
                span(state, tag, found[1], quoted=True)
            state.pos = found.end()
            return True
    return False


def mrkdwn_code(state: StateInline, silent: bool) -> bool:
    if (
        state.src[state.pos] != "`"
        or (found := MRKDWN_CODE.match(state.src, state.pos, state.posMax)) is None
    ):
        return False
    if not silent:
        state.push("code_inline", "code", 0).content = found[1]
    state.pos = found.end()
    return True


def mrkdwn_fence(state: StateInline, silent: bool) -> bool:
    if (
        state.src[state.pos] != "`"
        or (found := MRKDWN_FENCE.match(state.src, state.pos, state.posMax)) is None
    ):
        return False
    if not silent:
        state.push("fence", "code", 0).content = found[1]
    state.pos = found.end()
    return True


def mrkdwn_quote(state: StateInline, silent: bool) -> bool:
    pos = state.pos
    if state.env.get("quoted") or (pos > 0 and state.src[pos - 1] != "\n"):
        return False
    if found := MRKDWN_LONG_QUOTE.match(state.src, pos, state.posMax):
        inner = found[1]
    elif found := MRKDWN_QUOTE.match(state.src, pos, state.posMax):
        inner = re.sub(r"^(?:>|&gt;) ?", "", found[0].rstrip("\n"), flags=re.MULTILINE)
    else:
        return False
    if not silent:
        state.push("blockquote_open", "blockquote", 1)
        nested(state, inner, quoted=True)
        state.push("blockquote_close", "blockquote", -1)
    state.pos = found.end()
    return True
