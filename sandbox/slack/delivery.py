"""Events on their way to the bot. Law: at least once: what is not acknowledged in time is sent again, with the same id.

Slack waits 3 s for an acknowledgement, then tries again at once, after a minute and after five
(docs.slack.dev/apis/events-api; for Socket Mode the schedule is not documented, the same is assumed). Commands and
buttons are sent once: the person sees that they failed.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from sandbox.slack.nouns import APP, BOT, BOT_USER, TEAM, Channel, Event
from sandbox.slack.workspace import Workspace

Route: TypeAlias = Literal["events_api", "slash_commands", "interactive"]
VERIFICATION = "sandbox-verification"

_SUFFIX = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}

# Everything that the sandbox can send. A bot that subscribes to less is tried by taking names out of
# `SlackServer.subscriptions`.
EVENTS = frozenset(
    [
        "app_mention",
        "message.channels",
        "message.groups",
        "message.im",
        "message.mpim",
        "reaction_added",
        "reaction_removed",
        "member_joined_channel",
        "app_home_opened",
        "agent_session_stopped",
        "app_uninstalled",
        "tokens_revoked",
    ]
)


@dataclass(frozen=True, slots=True)
class Acked:
    """The bot took it. `payload`: what it said in the acknowledgement; None for nothing."""

    payload: Any = None


@dataclass(frozen=True, slots=True)
class Missed:
    """The bot did not. `reason` as in x-slack-retry-reason; `final`: it asked not to be tried again."""

    reason: str
    final: bool = False


class Road(Protocol):
    """Socket Mode or signed HTTP: one attempt, bounded by `slack.ack`."""

    async def carry(
        self, route: Route, payload: dict[str, Any], *, attempt: int, reason: str
    ) -> Acked | Missed: ...


class Delivery:
    """Takes what happens in the workspace to the bot, on the road that is set."""

    def __init__(self, workspace: Workspace, road: Road) -> None:
        self._workspace = workspace
        self._clock = workspace.clock
        self._record = workspace.record
        self.road = road
        self.subscriptions = set(EVENTS)
        self.doubled = 0  # so many of the next events are delivered twice
        self._mention_first = False

    def publish(self, event: Event, channel: Channel | None) -> None:
        """Send an event, and its app_mention twin, if the bot may hear of it."""
        if channel is not None and BOT_USER not in channel.members:
            return
        events = [event]
        if _mentions(event):
            # The two come in either order; each order is met half of the time.
            twin = _twin(event)
            events = [twin, event] if self._mention_first else [event, twin]
            self._mention_first = not self._mention_first
        for one in events:
            name = subscription(one)
            if name in self.subscriptions:
                self._workspace.spawn(self._deliver(name, one))

    def envelope(self, event: Event) -> dict[str, Any]:
        """The body of an HTTP event, and the payload of a Socket Mode envelope."""
        event_id = "Ev0" + secrets.token_hex(5).upper()
        return {
            "token": VERIFICATION,
            "team_id": TEAM,
            "context_team_id": TEAM,
            "context_enterprise_id": None,
            "api_app_id": APP,
            "event": event,
            "type": "event_callback",
            "event_id": event_id,
            "event_time": int(float(event.get("event_ts") or time.time())),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": TEAM,
                    "user_id": BOT_USER,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": self._is_shared(event.get("channel")),
            "event_context": "4-" + secrets.token_urlsafe(24),
        }

    def _is_shared(self, channel: object) -> bool:
        """Whether somebody of another company is in there, by Slack Connect."""
        place = self._workspace.channels.get(channel) if isinstance(channel, str) else None
        return place is not None and any(self._workspace.people[one].team != TEAM for one in place.members)

    async def _deliver(self, name: str, event: Event) -> None:
        body = self.envelope(event)
        twice = self.doubled > 0
        if twice:
            self.doubled -= 1
        reason = ""
        for attempt in range(4):
            if attempt:
                await self._clock.sleep(self._clock.duration(f"slack.retry_{attempt}"))
            outcome = await self._attempt(name, body, attempt, reason)
            if isinstance(outcome, Acked):
                if twice:
                    await self._attempt(name, body, 0, "")
                return
            if outcome.final:
                return
            reason = outcome.reason

    async def _attempt(self, name: str, body: dict[str, Any], attempt: int, reason: str) -> Acked | Missed:
        event = body["event"]
        about = {
            "event": name,
            "id": body["event_id"],
            "attempt": attempt,
            "subtype": event.get("subtype", ""),
            "channel": event.get("channel", "") if isinstance(event.get("channel"), str) else "",
            "message": event.get("ts", ""),
        }
        self._record.add("event", "slack", **about)
        outcome = await self.road.carry("events_api", body, attempt=attempt, reason=reason)
        if isinstance(outcome, Acked):
            self._record.add("acked", "slack", **about)
        else:
            self._record.add("unacked", "slack", **about, reason=outcome.reason)
        return outcome

    async def ask(
        self, route: Route, name: str, payload: dict[str, Any], about: dict[str, Any]
    ) -> Acked | Missed:
        """Send a command or a button press, once; `about` goes into the record.

        Slack repeats none of these. That a socket that dies may, is guessed: `SlackServer.deliver_twice` does it.
        """
        self._record.add("event", "slack", event=name, **about)
        twice = self.doubled > 0
        if twice:
            self.doubled -= 1
        outcome = await self.road.carry(route, payload, attempt=0, reason="")
        if twice:
            await self.road.carry(route, payload, attempt=0, reason="")
        if isinstance(outcome, Acked):
            self._record.add("acked", "slack", event=name, **about)
        else:
            self._record.add("unacked", "slack", event=name, **about, reason=outcome.reason)
        return outcome


def subscription(event: Event) -> str:
    """The name in `bot_events` of the manifest."""
    if event["type"] != "message":
        return str(event["type"])
    return f"message.{_SUFFIX[event['channel_type']]}"


def _mentions(event: Event) -> bool:
    return (
        event["type"] == "message"
        and event.get("subtype") in (None, "file_share", "thread_broadcast")
        and event.get("channel_type") != "im"
        and event.get("bot_id") != BOT
        and f"<@{BOT_USER}>" in event.get("text", "")
    )


def _twin(event: Event) -> Event:
    """app_mention has no channel_type and no subtype; files were seen missing from it, so they are."""
    dropped = ("channel_type", "subtype", "files", "upload")
    return {key: value for key, value in event.items() if key not in dropped} | {"type": "app_mention"}
