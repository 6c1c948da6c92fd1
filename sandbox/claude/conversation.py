"""Reading a request's messages as a conversation. Law: pure; what it does not understand it leaves out.

What was asked is the text of the last user message that has any; a message that only brings results of tools goes
on with the question before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.claude.validation import blocks

_GO_ON = re.compile(r"\b(continue|interrupted|left off|carry on|go on)\b", re.IGNORECASE)
_TAIL = 80  # characters of what was said by which the place in a script is found again
_SHORTEST = 8  # below that a tail would be found anywhere


def words(message: Mapping[str, Any]) -> str:
    """The text of one message."""
    return "\n".join(
        str(block.get("text", "")) for block in blocks(message.get("content")) if block.get("type") == "text"
    )


def question(messages: Sequence[Mapping[str, Any]]) -> str:
    for message in reversed(messages):
        if message.get("role") == "user" and (asked := words(message)):
            return asked
    return ""


def turn(messages: Sequence[Mapping[str, Any]]) -> int:
    """How many times results of tools have come back since the question was asked."""
    count = 0
    for message in reversed(messages):
        if message.get("role") != "user":
            continue
        if words(message):
            break
        count += any(block.get("type") == "tool_result" for block in blocks(message.get("content")))
    return count


def left_at(messages: Sequence[Mapping[str, Any]]) -> str:
    """The end of an answer that the client wants to be continued; "" where it asks something new.

    That is a paused turn handed back, or a user message that says to go on, after an assistant message.
    """
    if not messages:
        return ""
    last = messages[-1]
    if last.get("role") == "assistant":
        said = words(last)
    elif len(messages) > 1 and messages[-2].get("role") == "assistant" and _GO_ON.search(words(last)):
        said = words(messages[-2])
    else:
        return ""
    return said[-_TAIL:]


def rest_of(text: str, tail: str) -> int | None:
    """How many characters of a script's text were said when it broke off at `tail`; None: it is not from there.

    A client may have trimmed the end of what it heard.
    """
    for end in (tail, tail.rstrip()):
        if len(end) < _SHORTEST:
            return len(end) if end and text.startswith(end) else None
        at = text.rfind(end)
        if at >= 0:
            return at + len(end)
    return None
