"""What a viewer sees of a text that is still being written."""

from __future__ import annotations

import pytest

from adapters.slack.dialect import SlackDialect
from bot.reply.pages import Document
from bot.reply.undecided import PATIENCE
from tests.reply.judge import DISCORD, SLACK, Platform


def shown(platform: Platform, text: str) -> str:
    document = Document(platform.dialect, platform.limit)
    document.feed(text)
    pages = document.pages()
    return pages[0].text if pages else ""


@pytest.mark.parametrize("platform", [SLACK, DISCORD], ids=lambda platform: platform.name)
@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("2. **Point two is long", "2. **Point two is long**"),
        ("Some **bold*", "Some **bold**"),
        ("Some **bold**", "Some **bold**"),
        ("Some **bold ", "Some **bold**"),
        ("Some **bold and *both", "Some **bold and *both***"),
        ("Some **", "Some"),
        ("A `code", "A `code`"),
        ("A ``code `", "A ``code``"),
        ("**A `code *b", "**A `code *b`**"),
        ("~~gone", "~~gone~~"),
        ("Text\n\n```py\nx = 1", "Text\n\n```py\nx = 1\n```"),
        ("**a**\n\nLast *w", "**a**\n\nLast *w*"),
        ("Said.", "Said."),
    ],
)
def test_an_answer_that_was_cut_short_leaves_nothing_open(
    platform: Platform, written: str, seen: str
) -> None:
    """Whoever stops an answer sees its last frame for good: it is balanced as each before it was."""
    document = Document(platform.dialect, platform.limit)
    document.feed(written)
    document.end("Stopped.", short=True)
    assert document.pages()[0].text == f"{seen}\n\n{platform.dialect.notice('Stopped.')}"


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("snake_case_", "snake_case_"),
        ("2 * 3", "2 * 3"),
        ("A list[0] of", "A list[0] of"),
        ("**a** b", "**a** b"),
    ],
)
def test_nothing_is_closed_that_is_not_open(written: str, seen: str) -> None:
    """No character of an answer is taken away for its looks."""
    document = Document(SLACK.dialect, SLACK.limit)
    document.feed(written)
    document.end(short=True)
    assert document.pages()[0].text == seen


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("Some **bold", "Some"),
        ("Some **bold** word", "Some **bold** word"),
        ("Some **bold*", "Some"),
        ("A `code", "A"),
        ("A `code` b", "A `code` b"),
        ("A [link](https://exa", "A"),
        ("A [link](https://example.com) b", "A [link](https://example.com) b"),
        ("A list[0] of", "A list[0] of"),
        ("An image ![of", "An image"),
        ("An escape \\", "An escape"),
        ("Ham &am", "Ham"),
        ("2 * 3 is", "2 * 3 is"),
        ("snake_case_name is", "snake_case_name is"),
        ("## ", ""),
        ("Text\n\n- ", "Text"),
        ("Text\n\n- one\n- ", "Text\n\n- one"),
        ("Text\n\n1", "Text"),
        ("Text\n\n1. one\n2", "Text\n\n1. one"),
        ("Text\n\n- [ ] ", "Text"),
        ("Text\n\n> ", "Text"),
        ("Text\n-", "Text"),
        ("Text\n\n``", "Text"),
        ("Text\n\n```py", "Text"),
        ("Text\n\n```py\n", "Text"),
        ("Text\n\n```py\nx = 1", "Text\n\n```py\nx = 1\n```"),
        ("Text\n\n```py\nx = 1\n``", "Text\n\n```py\nx = 1\n```"),
        ("Text\n\n~~~~\nx\n~~~", "Text\n\n~~~~\nx\n~~~~"),
        ("- item\n\n  ```py\n  x = 1", "- item\n\n  ```py\n  x = 1\n  ```"),
        ("> ```\n> x", "> ```\n> x\n> ```"),
        ("Text\n\n| a | b", "Text"),
        ("Text\n\n| a | b |\n", "Text"),
        ("Text\n\n| a | b |\n|---", "Text"),
        ("Text\n\n| a | b |\n|---|---|\n", "Text\n\n| a | b |\n|---|---|"),
        ("Text\n\n| a | b |\n|---|---|\n| 1 |", "Text\n\n| a | b |\n|---|---|"),
        ("Text\n\n| a | b |\n|---|---|\n| 1 | 2 |\n", "Text\n\n| a | b |\n|---|---|\n| 1 | 2 |"),
        ("a | b is a choice.\nIt", "a | b is a choice.\nIt"),
        ("Family 👨\u200d", "Family"),
        ("[one]: https://exa", ""),
    ],
)
def test_what_may_yet_become_markup_waits(written: str, seen: str) -> None:
    """No delimiter is seen that the next characters may take away."""
    assert shown(SLACK, written) == seen


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("Intro.\n\nName | Cou", "Intro."),
        ("Intro.\n\nName | Count\n--- | ---\n", "Intro."),
        (
            "Intro.\n\nName | Count\n--- | ---\none | 1\n",
            "Intro.\n\n```\nName  Count\n────  ─────\none   1\n```",
        ),
        (
            "| a | b |\n|---|---|\n| 1 | 2 |\n\nMore:\n\n| c |\n|---|\n| 3",
            "```\na  b\n─  ─\n1  2\n```\n\nMore:",
        ),
        ("So $$x^2$$", "So"),
        ("$$x^2$$ and", "`x^2` and"),
        ("$$x^2$$\n", "```tex\nx^2\n```"),
        ("$$\nx^2\n$$\n\n\\", "```tex\nx^2\n```"),
        ("Title\n---\n\n*", "## Title"),
    ],
)
def test_what_discord_shows_in_another_form_waits_until_the_form_is_known(written: str, seen: str) -> None:
    """A table's header, or a formula that may be a block, is not seen in one form first and then in another."""
    assert shown(DISCORD, written) == seen


