"""REST: who the bot is, whom it knows, and the guild it is in. Law: nothing here changes anything but the opening of DMs.

Docs: resources/user, guild, application; events/gateway (Get Gateway Bot).
"""

from __future__ import annotations

from sandbox.discord import payloads
from sandbox.discord.buckets import DM, OTHER
from sandbox.discord.errors import Form, Refusal
from sandbox.discord.gateway import Gateway
from sandbox.discord.rest import Answer, Call, Route
from sandbox.discord.state import State


class Guild:
    """The handlers of /gateway, /users, /applications/@me and /guilds."""

    def __init__(self, state: State, gateway: Gateway) -> None:
        self._state, self._gateway = state, gateway

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/gateway", self.gateway, "", token=False),
            Route("GET", "/gateway/bot", self.gateway_bot, OTHER),
            Route("GET", "/users/@me", self.me, OTHER),
            Route("GET", "/users/{u}", self.user, OTHER),
            Route("POST", "/users/@me/channels", self.open_dm, DM),
            Route("GET", "/users/@me/guilds", self.my_guilds, OTHER),
            Route("GET", "/oauth2/applications/@me", self.application, OTHER),
            Route("GET", "/applications/@me", self.application, OTHER),
            Route("GET", "/guilds/{g}", self.guild, OTHER),
            Route("GET", "/guilds/{g}/channels", self.guild_channels, OTHER),
            Route("GET", "/guilds/{g}/roles", self.guild_roles, OTHER),
            Route("GET", "/guilds/{g}/threads/active", self.active_threads, OTHER),
            Route("GET", "/guilds/{g}/members/{u}", self.member, OTHER),
        ]

    async def gateway(self, _: Call) -> Answer:
        return 200, {"url": self._gateway.url}

    async def gateway_bot(self, _: Call) -> Answer:
        start = {"total": 1000, "remaining": 999, "reset_after": 86_400_000, "max_concurrency": 1}
        return 200, {"url": self._gateway.url, "shards": 1, "session_start_limit": start}

    async def me(self, _: Call) -> Answer:
        return 200, {
            **payloads.user(self._state.users[self._state.bot_id]),
            "verified": True,
            "mfa_enabled": False,
        }

    async def user(self, call: Call) -> Answer:
        found = self._state.users.get(call.parts["u"])
        if found is None:
            raise Refusal(10013)
        return 200, payloads.user(found)

    async def application(self, _: Call) -> Answer:
        state = self._state
        return 200, {
            "id": state.application_id,
            "name": state.bot_name,
            "icon": None,
            "description": "",
            "bot_public": False,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "owner": payloads.user(state.owner),
            "team": None,
            "flags": self._gateway.application_flags,
            "bot": payloads.user(state.users[state.bot_id]),
            "interactions_endpoint_url": None,
            "approximate_guild_count": 1,
            "redirect_uris": [],
            "tags": [],
            "integration_types_config": {"0": {}},
        }

    def _guild(self, call: Call) -> None:
        if call.parts["g"] != self._state.guild_id:
            raise Refusal(10004)

    async def my_guilds(self, _: Call) -> Answer:
        state = self._state
        return 200, [
            {
                "id": state.guild_id,
                "name": state.guild_name,
                "icon": None,
                "banner": None,
                "owner": False,
                "permissions": str(state.bot_permissions),
                "features": [],
            }
        ]

    async def guild(self, call: Call) -> Answer:
        self._guild(call)
        return 200, payloads.guild(self._state, gateway=False)

    async def guild_channels(self, call: Call) -> Answer:
        self._guild(call)
        every = self._state.channels.values()
        return 200, [payloads.channel(self._state, one) for one in every if one.kind == "channel"]

    async def guild_roles(self, call: Call) -> Answer:
        self._guild(call)
        return 200, payloads.roles(self._state)

    async def active_threads(self, call: Call) -> Answer:
        self._guild(call)
        state = self._state
        threads = [one for one in state.channels.values() if one.kind == "thread" and not one.archived]
        return 200, {
            "threads": [payloads.channel(state, one) for one in threads if state.may(one, "view_channel")],
            "members": [
                payloads.thread_member(one, state.bot_id) for one in threads if state.bot_id in one.members
            ],
        }

    async def member(self, call: Call) -> Answer:
        self._guild(call)
        found = self._state.users.get(call.parts["u"])
        if found is None:
            raise Refusal(10007)
        return 200, payloads.member(self._state, found, with_user=True)

    async def open_dm(self, call: Call) -> Answer:
        form = Form()
        who = form.snowflake(call.object.get("recipient_id"), ("recipient_id",))
        form.refuse_if_wrong()
        person = self._state.users.get(who)
        if person is None:
            raise Refusal(10013)
        if person.bot:
            raise Refusal(50007)
        return 200, payloads.channel(self._state, self._state.open_dm(who))
