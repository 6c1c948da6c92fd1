"""Discord's Markdown on markdown-it's inline engine. Law: only what Discord's client renders is markup.

Discord's client is no CommonMark parser: it tries an ordered list of patterns at each place of the whole message (the
model of the simple-markdown library), parses what a pattern captured with the same list, and goes on behind it. So
there are no paragraphs, a newline is a newline, bold may run over lines, a quote needs its space, and an unclosed
fence is three backticks. Each rule below is one such pattern. There are no tables, no HTML, no images and no rules.
Discord documents mentions and timestamps (Message Formatting); the rest is how its client behaves.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

from sandbox.page.dialect import (
    PageRenderer,
    Rule,
    bare_link,
    engine,
    leaf,
    link,
    mention,
    name_of,
    safe,
    span,
)

ESCAPE = re.compile(r"\\([^0-9A-Za-z\s])")
FENCE = re.compile(r"```(?:([a-z0-9_+\-.#]+?)\n)?\n*([^\n][\s\S]*?)\n*```\n?", re.IGNORECASE)
CODE = re.compile(r"(`+)([\s\S]*?[^`])\1(?!`)")
HEADING = re.compile(r" *(#{1,3}) +(?!#)([^\n]+?)#* *(?:\n|$)")
SUBTEXT = re.compile(r" *-# +(?!-#)([^\n]+?) *(?:\n|$)")
QUOTE = re.compile(r"(?: *>(?!>>) [^\n]*(?:\n|$))+")
LONG_QUOTE = re.compile(r" *>>> ?([\s\S]+)")
QUOTE_MARK = re.compile(r"^ *> ", re.MULTILINE)
BULLET = re.compile(r"( *)([*-]|\d{1,9}\.) +(?=\S)")

STRONG = re.compile(r"\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)")
UNDERLINE = re.compile(r"__((?:\\[\s\S]|[^\\])+?)__(?!_)")
EMPHASIS = re.compile(
    r"\b_((?:__|\\[\s\S]|[^\\_])+?)_\b|\*(?=\S)((?:\\[\s\S]|\*\*|\s+(?:[^*\s\\]|\\[\s\S]|\*\*)|[^\s*\\])+?)\*(?!\*)"
)
STRIKE = re.compile(r"~~([\s\S]+?)~~(?!_)")
SPOILER = re.compile(r"\|\|([\s\S]+?)\|\|")

MASKED = re.compile(
    r"\[((?:\\.|\[[^\]\n]*\]|[^\[\]\\])+)\]\(\s*<?([^\s<>]+?)>?(?:\s+(?:\"[^\"\n]*\"|'[^'\n]*'))?\s*\)"
)
ANGLE = re.compile(r"<((?:https?://|mailto:)[^\s<>]+)>", re.IGNORECASE)
MENTION = re.compile(r"<(@!?|@&|#|/[^:<>\n]+:|a?:\w+:)(\d+)>")
TIMESTAMP = re.compile(r"<t:(-?\d{1,13})(?::([tTdDfFR]))?>")

MAX_DEPTH = 11  # lists nest no deeper in the client


@cache
def discord_engine() -> MarkdownIt:
    md = engine("zero", PageRenderer)
    md.inline.add_terminator_char("|")
    rules: tuple[tuple[str, Rule], ...] = (
        ("discord_escape", escape),
        ("discord_fence", fence),
        ("discord_code", code),
        ("discord_heading", heading),
        ("discord_subtext", subtext),
        ("discord_quote", quote),
        ("discord_list", bullets),
        ("discord_token", token),
        ("discord_masked", masked),
        ("discord_bare", bare_link),
        ("discord_emphasis", emphasis),
        ("discord_newline", newline),
    )
    for name, rule in rules:
        md.inline.ruler.before("text", name, rule)
    return md


def _line_starts(state: StateInline) -> bool:
    if state.pos == 0:
        return bool(state.env.get("line_start", True))
    return state.src[state.pos - 1] == "\n"


def escape(state: StateInline, silent: bool) -> bool:
    if (found := ESCAPE.match(state.src, state.pos, state.posMax)) is None:
        return False
    if not silent:
        state.append_pending(found[1])
    state.pos = found.end()
    return True


def fence(state: StateInline, silent: bool) -> bool:
    if (found := FENCE.match(state.src, state.pos, state.posMax)) is None:
        return False
    if not silent:
        block = state.push("fence", "code", 0)
        block.info, block.content = found[1] or "", found[2]
    state.pos = found.end()
    return True


def code(state: StateInline, silent: bool) -> bool:
    if (found := CODE.match(state.src, state.pos, state.posMax)) is None:
        return False
    if not silent:
        inner = re.sub(r"^ (?= *`)|(?<=`) $", "", found[2])
        state.push("code_inline", "code", 0).content = inner
    state.pos = found.end()
    return True


def heading(state: StateInline, silent: bool) -> bool:
    if not _line_starts(state) or (found := HEADING.match(state.src, state.pos, state.posMax)) is None:
        return False
    if not silent:
        span(state, f"h{len(found[1])}", found[2].strip(), line_start=False)
    state.pos = found.end()
    return True


def subtext(state: StateInline, silent: bool) -> bool:
    if not _line_starts(state) or (found := SUBTEXT.match(state.src, state.pos, state.posMax)) is None:
        return False
    if not silent:
        span(state, "small", found[1], line_start=False)
    state.pos = found.end()
    return True


def quote(state: StateInline, silent: bool) -> bool:
    """Quotes do not nest: inside one, `> ` is text."""
    if state.env.get("quoted") or not _line_starts(state):
        return False
    if found := LONG_QUOTE.match(state.src, state.pos, state.posMax):
        inner = found[1]
    elif found := QUOTE.match(state.src, state.pos, state.posMax):
        inner = QUOTE_MARK.sub("", found[0]).removesuffix("\n")
    else:
        return False
    if not silent:
        span(state, "blockquote", inner, quoted=True, line_start=True)
    state.pos = found.end()
    return True


def bullets(state: StateInline, silent: bool) -> bool:
    depth = state.env.get("depth", 0)
    if depth >= MAX_DEPTH or not _line_starts(state):
        return False
    if (first := BULLET.match(state.src, state.pos, state.posMax)) is None:
        return False
    lines, length = _list_lines(state.src[state.pos : state.posMax])
    if not silent:
        number = first[2].removesuffix(".")
        tag = "ol" if number.isdigit() else "ul"
        opened = state.push(f"{tag}_open", tag, 1)
        if tag == "ol" and int(number) != 1:
            opened.attrSet("start", str(int(number)))
        for item in _items(lines, len(first[1])):
            span(state, "li", item, line_start=True, depth=depth + 1)
        state.push(f"{tag}_close", tag, -1)
    state.pos += length
    return True


def _list_lines(text: str) -> tuple[list[str], int]:
    """The lines of the list that `text` begins with, and how many characters they are.

    A list goes on with bullets, with indented lines, and over blank lines that one of those follows.
    """
    lines: list[str] = []
    length = blank = 0
    for line in text.splitlines(keepends=True):
        if not line.strip():
            blank += len(line)
            continue
        if lines and not (BULLET.match(line) or line.startswith("  ")):
            break
        length += blank + len(line)
        blank = 0
        lines.append(line.rstrip("\n"))
    return lines, length


def _items(lines: list[str], indent: int) -> list[str]:
    """Deeper bullets and indented lines belong to the item above them; their indentation is taken off."""
    items: list[list[str]] = []
    width = 0
    for line in lines:
        found = BULLET.match(line)
        if found and len(found[1]) <= indent:
            width = found.end()
            items.append([line[width:]])
        else:
            items[-1].append(line[min(width, len(line) - len(line.lstrip(" "))) :])
    return ["\n".join(item) for item in items]


def token(state: StateInline, silent: bool) -> bool:
    """<@1>, <@&1>, <#1>, </ask:1>, <:name:1>, <t:1:R>, <https://…>."""
    if state.src[state.pos] != "<":
        return False
    if found := MENTION.match(state.src, state.pos, state.posMax):
        if not silent:
            _mention(state, found[1], found[2])
    elif found := TIMESTAMP.match(state.src, state.pos, state.posMax):
        if not silent:
            _time(state, int(found[1]), found[2] or "f")
    elif found := ANGLE.match(state.src, state.pos, state.posMax):
        if not silent:
            link(state, found[1], found[1].removeprefix("mailto:"))
    else:
        return False
    state.pos = found.end()
    return True


