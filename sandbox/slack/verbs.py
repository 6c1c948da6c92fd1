"""What people do in the workspace. Law: a person can do here what a person can do in Slack, and nothing else."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.slack.agent import Agent
from sandbox.slack.delivery import VERIFICATION, Delivery, Missed
from sandbox.slack.files import Files
from sandbox.slack.forms import checked_errors, checked_view, filled
from sandbox.slack.nouns import APP, BOT_USER, DOMAIN, SLACKBOT, TEAM, Channel, Message, Person
from sandbox.slack.refusals import MisusedError, SlackError
from sandbox.slack.responses import Responses, Target
from sandbox.slack.surfaces import Surfaces, View
from sandbox.slack.wording import as_sent, rich_text
from sandbox.slack.workspace import Workspace


class Verbs:
    """The people's hands."""

    def __init__(
        self,
        workspace: Workspace,
        delivery: Delivery,
        responses: Responses,
        surfaces: Surfaces,
        files: Files,
        agent: Agent,
    ) -> None:
        self._workspace = workspace
        self._delivery = delivery
        self._responses = responses
        self._surfaces = surfaces
        self._files = files
        self._agent = agent

    # ------------------------------------------------------------------------------------------------ messages

    def say(
        self,
        person: str,
        channel: str,
        text: str,
        *,
        thread: str = "",
        files: Sequence[tuple[str, bytes]] = (),
    ) -> str:
        place = self._place(person, channel, bots=True)
        if place.archived:
            raise MisusedError(f"#{place.name} is archived: nobody can write there")
        root = ""
        if thread:
            message = self._message(place, thread)
            root = message.thread or message.ts
        kept = [self._files.keep(person, name, data) for name, data in files]
        if not text and not kept:
            raise MisusedError("nobody can send an empty message")
        return self._workspace.post(place, person, as_sent(text), thread=root, files=kept).ts

    def change(self, person: str, channel: str, message: str, text: str) -> None:
        place = self._place(person, channel)
        found = self._message(place, message)
        if found.author != person:
            raise MisusedError(f"{person} can change only what they wrote themselves")
        sent = as_sent(text)
        self._workspace.edit(
            place, found, by=person, mark=True, text=sent, blocks=rich_text(sent, secrets.token_hex(3))
        )

    def delete(self, person: str, channel: str, message: str) -> None:
        place = self._place(person, channel)
        self._workspace.remove(place, self._message(place, message))

    def react(self, person: str, channel: str, message: str, name: str, *, remove: bool = False) -> None:
        place = self._place(person, channel)
        try:
            self._workspace.react(
                place, self._message(place, message), person, name.strip(":"), remove=remove
            )
        except SlackError as refused:
            raise MisusedError(refused.code) from None

    def unfurl(self, channel: str, message: str) -> None:
        """Slack adds a preview to a message: a message_changed that nobody typed."""
        place = self._workspace.channels[channel]
        found = self._message(place, message)
        before = self._workspace.message_json(found)
        found.attachments = [
            *found.attachments,
            {"id": 1, "from_url": "https://example.test/", "title": "A page"},
        ]
        self._workspace.announce_change(place, found, before)

    def stop_stream(self, person: str, channel: str, message: str) -> None:
        """The native stop button of a stream."""
        place = self._place(person, channel)
        found = self._message(place, message)
        if found.stream is None or found.stream.over:
            raise MisusedError("that message does not stream")
        found.stream.over, found.stream.stopped_by = True, person
        event = {
            "type": "agent_session_stopped",
            "channel": channel,
            "thread_ts": found.thread,
            "user": person,
            "streaming_message_ts": [found.ts],
            "event_ts": self._workspace.next_ts(),
        }
        self._workspace.announce(event, place)

    def stop_session(self, person: str, channel: str, thread: str) -> None:
        """The native stop button beside a conversation with an agent."""
        self._agent.stop(self._place(person, channel), thread, person)

    def choose_prompt(self, person: str, title: str, *, thread: str = "") -> str:
        """Press one of the prompts that the app suggests: its message is sent as the person's own."""
        place = self._workspace.direct(person)
        offered = self._agent.offered(place, thread)
        found = next((one for one in offered if one["title"] == title), None)
        if found is None:
            names = ", ".join(one["title"] for one in offered) or "none"
            raise MisusedError(f"there is no prompt {title!r}; there are: {names}")
        return self.say(person, place.id, found["message"], thread=thread)

    def open_home(self, person: str, tab: str = "messages") -> None:
        """Somebody opens the app's Home or Messages tab."""
        place = self._workspace.direct(person)
        event = {"type": "app_home_opened", "user": person, "channel": place.id, "tab": tab}
        self._workspace.announce(event | {"event_ts": self._workspace.next_ts()}, place)

    def invite(self, person: str, channel: str) -> None:
        """Bring the bot into a channel."""
        place = self._place(person, channel)
        place.members.add(BOT_USER)
        event = {
            "type": "member_joined_channel",
            "user": BOT_USER,
            "channel": channel,
            "channel_type": "C" if place.kind == "channel" else "G",
            "team": TEAM,
            "inviter": person,
            "event_ts": self._workspace.next_ts(),
        }
        self._workspace.announce(event, place)

    def uninstall(self) -> None:
        """Somebody takes the app out of the workspace."""
        for event in (
            {"type": "tokens_revoked", "tokens": {"bot": [BOT_USER], "oauth": []}},
            {"type": "app_uninstalled"},
        ):
            self._workspace.announce(event | {"event_ts": self._workspace.next_ts()}, None)

    def remove_bot(self, channel: str) -> None:
        """Take the bot out of a channel."""
        self._workspace.channels[channel].members.discard(BOT_USER)

    # ------------------------------------------------------------------------------------------------ commands

    async def command(self, person: str, channel: str, name: str, text: str) -> str:
        place = self._place(person, channel)
        interaction = _interaction()
        address, target = self._responses.issue(place, person)
        command = "/" + name.removeprefix("/")
        payload = {
            "token": VERIFICATION,
            "team_id": TEAM,
            "team_domain": DOMAIN,
            "channel_id": place.id,
            "channel_name": {"channel": place.name, "private": "privategroup", "im": "directmessage"}[
                place.kind
            ],
            "user_id": person,
            "user_name": self._person(person).name.lower(),
            "command": command,
            "text": text,
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": address,
            "trigger_id": self._surfaces.triggers.issue(person),
        }
        about = {"id": interaction, "channel": place.id, "author": person}
        self._workspace.spawn(self._run(command, payload, about, target))
        return interaction

    async def _run(
        self, command: str, payload: dict[str, Any], about: dict[str, Any], target: Target
    ) -> None:
        outcome = await self._delivery.ask("slash_commands", "slash_command", payload, about)
        if isinstance(outcome, Missed):
            code = "operation_timeout" if outcome.reason in ("timeout", "http_timeout") else "dispatch_failed"
            self._failed(target, f'{command} failed with the error "{code}"')
            return
        said = {"text": outcome.payload} if isinstance(outcome.payload, str) else outcome.payload
        if isinstance(said, dict) and said:
            try:
                self._responses.respond(target, said)
            except SlackError:
                self._failed(target, f'{command} failed with the error "invalid_command_response"')

    def _failed(self, target: Target, text: str) -> None:
        """Slackbot tells the person, and nobody else."""
        self._workspace.whisper(target.channel, target.person, text, author=SLACKBOT)

    # ------------------------------------------------------------------------------------------------ pressing

    async def press(self, person: str, channel: str, message: str, control: str) -> str:
        place = self._place(person, channel)
        found = self._message(place, message)
        if found.ephemeral_for and found.ephemeral_for != person:
            raise MisusedError(f"{person} does not see that message")
        pressed = next((one for one in found.controls if control in (one.id, one.label)), None)
        if pressed is None:
            names = ", ".join(one.id for one in found.controls) or "none"
            raise MisusedError(f"there is no control {control!r} under that message; there are: {names}")
        address, _ = self._responses.issue(place, person, found)
        now = f"{time.time():.6f}"
        container: dict[str, Any] = {
            "type": "message",
            "message_ts": found.ts,
            "channel_id": place.id,
            "is_ephemeral": bool(found.ephemeral_for),
        }
        if found.thread:
            container["thread_ts"] = found.thread
        payload: dict[str, Any] = {
            "type": "block_actions",
            **self._who(person),
            "container": container,
            "trigger_id": self._surfaces.triggers.issue(person),
            "channel": {"id": place.id, "name": _label(place)},
            "state": {"values": {}},
            "response_url": address,
            "actions": [{**pressed.action, "action_ts": now}],
        }
        if not found.ephemeral_for:
            payload["message"] = self._workspace.message_json(found)
        return self._interact("block_actions", payload, place, person, found.ts)

    async def shortcut(self, person: str, callback_id: str, channel: str = "", message: str = "") -> str:
        """A message shortcut where a message is given, else a global one."""
        payload: dict[str, Any] = {
            "type": "message_action" if message else "shortcut",
            "callback_id": callback_id,
            "action_ts": f"{time.time():.6f}",
            **self._who(person),
            "trigger_id": self._surfaces.triggers.issue(person),
        }
        place = self._place(person, channel) if channel else self._workspace.direct(person)
        if message:
            found = self._message(place, message)
            address, _ = self._responses.issue(place, person, found)
            payload |= {
                "message_ts": found.ts,
                "response_url": address,
                "channel": {"id": place.id, "name": _label(place)},
                "message": self._workspace.message_json(found),
            }
        return self._interact(str(payload["type"]), payload, place, person, message)

    async def submit(self, person: str, view: str, values: dict[str, dict[str, Any]]) -> str:
        """Send a modal off. `values`: {block_id: {action_id: {"type": ..., "value": ...}}}."""
        found = self._surfaces.views.get(view)
        if found is None or found.person != person:
            raise MisusedError(f"{person} has no modal {view}")
        found.state = values
        payload = {
            "type": "view_submission",
            **self._who(person),
            "trigger_id": self._surfaces.triggers.issue(person),
            "view": found.as_json(),
            "response_urls": [],
        }
        interaction = _interaction()
        about = {"id": interaction, "view": view, "author": person}
        self._workspace.spawn(self._submitted(payload, about, found))
        return interaction

    async def fill(self, person: str, view: str, values: Mapping[str, str | Sequence[str]]) -> str:
        """Fill a modal in as a person does, by the names of its fields, and send it off."""
        found = self._surfaces.views.get(view)
        if found is None or found.person != person:
            raise MisusedError(f"{person} has no modal {view}")
        return await self.submit(person, view, filled(found.body, values, found.state))

    def close_view(self, person: str, view: str) -> None:
        """Cancel a modal. The app hears of it where it asked to."""
        found = self._surfaces.views.get(view)
        if found is None or found.person != person:
            raise MisusedError(f"{person} has no modal {view}")
        payload = {
            "type": "view_closed",
            **self._who(person),
            "view": found.as_json(),
            "is_cleared": False,
        }
        self._surfaces.close(found)
        if found.body.get("notify_on_close"):
            about = {"id": _interaction(), "view": view, "author": person}
            self._workspace.spawn(self._interacted("view_closed", payload, about))

    async def _submitted(self, payload: dict[str, Any], about: dict[str, Any], view: View) -> None:
        outcome = await self._delivery.ask("interactive", "view_submission", payload, about)
        if isinstance(outcome, Missed):
            return
        said = outcome.payload if isinstance(outcome.payload, dict) else {}
        try:
            self._answered(said, view, about)
        except SlackError as refused:
            # The form stays, and its person is told of trouble: to them it is as if nothing had been answered.
            self._workspace.record.add(
                "unacked", "slack", event="view_submission", **about, reason=refused.code
            )

    def _answered(self, said: Mapping[str, Any], view: View, about: Mapping[str, Any]) -> None:
        """What the acknowledgement of a form says is to become of it. Raises SlackError."""
        action = said.get("response_action")
        if action == "errors":
            errors = checked_errors(view.body, said.get("errors"))
            self._workspace.record.add(
                "view", "slack", verb="errors", person=view.person, body=errors, **about
            )
        elif action == "update" and isinstance(said.get("view"), dict):
            view.body = checked_view(said["view"], "modal")
            self._workspace.record.add(
                "view", "slack", verb="updated", person=view.person, view=view.id, body=view.body
            )
        elif action == "push" and isinstance(said.get("view"), dict):
            self._surfaces.show(view.person, checked_view(said["view"], "modal"), below=view)
        elif action == "clear":
            for one in [one for one in self._surfaces.views.values() if one.root == view.root]:
                self._surfaces.close(one)
        else:
            self._surfaces.close(view)

    def _who(self, person: str) -> dict[str, Any]:
        found = self._person(person)
        name = found.name.lower()
        return {
            "user": {"id": person, "username": name, "name": name, "team_id": found.team},
            "api_app_id": APP,
            "token": VERIFICATION,
            "team": {"id": TEAM, "domain": DOMAIN},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _interact(self, name: str, payload: dict[str, Any], place: Channel, person: str, message: str) -> str:
        interaction = _interaction()
        about = {"id": interaction, "channel": place.id, "message": message, "author": person}
        self._workspace.spawn(self._interacted(name, payload, about))
        return interaction

    async def _interacted(self, name: str, payload: dict[str, Any], about: dict[str, Any]) -> None:
        await self._delivery.ask("interactive", name, payload, about)

    # ------------------------------------------------------------------------------------------------ looking up

    def _person(self, person: str, *, bots: bool = False) -> Person:
        """`bots`: other bots can do it too; never the bot itself, which has its own client."""
        found = self._workspace.people.get(person)
        if found is None or person == BOT_USER or (found.bot and not bots):
            raise MisusedError(f"there is no person {person!r}")
        return found

    def _place(self, person: str, channel: str, *, bots: bool = False) -> Channel:
        self._person(person, bots=bots)
        found = self._workspace.channels.get(channel)
        if found is None or person not in found.members:
            raise MisusedError(f"{person} is in no channel {channel!r}")
        return found

    def _message(self, place: Channel, message: str) -> Message:
        found = place.messages.get(message) or place.ephemeral.get(message)
        if found is None:
            raise MisusedError(f"there is no message {message!r} in {place.id}")
        return found


def _label(place: Channel) -> str:
    return place.name or "directmessage"


def _interaction() -> str:
    return "Ix" + secrets.token_hex(8)
