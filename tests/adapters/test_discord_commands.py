"""Slash commands are written only when Discord has others: creations are counted by the day."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.discord.commands import COMMANDS, LOCALES, differ
from adapters.discord.platform import DiscordPlatform
from tests.adapters.discord_stage import staged


def stored() -> list[dict[str, Any]]:
    """As Discord gives them back: with what it adds, and sets in its own order."""
    commands = copy.deepcopy(list(COMMANDS))
    for number, command in enumerate(commands):
        command.update(
            id=str(number), application_id="1", version="2", nsfw=False, default_member_permissions=None
        )
        command["contexts"] = list(reversed(command["contexts"]))
        command.setdefault("name_localizations", None)
        for option in command.setdefault("options", []):
            option.setdefault("name_localizations", None)
        command.setdefault("description", "")
    return commands


def test_what_discord_adds_is_no_difference() -> None:
    """Otherwise each start would write."""
    assert not differ(stored())


def described_otherwise(commands: list[dict[str, Any]]) -> None:
    commands[0]["description"] = "Ask"


def untranslated(commands: list[dict[str, Any]]) -> None:
    commands[2]["name_localizations"] = None


def described_otherwise_in_german(commands: list[dict[str, Any]]) -> None:
    commands[1]["options"][0]["description_localizations"] = {"de": "Anders"}


def optional(commands: list[dict[str, Any]]) -> None:
    del commands[0]["options"][0]["required"]


def one_more(commands: list[dict[str, Any]]) -> None:
    commands.append({"name": "old", "type": 1, "description": "x"})


def another_file(commands: list[dict[str, Any]]) -> None:
    commands[0]["options"][1]["type"] = 3


def no_longer_forgetting(commands: list[dict[str, Any]]) -> None:
    commands[1]["options"].pop()


def nowhere(commands: list[dict[str, Any]]) -> None:
    commands[0]["contexts"] = None


@pytest.mark.parametrize(
    "change",
    [
        described_otherwise,
        described_otherwise_in_german,
        untranslated,
        optional,
        another_file,
        no_longer_forgetting,
        one_more,
        nowhere,
        list.clear,
        list.pop,
    ],
)
def test_any_other_difference_is_one(change: Any) -> None:
    """A new version's command must reach people."""
    commands = stored()
    change(commands)
    assert differ(commands)


def translations() -> Iterator[tuple[str, str, int]]:
    """(locale, text, most characters) of everything that is said in other languages."""
    for command in COMMANDS:
        for said in (command, *command.get("options", ())):
            for field, most in (("name", 32), ("description", 100)):
                for locale, text in said.get(f"{field}_localizations", {}).items():
                    yield locale, text, most


def test_what_people_read_of_the_commands_is_in_their_language() -> None:
    """Descriptions, a message's menu, the names of options; never what is typed: help names it, in every language."""
    ask, orders, about, summarize = COMMANDS
    assert ask["description_localizations"]["de"] == "Claude etwas fragen"
    assert [one["name_localizations"]["de"] for one in (about, summarize)] == [
        "Claude dazu fragen",
        "Thread zusammenfassen",
    ]
    assert [option["name_localizations"]["de"] for option in ask["options"]] == ["frage", "datei"]
    typed = (ask, orders, *orders["options"])
    assert all("description_localizations" in one and "name_localizations" not in one for one in typed)


def test_every_translation_is_one_that_discord_takes() -> None:
    """Known locales; 32 characters of a name and 100 of a description; an option's name in lower case without spaces."""
    assert all(locale in LOCALES and 1 <= len(text) <= most for locale, text, most in translations())
    names = [
        text
        for command in COMMANDS
        for option in command.get("options", ())
        for text in (option["name"], *option.get("name_localizations", {}).values())
    ]
    assert all(name == name.lower() and " " not in name for name in names)


async def test_commands_are_written_once_translations_and_all() -> None:
    """Fault 32: Discord tells translations only where it is asked for them; else each start would write."""
    async with staged() as stage:
        written = len(stage.record.entries("command", "discord"))
        assert written == len(COMMANDS)
        again = DiscordPlatform(token=stage.server.bot_token, api_url=stage.server.api_url)
        await again.connect(stage.meter)
        await again.close()
        assert len(stage.record.entries("command", "discord")) == written
