"""Pages as the outbox sees them, with both dialects."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from adapters.discord.dialect import DiscordDialect
from adapters.slack.dialect import SlackDialect
from bot.ports import Dialect
from bot.reply.pages import Document
from sandbox.claude import library

DIALECTS = [
    pytest.param(SlackDialect(), 10_000, id="slack"),
    pytest.param(DiscordDialect(), 2_000, id="discord"),
]


def told(dialect: Dialect, limit: int, text: str, size: int) -> Document:
    document = Document(dialect, limit)
    for at in range(0, len(text), size):
        document.feed(text[at : at + size])
        document.pages()
    document.end()
    return document


@pytest.mark.parametrize(("dialect", "limit"), DIALECTS)
def test_a_short_answer_is_one_page_and_unchanged(dialect: Dialect, limit: int) -> None:
    """Plain Markdown within the limit comes out as it went in."""
    text = "## Title\n\nSome **bold** words and `code`.\n\n- one\n- two\n\n```python\nprint(1)\n```"
    assert [page.text for page in told(dialect, limit, text, 3).pages()] == [text]


@pytest.mark.parametrize(("dialect", "limit"), DIALECTS)
def test_a_cut_does_not_depend_on_the_fragments(dialect: Dialect, limit: int) -> None:
    """A cut is a function of the text alone."""
    text = "".join(f"Sentence number {n} goes here. " + "\n\n" * (n % 7 == 0) for n in range(900))
    whole = told(dialect, limit, text, len(text)).pages()
    assert len(whole) > 2
    for size in (40, 250):
        assert told(dialect, limit, text, size).pages() == whole
    assert all(dialect.cost(page.text) <= limit for page in whole)
    assert [page.start for page in whole[1:]] == [page.end for page in whole[:-1]]


def test_a_cut_fence_is_closed_and_reopened() -> None:
    """Each page's fences are balanced, with the info string on every page."""
    text = "```python\n" + "".join(f"print({n})  # a line of code\n" for n in range(200)) + "```\nDone."
    pages = told(DiscordDialect(), 2_000, text, 11).pages()
    assert len(pages) > 2
    assert all(page.text.startswith("```python\n") for page in pages)
    assert all(page.text.count("```") == 2 for page in pages)


@pytest.mark.parametrize(("dialect", "limit"), DIALECTS)
def test_a_notice_goes_where_it_fits(dialect: Dialect, limit: int) -> None:
    """One sentence of ours stands under the text, or on a page of its own."""
    for size, pages in ((10, 1), (limit, 2)):
        document = Document(dialect, limit)
        document.feed("x" * size)
        document.end("This answer was stopped.")
        shown = document.pages()
        assert len(shown) == pages
        assert dialect.notice("This answer was stopped.") in shown[-1].text


def test_a_document_without_text_has_no_pages() -> None:
    """Nothing is posted for nothing."""
    document = Document(SlackDialect(), 100)
    document.feed(" \n")
    document.end()
    assert document.pages() == ()


@pytest.mark.parametrize("size", [7, 4_000, 100_000])
@pytest.mark.parametrize(("dialect", "limit"), DIALECTS)
def test_no_word_of_a_long_answer_is_lost(dialect: Dialect, limit: int, size: int) -> None:
    """A table in front of an open fence was once dropped, with what stood between them."""
    text = library.long()
    shown = "\n".join(page.text for page in told(dialect, limit, text, size).pages())
    table_heads = shown.count("Remark") - text.count("Remark")
    words, seen = (re.findall(r"\w+", part.replace("&lt;", "<")) for part in (text, shown))
    lost = Counter(words) - Counter(seen)
    assert not lost
    # What is there more often are declared repeats: a fence's language, a table's header.
    assert len(seen) - len(words) <= 30 + 4 * table_heads
