"""auth, status, reactions, views: what is neither a message nor a look-up. Law: a trigger opens one view, in time."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from sandbox.slack.arguments import Arguments, is_ts
from sandbox.slack.forms import checked_view
from sandbox.slack.nouns import APP, BOT, BOT_USER, DOMAIN, TEAM, Channel, Message
from sandbox.slack.places import Places
from sandbox.slack.refusals import SlackError
from sandbox.slack.web_api import Handler, Tokens


@dataclass(slots=True)
class View:
    """A modal (or a home tab) as somebody sees it."""

    id: str
    person: str
    body: dict[str, Any]
    hash: str
    root: str
    previous: str = ""
    state: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "team_id": TEAM,
            "app_id": APP,
            "bot_id": BOT,
            "app_installed_team_id": TEAM,
            "hash": self.hash,
            "root_view_id": self.root,
            "previous_view_id": self.previous or None,
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            **self.body,
            "state": {"values": self.state},
        }


class Triggers:
    """What opens a view: one use, within three seconds."""

    def __init__(self, places: Places) -> None:
        self._clock = places.workspace.clock
        self._open: dict[str, tuple[str, float]] = {}
        self._used: set[str] = set()

    def issue(self, person: str) -> str:
        trigger = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._open[trigger] = (person, self._clock.now() + self._clock.duration("slack.trigger"))
        return trigger

    def exchange(self, trigger: str) -> str:
        """The person behind it. Raises exchanged_trigger_id, expired_trigger_id, invalid_trigger_id."""
        if trigger in self._used:
            raise SlackError("exchanged_trigger_id")
        if trigger not in self._open:
            raise SlackError("invalid_trigger_id")
        person, until = self._open.pop(trigger)
        if self._clock.now() > until:
            raise SlackError("expired_trigger_id")
        self._used.add(trigger)
        return person


class Surfaces:
    """Everything around the messages."""

    def __init__(self, places: Places, tokens: Tokens) -> None:
        self._places = places
        self._workspace = places.workspace
        self._tokens = tokens
        self.triggers = Triggers(places)
        self.views: dict[str, View] = {}

    def handlers(self) -> dict[str, Handler]:
        return {
            "auth.test": self.whoami,
            "auth.revoke": self.revoke,
            "assistant.threads.setStatus": self.status,
            "reactions.add": self.react,
            "reactions.remove": self.unreact,
            "reactions.get": self.reactions,
            "views.open": self.open,
            "views.push": self.push,
            "views.update": self.update,
            "views.publish": self.publish,
        }

    async def whoami(self, _said: Arguments) -> dict[str, Any]:
        return {
            "url": f"https://{DOMAIN}.slack.com/",
            "team": "Sandbox",
            "user": self._workspace.people[BOT_USER].name,
            "team_id": TEAM,
            "user_id": BOT_USER,
            "bot_id": BOT,
            "is_enterprise_install": False,
        }

    async def revoke(self, said: Arguments) -> dict[str, Any]:
        if not said.flag("test"):
            self._tokens.revoked = "token_revoked"
        return {"revoked": not said.flag("test")}

    # ------------------------------------------------------------------------------------------------ threads

    def _thread(self, said: Arguments) -> tuple[Channel, str]:
        channel = self._places.known(said, "channel_id")
        thread = said.text("thread_ts")
        root = channel.messages.get(thread)
        if not is_ts(thread) or root is None:
            raise SlackError("invalid_thread_ts")
        return channel, root.thread or root.ts

    async def status(self, said: Arguments) -> dict[str, Any]:
        channel, thread = self._thread(said)
        if BOT_USER not in channel.members:
            raise SlackError("channel_not_found")
        loading = said.structure("loading_messages")
        if loading is not None and not (
            isinstance(loading, list)
            and 1 <= len(loading) <= 10
            and all(isinstance(one, str) and 1 <= len(one) <= 50 for one in loading)
        ):
            raise SlackError("invalid_arguments", ["loading_messages: 1 to 10 of at most 50 characters"])
        if said.text("username").lower() in ("slackbot", "slack"):
            raise SlackError("reserved_username")
        self._workspace.set_status(channel, thread, said.text("status"))
        return {}

    # ------------------------------------------------------------------------------------------------ reactions

    def _reacted(self, said: Arguments) -> tuple[Channel, Message]:
        if not said.text("timestamp"):
            raise SlackError("no_item_specified")
        if not is_ts(said.text("timestamp")):
            raise SlackError("bad_timestamp")
        channel = self._places.known(said)
        if BOT_USER not in channel.members:
            raise SlackError("no_access" if channel.kind == "channel" else "channel_not_found")
        return channel, self._places.message(channel, said.text("timestamp"))

    async def react(self, said: Arguments) -> dict[str, Any]:
        return self._react(said, remove=False)

    async def unreact(self, said: Arguments) -> dict[str, Any]:
        return self._react(said, remove=True)

    def _react(self, said: Arguments, *, remove: bool) -> dict[str, Any]:
        channel, message = self._reacted(said)
        if channel.archived:
            raise SlackError("is_archived")
        name = said.text("name").strip(":")
        if not name or not all(sign.isalnum() or sign in "_+-'" for sign in name):
            raise SlackError("invalid_name")
        self._workspace.react(channel, message, BOT_USER, name, remove=remove)
        return {}

    async def reactions(self, said: Arguments) -> dict[str, Any]:
        channel, message = self._reacted(said)
        return {"type": "message", "channel": channel.id, "message": self._workspace.message_json(message)}

    # ------------------------------------------------------------------------------------------------ views

    async def open(self, said: Arguments) -> dict[str, Any]:
        body = self._checked(said, "modal")
        return self._opened(self.triggers.exchange(said.text("trigger_id")), body)

    async def push(self, said: Arguments) -> dict[str, Any]:
        body = self._checked(said, "modal")
        person = self.triggers.exchange(said.text("trigger_id"))
        stack = [
            view for view in self.views.values() if view.person == person and view.body["type"] == "modal"
        ]
        if not stack:
            raise SlackError("not_found")
        if len(stack) >= 3:
            raise SlackError("push_limit_reached")
        return self._opened(person, body, below=stack[-1])

    async def update(self, said: Arguments) -> dict[str, Any]:
        view = self.views.get(said.text("view_id")) or next(
            (
                one
                for one in self.views.values()
                if one.body.get("external_id") == said.text("external_id", "-")
            ),
            None,
        )
        if view is None:
            raise SlackError("not_found")
        if said.text("hash", view.hash) != view.hash:
            raise SlackError("hash_conflict")
        view.body, view.hash = self._checked(said, view.body["type"]), secrets.token_hex(8)
        self._record("updated", view)
        return {"view": view.as_json()}

    async def publish(self, said: Arguments) -> dict[str, Any]:
        body = self._checked(said, "home")
        person = said.text("user_id")
        if person not in self._workspace.people:
            raise SlackError("user_not_found")
        for view in [
            one for one in self.views.values() if one.person == person and one.body["type"] == "home"
        ]:
            del self.views[view.id]
        return self._opened(person, body)

    def show(self, person: str, body: dict[str, Any], *, below: View | None = None) -> View:
        """A view that an acknowledgement (response_action push) or a call opens."""
        view_id = "V0" + secrets.token_hex(4).upper()
        view = View(
            view_id,
            person,
            body,
            secrets.token_hex(8),
            below.root if below else view_id,
            below.id if below else "",
        )
        self.views[view.id] = view
        self._record("opened", view)
        return view

    def close(self, view: View) -> None:
        self.views.pop(view.id, None)
        self._record("closed", view)

    def _opened(self, person: str, body: dict[str, Any], *, below: View | None = None) -> dict[str, Any]:
        return {"view": self.show(person, body, below=below).as_json()}

    def _record(self, verb: str, view: View) -> None:
        self._workspace.record.add(
            "view", "slack", verb=verb, view=view.id, person=view.person, body=view.body
        )

    def _checked(self, said: Arguments, kind: str) -> dict[str, Any]:
        return checked_view(said.structure("view"), kind)
