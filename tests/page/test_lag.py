"""How far viewers are behind, told from the record."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.page.lag import PATIENCE, Lag
from sandbox.record import Entry

WORDS = "The river is wide. | Shape | Burst |\n|---|---|\n| Bucket | 10 |\n\nSome *last* words, and then more of them."


class Story:
    """A record of one bot, told step by step."""

    def __init__(self) -> None:
        self.said: dict[int, str] = {}
        self.lag = Lag(frozenset({"bot"}), lambda request: self.said.get(request, ""))
        self.now = 0.0

    def add(self, kind: str, platform: str, **fields: Any) -> None:
        self.lag.feed(Entry(self.now, 0, kind, platform, fields))

    def ask(self, request: int) -> None:
        self.add("asked", "claude", request=request)

    def say(self, request: int, text: str) -> None:
        self.said[request] = text
        self.add("said", "claude", request=request, characters=len(text))

    def post(self, message: str, text: str) -> None:
        self.show(text, message=message, author="Ada")

    def show(
        self,
        text: str,
        *,
        platform: str = "slack",
        message: str = "1",
        author: str = "bot",
        reply_to: str = "",
    ) -> None:
        self.add(
            "shown",
            platform,
            channel="C",
            message=message,
            author=author,
            text=text,
            verb="edit",
            reply_to=reply_to,
        )

    def knows(self) -> bool:
        return self.lag.known

    @property
    def behind(self) -> tuple[int, float]:
        behind = self.lag.behind(self.now)
        return behind.characters, behind.seconds


def test_what_was_said_and_not_shown_is_behind_since_it_was_said() -> None:
    """Characters, and the age of the oldest of them."""
    story = Story()
    story.ask(1)
    story.now = 1.0
    story.say(1, WORDS[:10])
    story.now = 2.0
    story.say(1, WORDS[:18])
    story.now = 4.0
    assert story.behind == (18, 3.0)
    story.show(WORDS[:10])
    assert story.behind == (8, 2.0)
    story.show(WORDS[:18])
    assert story.behind == (0, 0.0)


@pytest.mark.parametrize(
    ("shown", "characters"),
    [
        (WORDS, 0),
        (
            "The river is wide.\n- **Shape:** Bucket\n**Burst:** 10\n\nSome _last_ words, and then more of them.",
            0,
        ),
        ("The river is wide.", len(WORDS) - WORDS.index("Shape")),
        (WORDS + "\n\n-# 120 tokens", 0),
    ],
)
def test_a_dialect_that_changes_the_length_changes_no_lag(shown: str, characters: int) -> None:
    """The last words are compared, not the lengths."""
    story = Story()
    story.ask(1)
    story.say(1, WORDS)
    story.show("The river is")
    story.show(shown)
    assert story.behind[0] == characters


def test_a_second_page_goes_on_where_the_first_ended() -> None:
    """A reply of several messages is one answer."""
    story = Story()
    words = "".join(f"Sentence number {number}. " for number in range(200))
    story.ask(1)
    story.say(1, words)
    story.show(words[:2000])
    story.show(words[2000:], message="2")
    assert story.behind == (0, 0.0)


def test_two_answers_of_the_same_words_are_seen_apart() -> None:
    """The same question on both platforms: what one viewer sees says nothing of the other."""
    story = Story()
    for request in (1, 2):
        story.ask(request)
        story.say(request, WORDS)
    story.show(WORDS, platform="slack")
    assert story.behind[0] == len(WORDS)
    story.show(WORDS[:40], platform="discord")
    assert 0 < story.behind[0] < len(WORDS)
    story.show(WORDS, platform="discord")
    assert story.behind[0] == 0


def test_answers_that_begin_alike_are_told_apart_by_their_questions() -> None:
    """A reply shows the answer to what it replies to."""
    story = Story()
    story.post("10", "<@BOT> the long one")
    story.post("20", "<@BOT> the short one")
    story.said = {1: WORDS * 3, 2: WORDS}
    for request, question in ((1, "Ada: the long one"), (2, "Ada: the short one")):
        story.add("asked", "claude", request=request, question=question)
        story.say(request, story.said[request])
    story.show(WORDS, message="11", reply_to="20")
    assert story.behind[0] == len(WORDS) * 3
    story.show(WORDS * 3, message="12", reply_to="10")
    assert story.behind[0] == 0


def test_two_answers_to_the_same_question_taken_for_each_other_still_come_to_nothing() -> None:
    """The record cannot tell them apart; when both have ended and are seen whole, nobody is behind."""
    story = Story()
    story.post("10", "<@BOT> why")
    story.add("asked", "claude", request=1, question="Ada: why")
    story.say(1, WORDS[:30])
    story.show(WORDS, message="11", reply_to="10")
    story.say(1, WORDS)
    assert story.behind[0] > 0
    story.add("ended", "claude", request=1, reason="end_turn")
    assert story.behind[0] == 0


def test_an_answer_that_is_never_shown_is_given_up() -> None:
    """A stopped or deleted reply does not stay behind for ever."""
    story = Story()
    story.ask(1)
    story.say(1, WORDS)
    story.add("ended", "claude", request=1, reason="closed by client")
    assert story.behind[0] == len(WORDS)
    story.now += PATIENCE + 1
    assert story.behind == (0, 0.0)


def test_an_answer_that_somebody_deletes_is_waited_for_by_nobody() -> None:
    """A message that is gone has no viewers."""
    story = Story()
    story.ask(1)
    story.say(1, WORDS)
    story.show(WORDS[:20])
    story.add("removed", "slack", channel="C", message="1")
    assert story.behind == (0, 0.0)


def test_a_page_that_begins_with_a_rewritten_table_is_known_by_its_last_words() -> None:
    """A dialect without tables writes a row as lines; what follows the table stands in both."""
    story = Story()
    story.ask(1)
    table = "| City | River |\n|---|---|\n| Lisbon | Tejo |\n| Bergen | none |\n"
    words = "Two cities and what flows through them. " + table + "Neither of them is the largest of its kind."
    story.say(1, words)
    story.show(words[:39])
    story.show("- **City:** Lisbon\n**River:** Tejo\n- **City:** Bergen\n" + words[-43:], message="2")
    assert story.behind == (0, 0.0)


def test_people_and_a_claude_elsewhere_are_not_measured() -> None:
    """What the sandbox did not hear Claude say, it does not claim to know."""
    story = Story()
    story.show("x" * 5000, author="Ada")
    assert story.knows()
    story.show("x" * 5000)
    assert not story.knows()
    story.ask(1)
    assert story.knows()