@pytest.mark.parametrize("opener", ["`", "[", "![", "[text](https://example.com/"])
def test_nothing_waits_for_more_than_two_hundred_characters(opener: str) -> None:
    """Then it is shown as it is."""
    text = f"Before {opener}"
    assert shown(SLACK, text + "x" * (PATIENCE - len(opener))) == "Before"
    assert shown(SLACK, text + "x" * (PATIENCE + 1)).startswith(text)


def test_long_emphasis_is_closed_in_each_frame() -> None:
    """A bold paragraph is read while it is written, and is bold from then on."""
    text = "Before **" + "word " * 60
    assert shown(SLACK, text) == text.rstrip() + "**"
    assert shown(DISCORD, text) == text.rstrip() + "**"


def test_a_surrogate_pair_in_two_fragments_is_joined() -> None:
    """Half of a character is never shown, and a lone half becomes U+FFFD."""
    document = Document(SlackDialect(), 100)
    document.feed("Go \ud83d")
    assert document.pages()[0].text == "Go"
    document.feed("\ude80 up \ude80 on \ud83d")
    document.end()
    assert document.text == "Go 🚀 up \ufffd on \ufffd"
    assert document.pages()[0].text == document.text
    assert document.length == len(document.text)


def test_reference_links_resolve_where_the_definition_came_first() -> None:
    """Later text never changes how earlier text was read."""
    early = "[docs]: https://example.com/d\n\nSee [the docs][docs] now."
    assert shown(SLACK, early).endswith("See [the docs](https://example.com/d) now.")
    late = "See [the docs][docs] now.\n\n[docs]: https://example.com/d\n\nEnd"
    assert shown(SLACK, late).startswith("See [the docs][docs] now.")


def test_a_definition_holds_over_a_cut() -> None:
    """It belongs to the document, not to the page."""
    text = "[docs]: https://example.com/d\n\n" + "Words that fill a page. " * 20 + "See [the docs][docs] now."
    document = Document(SlackDialect(), 300)
    document.feed(text)
    document.end()
    assert "[the docs](https://example.com/d)" in document.pages()[-1].text


def test_the_end_shows_everything() -> None:
    """What was held back is text after all; only a fence is closed."""
    for text in ("Some **bold", "A `code", "A [link](x", "- ", "Text\n\n| a | b |"):
        document = Document(SlackDialect(), 100)
        document.feed(text)
        document.end()
        assert document.pages()[0].text == text.rstrip()
    document = Document(SlackDialect(), 100)
    document.feed("```\ncode")
    document.end()
    assert document.pages()[0].text == "```\ncode\n```"


@pytest.mark.parametrize(("opening", "closing"), [("$$", "$$"), ("\\[", "\\]")])
def test_a_formula_that_is_longer_than_anybody_waits_grows_as_one(opening: str, closing: str) -> None:
    """Displayed TeX is a block like a fence: closed in each frame, and without its dollars from the first on."""
    tex = "\\rho_2 = \\frac{1}{3}(a + b_1)" * 20
    assert "\\rho" not in shown(DISCORD, f"We get:\n{opening}{tex[:100]}")
    for size in range(PATIENCE + 1, len(tex), 37):
        frame = shown(DISCORD, f"We get:\n{opening}{tex[:size]}")
        assert frame.startswith("We get:\n```tex\n\\rho_2")
        assert frame.endswith("\n```")
    assert shown(DISCORD, f"We get:\n{opening}{tex}{closing}\n\nSo") == f"We get:\n```tex\n{tex}\n```\n\nSo"
