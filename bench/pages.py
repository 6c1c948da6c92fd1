"""How much a frame costs, and whether that stays so as the answer grows. Law: work goes with the open page alone.

Answers of 10 kB, 100 kB and 1 MB come in 4-character fragments, with one frame for each 600 characters, as one whole
kind of text (prose, list, table, code) and mixed. `us_per_fragment` is all feeds and frames divided by the fragments.
`ms_per_frame_whole_text` is what a frame would cost if it read the whole text again. `peak_bytes_per_byte` is the most
memory that the document took, divided by the text's size.
"""

from __future__ import annotations

import gc
import json as jsonlib
import statistics
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


def _stream(dialect: Dialect, limit: int, text: str) -> tuple[float, list[float]]:
    """(seconds for all feeds and frames, seconds of each frame)."""
    document = Document(dialect, limit)
    frames: list[float] = []
    clock = time.thread_time  # what this work costs, not how long it waited for a core
    begun = clock()
    for at in range(0, len(text), FRAGMENT):
        document.feed(text[at : at + FRAGMENT])
        if at % FRAME == 0:
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


def _peak(dialect: Dialect, limit: int, text: str) -> float:
    gc.collect()
    tracemalloc.start()
    try:
        _stream(dialect, limit, text)
        return tracemalloc.get_traced_memory()[1] / len(text)
    finally:
        tracemalloc.stop()


def measure(platform: str, dialect: Dialect, limit: int, kind: str, size: int) -> Case:
    text = text_of(kind, size)
    seconds, frames = _stream(dialect, limit, text)
    return Case(
        platform,
        kind,
        size,
        round(seconds / (size / FRAGMENT) * 1e6, 2),
        round(statistics.median(frames) * 1e3, 3),
        round(_whole_text(dialect, limit, text) * 1e3, 2),
        round(_peak(dialect, limit, text), 2),
    )


def run(json: bool, sizes: tuple[int, ...] = SIZES) -> int:
    """Print the table, or one JSON object. Returns an exit code."""
    cases: list[Case] = []
    if not json:
        print(
            f"{'':8} {'kind':6} {'bytes':>9} {'us/fragment':>12} {'ms/frame':>9} {'whole text':>11} {'peak/byte':>10}"
        )
    for platform, dialect, limit in PLATFORMS:
        for kind in KINDS:
            for size in sizes:
                case = measure(platform, dialect, limit, kind, size)
                cases.append(case)
                if not json:
                    print(
                        f"{case.platform:8} {case.kind:6} {case.bytes:9} {case.us_per_fragment:12.2f} "
                        f"{case.ms_per_frame:9.3f} {case.ms_per_frame_whole_text:11.2f} {case.peak_bytes_per_byte:10.2f}"
                    )
    if json:
        print(jsonlib.dumps({"bench": "pages", "cases": [asdict(case) for case in cases]}))
    return 0


def report(*, as_json: bool) -> None:
    """What `python -m bench pages` prints."""
    run(as_json)
