"""Slack's way of writing text (mrkdwn, and its tokens) -> Markdown. Law: pure and total, its work and its answer linear in
the text.

Slack escapes the three characters & < > and puts everything else that it understood between raw angle brackets:
`<@U1>`, `<#C1|general>`, `<!here>`, `<https://a.b|label>` (docs.slack.dev, formatting message text).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

from bot.markup.mention import US

NameOf: TypeAlias = Callable[[str], str]

_HELD = "\ufdd1"  # stands for a token while emphasis is looked for around it
_MARKS = re.compile(f"[{US}{_HELD}]")

LONGEST_NAME = 80
"""Characters. Slack's own bound for a display name, and ours for whatever is given as one."""

_TOKEN = re.compile(r"<([^<>]*)>")
_ENTITY = re.compile(r"&(amp|lt|gt);")
_CHARACTER = {"amp": "&", "lt": "<", "gt": ">"}

_CODE = re.compile(r"```(?P<fence>.*?)```|`(?P<span>[^`\n]+)`", re.DOTALL)
_BOLD = re.compile(r"(?<![\w*\\])\*(?![\s*])([^*\n]*[^\s*])\*(?![\w*])")
_STRUCK = re.compile(r"(?<![\w~\\])~(?![\s~])([^~\n]*[^\s~])~(?![\w~])")
_BULLET = re.compile(r"^([ \t]*)[•◦▪‣\u2043]\ufe0e?[ \t]*", re.MULTILINE)
_ALL_QUOTED = re.compile(r"^&gt;&gt;&gt;[ \t]?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Words:
    """What ids are called. `bot` is the bot's own user id; `name_of` gives a name that is already known, or ""."""

    bot: str
    name_of: NameOf
    labels: dict[str, str] = field(default_factory=dict)  # id -> the name that the message itself gives

    def name(self, id_: str) -> str:
        """One line, or ""."""
        name = self.name_of(id_) or self.labels.get(id_, "")
        return " ".join(_MARKS.sub("", name).split()).lstrip("@#")[:LONGEST_NAME]

    def person(self, id_: str) -> str:
        """A mention of somebody; of the bot itself, the sign for it."""
        if self.bot and id_ == self.bot:
            return US
        return f"@{self.name(id_) or id_}"


def clean(text: str) -> str:
    """Without the characters that have a meaning of their own here."""
    return _MARKS.sub("", text)


def plain(text: str, words: Words) -> str:
    """The text with tokens and escapes undone, and emphasis as it was typed."""
    parts: list[str] = []
    end = 0
    text = clean(text)
    for match in _TOKEN.finditer(text):
        parts.extend((_unescape(text[end : match.start()]), _token(match[1], words)))
        end = match.end()
    parts.append(_unescape(text[end:]))
    return "".join(parts)


def markdown(text: str, words: Words) -> str:
    """The same, with mrkdwn's emphasis, bullets, quotes and fences in Markdown."""
    text = _quoted_to_the_end(clean(text))
    parts: list[str] = []
    end = 0
    for match in _CODE.finditer(text):
        parts.append(_prose(text[end : match.start()], words))
        end = match.end()
        if match["fence"] is None:
            parts.append(code_span(plain(match["span"], words)))
            continue
        # Slack's fences know no language, and may open and close within a line.
        before, after = text[: match.start()][-1:], text[end : end + 1]
        parts.append("\n" if before not in ("", "\n") else "")
        parts.append(fence(plain(match["fence"], words)))
        parts.append("\n" if after not in ("", "\n") else "")
    parts.append(_prose(text[end:], words))
    return "".join(parts)


def link(url: str, label: str) -> str:
    """A label that only repeats the address (Slack links bare domains by itself) is left out."""
    label = label.strip()
    if not label or label == url:
        return url
    bare = url.removeprefix("mailto:").removeprefix("https://").removeprefix("http://").rstrip("/")
    if bare == label.rstrip("/"):
        return label if url.startswith("mailto:") else url
    return f"[{label}]({url})"


def code_span(text: str) -> str:
    """Inline code, in as many backticks as it needs; one line."""
    text = " ".join(text.split("\n"))
    if not text.strip():
        return text
    ticks = "`" * (_longest_run(text) + 1)
    return f"{ticks} {text} {ticks}" if "`" in text else f"`{text}`"


def fence(text: str, language: str = "") -> str:
    """A block of code, in a fence longer than any that it holds."""
    ticks = "`" * max(3, _longest_run(text) + 1)
    return f"{ticks}{language}\n{text.strip(chr(10))}\n{ticks}"


def quote(text: str) -> str:
    """Each line behind a `>`."""
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def moment(seconds: object) -> str:
    """A point in time as people read it, in UTC; "" where it is none."""
    if isinstance(seconds, str) and re.fullmatch(r"-?\d{1,15}", seconds):
        seconds = int(seconds)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return ""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return ""


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def _unescape(text: str) -> str:
    return _ENTITY.sub(lambda match: _CHARACTER[match[1]], text)


def _quoted_to_the_end(text: str) -> str:
    found = _ALL_QUOTED.search(text)
    if found is None:
        return text
    rest = text[found.end() :].split("\n")
    return text[: found.start()] + "\n".join(f"&gt; {line}" for line in rest)


def _prose(text: str, words: Words) -> str:
    """Mrkdwn without code. Tokens are held back meanwhile: an address may hold stars."""
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(_token(match[1], words))
        return _HELD

    text = _TOKEN.sub(hold, text)
    text = _BULLET.sub(r"\1- ", text)
    text = _STRUCK.sub(r"~~\1~~", _BOLD.sub(r"**\1**", text))
    given = iter(held)
    return re.sub(_HELD, lambda _: next(given), _unescape(text))


def _token(inside: str, words: Words) -> str:
    body, _, label = inside.partition("|")
    body, label = _unescape(body), _unescape(label)
    if body.startswith("@"):
        if words.bot and body[1:] == words.bot:
            return US
        return f"@{label}" if label else words.person(body[1:])
    if body.startswith("#"):
        return f"#{label or words.name(body[1:]) or body[1:]}"
    if body.startswith("!"):
        return _special(body[1:], label, words)
    if ":" in body:
        return link(body, label)
    # Nothing that Slack writes: it stays as it came.
    return f"<{_unescape(inside)}>"


def _special(body: str, label: str, words: Words) -> str:
    """<!here>, <!channel>, <!subteam^S1|@team>, <!date^1700000000^{date}|fallback>."""
    kind, _, rest = body.partition("^")
    if label:
        return label
    if kind == "date":
        return moment(rest.partition("^")[0]) or "a date"
    name = words.name(rest.partition("^")[0]) if kind == "subteam" else ""
    return f"@{name or kind}"
