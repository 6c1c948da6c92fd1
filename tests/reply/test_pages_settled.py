"""What a page calls settled, and pages that are closed there: a stream that appends takes nothing back."""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import pytest

from bot.reply.pages import Document, Page
from tests.reply.documents import answers, invented, mutated, pathological, scripts
from tests.reply.judge import PLATFORMS, SLACK, Platform

EACH = pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
TEXTS = int(os.environ.get("TEXTS", "1000000"))
_CLOSERS = re.compile(r"[*_~`\s>\u200b]*")


def follow(platform: Platform, text: str, limit: int, size: int) -> int:
    """Every frame begins with what the frames before it of the same page called settled. Returns the frames."""
    document = Document(platform.dialect, limit)
    sure: dict[int, str] = {}
    frames = 0

    def look(pages: Iterable[Page], fed: int) -> None:
        where = f"{platform.name}, limit {limit}, after {text[max(0, fed - 200) : fed]!r}"
        for number, page in enumerate(pages):
            known = sure.get(number, "")
            if page.closed and not page.text.startswith(known):
                # It overflowed, and was cut before that.
                same = next(
                    (n for n, (a, b) in enumerate(zip(known, page.text, strict=False)) if a != b),
                    len(page.text),
                )
                assert _CLOSERS.fullmatch(page.text, same), f"{known!r} closed as {page.text!r}: {where}"
            else:
                assert page.text.startswith(known), f"{known!r} became {page.text!r}: {where}"
            assert 0 <= page.settled <= len(page.text)
            assert not page.closed or page.settled == len(page.text)
            if page.settled > len(known):
                sure[number] = page.text[: page.settled]

    for at in range(0, len(text), size):
        document.feed(text[at : at + size])
        look(document.pages(), at + size)
        frames += 1
    document.end()
    look(document.pages(), len(text))
    return frames


def sealed(platform: Platform, text: str, limit: int, seed: int) -> tuple[list[Page], int]:
    """The pages of a document that is sealed at random moments, and how often it was."""
    chance = random.Random(seed)
    document = Document(platform.dialect, limit)
    pages: list[Page] = []
    seals = at = 0
    while at < len(text):
        step = chance.randint(1, 120)
        document.feed(text[at : at + step])
        at += step
        pages = list(document.pages())
        if pages and not pages[-1].closed and pages[-1].settled and chance.random() < 0.3:
            before = pages[-1]
            document.seal()
            pages = list(document.pages())
            closed = pages[len([page for page in pages if page.end <= before.start])]
            kept = before.text[: before.settled]
            where = f"{platform.name}, sealed after {text[max(0, at - 200) : at]!r}"
            assert closed.closed, where
            assert closed.text.startswith(kept), f"{kept!r} sealed as {closed.text!r}: {where}"
            assert _CLOSERS.fullmatch(closed.text, len(kept)), f"more than {kept!r}: {closed.text!r}: {where}"
            seals += 1
    document.end()
    return list(document.pages()), seals


def check_sealed(platform: Platform, text: str, limit: int, seed: int) -> int:
    pages, seals = sealed(platform, text, limit, seed)
    for one, two in pairwise(pages):
        assert one.end == two.start, f"seed {seed}: pages do not tile"
    if pages:
        assert (pages[0].start, pages[-1].end) == (
            0,
            len(text.encode("utf-16", "surrogatepass").decode("utf-16")),
        )
    for page in pages:
        assert page.closed
        assert page.settled == len(page.text)
        assert platform.dialect.cost(page.text) <= limit
        assert not platform.live.search(page.text)
    return seals


@pytest.mark.parametrize(
    ("written", "settled"),
    [
        ("Hello", ""),
        ("Hello ", ""),
        ("Hello you", "Hello"),
        ("Hello **you", "Hello"),
        ("Hello **you** there", "Hello **you**"),
        ("Hello `you", "Hello"),
        ("Some [link](https://exa", "Some"),
        ("Some [link](https://example.com) text", "Some [link](https://example.com)"),
        ("A year, 2019", "A"),
        ("A year, 2019 w", "A year, 2019"),
        ("one - two", "one -"),
        ("# Title words", ""),
        ("# Title words\n\nText", "# Title words"),
        ("a | b", ""),
        ("- one item", "- one"),
        ("- one item\n- t", "- one item"),
        ("```py\nx = 1\ny =", "```py\nx = 1"),
        ("| a |\n|---|\n| 1 |\n| 2", "| a |\n|---|\n| 1 |"),
        ("[docs]: https://example.com/d and", ""),
        ("日本語で書く。", "日本語で書く"),
    ],
)
def test_words_are_settled_as_soon_as_they_are_sure(written: str, settled: str) -> None:
    """A stream begins with its first words, and no delimiter goes out that has not been closed."""
    document = Document(SLACK.dialect, SLACK.limit)
    document.feed(written)
    pages = document.pages()
    assert [page.text[: page.settled] for page in pages if page.settled] == [settled] * bool(settled)


