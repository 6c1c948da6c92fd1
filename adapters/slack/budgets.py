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


def edits(team: str) -> Bucket:
    """All edits of a workspace share this one."""
    return Bucket(f"{team}:chat.update", EDITS)


def posts_in(team: str, channel: str) -> Bucket:
    return Bucket(f"{team}:chat.postMessage:{channel}", POSTS_IN_CHANNEL)


def posts(team: str) -> Bucket:
    return Bucket(f"{team}:chat.postMessage", POSTS)
