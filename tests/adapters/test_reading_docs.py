"""docs/reading.md says what becomes of people's words; its examples are run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapters.discord import reading as discord
from adapters.slack import reading as slack
from tests.adapters.test_discord_inbound import ADA, ME, US, Cache, message

DOCS = Path(__file__).parents[2] / "docs" / "reading.md"
ROW = re.compile(r"\| `(.+?)` \| `(.+?)` \|")
NAMES = {"U1": "Ada", "UBOT": "claude"}


def examples(heading: str) -> list[tuple[str, str]]:
    """The rows of the table under this heading whose two cells are code."""
    rows: list[tuple[str, str]] = []
    for line in DOCS.read_text().split(f"| {heading} | Claude reads |\n")[1].split("\n"):
        if not line.startswith("|"):
            break
        found = ROW.fullmatch(line)
        if found:
            raw, meant = (cell.replace("\\|", "|") for cell in found.groups())
            rows.append((raw, meant))
    return rows


@pytest.mark.parametrize(("raw", "meant"), examples("Slack's text"))
def test_slacks_examples_hold(raw: str, meant: str) -> None:
    assert slack.message({"text": raw}, bot="UBOT", name_of=lambda id_: NAMES.get(id_, "")) == meant


@pytest.mark.parametrize(("raw", "meant"), examples("Discord's text"))
def test_discords_examples_hold(raw: str, meant: str) -> None:
    people = [{"id": ADA, "username": "ada", "global_name": "Ada"}, *US]
    assert discord.message(message(raw, mentions=people), ME, Cache()) == meant


def test_the_examples_are_found() -> None:
    """A table that is laid out anew shall not lose its tests."""
    assert len(examples("Slack's text")) == 11
    assert len(examples("Discord's text")) == 8
