"""What the app must be allowed to do, and why. Law: nothing is asked of a workspace that no line here explains.

The manifest (deploy/slack-manifest.yaml) carries exactly this; a test holds the two together, and both against what
the sandbox saw used.
"""

from __future__ import annotations

METHODS: dict[str, frozenset[str]] = {
    # No scope: every bot token may ask who it is.
    "auth.test": frozenset(),
    # The app-level token's own scope, connections:write; not part of the manifest's bot scopes.
    "apps.connections.open": frozenset(),
    "chat.postMessage": frozenset({"chat:write"}),
    "chat.update": frozenset({"chat:write"}),
    "chat.postEphemeral": frozenset({"chat:write"}),
    "assistant.threads.setStatus": frozenset({"chat:write"}),
    # Only to learn whether a post whose answer was lost exists.
    "conversations.replies": frozenset({"channels:history", "groups:history", "im:history"}),
    "conversations.history": frozenset({"channels:history", "groups:history", "im:history"}),
    "users.info": frozenset({"users:read"}),
}
"""Web API method -> bot scopes (docs.slack.dev, each method's page)."""

EVENTS: dict[str, frozenset[str]] = {
    "app_mention": frozenset({"app_mentions:read"}),
    # Follow-ups without a mention, in threads where the bot answers; and the news that a message was deleted.
    "message.channels": frozenset({"channels:history"}),
    "message.groups": frozenset({"groups:history"}),
    "message.im": frozenset({"im:history"}),
}
"""Subscription -> bot scopes."""

COMMANDS = frozenset({"commands"})

SCOPES: frozenset[str] = frozenset().union(*METHODS.values(), *EVENTS.values(), COMMANDS)


def missing(granted: str | None) -> tuple[str, ...]:
    """The scopes that the token lacks, by the x-oauth-scopes header of any answer; none where it says nothing."""
    if not granted:
        return ()
    have = {scope.strip() for scope in granted.split(",")}
    return tuple(sorted(SCOPES - have))
