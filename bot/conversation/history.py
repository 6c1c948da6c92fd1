"""Turns -> what Claude is asked. Pure. Law: speakers are told apart, our own notices never come along, and the same turns
become the same messages with every question, so that Claude's cache holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from anthropic.types import MessageParam

from bot.claude import documents
from bot.claude.documents import Block, Document
from bot.claude.prices import tokens
from bot.conversation.attachments import Shown
from bot.ports import Attachment
from bot.store.nouns import Said

_LONGEST_NAME: Final = 80  # what Slack allows for a display name; Discord's are shorter
_AROUND: Final = 10  # tokens that stand around a message
# Where its kind is unknown before it is fetched, a file counts as text with pictures: an office document.
_IMAGE_TOKENS: Final = 1_600
_PDF_BYTES_PER_TOKEN: Final = 60
_OTHER_BYTES_PER_TOKEN: Final = 10

MANNERS = """\
You are Claude, answering in a {platform} conversation{where}. People read your answer as it grows in the channel.

- Begin with the answer itself; be as brief as the question allows.
- Write Markdown: short paragraphs, lists, fenced code with its language, tables where they help.
{speakers}- You see only this conversation, not the rest of the workspace."""

SPEAKERS = """\
- Each message of a person begins with the person's name or id and a colon, so that you can tell people apart. Do not \
begin your own answers so.
"""

SUMMARISE = """\
Before the conversation goes on: write a summary of all of it so far, which will stand in the place of these messages \
for you. Keep who said what where it matters, decisions, facts, figures, names, code that is still needed, what \
attached files said, and what is open. At most 700 words, in the language of the conversation. Write the summary alone."""

SUMMARY = (
    "(A summary of the earlier messages of this conversation, which are too long to be repeated:)\n\n{text}"
)
SILENT = "(no words)"


def system_prompt(platform: str, *, private: bool, extra: str = "") -> str:
    """What every conversation is told first. The same text each time, so that it can be cached."""
    where = " with one person" if private else " that several people may read and join"
    manners = MANNERS.format(
        platform=platform.capitalize(), where=where, speakers="" if private else SPEAKERS
    )
    return f"{manners}\n\n{extra}" if extra else manners


# ---------------------------------------------------------------------------------------------------- what fits


def parted(turns: Sequence[Said], *, budget: int, characters: int) -> tuple[list[Said], list[Said]]:
    """What is too old, and what stays. Nothing is too old while all fits in `budget` tokens; once it does not, the
    newest exchanges stay that fit in half of it, so that this happens rarely. The last exchange always stays.

    `characters`: the most that is read out of a file.
    """
    exchanges = [list(group) for _, group in groupby(turns, key=lambda turn: turn.reply)]
    weights = [sum(weight(turn, characters) for turn in exchange) for exchange in exchanges]
    if sum(weights) <= budget:
        return [], list(turns)
    kept, room = len(exchanges) - 1, budget // 2 - weights[-1]
    while kept > 0 and weights[kept - 1] <= room:
        kept -= 1
        room -= weights[kept]
    old = [turn for exchange in exchanges[:kept] for turn in exchange]
    if all(turn.state == "summary" for turn in old):
        return [], list(turns)  # shorter than it is it will not become
    return old, [turn for exchange in exchanges[kept:] for turn in exchange]


def newest(turns: Sequence[Said], *, budget: int, characters: int) -> list[Said]:
    """As many of the newest turns as fit, but one at least."""
    at, room = len(turns), budget
    while at > 0 and (room := room - weight(turns[at - 1], characters)) >= 0:
        at -= 1
    return list(turns[min(at, len(turns) - 1) :])


def weight(turn: Said, characters: int) -> int:
    """About how many tokens a turn has, its files by what is known before they are fetched."""
    files = sum(_file_weight(file, characters) for file in turn.files) if turn.role == "user" else 0
    return tokens(turn.text) + files + _AROUND


def _file_weight(file: Attachment, characters: int) -> int:
    kind = documents.expected(file)
    if kind == "image":
        return _IMAGE_TOKENS
    if kind == "pdf":
        return max(_IMAGE_TOKENS, file.size // _PDF_BYTES_PER_TOKEN)
    most = characters // 3
    return min(file.size // (3 if kind == "text" else _OTHER_BYTES_PER_TOKEN), most)


# ---------------------------------------------------------------------------------------------------- messages


def messages(
    turns: Sequence[Said], shown: Sequence[Sequence[Shown]] = (), *, private: bool, then: str = ""
) -> list[MessageParam]:
    """The turns as alternating messages; the first one is a person's, as the API demands, and so is the last.

    Turns of one side in a row are joined. Where several people may speak, each of their turns begins with who speaks.
    `shown`: the files of each turn, which stand in front of its words. `then`: words of ours after all of them.
    """
    told: list[tuple[str, list[Block]]] = []
    for at, turn in enumerate(turns):
        content = _content(turn, shown[at] if at < len(shown) else (), private=private)
        if content and (told or turn.role == "user"):
            _add(told, turn.role, content)
    if then:
        _add(told, "user", [_text(then)])
    elif not told or told[-1][0] != "user":
        _add(told, "user", [_text(SILENT)])
    return [_message(role, content) for role, content in told]


def _add(told: list[tuple[str, list[Block]]], role: str, content: list[Block]) -> None:
    if told and told[-1][0] == role:
        told[-1][1].extend(content)
    else:
        told.append((role, content))


def _message(role: str, content: list[Block]) -> MessageParam:
    """Neighbouring texts are one; words alone are no list."""
    joined: list[Block] = []
    for block in content:
        last = joined[-1] if joined else None
        if block["type"] == "text" and last is not None and last["type"] == "text":
            joined[-1] = _text(f"{last['text']}\n\n{block['text']}")
        else:
            joined.append(block)
    if role == "assistant":
        return {"role": "assistant", "content": _plain(joined)}
    if all(block["type"] == "text" for block in joined):
        return {"role": "user", "content": _plain(joined)}
    return {"role": "user", "content": joined}


def _plain(content: Sequence[Block]) -> str:
    return "\n\n".join(block["text"] for block in content if block["type"] == "text")


def _content(turn: Said, shown: Sequence[Shown], *, private: bool) -> list[Block]:
    """One turn: its files, then its words; nothing where there is neither."""
    if turn.state == "summary":
        return [_text(SUMMARY.format(text=turn.text))]
    words = turn.text if turn.text.strip() else ""
    if turn.role != "user":
        return [_text(words)] if words else []
    content = _files(shown)
    if not private and (words or content):
        words = f"{_label(turn)}: {words or SILENT}"
    if words:
        content.append(_text(words))
    return content


def _files(shown: Sequence[Shown]) -> list[Block]:
    content: list[Block] = []
    for are_documents, row in groupby(shown, key=lambda one: isinstance(one, Document)):
        if are_documents:
            content += documents.blocks([one for one in row if isinstance(one, Document)])
        else:
            content += [_text(one) for one in row if isinstance(one, str)]
    return content


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _label(turn: Said) -> str:
    """Whoever speaks, in one line: a display name is free text, and must not look like somebody else's turn."""
    return " ".join(turn.name.split())[:_LONGEST_NAME] or turn.person
