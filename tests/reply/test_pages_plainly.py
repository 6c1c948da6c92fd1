"""What a viewer sees when the reading of Markdown fails: the whole answer, as plain text, within the same limits."""

from __future__ import annotations

import logging
import random
import re
import sys
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bot.markup
import bot.reply
from bot.reply.pages import Document, Page
from bot.reply.plainly import Kept, PlainPage
from bot.reply.sheet import Closing
from tests.reply.documents import ATOMS, invented, scripts
from tests.reply.judge import PLATFORMS, SLACK, Platform, seen

pytestmark = pytest.mark.usefixtures("reading_may_fail")
EACH = pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
_MARKUP = Path(bot.markup.__file__).parent
_REPLY = Path(bot.reply.__path__[0])
READING = {str(path) for path in _MARKUP.glob("*.py")} | {
    str(_REPLY / f"{name}.py")
    for name in (
        "growth",
        "sheet",
        "cutting",
        "cuts",
        "healing",
        "undecided",
        "settling",
        "certainty",
        "lens",
        "tables",
    )
}
NET = str(_REPLY / "plainly.py")
_LETTERS = re.compile(r"[^\W\d_]")


class Fault(Exception):
    """A fault of ours, wherever it may be."""


class Faults:
    """While it is entered, the reading fails at its so-manieth calls of functions of its own: once at each."""

    def __init__(self, *calls: int) -> None:
        self._at = set(calls)
        self._count = 0
        self.fell = 0

    def __enter__(self) -> Self:
        self._before = sys.getprofile()
        sys.setprofile(self._profile)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before)

    def again(self) -> None:
        """A profiler that raised is gone; where no fault is left to come, each call would cost time for nothing."""
        sys.setprofile(self._profile if self._count < max(self._at) else None)

    def _profile(self, frame: FrameType, event: str, arg: object) -> None:
        del arg
        if event != "call" or frame.f_code.co_filename not in READING or self._plain(frame):
            return
        self._count += 1
        if self._count in self._at:
            self.fell += 1
            raise Fault

    @staticmethod
    def _plain(frame: FrameType | None) -> bool:
        """Whether the plain reading asks: the net itself is not what is tried. What called `stream` is no reading at all."""
        while frame is not None and frame.f_code is not stream.__code__:
            if frame.f_code.co_filename == NET:
                return True
            frame = frame.f_back
        return False


def stream(
    platform: Platform, text: str, limit: int, size: int, faults: Faults
) -> tuple[list[Page], list[str]]:
    """The pages of an answer whose reading fails now and then, and what was wrong with its frames."""
    document = Document(platform.dialect, limit)
    wrong: list[str] = []
    closed: list[Page] = []
    pages: list[Page] = []
    with faults:
        for at in range(0, len(text) + size, size):
            if at < len(text):
                document.feed(text[at : at + size])
            else:
                document.end()
            pages = list(document.pages())
            faults.again()
            if pages[: len(closed)] != closed:
                wrong.append("a closed page changed")
            closed = [page for page in pages if page.closed]
            wrong += [
                f"over the limit: {page.text!r}" for page in pages if platform.dialect.cost(page.text) > limit
            ]
            wrong += [f"a live mention: {page.text!r}" for page in pages if platform.live.search(page.text)]
            wrong += ["an empty page" for page in pages if not page.text.strip()]
            wrong += ["spans do not tile" for one, two in pairwise(pages) if one.end != two.start]
    if pages and (pages[0].start, pages[-1].end) != (0, document.length):
        wrong.append("spans are not whole")
    return pages, wrong


def letters(text: str) -> str:
    """The letters in their order; a list's numbers are counted anew where it goes on."""
    return "".join(_LETTERS.findall(text.replace("&lt;", "<")))


def in_order(written: str, shown: str) -> bool:
    """Whether all that was written is shown, in its order; more may be (a fence's language, a table's header)."""
    rest = iter(shown)
    return all(char in rest for char in written)


TEXTS = st.lists(st.sampled_from(ATOMS), min_size=1, max_size=60).map("".join)


@EACH
@settings(max_examples=40)
@given(
    text=TEXTS | st.sampled_from([text[:2500] for text in scripts().values()]),
    limit=st.sampled_from([60, 300, 2000]),
    size=st.integers(5, 200),
    calls=st.lists(st.integers(1, 4000), min_size=1, max_size=4),
)
def test_a_fault_anywhere_leaves_pages_whole(
    platform: Platform, text: str, limit: int, size: int, calls: list[int]
) -> None:
    """Within the limit, tiling, closed pages frozen, nobody pinged."""
    _, wrong = stream(platform, text, limit, size, Faults(*calls))
    assert not wrong, wrong[0]


