"""How much a frame costs, and whether that stays so as the answer grows. Law: work goes with the open page alone.

Answers of 10 kB, 100 kB and 1 MB come in 4-character fragments, with one frame for each 600 characters, as one whole
kind of text (prose, list, table, code) and mixed. `us_per_fragment` is all feeds and frames divided by the fragments;
a short answer is streamed several times over, so that each figure has its share of the collector's work. What else
the process holds (imports) is kept from the collector. `ms_per_frame_whole_text` is what a frame would cost if it read
the whole text again. `peak_bytes_per_byte` is the most memory that the document took, divided by the text's size; as
tracing slows everything, it is taken from a run of its own with a frame for each 6,000 characters.

`growth` says, for each platform and kind, how a fragment at 1 MB compares with one at 10 kB, and how many bytes each
further byte of text takes: the constant part of the memory (one page and what is remembered of it) is in neither.
"""

from __future__ import annotations

import gc
import json as jsonlib
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import asdict, dataclass

from adapters.discord.dialect import DiscordDialect
from adapters.slack.dialect import SlackDialect
from bot.ports import Dialect
from bot.reply.pages import Document

FRAGMENT = 4
FRAME = 600
TRACED = 6_000  # characters for each frame while memory is traced
STREAMED = 200_000  # characters that a figure is taken from, at least
SIZES = (10_000, 100_000, 1_000_000)
PLATFORMS: tuple[tuple[str, Dialect, int], ...] = (
    ("slack", SlackDialect(), 10_000),
    ("discord", DiscordDialect(), 2_000),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One row: a platform, a kind of text and its size in bytes."""

    platform: str
    kind: str
    bytes: int
    us_per_fragment: float
    ms_per_frame: float
    ms_per_frame_whole_text: float
    peak_bytes_per_byte: float


def _prose(number: int) -> str:
    return (
        f"Paragraph {number} says something with **weight**, something in *passing*, and names `value_{number}`; "
        f"it points to [the page](https://example.com/{number}) and goes on for a while, as paragraphs do. "
        "Then it ends, in a sentence that nobody needed but that everybody expected.\n\n"
    )


def _list(number: int) -> str:
    return f"- Item {number} with **a bold word**, `code` and some more words to fill its line\n" + (
        "  - a nested item below it\n" if number % 5 == 0 else ""
    )


def _table(number: int) -> str:
    head = "\n\n| Name | Count | Remark |\n| --- | ---: | --- |\n" if number % 60 == 0 else ""
    return f"{head}| `row_{number}` | {number} | what there is to say |\n"


def _code(number: int) -> str:
    opening = "```python\n" if number % 90 == 0 else ""
    closing = "```\n\nAnd then:\n\n" if number % 90 == 89 else ""
    return f"{opening}def f_{number}(x: int) -> int:  # <a comment>\n    return x * {number} + len('text')\n{closing}"


def _mixed(number: int) -> str:
    table = "".join(f"| {n} | `v{n}` |\n" for n in range(4))
    return (
        f"## Part {number}\n\n{_prose(number)}"
        + "".join(_list(n) for n in range(1, 5))
        + f"\n```python\ndef part_{number}() -> None:\n    print('hello')\n```\n\n| n | v |\n|---|---|\n{table}\n"
    )


KINDS: dict[str, Callable[[int], str]] = {
    "mixed": _mixed,
    "prose": _prose,
    "list": _list,
    "table": _table,
    "code": _code,
}


def text_of(kind: str, size: int) -> str:
    """`size` characters (all of them one byte) of this kind of text."""
    parts: list[str] = []
    length = number = 0
    while length < size:
        parts.append(KINDS[kind](number))
        length += len(parts[-1])
        number += 1
    return "".join(parts)[:size]


def _stream(dialect: Dialect, limit: int, text: str, each: int = FRAME) -> tuple[float, list[float]]:
    """(seconds for all feeds and frames, seconds of each frame)."""
    document = Document(dialect, limit)
    frames: list[float] = []
    clock = time.thread_time  # what this work costs, not how long it waited for a core
    begun = clock()
    for at in range(0, len(text), FRAGMENT):
        document.feed(text[at : at + FRAGMENT])
        if at % each == 0:
            before = clock()
            document.pages()
            frames.append(clock() - before)
    document.end()
    document.pages()
    return clock() - begun, frames


def _whole_text(dialect: Dialect, limit: int, text: str) -> float:
    """Seconds that one frame takes if it begins from nothing, halfway through the answer."""
    before = time.thread_time()
    document = Document(dialect, limit)
    document.feed(text[: len(text) // 2])
    document.pages()
    return time.thread_time() - before


def _peak(dialect: Dialect, limit: int, text: str) -> int:
    """Bytes."""
    gc.collect()
    tracemalloc.start()
    try:
        _stream(dialect, limit, text, TRACED if len(text) > STREAMED else FRAME)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def measure(platform: str, dialect: Dialect, limit: int, kind: str, sizes: tuple[int, ...]) -> list[Case]:
    """A row of the table for each size. They take turns, there and back, so that a slow minute slows all of them."""
    texts = {size: text_of(kind, size) for size in sizes}
    seconds = dict.fromkeys(sizes, 0.0)
    frames: dict[int, list[float]] = {size: [] for size in sizes}
    streamed = dict.fromkeys(sizes, 0)
    for size in [*sizes, *reversed(sizes[:-1])]:
        for _ in range(max(1, STREAMED // size // 2)):
            taken, each = _stream(dialect, limit, texts[size])
            seconds[size] += taken
            frames[size] += each
            streamed[size] += size
    return [
        Case(
            platform,
            kind,
            size,
            round(seconds[size] / (streamed[size] / FRAGMENT) * 1e6, 2),
            round(statistics.median(frames[size]) * 1e3, 3),
            round(_whole_text(dialect, limit, text) * 1e3, 2),
            round(_peak(dialect, limit, text) / size, 2),
        )
        for size, text in texts.items()
    ]


def growth(cases: list[Case]) -> list[dict[str, str | float]]:
    """How cost and memory go with the answer's size, for each platform and kind."""
    rows: list[dict[str, str | float]] = []
    for platform, kind in dict.fromkeys((case.platform, case.kind) for case in cases):
        sizes = sorted((c for c in cases if (c.platform, c.kind) == (platform, kind)), key=lambda c: c.bytes)
        *_, middle, last = [sizes[0], *sizes]
        memory = last.peak_bytes_per_byte * last.bytes - middle.peak_bytes_per_byte * middle.bytes
        rows.append(
            {
                "platform": platform,
                "kind": kind,
                "us_per_fragment": round(last.us_per_fragment / sizes[0].us_per_fragment, 2),
                "bytes_per_further_byte": round(memory / max(1, last.bytes - middle.bytes), 2),
            }
        )
    return rows


def run(json: bool, sizes: tuple[int, ...] = SIZES) -> int:
    """Print the table, or one JSON object; what has been done so far goes to stderr. Returns an exit code."""
    cases: list[Case] = []
    out = sys.stderr if json else sys.stdout
    print(
        f"{'':8} {'kind':6} {'bytes':>9} {'us/fragment':>12} {'ms/frame':>9} {'whole text':>11} {'peak/byte':>10}",
        file=out,
        flush=True,
    )
    gc.collect()
    gc.freeze()
    try:
        for platform, dialect, limit in PLATFORMS:
            for kind in KINDS:
                for case in measure(platform, dialect, limit, kind, sizes):
                    cases.append(case)
                    print(
                        f"{case.platform:8} {case.kind:6} {case.bytes:9} {case.us_per_fragment:12.2f} "
                        f"{case.ms_per_frame:9.3f} {case.ms_per_frame_whole_text:11.2f} {case.peak_bytes_per_byte:10.2f}",
                        file=out,
                        flush=True,
                    )
    finally:
        gc.unfreeze()
    rows = growth(cases)
    if json:
        print(jsonlib.dumps({"bench": "pages", "cases": [asdict(case) for case in cases], "growth": rows}))
        return 0
    for row in rows:
        print(
            f"{row['platform']:8} {row['kind']:6} a fragment costs {row['us_per_fragment']} times as much in the longest "
            f"answer; {row['bytes_per_further_byte']} bytes for each further byte"
        )
    return 0


def report(*, as_json: bool) -> None:
    """What `python -m bench pages` prints."""
    run(as_json)
