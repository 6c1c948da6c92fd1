"""What Slack lets one app spend. Law: figures are data with their evidence; the pacer learns the rest.

Source of all: docs.slack.dev/apis/web-api/rate-limits. Slack counts by method and workspace and app, answers 429
with Retry-After, sends no headers about what is left, and does not publish the shape of its counters: "bursts"
are granted, their size is not said. So the rates are documented and the bursts are guesses.
"""

from __future__ import annotations

from bot.ports import Bucket, Rule

EDITS = Rule(
    rate=50 / 60,
    burst=10,
    shape="bucket",
    certainty="documented",
    source="chat.update is tier 3: 50+ a minute for each workspace. The burst is a guess.",
)

POSTS_IN_CHANNEL = Rule(
    rate=1.0,
    burst=5,
    shape="bucket",
    certainty="documented",
    source="chat.postMessage: about one a second in a channel, and 'generous burst behavior is also granted'. "
    "The burst is a guess.",
)

POSTS = Rule(
    rate=5.0,
    burst=30,
    shape="bucket",
    certainty="guessed",
    source="chat.postMessage: 'several hundred messages per minute' for a workspace, read as 300.",
)


STARTS = Rule(
    rate=20 / 60,
    burst=5,
    shape="bucket",
    certainty="documented",
    source="chat.startStream is tier 2: 20+ a minute for each workspace. The burst is a guess.",
)

APPENDS = Rule(
    rate=100 / 60,
    burst=20,
    shape="bucket",
    certainty="documented",
    source="chat.appendStream is tier 4: 100+ a minute for each workspace. The burst is a guess.",
)

STOPS = Rule(
    rate=20 / 60,
    burst=5,
    shape="bucket",
    certainty="documented",
    source="chat.stopStream is tier 2: 20+ a minute for each workspace. The burst is a guess.",
)


class Allowance:
    """A budget of which is asked only whether there is one to spare at once: if not, there is another way.

    Pure: it is told the time. What is taken here is told the outbox too (`Meter.spent`).
    """

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._left = float(rule.burst)
        self._at = 0.0

    def take(self, now: float) -> bool:
        """One, if there is one now."""
        if now > self._at:
            self._left = min(float(self._rule.burst), self._left + (now - self._at) * self._rule.rate)
            self._at = now
        if self._left < 1.0 or now < self._at:
            return False
        self._left -= 1.0
        return True

    def shut(self, until: float) -> None:
        """A refusal: nothing until then, and one at that moment."""
        self._left, self._at = 1.0, until


def edits(team: str) -> Bucket:
    """All edits of a workspace share this one."""
    return Bucket(f"{team}:chat.update", EDITS)


def starts(team: str) -> Bucket:
    return Bucket(f"{team}:chat.startStream", STARTS)


def appends(team: str) -> Bucket:
    return Bucket(f"{team}:chat.appendStream", APPENDS)


def stops(team: str) -> Bucket:
    return Bucket(f"{team}:chat.stopStream", STOPS)


def posts_in(team: str, channel: str) -> Bucket:
    return Bucket(f"{team}:chat.postMessage:{channel}", POSTS_IN_CHANNEL)


def posts(team: str) -> Bucket:
    return Bucket(f"{team}:chat.postMessage", POSTS)
