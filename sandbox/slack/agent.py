"""The app as one of Slack's agents: sessions, titles, prompts. Law: only an app that was declared an agent has them, and a
person sees a stop button exactly while a session is processing and the app has asked to hear of it.

docs.slack.dev/ai/agent-sessions, reference/events/agent_session_stopped; what those leave open is guessed, as said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.slack.arguments import Arguments, is_ts
from sandbox.slack.nouns import BOT_USER, Channel
from sandbox.slack.places import Places
from sandbox.slack.refusals import MisusedError, SlackError
from sandbox.slack.web_api import Handler

STATUSES = frozenset(("active", "processing", "suspended", "closed"))
STOPPED = "agent_session_stopped"
MOST_PROMPTS = 4
LONGEST_TITLE = 200
_UNHEARD = "missing_agent_session_stopped_event_subscription"


@dataclass(slots=True)
class Session:
    """One conversation in Slack's list. `status` "": it has a title alone."""

    channel: str
    thread: str
    status: str = ""
    title: str = ""
    since: float = 0.0


class Agent:
    """`declared`: by the manifest's agent_view; `prompts` stand on the Messages tab before anything is said."""

    def __init__(self, places: Places, subscriptions: set[str]) -> None:
        self._places = places
        self._workspace = places.workspace
        self._subscriptions = subscriptions
        self.declared = False
        self.prompts: list[dict[str, str]] = []
        self._own_prompts: dict[tuple[str, str], list[dict[str, str]]] = {}
        self._sessions: dict[tuple[str, str], Session] = {}

    def declare(self, prompts: Sequence[Mapping[str, str]] = ()) -> None:
        self.declared, self.prompts = True, [dict(one) for one in prompts]

    def handlers(self) -> dict[str, Handler]:
        return {
            "agents.sessions.setStatus": self.set_status,
            "agents.sessions.rename": self.rename,
            "assistant.threads.setTitle": self.title,
            "assistant.threads.setSuggestedPrompts": self.suggest,
        }

    # ------------------------------------------------------------------------------------------------ the app's calls

    async def set_status(self, said: Arguments) -> dict[str, Any]:
        if not self.declared:
            raise SlackError("feature_disabled")
        channel, thread = self._where(said)
        status = said.text("status")
        if status not in STATUSES:
            raise SlackError("invalid_status")
        self._check_title(said)
        initiator = said.text("initiator_user_id")
        if initiator and initiator not in self._workspace.people:
            raise SlackError("user_not_found")
        new = self._sessions.get((channel.id, thread)) is None
        session = self._change(channel, thread, status, said.text("title") if new else "")
        body: dict[str, Any] = {"status": status, "agent_status": status, "title": session.title}
        if STOPPED not in self._subscriptions:
            body |= {"warning": _UNHEARD, "response_metadata": {"warnings": [_UNHEARD]}}
        return body

    async def rename(self, said: Arguments) -> dict[str, Any]:
        if not self.declared:
            raise SlackError("feature_disabled")
        channel, thread = self._where(said)
        self._check_title(said)
        session = self._sessions.get((channel.id, thread))
        if session is None or not session.status:
            raise SlackError("session_not_found")
        self._change(channel, thread, session.status, said.text("title"))
        return {"title": session.title}

    def _check_title(self, said: Arguments) -> None:
        if len(said.text("title")) > LONGEST_TITLE:
            raise SlackError("invalid_arguments", [f"title: at most {LONGEST_TITLE} characters"])

    async def title(self, said: Arguments) -> dict[str, Any]:
        if not self.declared:
            raise SlackError("not_agent_app")
        channel, thread = self._thread(said)
        known = self._sessions.get((channel.id, thread))
        self._change(channel, thread, known.status if known else "", said.text("title"))
        return {}

    async def suggest(self, said: Arguments) -> dict[str, Any]:
        if not self.declared:
            raise SlackError("not_agent_app")
        channel, thread = self._places.known(said, "channel_id"), ""
        if said.text("thread_ts"):
            channel, thread = self._thread(said)
        prompts = said.structure("prompts")
        if not isinstance(prompts, list) or not 1 <= len(prompts) <= MOST_PROMPTS:
            raise SlackError("invalid_arguments", ["prompts: 1 to 4"])
        if not all(isinstance(one, dict) and one.get("title") and one.get("message") for one in prompts):
            raise SlackError("invalid_arguments", ["a prompt has a title and a message"])
        self._own_prompts[channel.id, thread] = prompts
        self._workspace.record.add("prompts", "slack", channel=channel.id, thread=thread, prompts=prompts)
        return {}

    def streamed(self, channel: Channel, thread: str, status: str) -> None:
        """A stream's start creates the session and sets it processing; its stop says what it is then."""
        if self.declared:
            self._change(channel, thread, status, "")

    def _where(self, said: Arguments) -> tuple[Channel, str]:
        channel = self._places.known(said, "channel_id")
        if BOT_USER not in channel.members:
            raise SlackError("not_authorized")
        if not said.text("thread_ts"):
            raise SlackError("thread_ts_required")
        return self._thread(said)

    def _thread(self, said: Arguments) -> tuple[Channel, str]:
        channel = self._places.known(said, "channel_id")
        thread = said.text("thread_ts")
        root = channel.messages.get(thread)
        if not is_ts(thread) or root is None:
            raise SlackError("invalid_thread_ts")  # of setTitle; for sessions guessed
        return channel, root.thread or root.ts

    def _change(self, channel: Channel, thread: str, status: str, title: str) -> Session:
        key = (channel.id, thread)
        session = self._sessions.setdefault(key, Session(channel.id, thread))
        session.status, session.title = status, title or session.title
        session.since = self._workspace.clock.now()
        self._workspace.record.add(
            "session", "slack", channel=channel.id, thread=thread, status=session.status, title=session.title
        )
        if status == "processing":
            self._workspace.spawn(self._lapse(channel, session, session.since))
        return session

    async def _lapse(self, channel: Channel, session: Session, since: float) -> None:
        await self._workspace.clock.sleep(self._workspace.clock.duration("slack.session"))
        if session.status == "processing" and session.since == since:
            self._change(channel, session.thread, "active", "")

    # ------------------------------------------------------------------------------------------------ people

    def conversations(self, channel: Channel) -> list[Session]:
        """What Slack lists beside the Messages tab, the newest last."""
        return [one for one in self._sessions.values() if one.channel == channel.id]

    def offered(self, channel: Channel, thread: str = "") -> list[dict[str, str]]:
        """The prompts that somebody may choose from there."""
        return self._own_prompts.get((channel.id, thread), [] if thread else self.prompts)

    def surface(self, channel: Channel) -> dict[str, Any] | None:
        """What Slack shows beside the messages of an agent; None for an ordinary app.

        {"channel", "prompts": {thread, or "" for the tab: titles}, "sessions": [{"thread", "title", "status", "stop"}]}
        """
        if not self.declared:
            return None
        threads = ["", *(thread for place, thread in self._own_prompts if place == channel.id and thread)]
        return {
            "channel": channel.id,
            "prompts": {
                thread: [one["title"] for one in self.offered(channel, thread)] for thread in threads
            },
            "sessions": [
                {"thread": one.thread, "title": one.title, "status": one.status, "stop": self._stops(one)}
                for one in self.conversations(channel)
            ],
        }

    def _stops(self, session: Session) -> bool:
        """Whether the native stop button is there."""
        return session.status == "processing" and STOPPED in self._subscriptions

    def stop(self, channel: Channel, thread: str, person: str) -> None:
        """The native stop button. The app has to say that the session is not processing any more."""
        session = self._sessions.get((channel.id, thread))
        if session is None or not self._stops(session):
            raise MisusedError(f"there is no stop button in {channel.id} under {thread!r}")
        stopped = []
        for message in channel.replies(thread):
            if message.by_bot and message.stream is not None and not message.stream.over:
                message.stream.over, message.stream.stopped_by = True, person
                stopped.append(message.ts)
        event = {
            "type": STOPPED,
            "channel": channel.id,
            "thread_ts": thread,
            "user": person,
            "streaming_message_ts": stopped,
            "event_ts": self._workspace.next_ts(),
        }
        self._workspace.announce(event, channel)
