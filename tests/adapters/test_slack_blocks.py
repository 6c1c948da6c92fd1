"""What a message looks like on its way to Slack."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import blocks
from adapters.slack.dialect import SlackDialect
from bot.ports import Button, Confirmation, Content, Control
from sandbox.slack.blocks import check_blocks

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
                    "style": "danger",
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


# ---------------------------------------------------------------------------------------------------- buttons


def buttons(content: Content) -> list[dict[str, Any]]:
    shown = check_blocks(blocks.markdown(content))
    [actions] = [block for block in shown if block["type"] == "actions"]
    found: list[dict[str, Any]] = actions["elements"]
    return found


def test_buttons_stand_in_order_with_their_labels() -> None:
    """In the asker's language; one without a label has its own name."""
    controls = (Control.REGENERATE, Control.CONTINUE, Control.GOOD, Control.FILE)
    found = buttons(Content("x", controls, "r1", ("Neu", "", "👍")))
    assert [one["text"]["text"] for one in found] == ["Neu", "Continue", "👍", "File"]
    assert [blocks.CONTROLS[one["action_id"]] for one in found] == list(controls)
    assert {one["value"] for one in found} == {"r1"}


def test_every_control_has_a_button_that_slack_takes() -> None:
    """On the plain sections too, and with labels of any length."""
    content = Content("x", tuple(Control), "r1", tuple("x" * 99 for _ in Control))
    assert len(buttons(content)) == len(Control)
    assert check_blocks(blocks.sections(content))


def test_deleting_asks_first() -> None:
    """Nobody deletes an answer by a slip; and only that one asks, in the words that it is given."""
    asked = Confirmation("Das löscht die Antwort für alle.", "Behalten")
    found = buttons(
        Content(
            "x", tuple(Control), "r1", tuple("Löschen" if c is Control.DELETE else "" for c in Control), asked
        )
    )
    assert ["confirm" in one for one in found] == [control is Control.DELETE for control in Control]
    dialog = found[list(Control).index(Control.DELETE)]["confirm"]
    assert {name: dialog[name]["text"] for name in ("title", "text", "confirm", "deny")} == {
        "title": "Löschen",
        "text": asked.question,
        "confirm": "Löschen",
        "deny": asked.keep,
    }


@pytest.mark.parametrize("length", [1, 30, 31, 1_000])
def test_whatever_is_asked_before_deleting_slack_takes_it(length: int) -> None:
    content = Content("x", (Control.DELETE,), "r1", ("x" * length,), Confirmation("x" * length, "x" * length))
    assert buttons(content)[0]["confirm"]["deny"]["text"] == "x" * min(length, 30)


# ---------------------------------------------------------------------------------------------------- the one mention


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Your answer is ready.", "<@U1> Your answer is ready."),
        ("_Stopped._", "<@U1> _Stopped._"),
        ("# Title", "<@U1>\n\n# Title"),
        ("```\ncode\n```", "<@U1>\n\n```\ncode\n```"),
        ("| a |\n|---|\n| 1 |", "<@U1>\n\n| a |\n|---|\n| 1 |"),
        ("1. one", "<@U1>\n\n1. one"),
        ("- one", "<@U1>\n\n- one"),
    ],
)
def test_one_person_is_notified_in_front_of_the_text(text: str, shown: str) -> None:
    """Alive, in every form, and a block stays the block that it is."""
    content = Content(text, ping="U1")
    assert blocks.markdown(content)[0]["text"] == shown
    assert blocks.fallback(content).startswith("<@U1> ")
    assert blocks.sections(content)[0]["text"]["text"].startswith("<@U1> ")


@pytest.mark.parametrize("ping", ["", "!here", "U1> <!channel", "u1", "U1|x", "S1", "U1\n"])
def test_nothing_else_is_ever_notified(ping: str) -> None:
    """A name is an id, or it is nothing."""
    content = Content("Ready.", ping=ping)
    assert blocks.markdown(content)[0]["text"] == "Ready."
    assert "<" not in blocks.fallback(content) + blocks.sections(content)[0]["text"]["text"]


@given(st.text(alphabet=st.sampled_from("<>&!@#UC1|:ab \n;lt*`"), min_size=1, max_size=9_000))
def test_a_notified_page_pings_one_and_fits(text: str) -> None:
    content = Content(rendered(text), STOP, "r1", ping="U1")
    forms = [blocks.fallback(content), *(b["text"]["text"] for b in blocks.sections(content) if "text" in b)]
    assert "".join(forms).count("<") == 2
    assert all(len(form) <= 3_000 for form in forms)
    assert re.findall("<", blocks.markdown(content)[0]["text"]) == ["<"]


# ---------------------------------------------------------------------------------------------------- asides


def test_an_aside_has_its_buttons_and_tells_its_thread() -> None:
    """Slack tells no thread when somebody presses in a message that only they see."""
    choice = (Button("yes", "Forget me", "danger"), Button("no", "Keep"), Button("go", "Go", "primary"))
    shown, plain, words = blocks.aside("Sure?", choice, "1.0")
    assert check_blocks(shown)[0]["text"] == words == "Sure?"
    assert check_blocks(plain)
    actions = shown[-1]
    assert blocks.thread_in(actions["block_id"]) == "1.0"
    assert [(one["value"], one.get("style")) for one in actions["elements"]] == [
        ("yes", "danger"),
        ("no", None),
        ("go", "primary"),
    ]
    assert blocks.thread_in("b1") == ""


def test_an_aside_of_any_length_fits() -> None:
    many = tuple(Button(f"b{n}", "x" * 99) for n in range(40))
    shown, plain, words = blocks.aside("& <" * 9_000, many, "")
    assert check_blocks(shown)
    assert check_blocks(plain)
    assert len(words) <= 3_000
