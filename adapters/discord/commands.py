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
from discord.http import Route

from adapters.discord.acts import ASK_ABOUT, COMMAND, FILE, ORDERS, QUESTION, SUMMARIZE
from bot import sentences
from bot.translations import say

_log = logging.getLogger(__name__)

_EVERYWHERE: Final[Mapping[str, Any]] = {
    # Installed in servers; usable there and in a conversation with the bot.
    "integration_types": [0],
    "contexts": [0, 1],
}

LOCALES: Final = (
    *(
        "id",
        "da",
        "de",
        "en-GB",
        "en-US",
        "es-ES",
        "es-419",
        "fr",
        "hr",
        "it",
        "lt",
        "hu",
        "nl",
        "no",
        "pl",
        "pt-BR",
    ),
    *(
        "ro",
        "fi",
        "sv-SE",
        "vi",
        "tr",
        "cs",
        "el",
        "bg",
        "ru",
        "uk",
        "hi",
        "th",
        "zh-CN",
        "ja",
        "zh-TW",
        "ko",
    ),
)
"""Documented: the languages of Discord's clients (reference: locales)."""

_ORDERS: Final[Mapping[str, str]] = {
    "settings": sentences.COMMAND_SETTINGS,
    "usage": sentences.COMMAND_USAGE,
    "new": sentences.COMMAND_NEW,
    "stop": sentences.COMMAND_STOP,
    "help": sentences.COMMAND_HELP,
    "forget": sentences.COMMAND_FORGET,
}


def _localized(field: str, sentence: str) -> dict[str, Any]:
    """In every language of Discord's that we speak; a client of any other shows the English."""
    told = {locale: said for locale in LOCALES if (said := say(locale, sentence)) != sentence}
    return {f"{field}_localizations": told} if told else {}


def _described(sentence: str) -> dict[str, Any]:
    return {"description": sentence, **_localized("description", sentence)}


def _menu(name: str, sentence: str) -> dict[str, Any]:
    """A message's menu is nothing but its name. What people type keeps its name in every language: it stands in help and in
    other people's words.
    """
    return {"name": name, "type": 3, **_localized("name", sentence), **_EVERYWHERE}


COMMANDS: Final[Sequence[dict[str, Any]]] = (
    {
        "name": COMMAND,
        "type": 1,
        **_described(sentences.COMMAND_ASK),
        "options": [
            {
                "name": QUESTION,
                "type": 3,
                **_localized("name", sentences.OPTION_QUESTION),
                **_described(sentences.COMMAND_ASK_QUESTION),
                "required": True,
                "max_length": 6000,
            },
            {
                "name": FILE,
                "type": 11,
                **_localized("name", sentences.OPTION_FILE),
                **_described(sentences.COMMAND_ASK_FILE),
            },
        ],
        **_EVERYWHERE,
    },
    {
        "name": ORDERS,
        "type": 1,
        **_described(sentences.COMMAND_ORDERS),
        "options": [{"name": name, "type": 1, **_described(sentence)} for name, sentence in _ORDERS.items()],
        **_EVERYWHERE,
    },
    _menu(ASK_ABOUT, sentences.MENU_ASK_ABOUT),
    _menu(SUMMARIZE, sentences.MENU_SUMMARIZE),
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
        # Discord tells the translations only when it is asked for them, which discord.py does not.
        route = Route("GET", "/applications/{application_id}/commands", application_id=application)
        stored = await client.http.request(route, params={"with_localizations": "true"})
        if differ(stored):
            await client.http.bulk_upsert_global_commands(application, list(COMMANDS))
            _log.info("the slash commands were registered")
    except discord.HTTPException as refused:
        return f"status {refused.status}"
    except Exception as trouble:  # noqa: BLE001  # of a task that nobody awaits: whatever it is, it is told and tried again
        return type(trouble).__name__
    return None