def _mention(state: StateInline, sigil: str, identifier: str) -> None:
    if sigil in ("@", "@!"):
        mention(state, f"@{name_of(state, identifier)}")
    elif sigil == "@&":
        mention(state, f"@{name_of(state, identifier)}", "role")
    elif sigil == "#":
        mention(state, f"#{name_of(state, identifier)}", "channel")
    elif sigil[0] == "/":
        mention(state, sigil.removesuffix(":"), "command")
    else:
        state.append_pending(sigil.removeprefix("a"))


def _time(state: StateInline, seconds: int, style: str) -> None:
    try:
        then = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        state.append_pending("Invalid Date")  # what the client shows for a year that no calendar has
        return
    day, clock = f"{then.day} {then:%B %Y}", f"{then:%H:%M}"
    shown = {
        "t": clock,
        "T": f"{then:%H:%M:%S}",
        "d": f"{then:%d/%m/%Y}",
        "D": day,
        "f": f"{day} {clock}",
        "F": f"{then:%A}, {day} {clock}",
    }.get(style) or _relative(then - state.env["now"])
    leaf(state, "time", shown, {"class": "timestamp", "datetime": then.isoformat()})


UNITS = (
    ("year", 31_536_000),
    ("month", 2_592_000),
    ("day", 86_400),
    ("hour", 3600),
    ("minute", 60),
    ("second", 1),
)


