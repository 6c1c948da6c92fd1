"""Files that Claude refuses: what is asked without them, what their asker is told, and what the next question has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bot.claude.answer import Spare
from bot.ports import Attachment
from tests.claude import papers
from tests.conversation.context_stage import Asked, Asker, asker

pytestmark = pytest.mark.looptime

NAMED = "messages.{}.content.{}.document.source.base64.data: The PDF specified was not valid."


def spare(asked: Asked) -> Spare:
    assert asked.ask.spare is not None
    return asked.ask.spare


def kinds(messages: Sequence[Any] | None) -> list[str]:
    """The blocks of all messages, in order."""
    assert messages is not None
    return [
        block["type"]
        for message in messages
        for block in ([{"type": "text"}] if isinstance(message["content"], str) else message["content"])
    ]


def report(one: Asker, name: str = "report.pdf", extra: bytes = b"") -> Attachment:
    return one.chat.attach(name, papers.pdf() + extra, "application/pdf")


async def test_a_refused_file_bricked_its_conversation() -> None:
    """The question is asked without it, its asker is told, and no later question has it again."""
    one = asker()
    asked = await one.ask("What is this?", [report(one)])
    less = spare(asked).without("The PDF specified was not valid.")
    assert less is not None
    assert less[-1]["content"] == "(report.pdf, which could not be read)\n\nAda: What is this?"
    assert asked.remarks == [], "not before it is known that it was the file"
    spare(asked).taken()
    assert asked.remarks == ["Left out: report.pdf could not be opened."]
    later = await one.ask("And now?")
    assert later.ask.spare is None, "nothing in it can be refused"
    assert "(report.pdf, which could not be read)" in later.words
    assert later.remarks == [], "told once"
    assert one.chat.fetched == ["report.pdf"]


async def test_the_other_files_stay_where_claude_says_which_it_was() -> None:
    one = asker()
    photo = one.chat.attach("photo.png", papers.png(), "image/png")
    asked = await one.ask("?", [photo, report(one), report(one, "good.pdf", b"\n")])
    assert kinds(asked.ask.messages) == ["text", "image", "document", "document", "text"]
    less = spare(asked).without(NAMED.format(0, 2))
    assert kinds(less) == ["text", "image", "text", "document", "text"]
    spare(asked).taken()
    assert asked.remarks == ["Left out: report.pdf could not be opened."]
    later = await one.ask("And now?")
    assert kinds(later.ask.messages).count("document") == 1


async def test_two_bad_files_are_found_one_after_the_other() -> None:
    one = asker()
    asked = await one.ask(
        "?", [report(one, "a.pdf", b"\n"), report(one, "b.pdf"), report(one, "c.pdf", b" ")]
    )
    assert kinds(spare(asked).without(NAMED.format(0, 0))) == ["text", "document", "document", "text"]
    assert kinds(spare(asked).without(NAMED.format(0, 1))) == ["text", "document", "text"]
    spare(asked).taken()
    [told] = asked.remarks
    assert "a.pdf could not be opened; b.pdf could not be opened" in told
    assert "c.pdf" not in told


async def test_an_old_file_that_is_refused_again_is_found_behind_a_new_one() -> None:
    """As after a restart, when nobody remembers which it was."""
    one = asker()
    await one.ask("?", [report(one, "old.pdf")])
    asked = await one.ask("And this?", [report(one, "new.pdf", b"\n")])
    assert kinds(spare(asked).without("Could not process this.")).count("document") == 1
    assert kinds(spare(asked).without("Could not process this.")).count("document") == 0
    assert spare(asked).without("Could not process this.") is None
    spare(asked).taken()
    [told] = asked.remarks
    assert "new.pdf" in told
    assert "old.pdf" in told


@pytest.mark.parametrize("where", [(7, 0), (0, 9), (0, 1)], ids=["message", "block", "words"])
async def test_a_place_that_holds_no_file_blames_the_newest(where: tuple[int, int]) -> None:
    one = asker()
    asked = await one.ask("?", [report(one)])
    assert kinds(spare(asked).without(NAMED.format(*where))) == ["text"]


async def test_words_alone_have_nothing_that_could_be_left_out() -> None:
    one = asker()
    asked = await one.ask("?", [one.chat.attach("a.txt", b"words", "text/plain")])
    assert asked.ask.spare is None


async def test_what_one_conversation_was_refused_another_may_show() -> None:
    """Law: conversations share nothing."""
    one = asker()
    file = report(one)
    asked = await one.ask("?", [file])
    assert spare(asked).without("no") is not None
    spare(asked).taken()
    other = asker(chat=one.chat)
    assert kinds((await other.ask("?", [file])).ask.messages).count("document") == 1
