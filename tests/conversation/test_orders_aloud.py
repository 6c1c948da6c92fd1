"""Orders by a word, where the platform can show nothing to one person alone: on virtual time, by what everybody saw."""

from __future__ import annotations

import asyncio

import pytest

from bot import sentences
from bot.ports import Line, Person, Place, Ref, Standing, Submitted, Wanted
from tests.conversation.stage import DIALECT, Chat, staged

pytestmark = pytest.mark.looptime


def aloud() -> Chat:
    """Discord without an interaction."""
    return Chat(tells=False, standings={"U1": Standing(manager=True)})


@pytest.mark.parametrize("word", ["usage", "settings", "forget me"])
async def test_what_concerns_one_person_is_never_shown_to_everybody(word: str) -> None:
    """Fault 19: what somebody has spent, or may set, is told to that person alone; everybody reads how to get at it."""
    async with staged(chat=aloud()) as stage:
        stage.ask("First?")
        await stage.quiet()
        stage.ask(word)
        await stage.quiet()
        command = f"/claude {word.removesuffix(' me')}"
        assert stage.chat.texts()[1:] == [DIALECT.notice(sentences.USE_THE_COMMAND.format(command=command))]


async def test_help_that_everybody_sees_is_laid_out_as_for_one() -> None:
    """Its asterisks and dashes are Markdown of ours, not somebody's."""
    async with staged(chat=aloud()) as stage:
        stage.ask("help")
        await stage.quiet()
        [text] = stage.chat.texts()
        assert text.startswith("**How to ask me**\n- Mention me")


async def test_in_a_direct_message_usage_needs_no_whisper() -> None:
    async with staged(chat=aloud()) as stage:
        stage.ask("usage", how="direct", place=Place("fake", "T1", "D1", private=True), scope="direct:D1")
        await stage.quiet()
        [text] = stage.chat.texts()
        assert text.startswith("- You: ")


async def test_a_question_about_a_message_says_whose_it_is() -> None:
    """An id would tell Claude nothing; the form leaves time enough to look the name up."""
    ada, place = Person("U1", "Ada"), Place("fake", "T1", "C1", thread="5", route="acted")
    about = Line(Ref("C1", "5"), Person("U2"), "The build is red.")
    async with staged(chat=Chat(names={"U2": "Grace"})) as stage:
        stage.conversations.take(stage.channel, Wanted("w1", "ask", about, ada, place, "thread:C1:5"))
        await asyncio.sleep(1)
        values = {"question": ("Why?",)}
        stage.conversations.take(stage.channel, Submitted("s1", stage.chat.panels[-1].id, values, ada, place))
        await stage.quiet()
        [request] = stage.claude.asked
        assert "this message of Grace:\n\n> The build is red." in request.question
