"""The slash commands, as Discord stores them. Law: they are written only when Discord has others.

Discord allows 200 command creations a day, and a bot that syncs at each READY meets that limit on a bad day; so they
are read first, and compared on what we say of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import discord

from adapters.discord.acts import ASK_ABOUT, COMMAND, FILE, ORDERS, QUESTION, SUMMARIZE

_log = logging.getLogger(__name__)

_EVERYWHERE: Final[Mapping[str, Any]] = {
    # Installed in servers; usable there and in a conversation with the bot.
    "integration_types": [0],
    "contexts": [0, 1],
}

_ORDERS: Final[Mapping[str, str]] = {
    "settings": "Change how I answer here",
    "usage": "See what was used and spent",
    "new": "Begin a new conversation",
    "stop": "Stop the answer that is growing here",
    "help": "How to ask me, and what I can do",
    "forget": "Delete what I have stored about you",
}

COMMANDS: Final[Sequence[dict[str, Any]]] = (
    {
        "name": COMMAND,
        "type": 1,
        "description": "Ask Claude a question",
        "options": [
            {
                "name": QUESTION,
                "type": 3,
                "description": "What do you want to know?",
                "required": True,
                "max_length": 6000,
            },
            {
                "name": FILE,
                "type": 11,
                "description": "A file that the question is about",
            },
        ],
        **_EVERYWHERE,
    },
    {
        "name": ORDERS,
        "type": 1,
        "description": "Settings, usage, help",
        "options": [
            {"name": name, "type": 1, "description": description} for name, description in _ORDERS.items()
        ],
        **_EVERYWHERE,
    },
    {"name": ASK_ABOUT, "type": 3, **_EVERYWHERE},
    {"name": SUMMARIZE, "type": 3, **_EVERYWHERE},
)

_RETRY_SECONDS: Final = (5.0, 30.0, 120.0, 600.0)


def differ(stored: Sequence[Mapping[str, Any]]) -> bool:
    """Does Discord hold anything else than COMMANDS? What Discord adds by itself does not count."""
    by_name = {(one.get("type", 1), one.get("name")): one for one in stored}
    wanted = {(one["type"], one["name"]): one for one in COMMANDS}
    return set(by_name) != set(wanted) or any(not _says(by_name[name], one) for name, one in wanted.items())


def _says(stored: Any, wanted: Any) -> bool:
    """Is everything that `wanted` says also in `stored`? Sets such as contexts are compared without order."""
    if isinstance(wanted, dict):
        return isinstance(stored, dict) and all(
            _says(stored.get(name), value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        if not isinstance(stored, list) or len(stored) != len(wanted):
            return False
        if all(isinstance(one, int) for one in wanted):
            return sorted(stored, key=str) == sorted(wanted, key=str)
        return all(_says(one, other) for one, other in zip(stored, wanted, strict=True))
    return bool(stored == wanted)


async def register(
    client: discord.Client, application: int, note: Callable[[str], None], first: asyncio.Event
) -> None:
    """Make Discord's commands ours; tried for as long as it takes, more slowly each time.

    `note` gets the sentence that says they are missing, "" when they are there; `first` is set when the first
    attempt is over.
    """
    attempt = 0
    while (trouble := await _attempt(client, application)) is not None:
        note(
            f"The commands (/{COMMAND} and others) could not be registered with Discord ({trouble}); trying again."
        )
        _log.warning("the slash commands could not be registered: %s", trouble)
        first.set()
        await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
        attempt += 1
    note("")
    first.set()


async def _attempt(client: discord.Client, application: int) -> str | None:
    """Read, compare, write if need be. What went wrong, in a word; None when the commands are there."""
    try:
        stored = await client.http.get_global_commands(application)
        if differ(stored):
            await client.http.bulk_upsert_global_commands(application, list(COMMANDS))
            _log.info("the slash commands were registered")
    except discord.HTTPException as refused:
        return f"status {refused.status}"
    except Exception as trouble:  # noqa: BLE001  # of a task that nobody awaits: whatever it is, it is told and tried again
        return type(trouble).__name__
    return None
