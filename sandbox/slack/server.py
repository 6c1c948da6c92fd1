"""The sandbox's Slack. Law: a real client needs no patch other than the base URL.

    server = SlackServer(clock, limits, record)
    await server.start()
    AsyncWebClient(token=server.bot_token, base_url=server.api_url)

Bots come in by Socket Mode, or by signed HTTP after `set_request_url`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from aiohttp import web

from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.limits import Limits
from sandbox.record import Record
from sandbox.slack import methods
from sandbox.slack.agent import Agent
from sandbox.slack.app import OFFERS
from sandbox.slack.arguments import refuse_garbage
from sandbox.slack.chat import Chat
from sandbox.slack.conversations import Conversations
from sandbox.slack.delivery import Delivery
from sandbox.slack.files import Files
from sandbox.slack.nouns import APP, BOT, BOT_USER, TEAM, Channel, Message
from sandbox.slack.places import Places
from sandbox.slack.refusals import MisusedError
from sandbox.slack.request_url import RequestUrl
from sandbox.slack.responses import Responses
from sandbox.slack.socket_mode import SocketMode
from sandbox.slack.streams import Streams
from sandbox.slack.surfaces import Surfaces
from sandbox.slack.verbs import Verbs
from sandbox.slack.web_api import Tokens, WebApi
from sandbox.slack.workspace import Workspace

MOST_BYTES = 64_000_000  # of an upload; the Web API's own bodies are held to less


class SlackServer:
    """One workspace behind one address."""

    bot_token = "xoxb-sandbox-bot"  # noqa: S105 - opens nothing but this sandbox
    app_token = "xapp-1-sandbox-app"  # noqa: S105
    signing_secret = "5a" * 16
    team_id = TEAM
    app_id = APP
    bot_id = BOT_USER
    bot_profile_id = BOT
    bot_name = "claude"
    mention = f"<@{BOT_USER}>"

    def __init__(self, clock: Clock, limits: Limits, record: Record) -> None:
        methods.declare(limits, clock)
        self.url = ""
        self.faults = Faults()
        self.record = record
        self.clock = clock
        self.limits = limits
        self.scopes = set(methods.SCOPES)
        self.offers = list(OFFERS)
        self._workspace = workspace = Workspace(clock, record)
        self._tokens = tokens = Tokens(self.bot_token, self.app_token, self.scopes)
        places = Places(workspace, self.scopes)
        self._sockets = SocketMode(workspace)
        self._http = RequestUrl(workspace, self.signing_secret)
        self._delivery = Delivery(workspace, self._sockets)
        self.subscriptions = self._delivery.subscriptions
        workspace.announce = self._delivery.publish
        self._agent = Agent(places, self.subscriptions)
        self._responses = Responses(workspace)
        self._surfaces = Surfaces(places, tokens)
        self._files = Files(places, tokens)
        conversations = Conversations(places)
        self.groups = conversations.groups  # user group -> (handle, people)
        self._verbs = Verbs(
            workspace, self._delivery, self._responses, self._surfaces, self._files, self._agent
        )
        self._api = WebApi(clock, limits, record, self.faults, tokens)
        self._api.resolve = places.resolve
        self._api.handlers = {
            **Chat(places).handlers(),
            **conversations.handlers(),
            **Streams(places, self._agent).handlers(),
            **self._agent.handlers(),
            **self._files.handlers(),
            **self._surfaces.handlers(),
            "apps.connections.open": self._sockets.open,
        }
        self._runner: web.AppRunner | None = None

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        app = web.Application(client_max_size=MOST_BYTES, middlewares=[refuse_garbage])
        app.add_routes(
            [
                web.route("*", "/api/{method:.*}", self._api.handle),
                *self._sockets.routes(),
                *self._files.routes(),
                *self._responses.routes(),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0]
        self.url = self._workspace.url = f"http://{host}:{bound[1]}"
        self._runner = runner

    async def stop(self) -> None:
        background = tuple(self._workspace.background)
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await self._sockets.close()
        await self._http.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def install(self, manifest: Mapping[str, Any]) -> None:
        """The app as its manifest describes it: scopes, events, and whether it is one of Slack's agents."""
        asked = manifest["oauth_config"]["scopes"]["bot"]
        told = manifest["settings"]["event_subscriptions"]["bot_events"]
        for having, wanted in ((self.scopes, asked), (self.subscriptions, told)):
            having.clear()
            having.update(wanted)
        view = manifest["features"].get("agent_view")
        if view is not None:
            self.declare_agent(view.get("suggested_prompts", ()))

    def declare_agent(self, prompts: Sequence[Mapping[str, str]] = ()) -> None:
        """The app has Slack's agent surface from now on; that cannot be undone."""
        self._agent.declare(prompts)

    # ------------------------------------------------------------------------------------------------ people

    async def say(
        self,
        person: str,
        channel: str,
        text: str,
        *,
        thread: str = "",
        reply_to: str = "",
        files: Sequence[tuple[str, bytes]] = (),
    ) -> str:
        """A person types. `text` as typed; `mention` stands for the bot. Slack knows no reply but a thread's.

        Raises MisusedError (a LookupError with a sentence) where no person could.
        """
        return self._verbs.say(person, channel, text, thread=thread or reply_to, files=files)

    async def command(self, person: str, channel: str, name: str, text: str) -> str:
        """A person types `/name text`. The id that is returned stands in the record's event, acked and unacked."""
        return await self._verbs.command(person, channel, name, text)

    async def press(self, person: str, channel: str, message: str, control: str) -> str:
        """A person presses a button, by its id or its label."""
        return await self._verbs.press(person, channel, message, control)

    async def delete(self, person: str, channel: str, message: str) -> None:
        self._verbs.delete(person, channel, message)

    async def change(self, person: str, channel: str, message: str, text: str) -> None:
        self._verbs.change(person, channel, message, text)

    async def react(
        self, person: str, channel: str, message: str, name: str, *, remove: bool = False
    ) -> None:
        self._verbs.react(person, channel, message, name, remove=remove)

    async def shortcut(self, person: str, callback_id: str, channel: str = "", message: str = "") -> str:
        return await self._verbs.shortcut(person, callback_id, channel, message)

    async def submit(self, person: str, view: str, values: dict[str, dict[str, Any]]) -> str:
        return await self._verbs.submit(person, view, values)

    async def fill(self, person: str, view: str, values: Mapping[str, str | Sequence[str]]) -> str:
        """A person fills a modal in and sends it off. `values`: by block id; options by what one reads there."""
        return await self._verbs.fill(person, view, values)

    async def close_view(self, person: str, view: str) -> None:
        """A person closes a modal without sending it."""
        self._verbs.close_view(person, view)

    async def stop_stream(self, person: str, channel: str, message: str) -> None:
        self._verbs.stop_stream(person, channel, message)

    async def stop_session(self, person: str, channel: str, thread: str) -> None:
        """The stop button that Slack shows beside a conversation with an agent while that is processing."""
        self._verbs.stop_session(person, channel, thread)

    async def choose_prompt(self, person: str, title: str, *, thread: str = "") -> str:
        """A person presses one of the suggested prompts; the message that this sends."""
        return self._verbs.choose_prompt(person, title, thread=thread)

    async def open_home(self, person: str, tab: str = "messages") -> None:
        self._verbs.open_home(person, tab)

    async def invite(self, person: str, channel: str) -> None:
        self._verbs.invite(person, channel)

    def uninstall(self) -> None:
        """Somebody takes the app out of the workspace: the token dies, app_uninstalled and tokens_revoked are sent."""
        self._verbs.uninstall()
        self.revoke("account_inactive")

    async def remove_bot(self, channel: str) -> None:
        self._verbs.remove_bot(channel)

    async def unfurl(self, channel: str, message: str) -> None:
        """Slack adds a preview: message_changed without anybody's edit."""
        self._verbs.unfurl(channel, message)

    # ------------------------------------------------------------------------------------------------ snapshots

    def people(self) -> list[dict[str, Any]]:
        return [
            {"id": one.id, "name": one.name, "bot": one.bot, "role": one.role}
            for one in self._workspace.people.values()
        ]

    def commands(self, _channel: str = "") -> list[dict[str, Any]]:
        """What Slack's client offers of the app: {"name", "kind" ("slash", "message"), "id", "description", "hint"}."""
        return [dict(one) for one in self.offers]

    def channels(self) -> list[dict[str, Any]]:
        return [self._channel(channel) for channel in self._workspace.channels.values()]

    def _channel(self, channel: Channel) -> dict[str, Any]:
        person = self._workspace.people.get(channel.person)
        return {
            "id": channel.id,
            "name": channel.name or (person.name if person else ""),
            "kind": "dm" if channel.kind == "im" else "channel",
            "private": channel.kind != "channel",
            "person": channel.person,
            "archived": channel.archived,
            "member": BOT_USER in channel.members,
            "members": sorted(channel.members),
        }

    def join(self, name: str, **what: Any) -> str:
        """Somebody new, or another app's bot (`bot=True`); the id. `what`: as in `set_person`."""
        return self._workspace.join(name, **what).id

    async def create_channel(self, name: str, *, members: Collection[str] = ()) -> str:
        """A public channel with the bot and these people (ids) in it; its id."""
        return self._workspace.create(name, members).id

    def set_person(self, person: str, **changes: Any) -> None:
        """Change what somebody is: `admin`, `owner`, `guest`, `stranger`, `locale`, `team` (of Slack Connect)."""
        found = self._workspace.people[person]
        for name, value in changes.items():
            if not hasattr(found, name):
                raise MisusedError(f"a person has no {name!r}")
            setattr(found, name, value)

    def direct(self, person: str) -> str:
        """The id of a person's DM with the bot."""
        return self._workspace.direct(person).id

    def messages(self, channel: str) -> list[dict[str, Any]]:
        """Raises MisusedError for an unknown channel."""
        place = self._workspace.channels.get(channel)
        if place is None:
            raise MisusedError(f"there is no channel {channel!r}")
        return [self._message(message) for message in self._workspace.visible(place)]

    def _message(self, message: Message) -> dict[str, Any]:
        author = self._workspace.people.get(message.author)
        return {
            "id": message.ts,
            "author": message.author,
            "author_name": message.username or (author.name if author else "Slackbot"),
            "text": message.source,
            "markup": message.markup,
            "thread": message.thread,
            "reply_to": "",
            "controls": [control.as_json() for control in message.controls],
            "ephemeral_for": message.ephemeral_for,
            "edited": message.edited is not None,
            "at": message.at,
            "files": [
                {"id": file.id, "name": file.name, "size": file.length, "type": file.mimetype}
                for file in message.files
            ],
            "reactions": {name: list(users) for name, users in message.reactions.items()},
            "streaming": message.stream is not None and not message.stream.over,
        }

    def sessions(self, person: str) -> list[dict[str, str]]:
        """The conversations with the agent, as Slack lists them: {"thread", "title", "status"}."""
        found = self._agent.conversations(self._workspace.direct(person))
        return [{"thread": one.thread, "title": one.title, "status": one.status} for one in found]

    def prompts(self, person: str, thread: str = "") -> list[str]:
        """The titles of the prompts that are suggested there."""
        return [one["title"] for one in self._agent.offered(self._workspace.direct(person), thread)]

    def surface(self, person: str) -> dict[str, Any] | None:
        """What a person sees of an agent beside the messages of their DM: see `Agent.surface`."""
        return self._agent.surface(self._workspace.direct(person))

    def status(self, channel: str, thread: str) -> str:
        """What stands under the thread now ("thinking"), "" for nothing."""
        return self._workspace.channels[channel].statuses.get(thread, ("", 0.0))[0]

    def file(self, file: str) -> bytes:
        """The bytes of a file that was uploaded. Raises KeyError."""
        return self._workspace.files[file].content or b""

    def only_named(self, file: str) -> None:
        """Messages tell no more than the id of this file, as with Slack Connect: `files.info` has the rest."""
        self._workspace.files[file].only_named = True

    def move_file(self, file: str, url: str) -> None:
        """Downloads of this file are redirected there from now on."""
        self._files.moved[file] = url

    def drop_file(self, file: str) -> None:
        """Somebody deletes a file."""
        del self._workspace.files[file]

    def views(self) -> list[dict[str, Any]]:
        """Open modals and home tabs: {"id","person","body","state"}."""
        return [
            {"id": view.id, "person": view.person, "body": view.body, "state": view.state}
            for view in self._surfaces.views.values()
        ]

    # ------------------------------------------------------------------------------------------------ faults

    async def set_request_url(self, url: str) -> None:
        """Send events, commands and presses over signed HTTP from now on ("" goes back to Socket Mode).

        Raises ConnectionError where the address fails the url_verification.
        """
        if url:
            await self._http.verify(url)
        self._delivery.road = self._http if url else self._sockets

    @property
    def connections(self) -> int:
        """Open sockets of the bot."""
        return len(self._sockets.connections)

    async def disconnect(self, reason: str = "refresh_requested", *, only_first: bool = False) -> None:
        """Close the bot's sockets: "warning", "refresh_requested", "link_disabled" are told; "" cuts the line."""
        chosen = self._sockets.connections[: 1 if only_first else None]
        for connection in tuple(chosen):
            await self._sockets.disconnect(connection, reason)

    def deliver_twice(self, times: int = 1) -> None:
        """The next `times` events, commands and presses are delivered twice, although they were acknowledged."""
        self._delivery.doubled += times

    def swallow_acks(self, times: int = 1) -> None:
        """The next `times` acknowledgements on sockets never arrive, so that Slack delivers again."""
        self._sockets.swallowed += times

    def revoke(self, error: str = "token_revoked") -> None:
        """Every call with the bot token fails with this code from now on; "" makes the token good again."""
        self._tokens.revoked = error

    def set_archived(self, channel: str, *, archived: bool = True) -> None:
        self._workspace.channels[channel].archived = archived
