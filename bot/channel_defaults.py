"""What holds in every channel, unless its managers set something else. Law: an operator reads here what a person reads
in the form, in the same words.

A part of `bot.settings.Settings`; `bot.conversation.preferences` makes the first of its three levels of it.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AliasChoices, BeforeValidator, Field
from pydantic_settings import BaseSettings


def _on_or_off(value: Any) -> Any:
    """What other programs' settings have taught people to write."""
    written = str(value).strip().lower()
    return {"true": "on", "yes": "on", "1": "on", "false": "off", "no": "off", "0": "off"}.get(
        written, written
    )


Switch: TypeAlias = Annotated[Literal["on", "off"], BeforeValidator(_on_or_off)]


def _env(name: str, default: Any, why: str, **limits: Any) -> Any:
    return Field(default, validation_alias=AliasChoices(name), description=why, **limits)


def listed(written: str) -> tuple[str, ...]:
    """The words of a list, each once: "b, a,,b" is ("a", "b")."""
    return tuple(sorted(set(re.split(r"[\s,;]+", written)) - {""}))


class ChannelDefaults(BaseSettings):
    """Managers change these in the chat (/claude settings), for a workspace or guild and for a channel."""

    growing: Literal["growing", "when_done"] = _env(
        "INKSTREAM_GROWING",
        "growing",
        "growing: people see an answer grow. when_done: only once it is whole.",
    )
    footer: Switch = _env(
        "INKSTREAM_FOOTER", "off", "on: the model, the time and the cost stand under each answer."
    )
    language: str = _env(
        "INKSTREAM_LANGUAGE",
        "",
        "The language of the bot's own sentences (en, de); empty: as each person's client tells.",
        max_length=20,
    )
    answers_here: Switch = _env(
        "INKSTREAM_ANSWERS", "on", "off: only in channels for which somebody switched it on."
    )
    always_on: Switch = _env(
        "INKSTREAM_ALWAYS_ON", "off", "on: messages in a channel are answered also without a mention."
    )
    reply_in: Literal["thread", "channel"] = _env(
        "INKSTREAM_REPLY_IN", "thread", "Where answers grow: thread, or the channel itself."
    )
    branching: Literal["never", "always", "busy"] = _env(
        "INKSTREAM_BRANCHING",
        "never",
        "Discord: a thread for each question: never, always, or in a channel that is busy.",
    )
    while_answering: Literal["wait", "steer"] = _env(
        "INKSTREAM_WHILE_ANSWERING",
        "wait",
        "A message that comes while its conversation is being answered: wait for its turn, or steer the answer.",
    )
    notify_after: int = _env(
        "INKSTREAM_NOTIFY_AFTER_SECONDS",
        0,
        "An answer that took longer than this ends with a message that names its asker. 0: never.",
        ge=0,
        le=86_400,
    )
    remove_with_question: Switch = _env(
        "INKSTREAM_REMOVE_WITH_QUESTION", "off", "on: an answer is deleted when its question is."
    )
    attach_pages: int = _env(
        "INKSTREAM_ATTACH_PAGES",
        8,
        "An answer of more messages than this comes as a file, too. 0: never.",
        ge=0,
        le=1_000,
    )
    attach_code: int = _env(
        "INKSTREAM_ATTACH_CODE_CHARACTERS",
        10_000,
        "A piece of code longer than this comes as a file, too. 0: never.",
        ge=0,
        le=1_000_000,
    )

    allowed_people: str = _env(
        "INKSTREAM_ALLOWED_PEOPLE", "", "Only these people may ask: their ids, with commas between."
    )
    allowed_groups: str = _env(
        "INKSTREAM_ALLOWED_GROUPS", "", "Only members of these user groups or roles may ask (ids)."
    )
    denied_people: str = _env("INKSTREAM_DENIED_PEOPLE", "", "These people may not ask, anywhere (ids).")
    denied_groups: str = _env(
        "INKSTREAM_DENIED_GROUPS", "", "Members of these user groups or roles may not ask (ids)."
    )
    direct_messages: Switch = _env("INKSTREAM_DIRECT_MESSAGES", "on", "off: no answers to direct messages.")
    guests: Switch = _env("INKSTREAM_GUESTS", "off", "on: Slack's guest accounts may ask.")
    outsiders: Switch = _env(
        "INKSTREAM_OUTSIDERS", "off", "on: people of other workspaces may ask (Slack Connect)."
    )
    bots: str = _env("INKSTREAM_BOTS", "", "Other bots that are answered (ids of their users).")
    bots_in_a_row: int = _env(
        "INKSTREAM_BOTS_IN_A_ROW",
        3,
        "So many answers in a row a conversation gives to bots, until a person speaks.",
        ge=1,
        le=100,
    )

    requests_a_minute: int = _env(
        "INKSTREAM_REQUESTS_A_MINUTE", 0, "Questions a minute of one person. 0: any number.", ge=0, le=10_000
    )
    person_daily: Decimal = _env(
        "INKSTREAM_DOLLARS_PER_PERSON",
        Decimal(0),
        "Dollars a day of one person in a workspace or guild. 0: no limit.",
        ge=0,
        le=1_000_000,
    )
    channel_daily: Decimal = _env(
        "INKSTREAM_DOLLARS_PER_CHANNEL",
        Decimal(0),
        "Dollars a day of one channel. 0: no limit.",
        ge=0,
        le=1_000_000,
    )
    workspace_daily: Decimal = _env(
        "INKSTREAM_DOLLARS_PER_WORKSPACE",
        Decimal(0),
        "Dollars a day of a whole workspace or guild. 0: no limit.",
        ge=0,
        le=1_000_000,
    )
