"""What a viewer sees of a page, judged by renderers that are not the pages' own: those of the sandbox's page.

`Seen` is the text a browser would show, character by character, with how it looks (bold, code, a link, ...). A frame
is well formed if what it shows is the beginning of what the finished answer shows: a delimiter that is markup in the
end would be one character too many, and a character that was taken for a delimiter one too few.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

from adapters.discord.dialect import DiscordDialect
from adapters.slack.dialect import SlackDialect
from bot.ports import Dialect
from bot.reply.pages import Document, Page
from sandbox.page.markdown import discord_html, slack_html

LOOKS = {"strong", "em", "s", "code", "pre", "a", "u"}
LIVE_SLACK = re.compile(r"<(?:[@#!]|[A-Za-z][A-Za-z0-9+.-]*:)")
LIVE_DISCORD = re.compile(
    r"@everyone|@here|<@[!&]?\d|<#\d|<t:-?\d|</[^\s<>]+:\d|<a?:\w+:\d|discord\.gg/|discord(?:app)?\.com/invite/"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """Characters and, for each, the looks it has, sorted. White space is left out: layout is not text."""

    text: str
    looks: tuple[str, ...]

    def begins(self, other: Seen) -> bool:
        return other.text.startswith(self.text) and other.looks[: len(self.looks)] == self.looks


class _Viewer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.chars: list[str] = []
        self.looks: list[str] = []
        self.live: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in LOOKS:
            self.open.append(tag)
        given = dict(attrs)
        if "mention" in (given.get("class") or ""):
            self.live.append(str(attrs))
        if tag == "input":
            self.chars.append("☑" if "checked" in given else "☐")
            self.looks.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in LOOKS and tag in self.open:
            del self.open[len(self.open) - 1 - self.open[::-1].index(tag)]

    def handle_data(self, data: str) -> None:
        looks = " ".join(sorted(set(self.open) - {"a"}))
        for char in data:
            if not char.isspace() and char not in "\u200b\u2060":
                self.chars.append(char)
                self.looks.append(looks)


def seen(html: str) -> Seen:
    viewer = _Viewer()
    viewer.feed(html)
    viewer.close()
    return Seen("".join(viewer.chars), tuple(viewer.looks))


def live_mentions(html: str) -> list[str]:
    viewer = _Viewer()
    viewer.feed(html)
    viewer.close()
    return viewer.live


@dataclass(frozen=True, slots=True)
class Platform:
    """A dialect, its limit, its renderer, and what would be live in a message's raw text."""

    name: str
    dialect: Dialect
    limit: int
    html: Callable[[str], str]
    live: re.Pattern[str]

    def see(self, text: str) -> Seen:
        return seen(self.html(text))


SLACK = Platform("slack", SlackDialect(), 10_000, lambda text: slack_html(text, "slack-markdown"), LIVE_SLACK)
DISCORD = Platform("discord", DiscordDialect(), 2_000, discord_html, LIVE_DISCORD)
PLATFORMS = (SLACK, DISCORD)


def whole(platform: Platform, text: str, limit: int = 0) -> tuple[Page, ...]:
    """The pages of a finished answer."""
    document = Document(platform.dialect, limit or platform.limit)
    document.feed(text)
    document.end()
    return tuple(document.pages())


def growing(
    platform: Platform, text: str, limit: int = 0, size: int = 1
) -> Iterator[tuple[int, tuple[Page, ...]]]:
    """(characters fed, pages) after each fragment."""
    document = Document(platform.dialect, limit or platform.limit)
    for at in range(0, len(text), size):
        document.feed(text[at : at + size])
        yield min(at + size, len(text)), tuple(document.pages())
    document.end()
    yield len(text), tuple(document.pages())


def fault_in_frame(platform: Platform, page: Page, final: Seen) -> str:
    """Why this frame is not the beginning of the finished page; "" if it is."""
    shown = platform.see(page.text)
    if not final.text.startswith(shown.text):
        at = next(
            (n for n, (a, b) in enumerate(zip(shown.text, final.text, strict=False)) if a != b),
            len(final.text),
        )
        return f"shows {shown.text[max(0, at - 20) : at + 20]!r} where the end has {final.text[max(0, at - 20) : at + 20]!r}"
    for n, (now, then) in enumerate(zip(shown.looks, final.looks, strict=False)):
        if now != then:
            return f"{shown.text[max(0, n - 15) : n + 15]!r} looks {now or 'plain'!r} and in the end {then or 'plain'!r}"
    return ""


def joined(platform: Platform, pages: Iterable[Page]) -> Seen:
    """What all pages show together."""
    parts = [platform.see(page.text) for page in pages]
    return Seen("".join(part.text for part in parts), tuple(look for part in parts for look in part.looks))
