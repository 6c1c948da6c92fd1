"""The world as the page shows it. Law: a message is rendered when it has changed, and once for all viewers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sandbox.limits import Shape
from sandbox.page.budgets import rows
from sandbox.page.desk import Forms, Notices
from sandbox.page.files import Uploads
from sandbox.page.growth import Growths, Key
from sandbox.page.hands import SIGNS
from sandbox.page.lag import Lag
from sandbox.page.markdown import discord_html, slack_html
from sandbox.page.servers import PLATFORMS, PlatformName, World, platform_of
from sandbox.record import Entry

# Messages of one channel that a page is given; the record keeps all.
MOST_MESSAGES: Final = 200
# Four samples a second for a minute: the width of the chart.
SAMPLES: Final = 240

REACTIONS: Final = frozenset({"reacted", "unreacted", "reaction"})

TITLES: Final = {"slack": "Slack", "discord": "Discord"}


class View:
    """Reads the servers when asked and the record as it comes; every answer is JSON."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.growths = Growths()
        self.lag = Lag(frozenset({world.slack.bot_id, world.discord.bot_id}), self._said)
        self.uploads = Uploads()
        self.forms = Forms(world)
        self.notices = Notices()
        self.samples: deque[tuple[float, int, float]] = deque(maxlen=SAMPLES)
        self.shapes: dict[str, Shape] = {}  # what a limit's shape was before the page changed it
        self._html: dict[Key, tuple[tuple[str, str, int], str]] = {}
        self._names: dict[PlatformName, dict[str, str]] = {"slack": {}, "discord": {}}
        for entry in world.record:
            self.feed(entry)

    def _said(self, number: int) -> str:
        # The newest are asked for, and they are at the end.
        return next((one.said for one in reversed(self.world.claude.requests) if one.number == number), "")

    def feed(self, entry: Entry) -> set[Key]:
        self.lag.feed(entry)
        self.forms.feed(entry)
        self.notices.feed(entry)
        touched = self.growths.feed(entry)
        if entry.kind in REACTIONS:
            touched = {(entry.platform, str(entry["channel"]), str(entry["message"]))}
        elif entry.kind == "channel" and (parent := entry.get("parent")):
            # A thread has the id of the message that it stands on, if it stands on one.
            touched = {(entry.platform, str(parent), str(entry["channel"]))}
        elif entry.kind == "removed":
            self._html.pop((entry.platform, str(entry["channel"]), str(entry["message"])), None)
        return touched

    # ------------------------------------------------------------------------------------------------ all of it

    def snapshot(self) -> dict[str, Any]:
        now = self.world.clock.now()
        return {
            "type": "snapshot",
            "wall": time.time(),
            "platforms": {name: self.platform(name) for name in PLATFORMS},
            "messages": [message for name in PLATFORMS for message in self._all(name)],
            "samples": list(self.samples),
            **self.gauges(now),
            **self.around(now),
        }

    def platform(self, name: PlatformName) -> dict[str, Any]:
        server = platform_of(self.world, name)
        return {
            "name": name,
            "title": TITLES[name],
            "bot": {"id": server.bot_id, "name": server.bot_name},
            "mention": server.mention,
            "people": [dict(person) for person in server.people()],
            "roles": [dict(role) for role in self.world.discord.roles()] if name == "discord" else [],
            "channels": self.channels(name),
        }

    def channels(self, name: PlatformName) -> list[dict[str, Any]]:
        server = platform_of(self.world, name)
        channels = [dict(channel) for channel in server.channels()]
        self._names[name] = {str(one["id"]): str(one["name"]) for one in [*channels, *server.people()]}
        return channels

    def gauges(self, now: float) -> dict[str, Any]:
        """What moves without a message: the clock, who is thinking, the budgets, the lag."""
        world = self.world
        behind = self.lag.behind(now)
        return {
            "now": round(now, 3),
            "scale": world.clock.scale,
            "speed": world.claude.speed,
            "enforced": world.limits.enforced,
            "budgets": rows(world.limits, now, self._channel_names()),
            "lag": {
                "known": self.lag.known,
                "characters": behind.characters,
                "seconds": round(behind.seconds, 2),
                "answers": behind.answers,
            },
        }

    def around(self, now: float) -> dict[str, Any]:
        """What stands around the messages: who is thinking, forms, what failed, what is offered, an agent's surface."""
        return {
            "statuses": self.growths.statuses(now),
            "forms": self.forms.open(self._names),
            "notices": self.notices.latest(),
            "offers": {name: self._offers(name) for name in PLATFORMS},
            "agents": self._agents(),
        }

    def _agents(self) -> dict[str, Any]:
        """Slack's agent surface, by the person who sees it."""
        slack = self.world.slack
        seen = {str(one["id"]): slack.surface(str(one["id"])) for one in slack.people() if not one["bot"]}
        return {person: dict(surface) for person, surface in seen.items() if surface is not None}

    def _offers(self, name: PlatformName) -> dict[str, list[dict[str, Any]]]:
        """The bot's commands and menu entries, in channels and in its DM."""
        server = platform_of(self.world, name)
        first = {kind: str(one["id"]) for one in reversed(server.channels()) if (kind := one["kind"])}
        return {kind: [dict(one) for one in server.commands(first[kind])] for kind in ("channel", "dm")}

    def file(self, name: PlatformName, channel: str, message: str, file: str) -> tuple[str, str, bytes]:
        """(name, type, bytes) of a file that a message shows. Raises LookupError."""
        server = platform_of(self.world, name)
        for one in self._of(name, channel):
            for held in one.get("files") or () if str(one["id"]) == message else ():
                if str(held["id"]) == file:
                    return str(held["name"]), str(held.get("type") or ""), server.file(file)
        raise LookupError("no message shows that file")

    def sample(self, now: float) -> tuple[float, int, float]:
        """Take one sample of the lag for the chart."""
        behind = self.lag.behind(now)
        sample = (round(now, 2), behind.characters, round(behind.seconds, 2))
        self.samples.append(sample)
        return sample

    def _channel_names(self) -> Mapping[str, str]:
        return {
            str(one["id"]): ("" if one["kind"] == "dm" else "#") + str(one["name"])
            for name in PLATFORMS
            for one in platform_of(self.world, name).channels()
        }

    # ------------------------------------------------------------------------------------------------ messages

    def messages(self, keys: Iterable[Key]) -> tuple[list[dict[str, Any]], list[Key]]:
        """(these messages as they are now, those of them that are no more)."""
        wanted: dict[tuple[PlatformName, str], set[str]] = {}
        for platform, channel, message in keys:
            if platform in PLATFORMS:
                wanted.setdefault((platform, channel), set()).add(message)
        found: list[dict[str, Any]] = []
        gone: list[Key] = []
        for (platform, channel), ids in wanted.items():
            there = [one for one in self._of(platform, channel) if str(one["id"]) in ids]
            found += [self._message(platform, channel, one) for one in there]
            gone += [(platform, channel, one) for one in ids - {str(one["id"]) for one in there}]
        return found, gone

    def _all(self, platform: PlatformName) -> Iterable[dict[str, Any]]:
        for channel in platform_of(self.world, platform).channels():
            for message in self._of(platform, str(channel["id"]))[-MOST_MESSAGES:]:
                yield self._message(platform, str(channel["id"]), message)

    def _of(self, platform: PlatformName, channel: str) -> list[Mapping[str, Any]]:
        server = platform_of(self.world, platform)
        if not any(str(one["id"]) == channel for one in server.channels()):
            return []
        return list(server.messages(channel))

    def _message(self, platform: PlatformName, channel: str, message: Mapping[str, Any]) -> dict[str, Any]:
        server = platform_of(self.world, platform)
        key = (platform, channel, str(message["id"]))
        growth = self.growths.of(key)
        mine = message["author"] == server.bot_id
        return {
            "platform": platform,
            "channel": channel,
            "id": key[2],
            "author": message["author"],
            "name": message["author_name"],
            "bot": mine,
            "html": self._rendered(key, str(message["text"]), str(message["markup"])),
            # A person's own words, so that the page can offer them for editing.
            "text": "" if mine else message["text"],
            "characters": len(str(message["text"])),
            "thread": message.get("thread") or "",
            "reply_to": message.get("reply_to") or "",
            "controls": list(message.get("controls") or ()),
            "ephemeral_for": message.get("ephemeral_for") or "",
            "edited": bool(message.get("edited")),
            "files": [
                {name: file.get(name) for name in ("id", "name", "size", "type")}
                for file in message.get("files") or ()
            ],
            "reactions": [
                {"emoji": SIGNS.get(emoji, emoji), "people": list(people)}
                for emoji, people in (message.get("reacted") or message.get("reactions") or {}).items()
            ],
            "opened": message.get("opened_thread") or "",
            "streaming": bool(message.get("streaming")),
            # Discord: a deferred answer shows as thinking; the answer to a command says who used which.
            "loading": bool(message.get("loading")),
            "command": message.get("command"),
            "at": round(float(message["at"]), 3),
            "growth": growth.as_json() if growth is not None and mine else [],
        }

    def _rendered(self, key: Key, text: str, markup: str) -> str:
        platform: PlatformName = "slack" if key[0] == "slack" else "discord"
        if not self._names[platform]:
            self.channels(platform)
        names = self._names[platform]
        source = (text, markup, len(names))
        kept = self._html.get(key)
        if kept is not None and kept[0] == source:
            return kept[1]
        if platform == "discord":
            html = discord_html(text, names=names)
        else:
            html = slack_html(
                text, "slack-markdown" if markup == "slack-markdown" else "slack-mrkdwn", names=names
            )
        self._html[key] = (source, html)
        return html
