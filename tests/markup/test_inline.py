"""Our reading of what stands in a line against the engine's own: it makes no tokens of it, and must find the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.markup.engine import engine
from bot.markup.inline import inline_marks
from tests.reply.documents import invented, specification

_PARTS = (
    "*", "**", "***", "_", "__", "~~", "~~~", "`", "``", "a", "b ", "x", " ", "\n", "[", "](u)", "]", "![", "[r]", "\\", "\\*",
    "&amp;", "<b>", "</b>", "<a@b.c>", "é", "。", "!", "(", ")", "5", ".", '"',
)  # fmt: skip
_REFERENCES = {"R": {"href": "/x", "title": ""}}
_PAIRS = {"strong": "strong", "em": "em", "s": "strike"}


@cache
def theirs() -> MarkdownIt:
    options: Any = {"html": True}
    md = MarkdownIt("commonmark", options).enable(["strikethrough"])
    md.normalizeLink = str  # type: ignore[method-assign, assignment] # the engine's documented hook
    return md


def their_marks(text: str) -> list[tuple[str, str]]:
    tokens: list[Token] = []
    theirs().inline.parse(text, theirs(), {"references": _REFERENCES}, tokens)
    out: list[tuple[str, str]] = []
    for token in tokens:
        kind, _, side = token.type.rpartition("_")
        if kind in _PAIRS and side in ("open", "close"):
            out.append((_PAIRS[kind], side))
        elif token.type == "link_open":
            out.append(
                (
                    "autolink" if token.info == "auto" else "link",
                    str(token.attrs["href"]).removeprefix("mailto:"),
                )
            )
        elif token.type == "link_close" and token.info != "auto":
            out.append(("target", ""))
        elif token.type == "code_inline":
            out.append(("code", token.content))
        elif token.type == "image":
            out.append(("image", str(token.attrs["src"])))
        elif token.type == "html_inline":
            out.append(("html", token.content))
        elif token.type == "text_special":
            out.append((token.info, token.content))
    return out


def our_marks(text: str) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    opened: list[int] = []
    for mark in inline_marks(text, engine(True, False), _REFERENCES)[0]:
        if mark.kind == "link":
            opened.append(len(out))
            out.append(("link", ""))
        elif mark.kind == "target":
            out[opened.pop()] = ("link", mark.text)
            out.append(("target", ""))
        elif mark.kind == "image":
            out.append(("image", mark.text.rpartition("\n")[2]))
        elif mark.kind != "break":
            out.append((mark.kind, mark.text))
    return out


def texts() -> Iterator[str]:
    yield from specification().values()
    for seed in range(400):
        yield invented(seed, 40)
    for seed in range(6000):
        chance = random.Random(seed)
        yield "".join(chance.choice(_PARTS) for _ in range(chance.randint(2, 16)))


def test_markup_is_found_where_the_engine_finds_it() -> None:
    """Only bare addresses and footnotes are read otherwise, on purpose, and what stands in too large a crowd."""
    compared = 0
    for text in texts():
        plain = text.strip()
        if "://" in plain or "[^" in plain or len(plain) > 400 or not plain:
            continue
        assert our_marks(plain) == their_marks(plain), plain
        compared += 1
    assert compared > 5000


def test_a_crowd_of_openers_changes_nothing_in_front_of_it() -> None:
    """What was shown stays as it was read, however many more come."""
    text = "One [link](https://example.com) and *two*. "
    alone = inline_marks(text, engine(False, False), {})[0]
    for crowd in ("[" * 500, "*a " * 500, "~~a " * 500, "![" * 500):
        assert inline_marks(text + crowd, engine(False, False), {})[0][: len(alone)] == alone
