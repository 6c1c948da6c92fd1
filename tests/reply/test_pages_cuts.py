"""Where pages are cut, and how the next one goes on."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from bot.ports import Dialect
from bot.reply.pages import Document, Page
from tests.reply.judge import DISCORD, PLATFORMS, SLACK, Platform, joined, whole

WORDS = "Some words that go on and on and make a line of text. "


def cut(text: str, limit: int, dialect: Dialect = SLACK.dialect) -> list[Page]:
    document = Document(dialect, limit)
    document.feed(text)
    document.end()
    return list(document.pages())


def test_a_page_ends_between_blocks() -> None:
    """A paragraph is not torn where a whole one fits."""
    text = "\n\n".join(WORDS * 2 for _ in range(6))
    assert all(page.text.endswith("text.") and page.text.startswith("Some") for page in cut(text, 300))


def test_a_heading_and_an_announcement_stay_with_what_follows() -> None:
    """Neither is the last thing on a page."""
    for lead in ("## A heading", "This is announced:"):
        pages = cut(f"{WORDS * 4}\n\n{lead}\n\n{WORDS * 3}", 270)
        assert [page.text.startswith(lead) for page in pages] == [False, True]


def test_a_long_list_is_cut_between_items() -> None:
    """And an item is not torn."""
    pages = cut("".join(f"- item {n}: {WORDS}\n" for n in range(12)), 300)
    assert len(pages) > 2
    assert all(line.startswith("- item") for page in pages for line in page.text.splitlines())


@pytest.mark.parametrize("written", ["{n}.", "1.", "{n})"])
def test_an_ordered_list_goes_on_with_its_number(written: str) -> None:
    """Also where the source numbers every item with 1."""
    text = "".join(f"{written.format(n=n)} item {n}: {WORDS}\n" for n in range(1, 13))
    pages = cut(text, 300)
    assert len(pages) > 2
    for page in pages:
        number, item = page.text.split(" item ")[:2]
        assert number[:-1] == item.split(":")[0]


def test_a_long_paragraph_is_cut_at_a_sentence_then_at_a_word_then_within_it() -> None:
    """Each only where the better place is too far away."""
    assert all(page.text.endswith(".") for page in cut(WORDS * 30, 300))
    words = cut("word " * 300, 300)
    assert all(set(page.text.split()) == {"word"} for page in words)
    assert [len(page.text) for page in cut("x" * 1000, 300)] == [300, 300, 300, 100]


def test_no_cut_lies_within_a_link_code_or_emphasis() -> None:
    """They are whole on one page."""
    piece = "words [a link to read](https://example.com/a/page) and **some bold words** and `code to run` "
    for limit in range(150, 260, 7):
        for page in cut(piece * 12, limit):
            assert page.text.count("[") == page.text.count("](") == page.text.count(")")
            assert page.text.count("**") % 2 == page.text.count("`") % 2 == 0


def test_emphasis_longer_than_a_page_is_closed_and_reopened() -> None:
    """Every page is bold, and balanced."""
    for mark in ("**", "~~"):
        pages = cut(f"{mark}{(WORDS * 12).rstrip()}{mark}", 300)
        assert len(pages) > 2
        assert all(page.text.startswith(mark) and page.text.endswith(mark) for page in pages)


def test_a_joined_emoji_is_not_torn() -> None:
    """Nor a flag, nor a letter with its accents."""
    for char in ("👨‍👩‍👧‍👦", "🇩🇪", "e\u0301\u0302", "👍🏽"):
        for limit in (40, 41, 42, 43, 45):
            pages = cut(char * 40, limit)
            assert "".join(page.text for page in pages) == char * 40
            assert all(page.text == char * (len(page.text) // len(char)) for page in pages)


@pytest.mark.parametrize(
    ("opening", "prefix", "closing"),
    [
        ("```python", "", "```"),
        ("~~~~ruby", "", "~~~~"),
        ("`````", "", "`````"),
        ("> ```sh", "> ", "> ```"),
    ],
)
def test_a_fence_is_closed_and_reopened_with_its_info(opening: str, prefix: str, closing: str) -> None:
    """Whatever it is made of, and in whatever it stands."""
    text = f"{opening}\n" + "".join(f"{prefix}line {n} of the code\n" for n in range(60)) + closing
    pages = cut(text, 300)
    assert len(pages) > 3
    for page in pages:
        lines = page.text.splitlines()
        assert (lines[0], lines[-1]) == (opening, closing)
    code = [line for page in pages for line in page.text.splitlines()[1:-1]]
    assert code == [f"{prefix}line {n} of the code" for n in range(60)]


def test_a_fence_in_a_list_goes_on_unindented() -> None:
    """The next page has no list that the indentation would belong to."""
    text = (
        "1. Run this:\n\n   ```sh\n"
        + "".join(f"   line {n}\n" for n in range(60))
        + "   ```\n\n2. Then that.\n"
    )
    pages = cut(text, 300)
    assert pages[1].text.startswith("```sh\nline ")
    assert pages[-1].text.endswith("2. Then that.")
    assert all(page.text.count("```") == 2 for page in pages if "line" in page.text)


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
@pytest.mark.parametrize("lead", ["    ", "\t", "- item\n\n      ", "> quote\n>\n>     "])
def test_a_long_line_of_indented_code_goes_on_as_code(platform: Platform, lead: str) -> None:
    """Its stars and brackets are no markup on the next page either."""
    text = f"Before:\n\n{lead}{'*a* _b_ [c](d) e ' * 60}\n\nAfter *it*.\n"
    pages = cut(text, 350, platform.dialect)
    assert len(pages) > 2
    shown = joined(platform, pages)
    assert shown.begins(joined(platform, whole(platform, text, 1_000_000))), pages
    assert shown.text.count("*a*_b_[c](d)e") == 60


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
def test_no_page_ends_with_a_quotes_mark_alone(platform: Platform) -> None:
    """Between two paragraphs of a quote there is one, which some clients show as it is."""
    text = "\n>\n".join(f"> {number}. {'words ' * 30}" for number in range(12))
    for limit in (250, 400, 700):
        document = Document(platform.dialect, limit)
        for at in range(0, len(text), 3):
            document.feed(text[at : at + 3])
            assert not any(page.text.endswith(">") for page in document.pages())


def test_a_tables_header_is_repeated() -> None:
    """Each page's rows stand under it."""
    head = "| name | value |\n|---|---|\n"
    pages = cut(head + "".join(f"| row {n} | {n} |\n" for n in range(60)), 300)
    assert len(pages) > 3
    assert all(page.text.startswith(head) for page in pages)
    rows = [line for page in pages for line in page.text.splitlines()[2:]]
    assert rows == [f"| row {n} | {n} |" for n in range(60)]


