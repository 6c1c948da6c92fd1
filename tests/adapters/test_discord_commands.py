"""Slash commands are written only when Discord has others: creations are counted by the day."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from adapters.discord.commands import COMMANDS, differ


def stored() -> list[dict[str, Any]]:
    """As Discord gives them back: with what it adds, and sets in its own order."""
    commands = copy.deepcopy(list(COMMANDS))
    for number, command in enumerate(commands):
        command.update(
            id=str(number), application_id="1", version="2", nsfw=False, default_member_permissions=None
        )
        command["contexts"] = list(reversed(command["contexts"]))
        for option in command.setdefault("options", []):
            option["name_localizations"] = None
        command.setdefault("description", "")
    return commands


def test_what_discord_adds_is_no_difference() -> None:
    """Otherwise each start would write."""
    assert not differ(stored())


def described_otherwise(commands: list[dict[str, Any]]) -> None:
    commands[0]["description"] = "Ask"


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