def _relative(distance: timedelta) -> str:
    seconds = distance.total_seconds()
    name, length = next((unit for unit in UNITS if abs(seconds) >= unit[1]), UNITS[-1])
    count = round(abs(seconds) / length)
    words = f"{count} {name}{'' if count == 1 else 's'}"
    return f"in {words}" if seconds >= 0 else f"{words} ago"


def masked(state: StateInline, silent: bool) -> bool:
    """[label](https://…). A label that is itself an address is not taken: it could name another site."""
    if state.src[state.pos] != "[" or state.env.get("linked"):
        return False
    found = MASKED.match(state.src, state.pos, state.posMax)
    if found is None or not safe(found[2]) or re.search(r"https?://", found[1], re.IGNORECASE):
        return False
    if not silent:
        link(state, found[2], found[1], parsed=True)
    state.pos = found.end()
    return True


def emphasis(state: StateInline, silent: bool) -> bool:
    """Bold, underline and italic are tried together and the longest is taken, so that ***both*** is both."""
    src, pos, end = state.src, state.pos, state.posMax
    if src[pos] not in "*_~|":
        return False
    found = [
        (match.end(), rank, tag, attrs, next(group for group in match.groups() if group is not None))
        for rank, (tag, pattern, attrs) in enumerate(SPANS)
        if (match := pattern.match(src, pos, end))
    ]
    if not found:
        return False
    stop, _, tag, attrs, inner = max(found, key=lambda one: (one[0], -one[1]))
    if not silent:
        span(state, tag, inner, attrs=attrs, line_start=False)
    state.pos = stop
    return True


SPANS: tuple[tuple[str, re.Pattern[str], dict[str, str]], ...] = (
    ("em", EMPHASIS, {}),
    ("strong", STRONG, {}),
    ("u", UNDERLINE, {}),
    ("s", STRIKE, {}),
    ("span", SPOILER, {"class": "spoiler", "role": "button", "tabindex": "0", "aria-label": "Spoiler"}),
)


def newline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "\n":
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos += 1
    return True