@EACH
def test_a_fault_anywhere_loses_no_word(platform: Platform) -> None:
    """Whatever the reading was at when it failed."""
    fell = 0
    for seed, text in enumerate(scripts().values()):
        plain = re.sub(r"[<>&$|\[\]_~*`#\\]", " ", text[:4000])  # what dialects put in other words is no loss
        chance = random.Random(seed)
        for _ in range(4):
            faults = Faults(*(chance.randint(1, 9000) for _ in range(3)))
            pages, wrong = stream(platform, plain, chance.choice([200, 2000]), 61, faults)
            assert not wrong, wrong[0]
            shown = letters("".join(page.text for page in pages))
            assert in_order(letters(plain), shown)
            fell += faults.fell
    assert fell > 10


@EACH
def test_plain_text_is_shown_as_it_was_written(platform: Platform) -> None:
    """Nothing of it is markup to the platform's own reader, but for fences."""
    for seed in range(120):
        text = invented(seed, 30).replace("```", "").replace("~~~", "").replace("&", "").replace("://", "")
        page = PlainPage(platform.dialect, 100_000, Closing(), Kept(), text)
        page.advance(last=True)
        shown = platform.see(page.whole())
        written = seen(re.sub(r"[&<>]", lambda m: {"&": "&amp;", "<": "&lt;", ">": "&gt;"}[m[0]], text))
        assert shown.text == written.text.replace("\0", "\ufffd"), repr(text)
        assert set(shown.looks) <= {""}, repr(text)


@EACH
def test_an_address_stays_as_it_was_written(platform: Platform) -> None:
    """A backslash within would lead elsewhere."""
    page = PlainPage(
        platform.dialect, 1000, Closing(), Kept(), "See *https://a.b/c_d_e~f*, or (http://x.y/_z_)."
    )
    assert page.whole() == "See \\*https://a.b/c_d_e~f\\*, or (http://x.y/_z_)."


def fall(text: str, after: str, limit: int = 1000, platform: Platform = SLACK) -> list[str]:
    """The pages of an answer whose reading fails once it goes on after `text`."""
    document = Document(platform.dialect, limit)
    document.feed(text)
    document.pages()
    document.feed(after)
    document.end()
    with Faults(1):
        return [page.text for page in document.pages()]


def test_what_was_settled_stays_and_fences_stay_fences() -> None:
    """The page goes on where it stood, in plain words; code is still code."""
    assert fall("Some **bold** words ", "and *more* of them.") == [
        "Some **bold** words and \\*more\\* of them."
    ]
    assert fall("# Title\n\nText.\n\n```py\nx = 1\ny", " = 2\n```\nEnd *now*") == [
        "# Title\n\nText.\n\n```py\nx = 1\ny = 2\n```\nEnd \\*now\\*"
    ]
    assert fall("", "1. one\n\n```sh\nrm *\n") == ["1\\. one\n\n```sh\nrm *\n```"]


def test_a_page_after_a_fallen_one_is_read_again() -> None:
    """One fault costs one page its markup, no more."""
    pages = fall("", "**word** and more of it. " * 20, 200)
    assert pages[0].startswith("\\*\\*word")
    assert "**word**" in pages[1]


def test_a_fault_is_told_once_without_anybodys_words(caplog: pytest.LogCaptureFixture) -> None:
    """Its class, where it was and the page's length."""
    with caplog.at_level(logging.ERROR, "bot.reply.pages"):
        document = Document(SLACK.dialect, 100)
        document.feed("A secret word. " * 30)
        with Faults(*range(1, 5)) as faults:
            for _ in range(3):
                document.pages()
                faults.again()
    [record] = caplog.records
    told = vars(record)
    assert (record.getMessage(), told["error"], told["characters"]) == ("pages.plain", "Fault", 450)
    assert "secret" not in str(told)


@EACH
def test_a_page_can_be_sealed_where_its_reading_fails(platform: Platform) -> None:
    """The closed text begins with what was settled."""
    text = "First words of it.\n\nThen *others*, line\nby line\n"
    for call in range(1, 60):
        document = Document(platform.dialect, 1000)
        document.feed(text)
        [before] = document.pages()
        with Faults(call):
            document.seal()
        document.end()
        pages = document.pages()
        assert pages[0].text.startswith(before.text[: before.settled])
        assert in_order(letters(text), letters("".join(page.text for page in pages)))