def test_prose_settles_with_every_word() -> None:
    """At most one word waits in a paragraph without markup."""
    document = Document(SLACK.dialect, SLACK.limit)
    for number in range(400):
        document.feed(f"word{number} ")
        [page] = document.pages()
        assert len(page.text) - page.settled <= len(f" word{number}")


@EACH
def test_what_is_settled_stays(platform: Platform) -> None:
    """In every script, whole pages and small ones."""
    for text in scripts().values():
        assert follow(platform, text[:4000], platform.limit, 17)
        assert follow(platform, text[:1500], 300, 11)


@pytest.mark.long
@EACH
def test_what_is_settled_stays_in_texts_that_nobody_would_write(platform: Platform) -> None:
    """Nothing that was sent has to be taken back, whatever follows."""
    texts = list(scripts().values())
    for seed in range(25):
        chance = random.Random(seed)
        follow(platform, invented(seed, chance.choice([10, 40, 100])), chance.choice([60, 300, 10_000]), 1)
        follow(platform, mutated(chance.choice(texts)[:800], seed), chance.choice([300, 10_000]), 3)


@EACH
def test_a_page_can_be_sealed_at_any_moment(platform: Platform) -> None:
    """It closes exactly where what is settled ends, and the pages tile the source."""
    seals = 0
    texts = list(scripts().values())
    for seed in range(20):
        text = texts[seed % len(texts)][:3000]
        seals += check_sealed(platform, text, platform.limit, seed)
        seals += check_sealed(platform, invented(seed, 120), platform.limit, seed)
    assert seals > 40


@pytest.mark.parametrize("platform", [SLACK], ids=["slack"])
def test_nothing_is_lost_or_doubled_by_seals(platform: Platform) -> None:
    """Every letter of the answer stands on some page; what stands there twice is a fence's language or a table's header."""
    for seed, text in enumerate(scripts().values()):
        pages, seals = sealed(platform, text[:8000], platform.limit, seed)
        shown = Counter(char for page in pages for char in page.text.replace("&lt;", "<") if char.isalpha())
        written = Counter(char for char in text[:8000].replace("&lt;", "<") if char.isalpha())
        assert not written - shown
        assert sum((shown - written).values()) <= 60 * seals


def test_a_sealed_page_goes_on_as_a_cut_page_does() -> None:
    """The fence is reopened, the list goes on with its number, the table's header is repeated."""
    for written, closed, rest in (
        ("```py\nx = 1\ny = 2", "```py\nx = 1\n```", "```py\ny = 2\n```"),
        ("1. one\n1. two\n1. three", "1. one\n1. two", "3. three"),
        ("| a |\n|---|\n| 1 |\n| 2 |\n", "| a |\n|---|\n| 1 |", "| a |\n|---|\n| 2 |"),
        ("- one two **three", "- one two", "**three"),
    ):
        document = Document(SLACK.dialect, SLACK.limit)
        document.feed(written)
        document.pages()
        document.seal()
        document.end()
        assert [page.text for page in document.pages()] == [closed, rest]


def test_nothing_is_sealed_where_nothing_is_settled() -> None:
    """An empty page is never closed, and an ended document not again."""
    document = Document(SLACK.dialect, SLACK.limit)
    document.seal()
    document.feed("**Bold")
    assert document.pages() == ()
    document.seal()
    document.end()
    document.seal()
    assert [page.text for page in document.pages()] == ["**Bold"]


@pytest.mark.properties
@EACH
def test_settled_at_every_prefix(platform: Platform) -> None:
    """Scripts, answers, and hundreds of texts that nobody would write."""
    frames = 0
    texts = [*scripts().values(), *list(answers().values())[: min(TEXTS, 80)]]
    for text in texts:
        frames += follow(platform, text[:3000], platform.limit, 1)
    for seed in range(min(TEXTS, 300)):
        chance = random.Random(seed)
        frames += follow(platform, invented(seed, 60), chance.choice([80, 10_000]), 1)
        frames += follow(platform, mutated(chance.choice(texts)[:900], seed), 10_000, 2)
        check_sealed(platform, mutated(chance.choice(texts)[:2000], seed), platform.limit, seed)
    for _, text in pathological():
        frames += follow(platform, text[:1500], platform.limit, 7)
    print(f"\n{platform.name}: {frames} frames")  # noqa: T201 (it is what the run is for)
