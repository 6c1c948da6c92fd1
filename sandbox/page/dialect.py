"""What both dialects share on markdown-it's engine: links, mentions, spans. Law: a link is http, https or mailto.

A dialect is a list of inline rules. `nested` parses a captured part with the same rules, as Discord's client does
(and Slack's mrkdwn, whose delimiters nest likewise).
"""

# ruff: noqa: ARG002 (the engine calls every rule of a renderer with the same four arguments)

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

Rule: TypeAlias = Callable[[StateInline, bool], bool]

SAFE = re.compile(r"(?:https?://|mailto:)[^\s]", re.IGNORECASE)
# A bare address ends before closing punctuation, as both clients end it.
BARE = re.compile(r"://[^\s<>\]]*[^\s<>\].,:;!?\"'*_~|]")
MAX_NESTING = (
    40  # deeper than any message that a person reads; bounds the recursion for one that nobody should
)


def safe(url: str) -> bool:
    return SAFE.match(url.strip()) is not None


def nested(state: StateInline, text: str, **env: Any) -> None:
    """Parse `text` with the same rules and put its tokens here. `env` changes what the rules are told inside."""
    if state.pending:
        state.pushPending()
    inner = StateInline(text, state.md, {**state.env, **env}, [])
    inner.level = state.level
    state.md.inline.tokenize(inner)
    state.tokens.extend(inner.tokens)
    state.tokens_meta.extend([None] * len(inner.tokens))


def span(
    state: StateInline, tag: str, text: str, *, attrs: Mapping[str, str] | None = None, **env: Any
) -> None:
    """`<tag>text</tag>`, its text parsed."""
    token = state.push(f"{tag}_open", tag, 1)
    token.attrs = dict(attrs or {})
    nested(state, text, **env)
    state.push(f"{tag}_close", tag, -1)


def leaf(state: StateInline, tag: str, text: str, attrs: Mapping[str, str]) -> None:
    """`<tag>text</tag>`, its text as it stands."""
    token = state.push(f"{tag}_open", tag, 1)
    token.attrs = dict(attrs)
    state.push("text", "", 0).content = text
    state.push(f"{tag}_close", tag, -1)


def link(state: StateInline, url: str, label: str, *, parsed: bool = False) -> None:
    """A link to `url`, which the caller has found safe; `parsed` labels may hold markup."""
    attrs = {"href": state.md.normalizeLink(url)}
    if parsed:
        token = state.push("link_open", "a", 1)
        token.attrs = dict(attrs)
        nested(state, label, linked=True)
        state.push("link_close", "a", -1)
    else:
        token = state.push("link_open", "a", 1)
        token.attrs = dict(attrs)
        state.push("text", "", 0).content = label
        state.push("link_close", "a", -1)


def mention(state: StateInline, text: str, kind: str = "user") -> None:
    leaf(
        state,
        "span",
        text,
        {"class": "mention" if kind != "broadcast" else "mention broadcast", "data-kind": kind},
    )


def name_of(state: StateInline, identifier: str) -> str:
    names = cast("Mapping[str, str]", state.env.get("names", {}))
    return names.get(identifier, identifier)


def bare_link(state: StateInline, silent: bool) -> bool:
    """https://… in the text. The engine stops at the colon; the scheme is then the end of what is pending."""
    if state.src[state.pos] != ":" or state.env.get("linked") or state.linkLevel > 0:
        return False
    pending = state.pending
    scheme = next((s for s in ("https", "http") if pending.lower().endswith(s)), "")
    before = pending[: len(pending) - len(scheme)]
    if not scheme or before[-1:].isalnum():
        return False
    found = BARE.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    rest = found[0]
    while rest.endswith(")") and rest.count(")") > rest.count("("):
        rest = rest[:-1]
    if not silent:
        url = pending[len(before) :] + rest
        state.pending = before
        link(state, url, url)
    state.pos += len(rest)
    return True


class PageRenderer(RendererHTML):
    """HTML that the page's Content-Security-Policy accepts: no style attribute, no image, no foreign scheme."""

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        tokens[idx].attrSet("target", "_blank")
        tokens[idx].attrSet("rel", "noopener noreferrer nofollow")
        tokens[idx].attrs.pop("title", None)
        return self.renderToken(tokens, idx, options, env)

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """Neither platform shows an image in text: Slack makes a link of it."""
        url = str(tokens[idx].attrGet("src") or "")
        label = self.renderInlineAsText(tokens[idx].children, options, env) or url
        return f'<a href="{escapeHtml(url)}" target="_blank" rel="noopener noreferrer nofollow">{escapeHtml(label)}</a>'

    def list_item_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """A task's box says what it stands for to those who do not see it."""
        opened = super().list_item_open(tokens, idx, options, env)
        return opened.replace("<input ", f'<input aria-label="{"done" if "checked" in opened else "to do"}" ')

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        language = re.match(r"[\w+#.-]*", tokens[idx].info.strip())
        name = language[0] if language else ""
        code = escapeHtml(self._source(tokens[idx].content))
        if not name:
            return f"<pre><code>{code}</code></pre>\n"
        return f'<pre data-language="{escapeHtml(name)}"><code class="language-{escapeHtml(name)}">{code}</code></pre>\n'

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return f"<pre><code>{escapeHtml(self._source(tokens[idx].content))}</code></pre>\n"

    def code_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return f"<code>{escapeHtml(self._source(tokens[idx].content))}</code>"

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return '<div class="table" role="region" aria-label="Table" tabindex="0"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return "</table></div>\n"

    def th_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return self._cell(tokens[idx])

    def td_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return self._cell(tokens[idx])

    @staticmethod
    def _cell(token: Token) -> str:
        """The engine says how a column is aligned in a style attribute; the page's policy wants a class."""
        align = str(token.attrGet("style") or "").removeprefix("text-align:")
        return f'<{token.tag} class="{align}">' if align else f"<{token.tag}>"

    def _source(self, code: str) -> str:
        """What stands in code, undone of the platform's own escapes; a dialect with such escapes overrides it."""
        return code


def engine(preset: str, renderer: type[RendererHTML], **options: Any) -> MarkdownIt:
    # The cast: the preset's type names every option that exists, and these are some of them.
    md = MarkdownIt(
        preset,
        cast("Any", {"maxNesting": MAX_NESTING, "html": False, "xhtmlOut": False, **options}),
        renderer_cls=renderer,
    )
    md.validateLink = safe  # type: ignore[method-assign] # the engine's documented way to narrow links
    return md
