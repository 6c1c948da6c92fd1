"""What a message looks like on its way to Slack."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import blocks
from adapters.slack.dialect import SlackDialect
from bot.ports import Content, Control

STOP = (Control.STOP,)


def rendered(text: str) -> str:
    """Prose as the dialect writes it."""
    return SlackDialect().render(text, (), 0, len(text))


def test_a_page_is_one_markdown_block_and_its_buttons() -> None:
    """Edits with blocks carry no "(edited)" label."""
    shown = blocks.markdown(Content("**hi**", STOP, "r1"))
    assert shown == [
        {"type": "markdown", "text": "**hi**"},
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button",
                    "action_id": "inkstream:stop",
                    "text": {"type": "plain_text", "text": "Stop"},
                    "value": "r1",
                }
            ],
        },
    ]
    assert blocks.markdown(Content("**hi**")) == [{"type": "markdown", "text": "**hi**"}]


def test_the_fallback_is_plain() -> None:
    """It is what a notification shows."""
    assert blocks.fallback(Content("# Title\n**bold** and `x`")) == "Title\nbold and `x`"
    assert blocks.fallback(Content("  \n")) == "…"


@given(st.text(alphabet=st.sampled_from("<>&!@#UC1|:ab \n;lt"), max_size=400))
def test_nothing_that_claude_writes_is_live_in_any_form(text: str) -> None:
    """Mentions stay inert: the blocks by the dialect, the fallback and the sections by escaping."""
    content = Content(rendered(text), STOP, "r1")
    forms = [blocks.fallback(content), *(b["text"]["text"] for b in blocks.sections(content) if "text" in b)]
    assert all("<" not in form for form in forms)


@given(st.text(alphabet=st.sampled_from("<&a\n "), min_size=5, max_size=40))
def test_no_form_is_too_long_nor_cut_inside_an_entity(text: str) -> None:
    """Escaping makes text up to five times longer; sections take 3,000 characters each."""
    content = Content(rendered(text * 150))
    forms = [blocks.fallback(content), *(b["text"]["text"] for b in blocks.sections(content))]
    for form in forms:
        assert len(form) <= 3_000
        assert not form.replace("&amp;", "").replace("&lt;", "").count("&")


def test_plain_sections_keep_every_word_of_a_full_page() -> None:
    """The fallback for a Slack that will not make blocks loses looks, not text."""
    page = "\n".join(f"| row {n} | <b> & |" for n in range(500))
    content = Content(rendered(page), STOP, "r1")
    shown = [b["text"]["text"] for b in blocks.sections(content) if "text" in b]
    whole = "\n".join(shown).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert whole == page
    assert len(shown) + 1 <= 50
