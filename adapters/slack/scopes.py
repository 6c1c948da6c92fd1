"""What the app must be allowed to do, and why. Law: nothing is asked of a workspace that no line here explains, and what a
missing permission costs is said in a sentence.

The manifests (deploy/slack-manifest.yaml, and slack-manifest-agent.yaml for Slack's agent surface) carry exactly this;
a test holds them together, and both against what the sandbox saw used.
"""

from __future__ import annotations

from collections.abc import Iterable

_WRITE = frozenset({"chat:write"})
_HISTORY = frozenset({"channels:history", "groups:history", "im:history", "mpim:history"})
_NOTHING: frozenset[str] = frozenset()

METHODS: dict[str, frozenset[str]] = {
    # No scope: every bot token may ask who it is, and open a form for who has just acted.
    "auth.test": _NOTHING,
    "views.open": _NOTHING,
    # The app-level token's own scope, connections:write; not part of the manifest's bot scopes.
    "apps.connections.open": _NOTHING,
    "chat.postMessage": _WRITE,
    "chat.update": _WRITE,
    "chat.delete": _WRITE,
    "chat.postEphemeral": _WRITE,
    "chat.startStream": _WRITE,
    "chat.appendStream": _WRITE,
    "chat.stopStream": _WRITE,
    "assistant.threads.setStatus": _WRITE,
    # What stands in a thread before a question; and whether a post whose answer was lost exists.
    "conversations.replies": _HISTORY,
    "conversations.history": _HISTORY,
    "conversations.info": frozenset({"channels:read", "groups:read"}),
    "users.info": frozenset({"users:read"}),
    "usergroups.list": frozenset({"usergroups:read"}),
    "files.info": frozenset({"files:read"}),
    "files.getUploadURLExternal": frozenset({"files:write"}),
    "files.completeUploadExternal": frozenset({"files:write"}),
    "files.delete": frozenset({"files:write"}),
}
"""Web API method -> bot scopes (docs.slack.dev, each method's page)."""

EVENTS: dict[str, frozenset[str]] = {
    "app_mention": frozenset({"app_mentions:read"}),
    # Follow-ups without a mention, in threads where the bot answers; what people edit and delete.
    "message.channels": frozenset({"channels:history"}),
    "message.groups": frozenset({"groups:history"}),
    "message.im": frozenset({"im:history"}),
    "message.mpim": frozenset({"mpim:history"}),
    # A stop sign or a thumb on an answer.
    "reaction_added": frozenset({"reactions:read"}),
}
"""Subscription -> bot scopes."""

COMMANDS = frozenset({"commands"})

AGENT_EVENTS = frozenset({"agent_session_stopped"})
AGENT_METHODS: dict[str, frozenset[str]] = {
    "agents.sessions.setStatus": _WRITE,
    "assistant.threads.setTitle": frozenset({"assistant:write"}),
}
AGENT_SCOPES: frozenset[str] = frozenset().union(*AGENT_METHODS.values())
"""What the opt-in manifest has besides: Slack's agent surface, its own stop button, states and titles of conversations."""

SCOPES: frozenset[str] = frozenset().union(*METHODS.values(), *EVENTS.values(), COMMANDS)

REQUIRED = frozenset({"app_mentions:read", "chat:write"})
"""Without these there is no bot."""

COSTS: dict[str, str] = {
    "channels:history": "follow-ups need a mention in public channels, and what stood in a thread is not read",
    "channels:read": "the names of public channels are not known",
    "commands": "there are no commands and shortcuts",
    "files:read": "files that people attach cannot be read",
    "files:write": "answers cannot be sent as files",
    "groups:history": "follow-ups need a mention in private channels, and what stood in a thread is not read",
    "groups:read": "the names of private channels are not known",
    "im:history": "direct messages are not heard",
    "mpim:history": "group direct messages are heard where they mention the bot alone",
    "reactions:read": "reactions neither stop nor rate an answer",
    "usergroups:read": "user groups give nobody a right",
    "users:read": "nobody's name and language is known, and nobody is known to be an admin",
}
"""Scope -> what is missing without it: every other one costs a feature and no more."""


def missing(granted: str | None) -> tuple[str, ...]:
    """The scopes that the token lacks, by the x-oauth-scopes header of any answer; none where it says nothing."""
    if not granted:
        return ()
    have = {scope.strip() for scope in granted.split(",")}
    return tuple(sorted(SCOPES - have))


def notes(lacking: Iterable[str]) -> tuple[str, ...]:
    """One sentence for each, for the person who runs the bot."""
    return tuple(
        f"Slack: the app lacks the scope {scope}: {COSTS.get(scope, 'it cannot answer')}. See the manifest."
        for scope in lacking
    )
