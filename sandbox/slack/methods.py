"""The Web API's methods: who may call them, and how often. Law: each figure names its source and how sure it is.

Slack documents tiers as "N or more a minute, per method per workspace per app", bursts "occasionally" allowed; the
size of a burst and the shape of the counter are not published, and are guessed here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from sandbox.clock import Clock
from sandbox.limits import Certainty, Limit, Limits

Tier: TypeAlias = Literal["1", "2", "3", "4", "auth", "post", "status", "permalink"]

_DOCS = "docs.slack.dev/apis/web-api/rate-limits"
_MESSAGE_WRITERS = ("chat:write",)
_HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
_READ = ("channels:read", "groups:read", "im:read", "mpim:read")

# Sandbox seconds, by name (see Clock.set_duration).
DURATIONS = {
    "slack.ack": 3.0,  # documented: an event, command or button is to be acknowledged within 3 s
    "slack.retry_1": 0.0,  # documented for HTTP: "nearly immediately", after 1 minute, after 5 minutes
    "slack.retry_2": 60.0,
    "slack.retry_3": 300.0,
    "slack.stream_seal": 300.0,  # observed: slackapi/python-slack-sdk#1859
    "slack.status": 120.0,  # documented: "2-minute timeout"
    "slack.session": 3600.0,  # documented: "processing" ends after an hour
    "slack.response_url": 1800.0,  # documented: 30 minutes
    "slack.share": 0.2,  # observed: the message of an upload comes a moment after its completion; how long is guessed
    "slack.trigger": 3.0,  # documented: a trigger_id expires after 3 seconds
    "slack.ticket": 30.0,  # guessed: how long a socket's address can be used
    "slack.connection": 14_400.0,  # documented as "every few hours": then the socket is refreshed
    "slack.warning": 10.0,  # documented: warned about 10 s before
}


@dataclass(frozen=True, slots=True)
class Method:
    """`scopes`: any one of them suffices. `json`: whether a JSON body is read (else only form and query)."""

    name: str
    tier: Tier
    scopes: tuple[str, ...] = ()
    json: bool = False
    token: Literal["bot", "app", "any"] = "bot"  # noqa: S105 - a kind of token
    needs: tuple[str, ...] = field(default=())


METHODS = {
    method.name: method
    for method in (
        Method("auth.test", "auth", json=True, token="any"),  # noqa: S106 - a kind of token
        Method("auth.revoke", "3"),
        Method("apps.connections.open", "3", ("connections:write",), json=True, token="app"),  # noqa: S106
        Method("chat.postMessage", "post", _MESSAGE_WRITERS, json=True, needs=("channel",)),
        Method("chat.update", "3", _MESSAGE_WRITERS, json=True, needs=("channel", "ts")),
        Method("chat.delete", "3", _MESSAGE_WRITERS, json=True, needs=("channel", "ts")),
        Method("chat.postEphemeral", "4", _MESSAGE_WRITERS, json=True, needs=("channel", "user")),
        Method("chat.getPermalink", "permalink", needs=("channel", "message_ts")),
        Method("chat.startStream", "2", _MESSAGE_WRITERS, json=True, needs=("channel",)),
        Method("chat.appendStream", "4", _MESSAGE_WRITERS, json=True, needs=("channel", "ts")),
        Method("chat.stopStream", "2", _MESSAGE_WRITERS, json=True, needs=("channel", "ts")),
        Method("conversations.replies", "3", _HISTORY, needs=("channel", "ts")),
        Method("conversations.history", "3", _HISTORY, json=True, needs=("channel",)),
        Method("conversations.info", "3", _READ, needs=("channel",)),
        Method("conversations.list", "2", _READ),
        Method("conversations.members", "4", _READ, needs=("channel",)),
        Method("conversations.open", "3", ("im:write", "mpim:write", "groups:write"), json=True),
        Method("conversations.join", "3", ("channels:join",), json=True, needs=("channel",)),
        Method("users.conversations", "3", _READ),
        Method("users.info", "4", ("users:read",), needs=("user",)),
        Method("users.list", "2", ("users:read",)),
        Method("bots.info", "3", ("users:read",)),
        Method("usergroups.list", "2", ("usergroups:read",)),
        Method("usergroups.users.list", "2", ("usergroups:read",), needs=("usergroup",)),
        Method("reactions.add", "3", ("reactions:write",), json=True, needs=("name",)),
        Method("reactions.remove", "2", ("reactions:write",), json=True, needs=("name",)),
        Method("reactions.get", "3", ("reactions:read",)),
        Method(
            "assistant.threads.setStatus",
            "status",
            ("chat:write", "assistant:write"),
            json=True,
            needs=("channel_id", "thread_ts", "status"),
        ),
        Method(
            "assistant.threads.setTitle",
            "4",
            ("assistant:write",),
            json=True,
            needs=("channel_id", "thread_ts", "title"),
        ),
        Method(
            "assistant.threads.setSuggestedPrompts",
            "4",
            ("assistant:write",),
            json=True,
            needs=("channel_id", "prompts"),
        ),
        Method("agents.sessions.setStatus", "3", ("chat:write",), json=True, needs=("status",)),
        Method("agents.sessions.rename", "3", ("chat:write",), json=True, needs=("title",)),
        Method("files.getUploadURLExternal", "4", ("files:write",), needs=("filename", "length")),
        Method("files.completeUploadExternal", "4", ("files:write",), json=True, needs=("files",)),
        Method("files.info", "4", ("files:read",), needs=("file",)),
        Method("files.delete", "3", ("files:write",), json=True, needs=("file",)),
        Method("views.open", "4", json=True, needs=("view",)),
        Method("views.push", "4", json=True, needs=("view",)),
        Method("views.update", "4", json=True, needs=("view",)),
        Method("views.publish", "4", json=True, needs=("user_id", "view")),
    )
}

# (calls a minute, burst); the figures a minute are documented as "N+", bursts are guessed.
_TIERS: dict[str, tuple[float, int, Certainty, str]] = {
    "1": (1.0, 1, "documented", f"{_DOCS}: tier 1, 1+ a minute; burst guessed"),
    "2": (20.0, 5, "documented", f"{_DOCS}: tier 2, 20+ a minute; burst guessed"),
    "3": (50.0, 10, "documented", f"{_DOCS}: tier 3, 50+ a minute; burst guessed"),
    "4": (100.0, 20, "documented", f"{_DOCS}: tier 4, 100+ a minute; burst guessed"),
    "auth": (300.0, 50, "guessed", "docs.slack.dev auth.test: special, 'hundreds of requests per minute'"),
    "permalink": (300.0, 50, "guessed", "docs.slack.dev chat.getPermalink: special"),
    "status": (
        600.0,
        60,
        "documented",
        "docs.slack.dev assistant.threads.setStatus: 600 a minute per app per team",
    ),
}

POSTS_IN_CHANNEL = "slack.chat.postMessage"
POSTS_IN_WORKSPACE = "slack.chat.postMessage.workspace"


def declare(limits: Limits, clock: Clock) -> None:
    """Tell the sandbox every budget and duration of Slack."""
    for name, seconds in DURATIONS.items():
        clock.declare(name, seconds)
    for method in METHODS.values():
        if method.tier != "post":
            a_minute, burst, certainty, source = _TIERS[method.tier]
            limits.declare(Limit(f"slack.{method.name}", a_minute / 60, burst, "bucket", certainty, source))
    posting = f"{_DOCS}: about 1 message a second per channel, short bursts allowed; burst guessed"
    limits.declare(Limit(POSTS_IN_CHANNEL, 1.0, 5, "bucket", "documented", posting))
    several = f"{_DOCS}: 'several hundred messages per minute per workspace'; 300 and the burst guessed"
    limits.declare(Limit(POSTS_IN_WORKSPACE, 300.0 / 60, 60, "bucket", "guessed", several))


def budgets(method: Method, team: str, channel: str) -> list[tuple[str, str]]:
    """(limit, scope) of every budget that a call spends one of."""
    if method.tier == "post":
        return [(POSTS_IN_CHANNEL, f"{team}:{channel}"), (POSTS_IN_WORKSPACE, team)]
    return [(f"slack.{method.name}", team)]


# What a bot of this kind asks for in its manifest; chat:write.public is left out, so that posting to a public channel
# where the bot is no member is refused (add it to `SlackServer.scopes` to try the other).
SCOPES = frozenset(
    [
        "app_mentions:read",
        "assistant:write",
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "mpim:history",
        "mpim:read",
        "mpim:write",
        "reactions:read",
        "reactions:write",
        "usergroups:read",
        "users:read",
    ]
)
