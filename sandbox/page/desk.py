"""What each person has before them beside the messages: a form, and a word on what failed. Law: told to that person alone,
and only what the platform's own client would tell.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from sandbox.page.forms import Form, discord_forms, slack_forms
from sandbox.page.servers import PlatformName, World
from sandbox.record import Entry

MOST_NOTICES: Final = 20

# What the clients say where the bot does not answer in time: Slack's as its help pages quote it, Discord's as docs and
# issues of its libraries quote it.
SLACK_MISSED: Final = {
    "block_actions": "The app did not respond to that button.",
    "message_action": "The app did not respond to that shortcut.",
    "view_submission": "We had some trouble connecting. Try again?",
}
DISCORD_MISSED: Final = {
    2: "The application did not respond.",
    3: "This interaction failed.",
    5: "Something went wrong. Try again.",
}


class Forms:
    """The forms that are open, with what Slack was told to say beside their fields."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._errors: dict[str, dict[str, str]] = {}

    def feed(self, entry: Entry) -> None:
        if entry.kind != "view":
            return
        if entry["verb"] == "errors":
            self._errors[entry["view"]] = {str(k): str(v) for k, v in (entry["body"] or {}).items()}
        else:
            self._errors.pop(entry["view"], None)

    def forgive(self, form: str) -> None:
        self._errors.pop(form, None)

    def open(self, names: Mapping[PlatformName, Mapping[str, str]]) -> list[Form]:
        slack, discord = self._world.slack, self._world.discord
        people = [person for person in discord.people() if not person["bot"]]
        return [
            *slack_forms(slack.views(), self._errors, names["slack"]),
            *discord_forms(people, discord.modals),
        ]


class Notices:
    """What did not come to an end, for the person who did it; numbered, so that a page knows which are new."""

    def __init__(self) -> None:
        self._kept: deque[dict[str, Any]] = deque(maxlen=MOST_NOTICES)
        self._number = 0

    def latest(self) -> list[dict[str, Any]]:
        return list(self._kept)

    def feed(self, entry: Entry) -> None:
        if entry.kind == "unacked" and entry.get("event") in SLACK_MISSED:
            self._note("slack", str(entry["author"]), SLACK_MISSED[entry["event"]])
        elif entry.kind == "interaction" and entry["what"] == "failed" and entry["type"] in DISCORD_MISSED:
            self._note("discord", str(entry["person"]), DISCORD_MISSED[entry["type"]])

    def _note(self, platform: PlatformName, person: str, text: str) -> None:
        self._number += 1
        self._kept.append({"number": self._number, "platform": platform, "person": person, "text": text})
