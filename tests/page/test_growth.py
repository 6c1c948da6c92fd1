"""The strip under a message, the line of who is thinking, and the rows of budgets."""

from __future__ import annotations

from typing import Any

from sandbox.limits import Limit, Limits
from sandbox.page.budgets import rows
from sandbox.page.growth import MOST_TICKS, Growths
from sandbox.record import Entry

KEY = ("slack", "C", "1")


def entry(at: float, kind: str, **fields: Any) -> Entry:
    return Entry(
        at, 0, kind, str(fields.pop("platform", "slack")), {"channel": "C", "message": "1", **fields}
    )


def test_posts_edits_and_refusals_stand_on_the_messages_own_strip() -> None:
    """A refused call is a tick of the message it was for, and of no other."""
    growths = Growths()
    growths.feed(entry(1, "shown", verb="post", text="abc", author="bot"))
    growths.feed(entry(1, "shown", verb="post", text="other", author="bot", message="2"))
    growths.feed(entry(2, "call", status=429, method="chat.update"))
    growths.feed(entry(2, "call", status=200, method="chat.update"))
    growths.feed(entry(2, "call", status=429, method="chat.postMessage", message=""))
    touched = growths.feed(entry(3, "shown", verb="edit", text="abcdef", author="bot"))
    assert touched == {KEY}
    growth = growths.of(KEY)
    assert growth is not None
    assert growth.as_json() == [(1, 3, "post"), (2, 3, "refused"), (3, 6, "edit")]
    other = growths.of(("slack", "C", "2"))
    assert other is not None
    assert len(other.ticks) == 1


def test_a_strip_keeps_its_beginning_however_long_it_grows() -> None:
    """The axis begins with the post; the oldest edits go first."""
    growths = Growths()
    for number in range(MOST_TICKS + 50):
        growths.feed(
            entry(number, "shown", verb="edit" if number else "post", text="x" * number, author="bot")
        )
    growth = growths.of(KEY)
    assert growth is not None
    assert len(growth.ticks) == MOST_TICKS
    assert (growth.ticks[0].verb, growth.characters) == ("post", MOST_TICKS + 49)


def test_a_status_shows_until_it_is_taken_back_or_lapses() -> None:
    """Slack takes it back by an empty text; Discord's typing ends with a message, or after ten seconds."""
    growths = Growths()
    growths.feed(entry(0, "status", thread="1", text="is thinking"))
    assert [status["text"] for status in growths.statuses(5)] == ["is thinking"]
    growths.feed(entry(6, "status", thread="1", text=""))
    assert growths.statuses(6) == []
    growths.feed(entry(6, "status", platform="discord", text="typing"))
    assert len(growths.statuses(15)) == 1
    assert growths.statuses(16.5) == []
    growths.feed(entry(20, "status", platform="discord", text="typing"))
    growths.feed(entry(21, "shown", platform="discord", verb="post", text="x", author="bot"))
    assert growths.statuses(21) == []


def test_a_budget_says_what_is_left_and_how_sure_its_limit_is() -> None:
    """Tokens come back continuously in a bucket and all at once in a window."""
    limits = Limits()
    limits.declare(Limit("slack.chat.update", 1.0, 10, "bucket", "documented", "docs"))
    limits.declare(Limit("discord.messages.patch", 1.0, 5, "fixed", "observed", "others"))
    for _ in range(4):
        limits.take("slack.chat.update", "T1", 0.0)
    for _ in range(6):
        limits.take("discord.messages.patch", "C", 0.0)
    slack, discord = rows(limits, 1.5, {"C": "#general"})
    assert (slack["left"], slack["size"], slack["refusals"], slack["place"]) == (7.5, 10, 0, "")
    assert (discord["left"], discord["size"], discord["refusals"], discord["place"]) == (0, 5, 1, "#general")
    assert discord["certainty"] == "observed"