def test_what_is_repeated_never_fills_a_page() -> None:
    """An info string or a header as long as a page is repeated shorter, or not at all."""
    code = cut(f"```{'info ' * 70}\n" + "a line of code\n" * 80 + "```", 500)
    assert len(code) > 2
    assert code[2].text.startswith("```\na line")
    table = cut(f"| {'h' * 300} | b |\n|---|---|\n" + "| row | 1 |\n" * 80, 500)
    assert "".join(page.text for page in table).count("row") == 80


def test_slack_takes_one_table_in_a_message() -> None:
    """A further one becomes code where there is room, and opens a new page where there is little."""
    table = "| a | b |\n|---|---|\n| 1 | 2 |\n"
    one, *more = cut(f"{table}\nThen:\n\n{table}\nEnd.", 1000)
    assert not more
    assert one.text.count("|---|") == 1
    assert "```\na  b\n─  ─\n1  2\n```" in one.text
    pages = cut(f"{table}\n{WORDS * 13}\n\n{table}\nEnd.", 1000)
    assert [page.text.count("|---|") for page in pages] == [1, 1]


def test_slack_takes_a_hundred_rows_and_fifty_blocks() -> None:
    """A markdown block is expanded into blocks, which count."""
    rows = cut("| a |\n|---|\n" + "| 1 |\n" * 250, 10_000)
    assert all(page.text.count("\n") < 102 for page in rows)
    headings = cut("".join(f"# {n}\n\ntext\n\n" for n in range(100)), 10_000)
    assert all(page.text.count("# ") * 2 <= 46 for page in headings)


def test_slacks_thirty_thousand_bytes_count() -> None:
    """Ten thousand wide characters would be more."""
    pages = cut("漢字。" * 9000, 10_000)
    assert all(len(page.text.encode()) <= 30_000 for page in pages)
    pages = cut("🚀" * 20_000, 10_000)
    assert all(len(page.text.encode("utf-16-le")) // 2 <= 10_000 for page in pages)


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
def test_an_answer_just_within_the_limit_is_one_page(platform: Platform) -> None:
    """Delimiters that are open on the way there cost nothing."""
    for opening, closing in (("", ""), ("```\n", "\n```"), ("**", "**")):
        room = platform.limit - len(opening) - len(closing)
        text = opening + "x" * room + closing
        pages = []
        for size in (1 << 20, 97):
            document = Document(platform.dialect, platform.limit)
            for at in range(0, len(text), size):
                document.feed(text[at : at + size])
                document.pages()
            document.end()
            pages.append([page.text for page in document.pages()])
        assert pages == [[text], [text]]
        assert len(whole(platform, text + " xx")) == 2


def test_closed_pages_stay_and_spans_tile() -> None:
    """With one page after another, while the answer grows."""
    text = "".join(f"## Part {n}\n\n{WORDS * 5}\n\n- a\n- b\n\n" for n in range(30))
    document = Document(DISCORD.dialect, 500)
    closed: list[Page] = []
    for at in range(0, len(text), 41):
        document.feed(text[at : at + 41])
        pages = document.pages()
        assert list(pages[: len(closed)]) == closed
        closed = [page for page in pages if page.closed]
        assert all(one.end == two.start for one, two in pairwise(pages))
    document.end()
    pages = document.pages()
    assert (pages[0].start, pages[-1].end) == (0, len(text))
    assert all(page.closed for page in pages)


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
def test_indentation_that_no_page_can_hold_goes(platform: Platform) -> None:
    """It once stopped the reply: no page was found for the first character behind it."""
    pages = whole(platform, " " * 400 + "word", 150)
    assert [page.text.strip("`\n ") for page in pages] == ["word"]
    assert (pages[0].start, pages[-1].end) == (0, 404)


def test_tags_and_spaces_that_fill_a_page_go() -> None:
    """They once stopped the reply: nothing of them is seen, so no page could be closed behind them."""
    pages = whole(DISCORD, "<div><div><div><div/><div><div>" + " " * 148 + "\n`", 150)
    assert "`" in pages[-1].text
    assert pages[-1].end == 181


def test_a_cut_is_found_at_once_in_a_list_and_in_what_looks_like_one() -> None:
    """A pattern that was to tell a list's lines once took seconds over lines that were deeply indented."""
    for line in (f"{' ' * 24}key: of a deep structure\n", "- item of a list\n"):
        document = Document(DISCORD.dialect, 2_000)
        document.feed("```yaml\n" * (line[0] == " ") + line * 200)
        before = time.thread_time()
        pages = document.pages()
        assert len(pages) > 1
        assert time.thread_time() - before < 1
