"""Turns -> what Claude is asked. Pure. Law: speakers are told apart, and our own notices never come along."""

from __future__ import annotations

from collections.abc import Sequence

from anthropic.types import MessageParam

from bot.store.nouns import Said

_LONGEST_NAME = 80  # what Slack allows for a display name; Discord's are shorter

MANNERS = """\
You are Claude, answering in a {platform} conversation{where}. People read your answer as it grows in the channel.

- Begin with the answer itself; be as brief as the question allows.
- Write Markdown: short paragraphs, lists, fenced code with its language, tables where they help.
{speakers}- You see only this conversation, not the rest of the workspace."""

SPEAKERS = """\
- Each message of a person begins with the person's name or id and a colon, so that you can tell people apart. Do not \
begin your own answers so.
"""


def system_prompt(platform: str, *, private: bool, extra: str = "") -> str:
    """What every conversation is told first. The same text each time, so that it can be cached."""
    where = " with one person" if private else " that several people may read and join"
    manners = MANNERS.format(
        platform=platform.capitalize(), where=where, speakers="" if private else SPEAKERS
    )
    return f"{manners}\n\n{extra}" if extra else manners


def messages(turns: Sequence[Said], *, limit: int, private: bool) -> list[MessageParam]:
    """The newest turns that fit in `limit` characters, as alternating messages; the last question always fits.

    Turns of one side in a row are joined; the first message is a person's, as the API demands. Where several people
    may speak, each of their turns begins with who speaks.
    """
    chosen: list[Said] = []
    length = 0
    for turn in reversed(turns):
        length += len(turn.text)
        if chosen and length > limit:
            break
        chosen.append(turn)
    chosen.reverse()
    while chosen and chosen[0].role != "user":
        chosen.pop(0)
    told: list[MessageParam] = []
    for turn in chosen:
        labelled = turn.role == "user" and not private
        text = f"{_label(turn)}: {turn.text}" if labelled else turn.text
        last = told[-1] if told else None
        if last is not None and last["role"] == turn.role and isinstance(last["content"], str):
            last["content"] += f"\n\n{text}"
        elif turn.role == "assistant":
            told.append({"role": "assistant", "content": text})
        else:
            told.append({"role": "user", "content": text})
    return told


def _label(turn: Said) -> str:
    """Whoever speaks, in one line: a display name is free text, and must not look like somebody else's turn."""
    return " ".join(turn.name.split())[:_LONGEST_NAME] or turn.person
